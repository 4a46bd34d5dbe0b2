"""Pack files on disk: writing one until it is sealed, reading footers and records, clearing what died."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from mlwf_tui.errors import CorruptData
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import (
    PACK_HEADER,
    RECORD_HEADER_BYTES,
    TRAILER_BYTES,
    PackNamer,
    Record,
    decode_header,
    decode_record_header,
    encode_record_header,
    encode_trailer,
    iter_table,
    locate_table,
)
from mlwf_tui.store.locks import try_lock

PACK_SUFFIX = ".pack"
PACK_BYTES = 64 << 20
PACK_RECORDS = 1 << 16
"""A pack of tiny blobs ends here: what is remembered of each record until it is sealed adds up."""
_TEMPORARY_SUFFIX = ".tmp"
_WRITE_BYTES = 1 << 20  # collected for one call
_MOST_PARTS = 1000  # of one call: the system takes 1,024


class PackWriter:
    """One pack being written under a temporary name, which it holds locked until sealed or discarded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path, self._descriptor = _create_locked(folder)
        self._namer = PackNamer()
        self._unwritten: list[bytes] = []  # a call for each record costs as much as hashing it
        self._unwritten_bytes = 0
        self._table = bytearray()
        self.size_bytes = 0
        self.digests: set[bytes] = set()
        try:
            self._take(PACK_HEADER)
            self._write()
        except OSError:
            self.discard()
            raise

    @property
    def is_full(self) -> bool:
        """Whether the next record belongs into the next pack."""
        return self.size_bytes >= PACK_BYTES or len(self.digests) >= PACK_RECORDS

    def append(self, record: Record, payload: bytes) -> None:
        """Add one record at the end; its offset is filled in here."""
        header = encode_record_header(record)
        self._namer.add(record, payload)
        self._take(header)
        self._take(payload)
        if self._unwritten_bytes >= _WRITE_BYTES or len(self._unwritten) >= _MOST_PARTS:
            self._write()
        self._table += header
        self.digests.add(record.digest)

    def seal(self) -> tuple[str, int, list[Record]]:
        """Make the pack durable under its final name; return that name, its size and its records."""
        table = bytes(self._table)
        table_offset = self.size_bytes
        trailer = encode_trailer(table, table_offset)
        self._take(table)
        self._take(trailer)
        self._write()
        name = self._namer.finish(trailer)
        os.fsync(self._descriptor)
        self.path.rename(place_pack(self._folder, name))
        sync_folder(self._folder)
        self._close()
        records = list(iter_table(table, table_offset, trailer[:32]))
        return name, self.size_bytes, records

    def discard(self) -> None:
        """Remove what was written; nothing had named it yet."""
        if self._descriptor >= 0:
            with suppress(FileNotFoundError):  # sealed up to the rename: the pack is whole and stays
                self.path.unlink()
            self._close()

    def _take(self, part: bytes) -> None:
        self._unwritten.append(part)
        self._unwritten_bytes += len(part)
        self.size_bytes += len(part)

    def _write(self) -> None:
        parts, size = self._unwritten, self._unwritten_bytes
        self._unwritten, self._unwritten_bytes = [], 0
        written = os.writev(self._descriptor, parts)
        if written < size:
            write_all(self._descriptor, b"".join(parts)[written:])

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


