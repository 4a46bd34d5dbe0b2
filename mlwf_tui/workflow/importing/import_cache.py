"""Remembers what an import read, so that the next one reads only what has changed; not a verb.

A cache is bound to the manifest that the import left: it is written after the head has moved, and what
was changed in the project since is read anew. Which image had which key is believed in any case. A damaged
or missing cache costs time, and gives images that share a name their keys anew; nothing else.

The file holds chunks of items (see cached_items.py), then chunks of the pages of the listing, and behind
them a head that is enough where nothing has changed; each has a digest of its own, and is not believed
without.
"""

from __future__ import annotations

import logging
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.entities.folder import FolderListing, Page
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.run import ProblemRow
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.importing.cached_items import (
    DIGEST_HEX,
    CachedItem,
    NextItems,
    RunOfItems,
    iter_chunks,
    pack_chunk,
    read_chunk,
    read_items,
)
from mlwf_tui.workflow.importing.signatures import blank_racy
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)

_VERSION = 5
_PAGES = 3  # what a chunk holds that is none of a run of items
_CHUNK_FILES = 1024
_END = struct.Struct("<QI")  # where the items end, size of the head
_MOST_HEAD_BYTES = 1 << 30
_DRAFT_SUFFIX = ".tmp"
_DRAFT_AGE_S = 3600.0  # writing one takes seconds


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found and left, as a whole."""

    version: int = _VERSION
    era: str  # of the store's index, as the import began
    importer: str
    importer_key: Digest  # of what `Importer.read_key` gave
    fingerprint: str  # of the listing; empty where a file was too young to be trusted
    scanned_at_ns: int
    manifest: Digest
    item_count: int
    left_out: int  # images that became no item
    file_count: int  # of the listing; 0 where it was not kept, since a part of it says nothing
    problems: tuple[ProblemRow, ...]
    unread: tuple[ProblemRow, ...] = ()  # of what lies there and is not looked at

    def describes(self, fingerprint: str, manifest: Digest) -> bool:
        """Say whether an import of the same folder into the same state would change nothing."""
        return bool(self.fingerprint) and (fingerprint, manifest) == (self.fingerprint, self.manifest)


class _KeptPage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    folder: str
    names: str
    signatures: bytes


_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(Head)
_pages_decoder = msgspec.msgpack.Decoder(list[_KeptPage])


class ImportCache(msgspec.Struct, frozen=True):
    """An open cache: its head, and what is read as it is asked for."""

    head: Head
    file: IO[bytes]
    items_end: int
    end: int  # of the pages

    def iter_run(self, run: RunOfItems) -> Iterator[CachedItem]:
        """Yield the items of one run, up to the first chunk that is damaged; others may be read meanwhile."""
        try:
            for chunk in iter_chunks(self.file, 0, self.items_end):
                if chunk.run == run:
                    yield from read_items(self.file, chunk)
        except CorruptData as error:
            logger.warning("%s It is not used from there on.", error.message)

    def iter_pages(self) -> Iterator[Page]:
        """Yield the pages of the listing; the signatures of files that were too young are blank.

        Raises:
            CorruptData: they are not all there.
        """
        start = 0
        for chunk in iter_chunks(self.file, self.items_end, self.end):
            for kept in _pages_decoder.decode(read_chunk(self.file, chunk)):
                page = Page(start, kept.folder, kept.names, kept.signatures)
                yield page
                start = page.end
        if start != self.head.file_count:
            raise CorruptData(f"The listing in {self.file.name} is not whole.")


class CacheFile(msgspec.Struct, frozen=True):
    """Where the cache of one import lies: of a project, a folder, a dataset and a format."""

    path: Path

    def open(self) -> ImportCache | None:
        """Return the cache, whose file the caller closes, or None where there is none to be believed."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("%s is not used: %s", self.path, error)
            return None
        try:
            cache = _read_head(file)
        except (OSError, msgspec.DecodeError):  # of another build
            cache = None
        if cache is None:
            logger.warning("%s is damaged, or of another build, and not used", self.path)
            file.close()
        return cache


