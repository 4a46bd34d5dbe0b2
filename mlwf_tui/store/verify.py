"""Checking every byte of every pack, and the index against them; names what is wrong, mends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData
from mlwf_tui.protocols import Observer
from mlwf_tui.store.chunks import ChunkRef, decode_chunk_list
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import (
    PACK_HEADER,
    RECORD_HEADER_BYTES,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.index import Index
from mlwf_tui.store.packs import PACK_SUFFIX, list_packs, read_footer

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What a check found; `ok` when there are no problems. A problem's path is the pack's or the index's."""

    ok: bool
    checked_bytes: int
    problems: tuple[Problem, ...]


def verify_packs(folder: Path, index: Index, observer: Observer) -> VerifyResult:
    """Check all packs of a folder, and that the index names just what they hold."""
    damage = index.find_damage()
    check = _Check(folder, None if damage else index, observer)
    if damage:
        check.problems.append(Problem(index.path.name, damage))
    # Rows before files: a pack that is sealed in between is then not called missing.
    rows = {} if damage else index.count_rows()
    names = sorted(list_packs(folder))
    for name in sorted(rows.keys() - set(names)):
        check.report(name, f"The pack is missing, and {rows[name]} records with it.")
    with guard_storage(f"list {folder}"):
        check.total_bytes = sum(check.path_of(name).stat().st_size for name in names)
    for name in names:
        check.check_pack(name, rows.get(name))
    return VerifyResult(
        ok=not check.problems, checked_bytes=check.checked_bytes, problems=tuple(check.problems)
    )


def is_sound(record: Record, payload: bytes) -> bool:
    """Return whether a payload is what its record says."""
    try:
        _decode(record, payload)
    except CorruptData:
        return False
    return True


@dataclass(slots=True)
class _Check:
    folder: Path
    index: Index | None  # None where it is too damaged to be asked
    observer: Observer
    total_bytes: int = 0
    checked_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)

    def path_of(self, name: str) -> Path:
        return self.folder / f"{name}{PACK_SUFFIX}"

    def report(self, name: str, reason: str) -> None:
        self.problems.append(Problem(f"packs/{name}{PACK_SUFFIX}", reason))

    def check_pack(self, name: str, row_count: int | None) -> None:
        """Read one pack once. `row_count` None: the index does not name it, the next open adopts it."""
        try:
            records = self._read_table(name)
            with self.path_of(name).open("rb") as file:
                digest, matched = self._check_content(name, file, records, row_count is not None)
        except OSError as error:
            self.report(name, f"The pack cannot be read: {error.strerror or error}.")
            return
        if digest != name:
            self.report(name, "The pack's bytes are not what its name says.")
        if records is not None and row_count is not None and row_count != matched:
            self.report(name, f"The index names {row_count - matched} records that the pack does not hold.")

    def _read_table(self, name: str) -> list[Record] | None:
        try:
            return read_footer(self.path_of(name))[1]
        except CorruptData as error:
            self.report(name, error.message)
            return None

    def _check_content(
        self, name: str, file: BinaryIO, records: list[Record] | None, is_named: bool
    ) -> tuple[str, int]:
        """Return the digest of the whole file, and how many of its records the index points to."""
        hasher = blake3()
        matched = 0
        hasher.update(self._read(file, len(PACK_HEADER)))
        for record in records or ():
            stored = self._read(file, RECORD_HEADER_BYTES + record.stored_size)
            hasher.update(stored)
            self._check_record(name, record, stored)
            if is_named and self.index:
                matched += self._check_row(self.index, name, record)
        while block := self._read(file, _BLOCK):
            hasher.update(block)
        return hasher.hexdigest(), matched

    def _read(self, file: BinaryIO, size: int) -> bytes:
        block = file.read(size)
        self.checked_bytes += len(block)
        self.observer.progress(self.checked_bytes, self.total_bytes, "checking packs")
        self.observer.check_cancelled()
        return block

    def _check_record(self, name: str, record: Record, stored: bytes) -> None:
        if stored[:RECORD_HEADER_BYTES] != encode_record_header(record):
            self.report(name, f"The header of the record {record.digest.hex()} is damaged.")
        try:
            chunks = _decode(record, stored[RECORD_HEADER_BYTES:])
        except CorruptData as error:
            self.report(name, f"The record {record.digest.hex()}: {error.message}")
            return
        if self.index:
            self._check_chunks(self.index, name, record, chunks)

    def _check_chunks(self, index: Index, name: str, record: Record, chunks: list[ChunkRef]) -> None:
        for chunk in chunks:
            found = index.find(chunk.digest)
            if found is None or found[1].raw_size != chunk.size_bytes:
                reason = f"The blob {record.digest.hex()} lacks its chunk {chunk.digest.hex()}."
                self.report(name, reason)

    def _check_row(self, index: Index, name: str, record: Record) -> bool:
        """Return whether the index reads this digest from this pack."""
        found = index.find(record.digest)
        if found is None:
            self.report(name, f"The index does not name the record {record.digest.hex()}.")
            return False
        if found[0] != name:
            return False  # another pack holds the same bytes and the index reads them there
        if found[1] != record:
            self.report(name, f"The index is wrong about the record {record.digest.hex()}.")
        return True


def _decode(record: Record, payload: bytes) -> list[ChunkRef]:
    if record.kind == RecordKind.CHUNK_LIST:
        return decode_chunk_list(payload)
    unpack(record, payload)
    return []
