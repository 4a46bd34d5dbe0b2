"""Where the tensors of a weights file lie, so that chunks can begin with them; nothing is ever unpickled."""

from __future__ import annotations

import io
import re
import struct
from itertools import pairwise
from typing import BinaryIO, NamedTuple

import msgspec

from mlwf_tui.store.zips import iter_stored_members, read_at

MIN_TENSOR_BYTES = 64 << 10  # smaller ones stay with what is around them: a chunk costs some 150 bytes
_MAX_HEADER_BYTES = 4 << 20  # some 40,000 tensors; what declares more is cut by its content
_ZIP_MAGIC = b"PK\x03\x04"
_NPY_MAGIC = b"\x93NUMPY"
_HEAD_BYTES = 12
# A storage of torch.save or TorchScript, or an array of an .npz.
_TENSOR_MEMBER = re.compile(rb".*/(data|constants)/\d+|.*\.npy", re.DOTALL)


class Span(NamedTuple):
    """The bytes of one tensor: from `start` up to `end` of its file."""

    start: int
    end: int


class _SafetensorsEntry(msgspec.Struct):
    data_offsets: tuple[int, int] | None = None  # the entry `__metadata__` has none


_safetensors_header = msgspec.json.Decoder(dict[str, _SafetensorsEntry])


def find_tensors(stream: BinaryIO) -> list[Span]:
    """Return where the large tensors of a safetensors, .npy, .npz or PyTorch file lie, in rising order.

    The list is empty for all other bytes, for a container with anything odd in its header, and where
    the stream cannot seek. The stream may hold anything; it is left at its beginning.
    """
    if not stream.seekable():
        return []
    try:
        spans = sorted(span for span in _find_spans(stream) if span.end - span.start >= MIN_TENSOR_BYTES)
        return spans if _are_apart(spans, stream.seek(0, io.SEEK_END)) else []
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors too
        return []
    finally:
        stream.seek(0)


def _find_spans(stream: BinaryIO) -> list[Span]:
    head = read_at(stream, 0, _HEAD_BYTES)
    if head.startswith(_ZIP_MAGIC):
        return [
            Span(member.start, member.end)
            for member in iter_stored_members(stream, MIN_TENSOR_BYTES)
            if _TENSOR_MEMBER.fullmatch(member.name)
        ]
    if head.startswith(_NPY_MAGIC):
        return _find_array(stream, head)
    return _find_safetensors(stream, head)


def _find_array(stream: BinaryIO, head: bytes) -> list[Span]:
    version = head[6]
    (header_size,) = struct.unpack_from("<H" if version == 1 else "<I", head, 8)
    if version not in (1, 2, 3) or header_size > _MAX_HEADER_BYTES:
        return []
    header_start = 10 if version == 1 else 12
    header = read_at(stream, header_start, header_size)
    if b"|O" in header:  # Python objects: a pickle
        return []
    return [Span(header_start + header_size, stream.seek(0, io.SEEK_END))]


def _find_safetensors(stream: BinaryIO, head: bytes) -> list[Span]:
    (header_size,) = struct.unpack_from("<Q", head)
    if header_size > _MAX_HEADER_BYTES or head[8:9] != b"{":
        return []
    start = 8 + header_size
    entries = _safetensors_header.decode(read_at(stream, 8, header_size))
    offsets = [entry.data_offsets for entry in entries.values() if entry.data_offsets is not None]
    return [Span(start + begin, start + end) for begin, end in offsets]


def _are_apart(spans: list[Span], size: int) -> bool:
    """Return whether rising spans lie within `size` bytes and none overlaps the next."""
    if not spans:
        return True
    is_inside = spans[0].start >= 0 and spans[-1].end <= size
    return is_inside and all(one.end <= other.start for one, other in pairwise(spans))
