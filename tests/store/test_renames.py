"""Comparing two manifests with renames: what is paired, in which order, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.store.renames import iter_renamed_changes
from mlwf_tui.store.store import Store
from tests.states import make_plain_item

keys = st.sampled_from([f"{dataset}/{name}" for dataset in "abc" for name in "123456"])
states = st.dictionaries(keys, st.sampled_from("pqr"), max_size=10)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("renames") / "store") as opened:
        yield opened


def write(store: Store, items: list[Item]) -> Digest:
    with store.writer() as writer:
        return write_manifest(writer, LabelSchema(), items).digest


def compare(store: Store, before: dict[str, str], after: dict[str, str]) -> list[ItemChange]:
    """Compare states that are given as keys with their pixels."""
    manifests = [
        write(store, [make_plain_item(key, pixels=pixels) for key, pixels in state.items()])
        for state in (before, after)
    ]
    return list(iter_renamed_changes(store, *manifests))


def name(changes: list[ItemChange]) -> list[str]:
    return [" ".join(filter(None, (c.kind, c.renamed_from, c.key))) for c in changes]


def test_the_same_pixels_under_another_key_are_a_renamed_item(store: Store) -> None:
    found = compare(store, {"a/1": "p", "a/2": "q", "b/1": "r"}, {"a/9": "p", "a/2": "q", "c/1": "s"})
    assert name(found) == ["renamed a/1 a/9", "removed b/1", "added c/1"]


def test_of_copies_the_same_name_comes_first_then_the_same_dataset_then_key_order(store: Store) -> None:
    before = dict.fromkeys(("a/1", "a/2", "b/3", "b/4"), "p")
    after = dict.fromkeys(("c/4", "b/9", "d/5", "d/6", "d/7"), "p")
    assert name(compare(store, before, after)) == [
        "renamed b/3 b/9", "renamed b/4 c/4", "renamed a/1 d/5", "renamed a/2 d/6", "added d/7"
    ]  # fmt: skip


def test_a_renamed_item_may_differ_in_more_than_its_key(store: Store) -> None:
    old = make_plain_item("a/1", pixels="p")
    new = replace(old, name="2", split=Split.VAL)
    (found,) = iter_renamed_changes(store, write(store, [old]), write(store, [new]))
    assert (found.kind, found.key, found.before, found.after) == (ChangeKind.RENAMED, "a/2", old, new)
    assert found.detail == "split train → val"


def test_exchanged_names_are_two_items_with_other_pixels(store: Store) -> None:
    found = compare(store, {"a/1": "p", "a/2": "q"}, {"a/1": "q", "a/2": "p"})
    assert name(found) == ["changed a/1", "changed a/2"]


@given(states, states)
def test_applying_the_changes_to_before_gives_after(
    store: Store, before: dict[str, str], after: dict[str, str]
) -> None:
    state = {key: make_plain_item(key, pixels=pixels) for key, pixels in before.items()}
    found = compare(store, before, after)
    for change in found:
        if change.before is not None:
            assert state.pop(change.before.key) == change.before
    for change in found:
        if change.after is not None:
            assert change.key not in state
            state[change.key] = change.after
    assert state == {key: make_plain_item(key, pixels=pixels) for key, pixels in after.items()}
    assert [change.key for change in found] == sorted(change.key for change in found)


@given(states, states)
def test_no_removed_item_has_the_pixels_of_an_added_one(
    store: Store, before: dict[str, str], after: dict[str, str]
) -> None:
    found = compare(store, before, after)
    removed = {change.before.blob for change in found if change.before and not change.after}
    assert not removed & {change.after.blob for change in found if change.after and not change.before}


@given(states)
def test_a_state_does_not_differ_from_itself(store: Store, state: dict[str, str]) -> None:
    assert compare(store, state, state) == []


def test_of_copies_the_one_with_the_same_annotation_is_the_renamed_one(store: Store) -> None:
    old = make_plain_item("a/9", pixels="p")
    bare, same = replace(old, name="1", split=Split.VAL), replace(old, name="2")
    found = list(iter_renamed_changes(store, write(store, [old]), write(store, [bare, same])))
    assert name(found) == ["added a/1", "renamed a/9 a/2"]
