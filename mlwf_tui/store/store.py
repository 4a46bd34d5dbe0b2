"""The one door to stored bytes: write, read with every byte checked, verify, rebuild the index."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, InvalidInput, NotFound
from mlwf_tui.protocols import Observer
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import (
    DIGEST_BYTES,
    RECORD_HEADER_BYTES,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.index import Index, PackRecords, remove_index
from mlwf_tui.store.locks import hold_folder
from mlwf_tui.store.packs import (
    PACK_SUFFIX,
    PackFiles,
    iter_records,
    list_packs,
    read_footer,
    remove_stale,
)
from mlwf_tui.store.verify import VerifyResult, is_sound, verify_packs
from mlwf_tui.store.writer import StoreWriter

logger = logging.getLogger(__name__)

_DAMAGE_HINT = "Put the pack back from a backup; mlwf verify lists all that is damaged."


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What the store holds. `raw_bytes` counts each distinct byte once, `stored_bytes` whole packs."""

    blob_count: int
    raw_bytes: int
    stored_bytes: int
    pack_count: int


class Store:
    """Blobs by digest in one folder. Threads and processes may use it at once; who opens it closes it."""

    def __init__(self, folder: Path) -> None:
        """Open the store, or make it; clear what dead writers left and adopt packs they had sealed.

        Raises:
            StorageFailed: the folder cannot be made or written.
            Busy: another process has been opening it for a minute.
        """
        self.folder = folder
        self._packs_folder = folder / "packs"
        with guard_storage(f"open the store {folder}"):
            self._packs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with hold_folder(folder):
                remove_stale(self._packs_folder)
                self._index = _open_index(folder / "index.sqlite")
                self._adopt_packs()
        self._files = PackFiles(self._packs_folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index and all packs; the caller has ended its reads and left its writers."""
        self._files.close()
        self._index.close()

    def writer(self) -> StoreWriter:
        """Return a writer to be used in a `with`; leaving it makes what was put durable and readable."""
        return StoreWriter(self._packs_folder, self._index)

    def contains(self, digest: Digest) -> bool:
        """Return whether the index names this digest; its bytes are not read."""
        return self._index.contains(_to_bytes(digest))

    def read(self, digest: Digest) -> bytes:
        """Return a whole blob, every byte checked.

        Raises:
            NotFound: the store has no such blob.
            CorruptData: its bytes are not what they were.
        """
        return b"".join(self.iter_chunks(digest))

    def iter_chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield a blob piece by piece, each checked before it is handed out; memory stays flat.

        Raises:
            NotFound: the store has no such blob.
            CorruptData: a piece, or the whole in the end, is not what it was.
        """
        key = _to_bytes(digest)
        pack, record, payload = self._read_payload(key)
        with _name_damage(key, pack):
            if record.kind != RecordKind.CHUNK_LIST:
                yield unpack(record, payload)
                return
            chunks = decode_chunk_list(payload)
        hasher = blake3()
        for chunk in chunks:
            part = self._read_chunk(key, chunk.digest)
            hasher.update(part)
            yield part
        with _name_damage(key, pack):
            if hasher.digest() != key:
                raise CorruptData("Its chunks are whole but do not make it up.")

    def write_file(self, digest: Digest, path: Path) -> None:
        """Write a blob to `path`, over what is there; a reader sees the old file or the whole new one.

        Raises:
            NotFound, CorruptData: as `read`; `path` is then as it was.
            StorageFailed: the disk refused.
        """
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        with guard_storage(f"write {path}"):
            try:
                with temporary.open("xb") as file:
                    for part in self.iter_chunks(digest):
                        file.write(part)
                temporary.replace(path)
            except BaseException:
                with suppress(FileNotFoundError):
                    temporary.unlink()
                raise

    def verify(self, observer: Observer) -> VerifyResult:
        """Read every pack once and check all that can be checked; damage is a problem, not an error.

        Progress counts bytes.
        """
        return verify_packs(self._packs_folder, self._index, observer)

    def read_stats(self) -> StoreStats:
        """Return counts and sizes, from the index alone."""
        return StoreStats(**self._index.read_totals()._asdict())

    def rebuild_index(self) -> None:
        """Make the index again from the packs alone; of a pack without a whole footer, what is sound.

        The caller has left its writers. Other processes see the new index, unless the old file was
        so damaged that a new one had to take its place: they see that when they open the store again.
        """
        with guard_storage(f"rebuild the index of {self.folder}"), hold_folder(self.folder):
            try:
                self._index.replace_all(self._iter_salvaged())
            except CorruptData:
                self._index.close()
                remove_index(self._index.path)
                self._index = Index(self._index.path)
                self._index.add_packs(self._iter_salvaged())

    def _adopt_packs(self) -> None:
        """Make the index name the packs that are there: a blob of a missing pack may be put again."""
        known, present = self._index.list_packs(), list_packs(self._packs_folder)
        if present - known:
            self._index.add_packs(self._iter_whole(sorted(present - known)))
        missing = sorted(known - present)
        if missing:
            logger.warning(
                "Missing from %s: %s; mlwf verify says what that hits", self._packs_folder, missing
            )
            self._index.drop_packs(missing)

    def _iter_whole(self, names: list[str]) -> Iterator[PackRecords]:
        for name in names:
            try:
                size_bytes, records = read_footer(self._path_of(name))
            except CorruptData as error:
                logger.warning("pack %s is not adopted: %s", name, error.message)
            else:
                yield name, size_bytes, records

    def _iter_salvaged(self) -> Iterator[PackRecords]:
        for name in sorted(list_packs(self._packs_folder)):
            path = self._path_of(name)
            try:
                size_bytes, records = read_footer(path)
            except CorruptData as error:
                logger.warning("pack %s is read record by record: %s", name, error.message)
                size_bytes = path.stat().st_size
                records = [record for record, payload in iter_records(path) if is_sound(record, payload)]
            yield name, size_bytes, records

    def _read_payload(self, key: bytes) -> tuple[str, Record, bytes]:
        found = self._index.find(key)
        if found is None:
            raise NotFound(f"The store has no blob {key.hex()}.", hint="Check the store: mlwf verify.")
        pack, record = found
        with _name_damage(key, pack):
            stored = self._files.read(pack, record.offset, RECORD_HEADER_BYTES + record.stored_size)
            if stored[:RECORD_HEADER_BYTES] != encode_record_header(record):
                raise CorruptData("Its record is not where the index says, or is damaged.")
            if len(stored) != RECORD_HEADER_BYTES + record.stored_size:
                raise CorruptData("The pack is cut off.")
        return pack, record, stored[RECORD_HEADER_BYTES:]

    def _read_chunk(self, blob: bytes, key: bytes) -> bytes:
        try:
            pack, record, payload = self._read_payload(key)
        except NotFound as error:
            raise CorruptData(
                f"The blob {blob.hex()} lacks its chunk {key.hex()}.", hint=_DAMAGE_HINT
            ) from error
        with _name_damage(key, pack):
            if record.kind == RecordKind.CHUNK_LIST:
                raise CorruptData("A chunk is itself a list of chunks.")
            return unpack(record, payload)

    def _path_of(self, name: str) -> Path:
        return self._packs_folder / f"{name}{PACK_SUFFIX}"


def _open_index(path: Path) -> Index:
    try:
        return Index(path)
    except CorruptData as error:
        logger.warning("the index is made again: %s", error.message)
        remove_index(path)
        return Index(path)


def _to_bytes(digest: Digest) -> bytes:
    try:
        key = bytes.fromhex(digest)
    except ValueError:
        key = b""
    if len(key) != DIGEST_BYTES:
        raise InvalidInput(f"{digest!r} is not a digest.", hint="A digest is 64 hexadecimal digits.")
    return key


@contextmanager
def _name_damage(key: bytes, pack: str) -> Iterator[None]:
    try:
        yield
    except CorruptData as error:
        raise CorruptData(
            f"The blob {key.hex()} in the pack {pack} is damaged. {error.message}", hint=_DAMAGE_HINT
        ) from error