class CacheDraft:
    """A cache that is written before its import is committed, and takes effect after it; closed in the end.

    A disk that refuses costs the next import time, and nothing else.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._path = _find_folder(workspace) / f"{new_id()}{_DRAFT_SUFFIX}"
        self._is_written = False

    def write(self, head: Head, items: NextItems, listing: FolderListing | None) -> None:
        """Write what the next import is to know; `listing` None is not kept, and the head has to say so."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _remove_old(self._path.parent)
            with self._path.open("xb") as file:
                items.copy_to(file)
                items_end = file.tell()
                # A head without a fingerprint says that there are files that are too young.
                for chunk in _pack_pages(listing, blanks=not head.fingerprint) if listing else ():
                    file.write(chunk)
                body = _encoder.encode(head)
                end = _END.pack(items_end, len(body))
                file.write(body + _sign(body + end) + end)
            self._is_written = True
        except (OSError, CorruptData) as error:
            logger.warning("%s could not be written: %s", self._path, error)
            self.close()  # on a full disk the catalog needs the room

    def put(self, cache: CacheFile) -> None:
        """Put it in the place of the last one."""
        if not self._is_written:
            return
        try:
            self._path.replace(cache.path)
        except OSError as error:
            logger.warning("%s could not be written: %s", cache.path, error)

    def close(self) -> None:
        """Remove it, unless it was put in its place."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _remove_old(folder: Path) -> None:
    """Remove the drafts of imports that were killed."""
    for path in folder.glob(f"*{_DRAFT_SUFFIX}"):
        with suppress(OSError):  # its import has put it in its place, or it is somebody else's
            if time.time() - path.stat().st_mtime > _DRAFT_AGE_S:
                path.unlink()


def _pack_pages(listing: FolderListing, *, blanks: bool) -> Iterator[bytes]:
    """Yield the chunks of a listing, small folders several at once."""
    pages: list[_KeptPage] = []
    count = 0
    for page in listing.pages:
        signatures = blank_racy(page.signatures, listing.scanned_at_ns) if blanks else page.signatures
        pages.append(_KeptPage(page.folder, page.names, signatures))
        count += page.end - page.start
        if count >= _CHUNK_FILES or page is listing.pages[-1]:
            yield pack_chunk(_PAGES, "", _encoder.encode(pages))
            pages, count = [], 0


def _read_head(file: IO[bytes]) -> ImportCache | None:
    """Return what the end of a file tells, None where it is damaged or of another version."""
    fixed = DIGEST_HEX + _END.size
    end = file.seek(0, os.SEEK_END) - fixed
    if end < 0:
        return None
    file.seek(end)
    tail = file.read(fixed)
    items_end, size = _END.unpack(tail[DIGEST_HEX:])
    if size > min(end, _MOST_HEAD_BYTES):
        return None
    file.seek(end - size)
    body = file.read(size)
    if _sign(body + tail[DIGEST_HEX:]) != tail[:DIGEST_HEX]:
        return None
    head = _head_decoder.decode(body)
    return ImportCache(head, file, items_end, end - size) if head.version == _VERSION else None


def _sign(body: bytes) -> bytes:
    return compute_digest(body).encode()


def find_cache(workspace: Workspace, *parts: str) -> CacheFile:
    """Return the cache of what `parts` name: the project's id, the folder, and the import's options."""
    name = compute_digest("\0".join(parts).encode("utf-8", "surrogatepass"))[:32]
    return CacheFile(_find_folder(workspace) / f"{name}.cache")


def _find_folder(workspace: Workspace) -> Path:
    return workspace.home / "cache" / "imports"


def compute_fingerprint(listing: FolderListing) -> str:
    """Return a digest of all names and signatures of a listing: equal means that nothing has changed."""
    digests = [
        compute_digest(b"\0".join((os.fsencode(page.folder), os.fsencode(page.names), page.signatures)))
        for page in listing.pages
    ]
    faults = [
        b"\0".join((os.fsencode(fault.relative), fault.reason.encode("utf-8", "surrogatepass")))
        for fault in listing.faults
    ]
    return compute_digest("".join(digests).encode() + b"\1".join(faults))
