"""Chunks: always the same ones for the same bytes, however the stream hands them out."""

from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.store.chunks import (
    BLOCK_BYTES,
    MAX_CHUNK_BYTES,
    ChunkRef,
    Cutter,
    cut,
    decode_chunk_list,
    encode_chunk_list,
)
from mlwf_tui.store.tensors import Span

BLOB = random.Random(7).randbytes(1_300_000)
ALGORITHM_AT = 32  # docs/format.md


class SlowStream(io.BytesIO):
    """Hands out at most so many bytes a time, as pipes and network disks do."""

    def __init__(self, blob: bytes, step: int) -> None:
        super().__init__(blob)
        self.step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.step if size is None or size < 0 else min(size, self.step))

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, memoryview)
        return super().readinto(buffer[: self.step])


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    edges = sorted(draw(st.sets(st.integers(0, len(BLOB)), max_size=8)))
    return [Span(start, end) for index, (start, end) in enumerate(pairwise(edges)) if index % 3]


@given(spans(), st.integers(1, 100_000))
def test_cuts_do_not_depend_on_how_the_stream_is_read(tensors: list[Span], step: int) -> None:
    chunks = list(cut(io.BytesIO(BLOB), tensors))
    assert b"".join(chunks) == BLOB
    assert list(cut(SlowStream(BLOB, max(step, 500)), tensors)) == chunks


@given(spans())
def test_a_tensor_begins_a_chunk_and_is_cut_evenly(tensors: list[Span]) -> None:
    sizes = [len(chunk) for chunk in cut(io.BytesIO(BLOB), tensors)]
    borders = {sum(sizes[:count]) for count in range(len(sizes) + 1)}
    for start, end in tensors:
        assert {*range(start, end, BLOCK_BYTES), end} <= borders
        assert not any(start < border < end and (border - start) % BLOCK_BYTES for border in borders)
    assert max(sizes) <= MAX_CHUNK_BYTES


@pytest.mark.parametrize("size", [0, 1, 100_000, 800_000])
def test_a_file_that_changed_since_its_tensors_were_found_is_still_taken_whole(size: int) -> None:
    tensors = [Span(70_000, 500_000), Span(500_000, 900_000)]
    assert b"".join(cut(io.BytesIO(BLOB[:size]), tensors)) == BLOB[:size]


def test_without_tensors_the_cuts_are_those_of_the_first_format() -> None:
    assert [len(chunk) for chunk in cut(io.BytesIO(BLOB))] == [
        111090, 67285, 86090, 221300, 99418, 125415, 134887,
        71542, 103858, 23090, 68825, 20923, 79423, 86854,
    ]  # fmt: skip


@pytest.mark.parametrize("cutter", Cutter)
def test_the_list_says_who_cut_and_reads_the_same_whoever_did(cutter: Cutter) -> None:
    chunks = [ChunkRef(70_000, bytes([n]) * 32) for n in range(3)]
    payload = encode_chunk_list(chunks, cutter)
    assert payload[ALGORITHM_AT] == cutter
    assert decode_chunk_list(payload) == chunks


def test_a_list_without_a_cutter_is_that_of_the_first_format() -> None:
    assert encode_chunk_list([])[ALGORITHM_AT] == 1
