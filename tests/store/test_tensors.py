"""Finding tensors: in what real libraries write, and never wrongly in what an enemy wrote."""

from __future__ import annotations

import io
import json
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.store.chunks import Cutter, cut
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.store import Store
from mlwf_tui.store.tensors import MIN_TENSOR_BYTES, Span, find_tensors

KIB = 1 << 10
MIB = 1 << 20
SIZES = (300 * KIB, 64, 2 * MIB, 100 * KIB, 1000, 1000, 70 * KIB)
LARGE = [size for size in SIZES if size >= MIN_TENSOR_BYTES]
RANDOM = random.Random(11)
TENSORS = [RANDOM.randbytes(size) for size in SIZES]


class Pipe(io.BytesIO):
    """Cannot seek, so zipfile writes sizes behind each member, as torch.save does."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("a pipe cannot seek")


def make_safetensors(tensors: Sequence[bytes], note: str = "") -> bytes:
    entries: dict[str, object] = {"__metadata__": {"note": note}}
    offset = 0
    for number, tensor in enumerate(tensors):
        entries[f"layer.{number}"] = {
            "dtype": "F32",
            "shape": [len(tensor) // 4],
            "data_offsets": [offset, offset + len(tensor)],
        }
        offset += len(tensor)
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + b"".join(tensors)


def make_npy(tensors: Sequence[bytes]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.frombuffer(b"".join(tensors), np.uint8))
    return file.getvalue()


def make_npz(tensors: Sequence[bytes]) -> bytes:
    file = io.BytesIO()
    np.savez(file, *(np.frombuffer(tensor, np.uint8) for tensor in tensors))
    return file.getvalue()


def make_pt(tensors: Sequence[bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = Pipe()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("best/data.pkl", b"a pickle")
        for number, tensor in enumerate(tensors):
            archive.writestr(f"best/data/{number}", tensor)
        archive.writestr("best/version", b"3\n")
    return file.getvalue()


def find(blob: bytes) -> list[Span]:
    stream = io.BytesIO(blob)
    spans = find_tensors(stream)
    assert stream.tell() == 0
    return spans


def cut_blob(blob: bytes) -> list[bytes]:
    return list(cut(io.BytesIO(blob), find(blob)))


@pytest.mark.parametrize("make", [make_safetensors, make_pt])
def test_every_large_tensor_is_found_where_it_lies(make: Callable[[Sequence[bytes]], bytes]) -> None:
    blob = make(TENSORS)
    assert [blob[start:end] for start, end in find(blob)] == [
        tensor for tensor in TENSORS if len(tensor) >= MIN_TENSOR_BYTES
    ]


def test_an_npy_is_one_tensor_behind_its_header() -> None:
    blob = make_npy(TENSORS)
    assert [blob[start:end] for start, end in find(blob)] == [b"".join(TENSORS)]


def test_an_npz_is_found_by_its_members_each_an_npy() -> None:
    blob = make_npz(TENSORS)
    assert [blob[start : start + 6] for start, _ in find(blob)] == [b"\x93NUMPY"] * len(LARGE)
    assert [end - start for start, end in find(blob)] == [size + 128 for size in LARGE]


@pytest.mark.slow
def test_what_torch_saves_is_found(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "best.pt"
    weights = {"a": torch.rand(100_000), "b": torch.rand(3), "c": torch.rand(50, 1000)}
    torch.save(weights, path)
    blob = path.read_bytes()
    assert [blob[start:end] for start, end in find(blob)] == [
        weights[name].numpy().tobytes() for name in ("a", "c")
    ]


def test_a_zip64_of_more_members_than_the_old_end_can_count_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(0x10000):
            archive.writestr(str(number), b"")
        archive.writestr("a/data/1", TENSORS[0])
    blob = file.getvalue()
    assert [blob[start:end] for start, end in find(blob)] == [TENSORS[0]]


@pytest.mark.parametrize("make", [make_safetensors, make_npy, make_npz, make_pt])
def test_a_change_within_a_tensor_makes_one_new_chunk(make: Callable[[Sequence[bytes]], bytes]) -> None:
    changed = [*TENSORS]
    changed[2] = TENSORS[2][:MIB] + b"other" + TENSORS[2][MIB + 5 :]
    new = set(cut_blob(make(changed))) - set(cut_blob(make(TENSORS)))
    # A zip also says the member's checksum, before or behind it and in its directory.
    assert sum(map(len, new)) < 64 * KIB + 2_000


def test_a_longer_header_moves_no_tensor_chunk() -> None:
    before, after = (cut_blob(make_safetensors(TENSORS, note)) for note in ("", "x" * KIB))
    assert sum(map(len, set(after) - set(before))) < 4 * KIB


def test_a_tensor_that_grew_leaves_those_behind_it_alone() -> None:
    grown = [TENSORS[0] + b"1 KB more" * 111, *TENSORS[1:]]
    before, after = (cut_blob(make_safetensors(tensors)) for tensors in (TENSORS, grown))
    assert sum(map(len, set(after) - set(before))) < 64 * KIB + 4 * KIB


def test_a_stored_checkpoint_comes_back_and_its_list_names_the_cutter(tmp_path: Path) -> None:
    blob = make_pt(TENSORS)
    path = tmp_path / "best.pt"
    path.write_bytes(blob)
    with Store(tmp_path / "store") as store:
        with store.writer() as writer:
            digest, _ = writer.put_file(path)
        assert store.read(digest) == blob
        (pack,) = (tmp_path / "store" / "packs").glob("*.pack")
        (record,) = (one for one in read_footer(pack)[1] if one.kind == RecordKind.CHUNK_LIST)
        with pack.open("rb") as file:
            file.seek(record.offset + 44 + 32)
            assert file.read(1)[0] == Cutter.TENSORS


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(2 * MIB), id="zeros"),
        pytest.param(make_pt(TENSORS, zipfile.ZIP_DEFLATED), id="packed members"),
        pytest.param(make_pt(TENSORS)[:-1], id="a cut zip"),
        pytest.param(make_pt(TENSORS) + b"\0", id="a zip with a tail"),
        pytest.param(make_safetensors(TENSORS)[:-1], id="cut safetensors"),
        pytest.param(make_safetensors(TENSORS)[:200], id="a cut header"),
        pytest.param(b"\x93NUMPY\x09\0" + bytes(MIB), id="an npy of an unknown version"),
        pytest.param(b"\x93NUMPY\x02\0\xff\xff\xff\xff" + bytes(MIB), id="an npy of a huge header"),
        pytest.param(b"\xff" * 8 + b"{" + bytes(MIB), id="safetensors of a huge header"),
    ],
)
def test_all_else_is_cut_by_its_content(blob: bytes) -> None:
    assert find(blob) == []


@pytest.mark.parametrize(
    "offsets",
    [
        [[0, 100_000], [50_000, 150_000]],
        [[0, 100_000], [0, 100_000]],
        [[-100_000, 100_000]],
        [[0, 1 << 62]],
        [[0, 1 << 80]],
        [[0, 100_000, 200_000]],
        [[0.5, 100_000]],
        ["0", [0, 100_000]],
    ],
)
def test_safetensors_with_odd_offsets_are_cut_by_their_content(offsets: object) -> None:
    assert isinstance(offsets, list)
    header = json.dumps({str(n): {"data_offsets": pair} for n, pair in enumerate(offsets)}).encode()
    assert find(struct.pack("<Q", len(header)) + header + bytes(MIB)) == []


def test_a_header_nested_without_end_is_refused() -> None:
    header = b'{"a":' * 100_000 + b"{}" + b"}" * 100_000
    assert find(struct.pack("<Q", len(header)) + header + bytes(MIB)) == []


def test_python_objects_in_an_npy_are_no_tensor() -> None:
    file = io.BytesIO()
    np.save(file, np.array(["text" * 10, None] * 30_000, dtype=object))
    assert find(file.getvalue()) == []


def test_a_pipe_is_cut_by_its_content() -> None:
    assert find_tensors(Pipe(make_safetensors(TENSORS))) == []


@given(st.data())
def test_a_damaged_container_never_fails_and_never_leaves_the_file(data: st.DataObject) -> None:
    make = data.draw(st.sampled_from([make_safetensors, make_npy, make_npz, make_pt]))
    blob = bytearray(make(TENSORS[3:]))
    edges = (*range(600), *range(len(blob) - 900, len(blob)))  # headers and directories
    for place in data.draw(st.lists(st.sampled_from(edges), min_size=1, max_size=4)):
        blob[place] = data.draw(st.integers(0, 255))
    assert all(0 <= start < end <= len(blob) for start, end in find(bytes(blob)))
    assert b"".join(cut_blob(bytes(blob))) == blob


@given(st.binary(max_size=300), st.sampled_from([b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\x50\0\0\0\0\0\0\0{"]))
def test_any_bytes_behind_a_magic_are_taken(tail: bytes, magic: bytes) -> None:
    assert b"".join(cut_blob(magic + tail)) == magic + tail


def test_a_large_checkpoint_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npy"
    with path.open("wb") as file:
        file.write(make_npy([b""])[:128])
        file.truncate(200 * MIB)
    tracemalloc.start()
    with path.open("rb") as stream:
        assert sum(len(chunk) for chunk in cut(stream, find_tensors(stream))) == 200 * MIB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MIB