class PackFiles:
    """The packs of a folder open for reading; descriptors are shared by threads and kept for reuse."""

    def __init__(self, folder: Path, *, max_open: int = 64) -> None:
        self._folder = folder
        self._max_open = max_open
        self._open: OrderedDict[str, _OpenPack] = OrderedDict()
        self._lock = Lock()

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of a pack; fewer at its end.

        Raises:
            CorruptData: the pack is not there.
            StorageFailed: it cannot be read.
        """
        with self._lend(name) as descriptor, guard_storage(f"read the pack {name}"):
            return os.pread(descriptor, size, offset)

    def read_into(self, name: str, offset: int, target: memoryview) -> int:
        """Fill `target` with bytes of a pack and return how many there were.

        Raises:
            CorruptData, StorageFailed: as `read`.
        """
        with self._lend(name) as descriptor, guard_storage(f"read the pack {name}"):
            return os.preadv(descriptor, [target], offset)

    def forget(self, names: Collection[str]) -> None:
        """Close packs that are deleted, which frees their room; one that is being read stays open."""
        with self._lock:
            for name in names:
                if name in self._open and not self._open[name].readers:
                    os.close(self._open.pop(name).descriptor)

    def close(self) -> None:
        """Close all descriptors; the caller has ended its reads."""
        with self._lock:
            for pack in self._open.values():
                os.close(pack.descriptor)
            self._open.clear()

    @contextmanager
    def _lend(self, name: str) -> Iterator[int]:
        with self._lock:
            pack = self._open.get(name) or self._open_pack(name)
            self._open.move_to_end(name)
            pack.readers += 1
        try:
            yield pack.descriptor
        finally:
            with self._lock:
                pack.readers -= 1

    def _open_pack(self, name: str) -> _OpenPack:
        if len(self._open) >= self._max_open:
            self._close_oldest_idle()
        path = place_pack(self._folder, name)
        with guard_storage(f"open {path}"):
            try:
                pack = _OpenPack(os.open(path, os.O_RDONLY))
            except FileNotFoundError as error:
                raise CorruptData(
                    f"The pack {name} is missing from {self._folder}.",
                    hint="Put it back from a backup, or import its files again.",
                ) from error
        self._open[name] = pack
        return pack

    def _close_oldest_idle(self) -> None:
        idle = next((name for name, pack in self._open.items() if not pack.readers), None)
        if idle is not None:
            os.close(self._open.pop(idle).descriptor)


class _OpenPack:
    """A descriptor and how many threads are reading by it: closed under one, its number could be reused."""

    __slots__ = ("descriptor", "readers")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.readers = 0


def place_pack(folder: Path, name: str) -> Path:
    """Return where a sealed pack lies."""
    return folder / f"{name}{PACK_SUFFIX}"


def list_packs(folder: Path) -> set[str]:
    """Return the names of all sealed packs of a folder."""
    with guard_storage(f"list {folder}"):
        return {
            name.removesuffix(PACK_SUFFIX)
            for name in os.listdir(folder)  # noqa: PTH208 - names only: no Path for 10,000 packs
            if name.endswith(PACK_SUFFIX)
        }


class Footer(NamedTuple):
    """What the ends of a pack say of it."""

    size_bytes: int  # of the whole file
    records: list[Record]
    trailer: bytes
    version: int


def read_footer(path: Path) -> Footer:
    """Return what a pack says of itself, without reading payloads.

    Raises:
        CorruptData: magic, trailer or table are damaged, or the pack is cut.
    """
    with guard_storage(f"read {path}"), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        version = decode_header(os.pread(file.fileno(), len(PACK_HEADER), 0))
        trailer = os.pread(file.fileno(), TRAILER_BYTES, max(0, size - TRAILER_BYTES))
        table_offset, table_size, digest = locate_table(trailer, size)
        table = os.pread(file.fileno(), table_size, table_offset)
        return Footer(size, list(iter_table(table, table_offset, digest)), trailer, version)


def iter_records(path: Path) -> Iterator[tuple[Record, bytes]]:
    """Yield records and payloads by walking from the first; ends where no record can be told.

    It needs no footer, so it also saves what a damaged pack still holds; payloads are not checked.
    """
    with guard_storage(f"read {path}"), path.open("rb") as file:
        file.seek(len(PACK_HEADER))
        offset = len(PACK_HEADER)
        while True:
            try:
                record = decode_record_header(file.read(RECORD_HEADER_BYTES), offset)
            except CorruptData:
                return
            payload = file.read(record.stored_size)
            if len(payload) < record.stored_size:
                return
            yield record, payload
            offset = record.end


def list_records(path: Path) -> list[Record]:
    """Return the records that a pack's table names, or that can be told by walking from its front.

    Raises:
        StorageFailed: there is no such file, or it cannot be read.
    """
    try:
        return read_footer(path).records
    except CorruptData:
        return [record for record, _ in iter_records(path)]


def remove_stale(folder: Path) -> None:
    """Remove temporary packs whose writers are dead; one that a live writer holds is left alone."""
    with guard_storage(f"clear {folder}"):
        for path in folder.glob(f"*{_TEMPORARY_SUFFIX}"):
            with suppress(FileNotFoundError):  # its writer sealed it meanwhile
                _remove_if_unlocked(path)


def _remove_if_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if try_lock(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def _create_locked(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / f"{os.urandom(8).hex()}{_TEMPORARY_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        # Between the two calls another process may have taken the file for a dead writer's.
        if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def write_all(descriptor: int, rest: bytes | memoryview) -> None:
    """Write all of `rest`, however many calls that takes: a disk that fills up takes a part of one."""
    view = memoryview(rest)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
