"""Cutting large blobs where their content says, and the list that puts the chunks together again."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from blake3 import blake3

from mlwf_tui.errors import CorruptData
from mlwf_tui.store.format import DIGEST_BYTES, MAX_RECORD_BYTES

if TYPE_CHECKING:  # for the annotation alone: images do without
    from mlwf_tui.store.tensors import Span

# Changing any of these stores every large blob anew. 64 K of average takes 27 % of new bytes where
# 10 % of a checkpoint changed in runs of 64 K; 1 M takes 90 %.
MIN_CHUNK_BYTES = 16 << 10
AVERAGE_CHUNK_BYTES = 64 << 10
MAX_CHUNK_BYTES = 256 << 10
# Where 9 % of a checkpoint's tensors changed in runs of 1 M, 256 K and 64 K, even blocks take 11, 12
# and 18 % of new bytes, FastCDC 11, 15 and 27 %; and they are cut four times as fast.
BLOCK_BYTES = 64 << 10
_NORMALIZATION: Final = 1
_HEAD = struct.Struct("<BBHIIIQQ")  # algorithm, normalization, zero, min, avg, max, size, count
_CHUNK = struct.Struct("<I32s")  # raw size, digest


class Cutter(IntEnum):
    """Who found the borders of a blob's chunks."""

    FASTCDC_2020 = 1  # gear table and masks of the paper's reference code, seed 0
    TENSORS = 2  # blocks of BLOCK_BYTES within large tensors, FastCDC between them


class ChunkRef(NamedTuple):
    """One chunk of a blob."""

    size_bytes: int
    digest: bytes


def cut(stream: BinaryIO, tensors: Sequence[Span] = ()) -> Iterator[bytes]:
    """Yield the chunks of a stream in order; memory does not grow with the stream.

    Each of `tensors`, which rise and do not overlap, begins a chunk and is cut into even blocks;
    what lies between them is cut where its content says. All offsets count from where the stream is.
    """
    position = 0
    for start, end in tensors:
        if start > position:
            yield from _cut_by_content(_Part(stream, start - position))
        yield from _cut_evenly(_Part(stream, end - start))
        position = end
    yield from _cut_by_content(stream)


class _Part:
    """The next `size` bytes of a stream as a stream of its own."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def _cut_by_content(stream: BinaryIO | _Part) -> Iterator[bytes]:
    from pyfastcdc import FastCDC  # 4 ms that only large blobs need

    cutter = FastCDC(
        AVERAGE_CHUNK_BYTES,
        min_size=MIN_CHUNK_BYTES,
        max_size=MAX_CHUNK_BYTES,
        normalized_chunking=_NORMALIZATION,
    )
    for chunk in cutter.cut_stream(stream):
        yield bytes(chunk.data)  # the view dies with the next chunk


def _cut_evenly(part: _Part) -> Iterator[bytes]:
    block = b""
    while more := part.read(BLOCK_BYTES - len(block)):  # may be fewer bytes than asked for
        block += more
        if len(block) == BLOCK_BYTES:
            yield block
            block = b""
    if block:
        yield block


def encode_chunk_list(chunks: Sequence[ChunkRef], cutter: Cutter = Cutter.FASTCDC_2020) -> bytes:
    """Return the payload of a chunk list: its own BLAKE3, the cutter and its parameters, the chunks."""
    total = sum(chunk.size_bytes for chunk in chunks)
    head = _HEAD.pack(
        cutter,
        _NORMALIZATION,
        0,
        MIN_CHUNK_BYTES,
        AVERAGE_CHUNK_BYTES,
        MAX_CHUNK_BYTES,
        total,
        len(chunks),
    )
    body = head + b"".join(_CHUNK.pack(*chunk) for chunk in chunks)
    return blake3(body).digest() + body


def decode_chunk_list(payload: bytes) -> list[ChunkRef]:
    """Return the chunks of a blob in order.

    The record's digest is the blob's, so the list carries a digest of its own: without it a flipped
    bit could name another chunk, whose bytes would then pass as part of this blob.

    Raises:
        CorruptData: the list is not what its own digest says, or does not add up.
    """
    body = memoryview(payload)[DIGEST_BYTES:]
    if len(body) < _HEAD.size or blake3(body).digest() != payload[:DIGEST_BYTES]:
        raise CorruptData("The list of chunks is damaged.")
    total, count = _HEAD.unpack_from(body)[-2:]
    if len(body) != _HEAD.size + count * _CHUNK.size:
        raise CorruptData("The list of chunks is cut.")
    chunks = [ChunkRef(*fields) for fields in _CHUNK.iter_unpack(body[_HEAD.size :])]
    if sum(chunk.size_bytes for chunk in chunks) != total:
        raise CorruptData("The list of chunks does not add up to its blob.")
    if any(chunk.size_bytes > MAX_RECORD_BYTES for chunk in chunks):
        raise CorruptData("The list of chunks names a chunk that is too large.")
    return chunks
