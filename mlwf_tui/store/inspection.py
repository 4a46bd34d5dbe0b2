"""Reads one pack from front to end and says what is wrong with it; the choice of packs is not made here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from blake3 import blake3

from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.format import (
    RECORD_HEADER_BYTES,
    Codec,
    PackNamer,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.index import BlobRow, Index, PackRow, to_record
from mlwf_tui.store.packs import place_pack, read_footer

_BUFFER_BYTES = 1 << 20  # stays in a core's cache between reading and hashing; 4 M is half as fast

Look = Callable[[int], None]
"""Hears how many bytes were read so far; raises to end the reading."""


class Candidate(msgspec.Struct, array_like=True, frozen=True):
    """A pack to inspect, and what the index says of it; `row` None: it does not name it."""

    name: str
    row: PackRow | None


class Damage(msgspec.Struct, frozen=True):
    """One thing that is wrong with a pack, or with the index where `pack` is empty."""

    pack: str
    reason: str
    digest: bytes | None = None  # of the record that is damaged
    is_of_index: bool = False  # the pack is sound; making the index again mends it


@dataclass(slots=True)
class Findings:
    """What one pack turned out to be. `lost` are the digests that the index reads there in vain."""

    pack: str
    size_bytes: int = 0
    damages: list[Damage] = field(default_factory=list)
    lost: set[bytes] = field(default_factory=set)

    def report(self, reason: str, digest: bytes | None = None, *, is_of_index: bool = False) -> None:
        self.damages.append(Damage(self.pack, reason, digest, is_of_index))


def measure_pack(folder: Path, name: str) -> int:
    """Return the bytes of a pack; 0 where it cannot be read, which is said when it is its turn."""
    try:
        return place_pack(folder, name).stat().st_size
    except OSError:
        return 0


def inspect_pack(folder: Path, index: Index | None, candidate: Candidate, look: Look) -> Findings:
    """Return what one pack turned out to be."""
    return Inspection(place_pack(folder, candidate.name), candidate.row, index).run(look)


class Inspection:
    """The check of one pack, done once. Every byte is hashed, and most but once.

    The header is compared, the payloads have their records' digests, the records' heads and the table
    are the same bytes, the table has its digest in the trailer, and what is left is in the name. Packs
    of the first version, whose names are the digests of all their bytes, are hashed again as a whole
    where they have compressed records, and where nobody has compared their names with their bytes yet.
    """

    def __init__(self, path: Path, row: PackRow | None, index: Index | None) -> None:
        """`row` None: the index does not name the pack. `index` None: it is too damaged to be asked."""
        self._path = path
        self._row = row
        self._index = index
        self.findings = Findings(path.stem)

    def run(self, look: Look) -> Findings:
        """Read the pack; what cannot be read is a finding, not an error."""
        try:
            with PackReader(self._path, look) as reader:
                self._check(reader)
                self.findings.size_bytes = reader.size_bytes
        except OSError as error:
            self._give_up(f"The pack cannot be read: {error.strerror or error}.")
        except StorageFailed as error:
            self._give_up(error.message)
        except CorruptData as error:  # of the index
            self._give_up(error.message)
        return self.findings

    def _check(self, reader: PackReader) -> None:
        try:
            footer = read_footer(self._path)
        except CorruptData as error:
            self.findings.report(error.message)
            self._check_unlisted(reader)
            return
        namer = PackNamer()
        bad = {record.digest for record in footer.records if not self._is_sound(reader, record, namer)}
        if self._row is not None and self._index is not None:
            self._check_rows(self._index, self._row, footer.records, bad)
        if self.findings.damages:
            return
        name = self.findings.pack
        if footer.version == 1:
            name = reader.hash_all() if self._needs_whole(footer.records) else name
        else:
            name = namer.finish(footer.trailer)
        if name != self.findings.pack:
            self.findings.report("The pack's bytes are not what its name says.")

    def _needs_whole(self, records: list[Record]) -> bool:
        """Say whether a pack of the first version has bytes that nothing but its name vouches for."""
        is_name_known = self._row is not None and self._row.is_name_checked
        # A compressed payload has bits that unpacking does not look at.
        return not is_name_known or any(record.codec == Codec.ZSTD for record in records)

    def _check_unlisted(self, reader: PackReader) -> None:
        """Check a pack without a sound footer by what the index reads from it."""
        if self._row is None or self._index is None:
            return
        records = sorted(map(to_record, self._index.iter_rows([self.findings.pack])), key=_by_offset)
        self.findings.lost |= {record.digest for record in records if not self._is_sound(reader, record)}

    def _is_sound(self, reader: PackReader, record: Record, namer: PackNamer | None = None) -> bool:
        stored = reader.read(record.offset, RECORD_HEADER_BYTES + record.stored_size)
        try:
            if stored[:RECORD_HEADER_BYTES] != encode_record_header(record):
                raise CorruptData("Its head is damaged.")
            payload = stored[RECORD_HEADER_BYTES:]
            if namer is not None:
                namer.add(record, payload)
            if record.kind == RecordKind.CHUNK_LIST:
                decode_chunk_list(bytes(payload))
            elif record.codec == Codec.ZSTD:
                unpack(record, bytes(payload))
            elif blake3(payload).digest() != record.digest:
                raise CorruptData("The stored bytes are not what their digest says.")
        except CorruptData as error:
            self.findings.report(f"The record {record.digest.hex()}: {error.message}", record.digest)
            return False
        return True

    def _check_rows(self, index: Index, row: PackRow, records: list[Record], bad: set[bytes]) -> None:
        """Compare what the pack holds with what the index says of it."""
        pack = self.findings.pack
        rows = index.find_rows([record.digest for record in records])
        expected = {_to_row(pack, record) for record in records}
        here = {found[0] for found in rows if found[1] == pack}
        self.findings.lost |= bad & here
        if expected != rows:
            known = {found[0] for found in rows}
            for digest in sorted(record.digest for record in records if record.digest not in known):
                self._lose(digest, f"The index does not name the record {digest.hex()}.")
            for digest in sorted(found[0] for found in rows - expected if found[1] == pack):
                self._lose(digest, f"The index is wrong about the record {digest.hex()}.")
        if len(here) != row.row_count:
            more = {found[0] for found in index.iter_rows([pack])} - here
            self.findings.lost |= more
            reason = f"The index names {len(more)} records that the pack does not hold."
            self.findings.report(reason, is_of_index=True)

    def _lose(self, digest: bytes, reason: str) -> None:
        self.findings.report(reason, digest, is_of_index=True)
        self.findings.lost.add(digest)

    def _give_up(self, reason: str) -> None:
        """Report a pack that cannot be read, and with it all that the index reads there."""
        self.findings.report(reason)
        if self._row is not None and self._index is not None:
            self.findings.lost |= {found[0] for found in self._index.iter_rows([self.findings.pack])}


class PackReader:
    """A pack open for reading from front to end, in large reads."""

    def __init__(self, path: Path, look: Look) -> None:
        self._look = look
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._start = self._end = 0  # of what the buffer holds
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size_bytes = os.fstat(self._descriptor).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read(self, offset: int, size: int) -> memoryview:
        """Return bytes of the pack, fewer at its end; they hold until the next call."""
        if size > _BUFFER_BYTES:
            return memoryview(os.pread(self._descriptor, size, offset))
        if offset < self._start or offset + size > self._end:
            self._look(offset)
            self._start = offset
            self._end = offset + os.preadv(self._descriptor, [self._buffer], offset)
        return self._buffer[offset - self._start : min(offset + size, self._end) - self._start]

    def hash_all(self) -> str:
        """Return the digest of the whole file as a pack's name."""
        hasher = blake3()
        for offset in range(0, self.size_bytes, _BUFFER_BYTES):
            hasher.update(self.read(offset, _BUFFER_BYTES))
        return hasher.hexdigest()


def _by_offset(record: Record) -> int:
    return record.offset


def _to_row(pack: str, record: Record) -> BlobRow:
    return (
        record.digest, pack, record.offset, record.stored_size, record.raw_size, record.codec, record.kind
    )  # fmt: skip
