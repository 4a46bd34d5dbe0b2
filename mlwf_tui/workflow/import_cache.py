"""Remembers what an import read, so that the next one reads only what has changed; not a verb.

A cache is bound to the manifest that the import left: it is written after the head has moved, and what
was changed in the project since is read anew. A damaged or missing cache costs time and nothing else.

The file holds chunks of items, and behind them a head that is enough where nothing has changed; each has a
digest of its own, and is not believed without. The items stand in runs, each in path order, so that a
million can be written and met again one after the other.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.item import Split
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)

_VERSION = 2
_DIGEST_HEX = 64
_CHUNK_ITEMS = 256
_CHUNK = struct.Struct("<BI")  # run, size of what follows the digest
_END = struct.Struct("<I")  # size of the head
_MOST_HEAD_BYTES = 1 << 30
_MEMORY_BYTES = 1 << 20


class CachedItem(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one image led to. `key` is empty where it was left out."""

    image: str
    image_signature: bytes
    source: str
    source_signature: bytes
    key: str
    split: Split  # that the folder gave
    has_own_split: bool  # where the item's own file says it
    problems: tuple[tuple[str, str], ...] = ()


class RunOfItems(IntEnum):
    """How the items of a run came to be known; those of each run were met in path order."""

    KEPT = 0
    READ = 1
    MOVED = 2


class Head(msgspec.Struct, frozen=True):
    """What an import found and left, as a whole."""

    version: int
    importer: str
    importer_key: Digest  # of what `Importer.read_key` gave
    fingerprint: str  # of the listing; empty where a file was too young to be trusted
    scanned_at_ns: int
    manifest: Digest
    item_count: int
    problems: tuple[tuple[str, str], ...]

    def describes(self, fingerprint: str, manifest: Digest) -> bool:
        """Say whether an import of the same folder into the same state would change nothing."""
        return bool(self.fingerprint) and (fingerprint, manifest) == (self.fingerprint, self.manifest)


_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(Head)
_items_decoder = msgspec.msgpack.Decoder(list[CachedItem])


@dataclass(frozen=True, slots=True)
class ImportCache:
    """An open cache: its head, and items that are read as they are asked for."""

    head: Head
    file: IO[bytes]
    end: int  # of the items

    def iter_run(self, run: RunOfItems) -> Iterator[CachedItem]:
        """Yield the items of one run, up to the first chunk that is damaged; others may be read meanwhile."""
        descriptor, at = self.file.fileno(), 0
        while at < self.end:
            header = os.pread(descriptor, _CHUNK.size + _DIGEST_HEX, at)
            if len(header) < _CHUNK.size + _DIGEST_HEX:
                return
            chunk_run, size = _CHUNK.unpack_from(header)
            start = at + len(header)
            at = start + size
            if chunk_run != run:
                continue
            body = os.pread(descriptor, size, start) if at <= self.end else b""
            if _sign(header[: _CHUNK.size] + body) != header[_CHUNK.size :]:
                logger.warning("A part of %s is damaged and not used", self.file.name)
                return
            yield from _items_decoder.decode(body)


class NextItems:
    """Gathers the items of the next cache, outside of memory where they are many."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - `close`
        self._chunks: dict[RunOfItems, list[CachedItem]] = {run: [] for run in RunOfItems}
        self.fault: OSError | None = None  # of the disk; what was gathered is then of no use

    def add(self, run: RunOfItems, item: CachedItem) -> None:
        """Take an item that comes behind all others of its run in path order."""
        chunk = self._chunks[run]
        chunk.append(item)
        if len(chunk) == _CHUNK_ITEMS:
            self._write(run)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all items to a file.

        Raises:
            OSError: the disk refused, now or before.
        """
        for run in RunOfItems:
            self._write(run)
        if self.fault is not None:
            raise self.fault
        self._file.seek(0)
        while part := self._file.read(_MEMORY_BYTES):
            file.write(part)

    def close(self) -> None:
        """Let go of what was gathered."""
        self._file.close()

    def _write(self, run: RunOfItems) -> None:
        chunk = self._chunks[run]
        if not chunk or self.fault is not None:
            chunk.clear()
            return
        body = _encoder.encode(chunk)
        header = _CHUNK.pack(run, len(body))
        chunk.clear()
        try:
            self._file.write(header + _sign(header + body) + body)
        except OSError as error:
            self.fault = error


@dataclass(frozen=True, slots=True)
class CacheFile:
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

    def write(self, head: Head, items: NextItems) -> None:
        """Put a cache in the place of the old one; a disk that refuses costs the next import time."""
        temporary = self.path.with_name(f"{self.path.name}.{new_id()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                items.copy_to(file)
                body = _encoder.encode(head)
                file.write(body + _sign(body) + _END.pack(len(body)))
            temporary.replace(self.path)
        except OSError as error:
            logger.warning("%s could not be written: %s", self.path, error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _read_head(file: IO[bytes]) -> ImportCache | None:
    """Return what the end of a file tells, None where it is damaged or of another version."""
    fixed = _DIGEST_HEX + _END.size
    end = file.seek(0, os.SEEK_END) - fixed
    if end < 0:
        return None
    file.seek(end)
    tail = file.read(fixed)
    (size,) = _END.unpack(tail[_DIGEST_HEX:])
    if size > min(end, _MOST_HEAD_BYTES):
        return None
    file.seek(end - size)
    body = file.read(size)
    if _sign(body) != tail[:_DIGEST_HEX]:
        return None
    head = _head_decoder.decode(body)
    return ImportCache(head, file, end - size) if head.version == _VERSION else None


def _sign(body: bytes) -> bytes:
    return compute_digest(body).encode()


def find_cache(workspace: Workspace, *parts: str) -> CacheFile:
    """Return the cache of what `parts` name: the project's id, the folder, and the import's options."""
    name = compute_digest("\0".join(parts).encode("utf-8", "surrogatepass"))[:32]
    return CacheFile(workspace.home / "cache" / "imports" / f"{name}.cache")


def make_head(
    *,
    importer: str,
    key: Digest,
    scanned_at_ns: int,
    fingerprint: str,
    manifest: Digest,
    item_count: int,
    problems: tuple[tuple[str, str], ...],
) -> Head:
    """Return the head of a cache; `fingerprint` is empty where a later edit might not show in it."""
    return Head(_VERSION, importer, key, fingerprint, scanned_at_ns, manifest, item_count, problems)


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
