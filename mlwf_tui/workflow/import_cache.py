"""Remembers what an import read, so that the next one reads only what has changed; not a verb.

A cache is bound to the manifest that the import left: it is written after the head has moved, and what
was changed in the project since is read anew. A damaged or missing cache costs time and nothing else.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.item import Split
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.scan import is_racy
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)

_VERSION = 1
_DIGEST_HEX = 64


class CachedItem(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one image led to. `key` is empty where it was left out."""

    image: str
    image_signature: bytes
    source: str
    source_signature: bytes
    key: str
    split: Split
    problems: tuple[tuple[str, str], ...] = ()


class Head(msgspec.Struct, frozen=True):
    """What an import found and left, as a whole."""

    version: int
    importer: str
    importer_key: Digest  # of what `Importer.read_key` gave
    fingerprint: str  # of the listing; empty where a file was too young to be trusted
    manifest: Digest
    item_count: int
    problems: tuple[tuple[str, str], ...]

    def describes(self, fingerprint: str, manifest: Digest) -> bool:
        """Say whether an import of the same folder into the same state would change nothing."""
        return bool(self.fingerprint) and (fingerprint, manifest) == (self.fingerprint, self.manifest)


class ImportCache(msgspec.Struct, frozen=True):
    """The whole file; the items are decoded only where something has changed."""

    head: Head
    items: msgspec.Raw

    def decode_items(self) -> dict[str, CachedItem]:
        """Return the items by the path of their image."""
        return {item.image: item for item in _items_decoder.decode(self.items)}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ImportCache)
_items_decoder = msgspec.msgpack.Decoder(list[CachedItem])


@dataclass(frozen=True, slots=True)
class CacheFile:
    """Where the cache of one import lies: of a project, a folder, a dataset and a format."""

    path: Path

    def read(self) -> ImportCache | None:
        """Return the cache, or None where there is none that can be believed."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("%s is not used: %s", self.path, error)
            return None
        digest, body = content[:_DIGEST_HEX], content[_DIGEST_HEX:]
        if compute_digest(body).encode() != digest:
            logger.warning("%s is damaged and not used", self.path)
            return None
        try:
            cache = _decoder.decode(body)
        except msgspec.DecodeError:  # of another build
            return None
        return cache if cache.head.version == _VERSION else None

    def write(self, head: Head, items: list[CachedItem]) -> None:
        """Put a cache in the place of the old one; a disk that refuses costs the next import time."""
        body = _encoder.encode(ImportCache(head, msgspec.Raw(_encoder.encode(items))))
        temporary = self.path.with_name(f"{self.path.name}.{new_id()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(compute_digest(body).encode() + body)
            temporary.replace(self.path)
        except OSError as error:
            logger.warning("%s could not be written: %s", self.path, error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def find_cache(workspace: Workspace, *parts: str) -> CacheFile:
    """Return the cache of what `parts` name: the project's id, the folder, and the import's options."""
    name = compute_digest("\0".join(parts).encode("utf-8", "surrogatepass"))[:32]
    return CacheFile(workspace.home / "cache" / "imports" / f"{name}.cache")


def make_head(
    *,
    importer: str,
    key: Digest,
    listing: FolderListing,
    fingerprint: str,
    manifest: Digest,
    item_count: int,
    problems: tuple[tuple[str, str], ...],
) -> Head:
    """Return the head of a cache; without a fingerprint where a later edit might not show in it."""
    has_young = any(is_racy(file.signature, listing.scanned_at_ns) for file in listing.files)
    return Head(_VERSION, importer, key, "" if has_young else fingerprint, manifest, item_count, problems)


def compute_fingerprint(listing: FolderListing) -> str:
    """Return a digest of all names and signatures of a listing: equal means that nothing has changed."""
    parts: list[bytes] = []
    for _, relative, signature in listing.files:
        parts += (os.fsencode(relative), b"\0", signature)
    for fault in listing.faults:
        parts += (os.fsencode(fault.relative), b"\0", fault.reason.encode("utf-8", "surrogatepass"), b"\1")
    return compute_digest(b"".join(parts))
