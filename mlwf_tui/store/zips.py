"""The directory of a zip file: which members lie in it as they are, and where; nothing is unpacked."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_DIRECTORY_BYTES = 4 << 20  # some 60,000 members; what declares more is not read
_NEEDS_ZIP64 = 0xFFFFFFFF
_ENCRYPTED = 1
_STORED = 0
# signature, sizes of name and extra; the sizes of the data may be zero here, so they are not asked
_LOCAL = struct.Struct("<4s22xHH")
# signature, flags, method, stored size, raw size, sizes of name, extra and comment, local header's offset
_ENTRY = struct.Struct("<4s4xHH8xIIHHH8xI")
_END = struct.Struct("<4s8xIIH")  # signature, size and offset of the directory, size of the comment
_ZIP64_LOCATOR = struct.Struct("<4s4xQ4x")  # signature, offset of the zip64 end
_ZIP64_END = struct.Struct("<4s36xQQ")  # signature, size and offset of the directory
_EXTRA = struct.Struct("<HH")  # id, size
_ZIP64_EXTRA = 1


class StoredMember(NamedTuple):
    """A member that is neither packed nor encrypted; its bytes are the file's from `start` to `end`."""

    name: bytes
    start: int
    end: int


class _Entry(NamedTuple):
    name: bytes
    is_plain: bool
    size: int
    offset: int


def iter_stored_members(stream: BinaryIO, min_size: int) -> Iterator[StoredMember]:
    """Yield the stored members of at least `min_size` bytes in the order of the directory.

    The stream may be anything: offsets and sizes are what the file says, and may be beyond its end.

    Raises:
        ValueError: it is no zip, or one whose directory is odd or larger than MAX_DIRECTORY_BYTES.
    """
    for entry in _iter_entries(_read_directory(stream)):
        if entry.is_plain and entry.size >= min_size:
            header = read_at(stream, entry.offset, _LOCAL.size)
            signature, name_size, extra_size = _LOCAL.unpack(header)
            if signature != b"PK\x03\x04":
                raise ValueError("a member has no header")
            start = entry.offset + _LOCAL.size + name_size + extra_size
            yield StoredMember(entry.name, start, start + entry.size)


def read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    """Return exactly `size` bytes from `offset`, which the caller keeps small.

    Raises:
        ValueError: the stream ends before.
    """
    if offset > stream.seek(0, io.SEEK_END):  # the system may refuse to go far beyond the end
        raise ValueError("an offset is beyond the file")
    stream.seek(offset)
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise ValueError("the file ends too early")
        data += more
    return data


def _read_directory(stream: BinaryIO) -> bytes:
    size = stream.seek(0, io.SEEK_END)
    tail_start = max(0, size - _END.size - 0xFFFF)
    tail = read_at(stream, tail_start, size - tail_start)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < _END.size:
        raise ValueError("no end of a directory")
    _, directory_size, offset, comment_size = _END.unpack_from(tail, end)
    if end + _END.size + comment_size != len(tail):
        raise ValueError("bytes follow the end")
    locator = end - _ZIP64_LOCATOR.size
    if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
        _, zip64_offset = _ZIP64_LOCATOR.unpack_from(tail, locator)
        signature, directory_size, offset = _ZIP64_END.unpack(read_at(stream, zip64_offset, _ZIP64_END.size))
        if signature != b"PK\x06\x06":
            raise ValueError("no zip64 end")
    if directory_size > MAX_DIRECTORY_BYTES:
        raise ValueError("the directory is too large")
    return read_at(stream, offset, directory_size)


def _iter_entries(directory: bytes) -> Iterator[_Entry]:
    position = 0
    while position < len(directory):
        if len(directory) - position < _ENTRY.size:
            raise ValueError("the directory is cut")
        fields = _ENTRY.unpack_from(directory, position)
        signature, flags, method, stored_size, raw_size, name_size, extra_size, comment_size, offset = fields
        if signature != b"PK\x01\x02":
            raise ValueError("the directory is damaged")
        name_start = position + _ENTRY.size
        name_end = name_start + name_size
        extra = directory[name_end : name_end + extra_size]
        raw_size, stored_size, offset = _widen(raw_size, stored_size, offset, extra=extra)
        is_plain = method == _STORED and not flags & _ENCRYPTED and raw_size == stored_size
        yield _Entry(directory[name_start:name_end], is_plain, raw_size, offset)
        position = name_end + extra_size + comment_size


def _widen(*values: int, extra: bytes) -> list[int]:
    """Replace what does not fit into 32 bits by the numbers of the zip64 extra, in their order."""
    wide = iter(_read_zip64_extra(extra))
    return [next(wide, value) if value == _NEEDS_ZIP64 else value for value in values]


def _read_zip64_extra(extra: bytes) -> tuple[int, ...]:
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        if kind == _ZIP64_EXTRA:
            numbers = extra[position : position + size]
            return struct.unpack_from(f"<{len(numbers) // 8}Q", numbers)
        position += size
    return ()
