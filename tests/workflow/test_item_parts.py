"""A dataset of a version looked through alone, and items in another order than that of their names."""

from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.entities.annotation import Annotation, LabelSchema, define_classes
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workflow.content import count_datasets
from mlwf_tui.workflow.items import find_item_place, find_named_place, iter_matches, open_items, read_items
from mlwf_tui.workflow.ordering import NAME, ORDERS, sort_items
from mlwf_tui.workspace import Workspace
from tests.states import make_object

KEYS = ("a-b/9.jpg", "a/1.jpg", "a/2.jpg", "a/c/3.jpg", "a0/4.jpg", "b/5.jpg")


@pytest.fixture
def plates(workspace: Workspace) -> Workspace:
    """A project whose datasets are called alike; each item has one object more than the one before."""
    with workspace.store.writer() as writer:
        items = [_make_item(writer.put(b"image"), key, number) for number, key in enumerate(KEYS)]
        made = write_manifest(writer, LabelSchema(define_classes(("car", "dog"))), items)
    workspace.catalog.projects.create(
        "plates", workspace="default", manifest=made.digest, item_count=len(items)
    )
    return workspace


def _make_item(blob: Digest, key: str, number: int) -> Item:
    dataset, _, name = key.rpartition("/")
    objects = tuple(make_object(("car", "dog")[place % 2]) for place in range(number))
    return Item(
        dataset=dataset, name=name, blob=blob, size_bytes=10 - number, width_px=8 + number, height_px=8,
        split=Split.VAL if number % 2 else Split.TRAIN, annotation=Annotation(objects),
    )  # fmt: skip


def list_keys(workspace: Workspace, dataset: str) -> list[str]:
    source = open_items(workspace, "plates", dataset)
    return [item.key for item in read_items(workspace, source, source.places)]


def test_a_dataset_is_opened_with_those_below_it_and_no_other_of_a_like_name(plates: Workspace) -> None:
    assert list_keys(plates, "a") == ["a/1.jpg", "a/2.jpg", "a/c/3.jpg"]
    assert list_keys(plates, "a/c") == ["a/c/3.jpg"]
    assert list_keys(plates, "b") == ["b/5.jpg"]
    assert list_keys(plates, "nowhere") == []
    assert list_keys(plates, "") == list(KEYS)
    assert open_items(plates, "plates", "a").object_count is None


@pytest.mark.parametrize("query", ["val", "split == val"])
def test_of_a_dataset_only_its_own_items_are_looked_through(plates: Workspace, query: str) -> None:
    source = open_items(plates, "plates", "a")
    steps = list(iter_matches(plates, source, query))
    places = [place for _, found in steps for place in found]
    assert steps[-1][0] == 3
    assert [item.key for item in read_items(plates, source, places)] == ["a/1.jpg", "a/c/3.jpg"]


def test_in_a_dataset_a_name_alone_leads_to_the_item_and_never_out_of_it(plates: Workspace) -> None:
    source = open_items(plates, "plates", "a")
    keys = [KEYS[find_item_place(plates, source, text)] for text in ("2", "a/2", "", "zzz")]
    assert keys == ["a/2.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.jpg"]
    named = [find_named_place(plates, source, text, lambda: True) for text in ("2", "a/2", "3.jpg", "5.jpg")]
    assert [KEYS[place] if place is not None else "" for place in named] == [
        "a/2.jpg", "a/2.jpg", "a/c/3.jpg", "",
    ]  # fmt: skip


@pytest.mark.parametrize("by", [NAME, *ORDERS])
@pytest.mark.parametrize("places", [None, (0, 2, 5)])
def test_items_are_sorted_both_ways_and_alike_ones_stay_in_order(
    plates: Workspace, by: str, places: tuple[int, ...] | None
) -> None:
    source = open_items(plates, "plates")
    known: dict[str, list[Any]] = {
        NAME: list(range(6)), "size": [10, 9, 8, 7, 6, 5], "pixels": [64, 72, 80, 88, 96, 104],
        "objects": [0, 1, 2, 3, 4, 5], "classes": [0, 1, 2, 2, 2, 2],
        "split": ["train", "val", "train", "val", "train", "val"],
    }  # fmt: skip
    values = known[by]
    wanted = list(range(6) if places is None else places)
    for is_descending in (False, True):
        expected = sorted(wanted, key=values.__getitem__, reverse=is_descending)
        assert list(sort_items(plates, source, by, is_descending=is_descending, places=places)) == expected


def test_a_dataset_counts_what_lies_below_it(plates: Workspace) -> None:
    counts = count_datasets(plates, plates.catalog.projects.get("plates"))
    assert counts == {"a": 3, "a-b": 1, "a/c": 1, "a0": 1, "b": 1}
