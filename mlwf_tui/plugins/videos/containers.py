"""Tells from what a video's container says of its own length whether its end is missing; reads no frame."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

MAX_PARTS: Final = 100_000  # a fragmented MP4 has two for each second

_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # what an MP4 or MOV begins with
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"  # of Matroska and WebM


def is_cut_off(path: Path) -> bool:
    """Whether a file is shorter than the container in it says; False for one that says nothing of it.

    AVI, MP4, QuickTime, Matroska and WebM say it.

    Raises:
        OSError: the file cannot be read.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        try:
            if head.startswith(b"RIFF"):
                return _find_riff_end(file, size_bytes) > size_bytes
            if head[4:8] in _BOXES:
                return _find_box_end(file, size_bytes) > size_bytes
            if head.startswith(_EBML):
                return _find_segment_end(file) > size_bytes
        except EOFError:  # it ends within the head of a part
            return True
    return False


def _find_riff_end(file: BinaryIO, size_bytes: int) -> int:
    """Return where the last part ends; an AVI beyond 1 GB has several. Source: OpenDML 1.02, 3."""
    at = 0
    for _ in range(MAX_PARTS):
        file.seek(at)
        if at >= size_bytes or file.read(4) != b"RIFF":
            break
        at += 8 + int.from_bytes(_read(file, 4), "little")
    return at


def _find_box_end(file: BinaryIO, size_bytes: int) -> int:
    """Return where the last box ends. Source: ISO/IEC 14496-12, 4.2."""
    at = 0
    for _ in range(MAX_PARTS):
        if at >= size_bytes:
            break
        file.seek(at)
        length = int.from_bytes(_read(file, 8)[:4], "big")
        if length == 1:
            length = int.from_bytes(_read(file, 8), "big")
        if length < 8:  # 0 is "up to the end", others mean nothing
            break
        at += length
    return at


def _find_segment_end(file: BinaryIO) -> int:
    """Return where the segment that holds all ends, 0 where that was not known. Source: RFC 8794, 4 and 6."""
    file.seek(4)
    length = _read_number(file)
    file.seek(length or 0, 1)
    if length is None or _read(file, 4) != _SEGMENT:
        return 0
    length = _read_number(file)
    return 0 if length is None else file.tell() + length


def _read_number(file: BinaryIO) -> int | None:
    """Return a number of one to eight bytes, None where all its bits are set: not known."""
    first = _read(file, 1)
    width = 9 - first[0].bit_length()
    if width > 8:  # of a damaged head
        return None
    unknown = (1 << 7 * width) - 1
    number = int.from_bytes(first + _read(file, width - 1), "big") & unknown
    return None if number == unknown else number


def _read(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data
