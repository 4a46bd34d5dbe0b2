"""The bytes of a pack: header, records, table and trailer; docs/format.md says the same in words. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from blake3 import blake3

from mlwf_tui.errors import CorruptData

DIGEST_BYTES = 32
_PACK_VERSION = 2
_HEADER = struct.Struct("<8sHHI")  # magic, version, two reserved zeros
_MAGIC = b"MLWFPACK"
PACK_HEADER = _HEADER.pack(_MAGIC, _PACK_VERSION, 0, 0)
MAX_RECORD_BYTES = 1 << 20  # raw size of any record but a chunk list; bounds what a reader allocates
_RECORD = struct.Struct("<BBHII32s")  # kind, codec, zero, raw size, stored size, digest
_TRAILER = struct.Struct("<32sQQ8s")  # digest of the table, its offset, record count, magic
_END_MAGIC = b"MLWFEND\n"
RECORD_HEADER_BYTES = _RECORD.size
TRAILER_BYTES = _TRAILER.size


class RecordKind(IntEnum):
    """What a record's bytes are to the store."""

    BLOB = 1
    CHUNK = 2
    CHUNK_LIST = 3
    NODE = 4  # a shard or an inner node of a manifest
    MANIFEST = 5  # the header of a manifest


class Codec(IntEnum):
    """How a record's payload is stored."""

    RAW = 0
    ZSTD = 1


class Record(NamedTuple):
    """One record of a pack; `offset` is where its header starts, `digest` that of the raw bytes."""

    kind: RecordKind
    codec: Codec
    raw_size: int
    stored_size: int
    digest: bytes
    offset: int

    @property
    def end(self) -> int:
        return self.offset + RECORD_HEADER_BYTES + self.stored_size


class PackNamer:
    """Makes a pack's name from its parts in order: a digest that vouches for every byte.

    The trailer vouches for the table and so for every record's head; heads vouch for raw payloads, so
    only the other payloads are hashed here. Hashing all would cost an import a tenth of its time.
    """

    def __init__(self) -> None:
        self._hasher = blake3(PACK_HEADER)

    def add(self, record: Record, payload: bytes | memoryview) -> None:
        """Take the next record."""
        if record.codec != Codec.RAW or record.kind == RecordKind.CHUNK_LIST:
            self._hasher.update(payload)

    def finish(self, trailer: bytes) -> str:
        """Return the name."""
        return self._hasher.update(trailer).hexdigest()


def decode_header(header: bytes) -> int:
    """Return the version of a pack that begins so: 1, whose name is the digest of all its bytes, or 2.

    Raises:
        CorruptData: it is no pack's, or of a later version.
    """
    if len(header) == len(PACK_HEADER):
        magic, version, *zeros = _HEADER.unpack(header)
        if magic == _MAGIC and 1 <= version <= _PACK_VERSION and not any(zeros):
            return int(version)
    raise CorruptData("The pack's header is damaged, or of a version that is not known.")


def encode_record_header(record: Record) -> bytes:
    """Return the 44 bytes before a payload; they are the record's row of the table as well."""
    return _RECORD.pack(record.kind, record.codec, 0, record.raw_size, record.stored_size, record.digest)


def decode_record_header(header: bytes, offset: int) -> Record:
    """Return the record that `header` describes.

    Raises:
        CorruptData: it is cut, has an unknown kind or codec, or declares an impossible size.
    """
    if len(header) != RECORD_HEADER_BYTES:
        raise CorruptData(f"The record at byte {offset} is cut.")
    kind, codec, zero, raw_size, stored_size, digest = _RECORD.unpack(header)
    try:
        record = Record(RecordKind(kind), Codec(codec), raw_size, stored_size, digest, offset)
    except ValueError as error:
        raise CorruptData(f"The record at byte {offset} has an unknown form: {error}.") from error
    is_too_large = record.kind != RecordKind.CHUNK_LIST and raw_size > MAX_RECORD_BYTES
    is_raw_resized = record.codec == Codec.RAW and raw_size != stored_size
    if zero or is_too_large or is_raw_resized:
        raise CorruptData(f"The record at byte {offset} declares impossible sizes.")
    return record


def encode_trailer(table: bytes, table_offset: int) -> bytes:
    """Return the last bytes of a pack, which vouch for its table."""
    count = len(table) // RECORD_HEADER_BYTES
    return _TRAILER.pack(blake3(table).digest(), table_offset, count, _END_MAGIC)


def locate_table(trailer: bytes, pack_size: int) -> tuple[int, int, bytes]:
    """Return offset, size and digest of the table of a pack of `pack_size` bytes.

    Raises:
        CorruptData: the trailer is cut, is none, or does not fit the pack's size.
    """
    if len(trailer) != TRAILER_BYTES:
        raise CorruptData("The pack is too short to be whole.")
    digest, offset, count, magic = _TRAILER.unpack(trailer)
    size = count * RECORD_HEADER_BYTES
    if magic != _END_MAGIC or offset + size + TRAILER_BYTES != pack_size:
        raise CorruptData("The pack's trailer is damaged or cut off.")
    return offset, size, digest


def iter_table(table: bytes, table_offset: int, digest: bytes) -> Iterator[Record]:
    """Yield the records of a table in pack order, their offsets summed up from the sizes.

    Raises:
        CorruptData: the table is not what `digest` says, or does not fill the pack.
    """
    if blake3(table).digest() != digest:
        raise CorruptData("The pack's table is damaged.")
    offset = len(PACK_HEADER)
    for start in range(0, len(table), RECORD_HEADER_BYTES):
        record = decode_record_header(table[start : start + RECORD_HEADER_BYTES], offset)
        yield record
        offset = record.end
    if offset != table_offset:
        raise CorruptData("The pack's table does not fit its records.")
