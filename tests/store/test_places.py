"""Items by their place in key order: the same as counting them off, and read as little as that takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema, Tag
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.store.places import find_place, iter_heads, iter_items_at
from mlwf_tui.store.store import Store

COUNT = 3000


def make_item(number: int) -> Item:
    box = AnnotatedObject("car" if number % 2 else "tree", Geometry.rectangle(1, 2, 10, 12))
    return Item(
        dataset="d836",  # whose keys begin nodes of three levels
        name=f"{number:05}.jpg",
        blob=Digest(f"{number:064x}"),
        size_bytes=100,
        width_px=640,
        height_px=480,
        split=list(Split)[number % 4],
        annotation=Annotation((box,) * (number % 3), (Tag("night"),) if number % 5 == 0 else ()),
    )


ITEMS = [make_item(number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Digest]]:
    folder: Path = tmp_path_factory.mktemp("places") / "store"
    with Store(folder) as store:
        with store.writer() as writer:
            summary = write_manifest(writer, LabelSchema(), ITEMS)
        yield store, summary.digest


@pytest.mark.parametrize("place", [0, 1, 31, 32, 33, 1000, 1531, 2999, 3000, 5000])
def test_items_are_read_from_any_place_on(shelf: tuple[Store, Digest], place: int) -> None:
    store, digest = shelf
    assert list(iter_items_at(store, digest, range(place, place + 70))) == ITEMS[place : place + 70]


@pytest.mark.parametrize("step", [1, 2, 7, 100, 1499])
def test_items_are_read_at_scattered_places(shelf: tuple[Store, Digest], step: int) -> None:
    store, digest = shelf
    assert list(iter_items_at(store, digest, tuple(range(3, COUNT, step)))) == ITEMS[3::step]


def test_no_places_give_no_items(shelf: tuple[Store, Digest]) -> None:
    assert list(iter_items_at(*shelf, ())) == []


@pytest.mark.parametrize("number", [0, 1, 40, 999, 1531, 2999])
def test_a_key_is_found_at_its_place(shelf: tuple[Store, Digest], number: int) -> None:
    assert find_place(*shelf, ITEMS[number].key) == number


def test_a_key_that_is_not_there_gives_the_place_of_the_next(shelf: tuple[Store, Digest]) -> None:
    assert find_place(*shelf, "") == 0
    assert find_place(*shelf, f"{ITEMS[1531].key}.bak") == 1532
    assert find_place(*shelf, "zzz") == COUNT


def test_an_item_far_behind_takes_a_handful_of_reads(
    shelf: tuple[Store, Digest], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, digest = shelf
    read = store.read
    seen: list[Digest] = []

    def count(blob: Digest) -> bytes:
        seen.append(blob)
        return read(blob)

    monkeypatch.setattr(Store, "read", lambda _, blob: count(blob))
    assert list(iter_items_at(store, digest, (2900,))) == [ITEMS[2900]]
    assert find_place(store, digest, ITEMS[2900].key) == 2900
    assert len(seen) < 14


def test_heads_say_what_names_an_item(shelf: tuple[Store, Digest]) -> None:
    heads = list(iter_heads(*shelf))
    assert [head.key for head in heads] == [item.key for item in ITEMS]
    assert [head.split for head in heads[:4]] == [split.value for split in Split]
    assert (heads[4].class_names, heads[5].class_names) == ({"tree"}, {"car"})
    assert heads[3].class_names == set()
    assert heads[5].tag_names == ["night"]


def test_an_empty_manifest_has_no_places(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        with store.writer() as writer:
            digest = write_manifest(writer, LabelSchema(), ()).digest
        assert list(iter_items_at(store, digest, range(9))) == []
        assert find_place(store, digest, "a") == 0
        with pytest.raises(CorruptData):
            list(iter_items_at(store, Digest("0" * 64), range(9)))
