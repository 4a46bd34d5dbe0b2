"""Many blobs read at once: each comes back whole, whatever lies between them, or its damage is named."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

import pytest
from blake3 import blake3

from mlwf_tui.errors import CorruptData, MlwfError
from mlwf_tui.store.format import RECORD_HEADER_BYTES, RecordKind
from mlwf_tui.store.spans import SpanReader
from mlwf_tui.store.store import Store
from tests.filling import flip

MIB = 1 << 20
TEXT = b'{"class": "car"}\n' * 20_000
SIZES = (0, 1, 80_000, 80_000, 300_000, MIB - 1, MIB, 3 * MIB, 70_000, 500)


def make_blobs() -> list[bytes]:
    draw = random.Random(3)
    return [draw.randbytes(size) for size in SIZES] + [TEXT]


def put(store: Store, *blobs: bytes) -> list[bytes]:
    with store.writer() as writer:
        return [bytes.fromhex(writer.put(blob)) for blob in blobs]


def read(store: Store, digests: Collection[bytes]) -> dict[bytes, bytes]:
    return {digest: bytes(blob) for digest, blob in SpanReader(store).iter_blobs(digests)}


def expect(blobs: Sequence[bytes]) -> dict[bytes, bytes]:
    return {blake3(blob).digest(): blob for blob in blobs}


@pytest.mark.parametrize("step", [1, 2, 3])
def test_blobs_come_back_whatever_lies_between_them(store: Store, step: int) -> None:
    blobs = make_blobs()
    wanted = put(store, *blobs)[::step]
    assert read(store, [*wanted, *wanted]) == expect(blobs[::step])


def test_blobs_of_several_packs_come_back_in_the_order_in_which_they_lie(store: Store) -> None:
    blobs = make_blobs()
    one, other = put(store, *blobs[:4]), put(store, *blobs[4:])
    shuffled = random.Random(1).sample([*one, *other], len(blobs))
    found = [digest for digest, _ in SpanReader(store).iter_blobs(shuffled)]
    places = [store.index.find(digest) for digest in found[:-1]]  # what lies in chunks comes last
    known = [(place[0], place[1].offset) for place in places if place]
    assert known == sorted(known)
    assert read(store, shuffled) == expect(blobs)


def test_a_blob_that_is_not_there_is_named(store: Store) -> None:
    digests = put(store, b"here")
    with pytest.raises(CorruptData):
        read(store, [*digests, bytes(32)])


@pytest.mark.parametrize("place", [0, 3, RECORD_HEADER_BYTES + 5])
@pytest.mark.parametrize("number", range(len(SIZES) + 1))
def test_a_flipped_bit_spoils_that_blob_alone(store: Store, number: int, place: int) -> None:
    blobs = make_blobs()
    digests = put(store, *blobs)
    (pack,) = store.packs_folder.iterdir()
    found = store.index.find(digests[number])
    assert found is not None
    if found[1].kind == RecordKind.BLOB and place >= RECORD_HEADER_BYTES + found[1].stored_size:
        return  # too short to be hit there
    flip(pack, found[1].offset + place)
    store.forget_packs([pack.stem])
    for other, digest in enumerate(digests):
        if other == number:
            with pytest.raises(CorruptData):
                read(store, [digest])
        else:
            assert read(store, [digest]) == {digest: blobs[other]}
    got: dict[bytes, bytes] = {}
    with pytest.raises(MlwfError):
        for digest, blob in SpanReader(store).iter_blobs(digests):
            got[digest] = bytes(blob)
    assert got.items() <= expect(blobs).items()


def test_a_pack_that_was_cut_off_is_no_end_of_what_is_before_the_cut(store: Store) -> None:
    blobs = make_blobs()[:5]
    digests = put(store, *blobs)
    (pack,) = store.packs_folder.iterdir()
    last = store.index.find(digests[-1])
    assert last is not None
    with pack.open("r+b") as file:
        file.truncate(last[1].offset + 100)
    assert read(store, digests[:-1]) == expect(blobs[:-1])
    with pytest.raises(CorruptData):
        read(store, digests)


def test_a_missing_pack_is_named(store: Store) -> None:
    digests = put(store, *make_blobs()[:5])
    (pack,) = store.packs_folder.iterdir()
    pack.unlink()
    with pytest.raises(CorruptData, match="missing"):
        read(store, digests)
