"""Merging projects: what a person sees of it, and the whole of it against plain dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema, define_classes
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items, read_summary, update_manifest, write_manifest
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.combine import combine
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.merge import TakenBack, merge, plan_merge
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.undo import redo, undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.states import SCHEMA, make_object, make_plain_item, set_state

A, B, C = (make_plain_item(f"main/{name}.jpg", make_object("car", 0)) for name in "abc")
DOG = make_object("dog", 100)


def read_items(workspace: Workspace, ref: str) -> dict[str, Item]:
    manifest = workspace.catalog.projects.get(ref).manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


@pytest.fixture
def branched(workspace: Workspace) -> Workspace:
    """`main` holds a, b and c as main@1, and `side` is a copy of it."""
    set_state(workspace, "main", [A, B, C])
    copy(workspace, "main", "side")
    return workspace


def test_changes_of_both_sides_come_together_as_a_version_with_two_parents(branched: Workspace) -> None:
    with_dog = replace(B, annotation=replace(B.annotation, objects=(*B.annotation.objects, DOG)))
    added = make_plain_item("main/d.jpg")
    set_state(branched, "main", [replace(A, split=Split.VAL), B])
    set_state(branched, "side", [A, with_dog, C, added])
    result = merge(branched, "main", "side")
    assert (result.version, result.created, result.conflicts) == (3, True, ())
    assert (result.items_added, result.items_removed, result.items_changed) == (1, 0, 1)
    assert read_items(branched, "main") == {
        item.key: item for item in (replace(A, split=Split.VAL), with_dog, added)
    }
    merged, ours = list_versions(branched, "main")[:2]
    theirs = list_versions(branched, "side")[0]
    assert (merged.kind, merged.message) == (VersionKind.MERGED, "merge of side@2")
    assert merged.parents == (ours.id, theirs.id)
    assert merged.item_count == 3
    edges = {(edge.source, edge.target) for edge in read_graph(branched).edges}
    assert {(f"version:{v.id}", f"run:{result.run}") for v in (ours, theirs)} <= edges
    assert (f"run:{result.run}", f"version:{merged.id}") in edges


def test_the_manifest_is_the_one_that_its_items_make(branched: Workspace) -> None:
    set_state(branched, "main", [A, B])
    set_state(branched, "side", [A, B, C, make_plain_item("main/d.jpg", DOG)])
    merge(branched, "main", "side")
    project = branched.catalog.projects.get("main")
    with branched.store.writer() as writer:
        again = write_manifest(writer, SCHEMA, read_items(branched, "main").values())
    assert again == read_summary(branched.store, project.manifest)
    assert not project.is_changed


def test_where_ours_has_not_changed_the_result_is_theirs(branched: Workspace) -> None:
    set_state(branched, "side", [A, make_plain_item("main/d.jpg")])
    plan = plan_merge(branched, "main", "side")
    assert (plan.base, plan.is_fast_forward, plan.is_merged_already) == ("main@1", True, False)
    assert [(change.kind, change.key) for change in plan.changes] == [
        (ChangeKind.REMOVED, "main/b.jpg"),
        (ChangeKind.REMOVED, "main/c.jpg"),
        (ChangeKind.ADDED, "main/d.jpg"),
    ]
    merge(branched, "main", "side")
    projects = branched.catalog.projects
    assert projects.get("main").manifest == projects.get("side").manifest
    assert list_versions(branched, "main")[0].kind is VersionKind.MERGED


def test_what_was_merged_already_makes_nothing(branched: Workspace) -> None:
    for ref in ("side", "side@1", "main@1", "main"):
        assert plan_merge(branched, "main", ref).is_merged_already
        result = merge(branched, "main", ref)
        assert (result.version, result.created) == (1, False)
    assert {run.verb for run in list_runs(branched)} == {"commit", "copy"}


def test_a_second_merge_brings_only_what_is_new_since_the_first(branched: Workspace) -> None:
    set_state(branched, "side", [replace(A, split=Split.VAL), B, C])
    merge(branched, "main", "side")
    set_state(branched, "main", [replace(A, split=Split.TEST), B, C])
    set_state(branched, "side", [replace(A, split=Split.VAL), B])
    plan = plan_merge(branched, "main", "side")
    assert (plan.base, plan.conflicts) == ("side@2", ())
    merge(branched, "main", "side")
    assert read_items(branched, "main")[A.key].split is Split.TEST
    merge(branched, "side", "main")
    projects = branched.catalog.projects
    assert projects.get("main").manifest == projects.get("side").manifest


def test_conflicts_are_all_told_and_nothing_is_changed(branched: Workspace) -> None:
    set_state(branched, "main", [replace(A, split=Split.VAL), B])
    set_state(branched, "side", [replace(A, split=Split.TEST), B, replace(C, split=Split.VAL)])
    before = branched.catalog.journal.latest()
    plan = plan_merge(branched, "main", "side")
    result = merge(branched, "main", "side")
    assert (result.version, result.created) == (None, False)
    assert result.conflicts == plan.conflicts
    assert [(c.key, c.what, c.ours, c.theirs) for c in plan.conflicts] == [
        ("main/a.jpg#split", "split", "val", "test"),
        ("main/c.jpg", "item", "removed", "split train → val"),
    ]
    assert branched.catalog.journal.latest() == before


@pytest.mark.parametrize(
    ("choices", "policy", "expected"),
    [
        ({"main/a.jpg": Side.THEIRS, "main/c.jpg": Side.THEIRS}, "fail", {"a": Split.TEST, "c": Split.VAL}),
        ({"main/a.jpg#split": Side.THEIRS}, "ours", {"a": Split.TEST}),
        ({"main/a.jpg": Side.OURS}, "theirs", {"a": Split.VAL, "c": Split.VAL}),
        ({}, "ours", {"a": Split.VAL}),
    ],
)
def test_conflicts_are_settled_by_choice_then_by_policy(
    branched: Workspace, choices: Mapping[str, Side], policy: str, expected: Mapping[str, Split]
) -> None:
    set_state(branched, "main", [replace(A, split=Split.VAL), B])
    set_state(branched, "side", [replace(A, split=Split.TEST), B, replace(C, split=Split.VAL)])
    assert merge(branched, "main", "side", choices=choices, policy=policy).version == 3  # type: ignore[arg-type]
    found = {key[5]: item.split for key, item in read_items(branched, "main").items() if key != B.key}
    assert found == expected


def test_a_choice_for_no_conflict_is_refused(branched: Workspace) -> None:
    set_state(branched, "side", [A, B])
    with pytest.raises(InvalidParameter, match=r"main/z\.jpg"):
        merge(branched, "main", "side", choices={"main/z.jpg": Side.OURS})


def test_strangers_are_merged_only_when_that_is_meant(workspace: Workspace) -> None:
    other = replace(B, split=Split.VAL)
    set_state(workspace, "main", [A, B])
    set_state(workspace, "strange", [other, C])
    with pytest.raises(Conflict, match="no common version") as caught:
        merge(workspace, "main", "strange")
    assert "--unrelated" in caught.value.hint
    assert [c.key for c in plan_merge(workspace, "main", "strange", is_unrelated=True).conflicts] == [
        "main/b.jpg#split"
    ]
    merge(workspace, "main", "strange", is_unrelated=True, policy="theirs")
    assert read_items(workspace, "main") == {item.key: item for item in (A, other, C)}
    assert plan_merge(workspace, "strange", "main").base == "strange@1"  # from now on they have one


def test_what_is_not_there_cannot_be_merged(branched: Workspace) -> None:
    for project, ref in (("main", "ghost"), ("ghost", "main"), ("main", "side@7"), ("main", "side@gold")):
        with pytest.raises(NotFound):
            merge(branched, project, ref)


def test_a_merge_can_be_undone(branched: Workspace) -> None:
    set_state(branched, "side", [A])
    merge(branched, "main", "side")
    assert undo(branched, "main").verb == "merge"
    assert len(read_items(branched, "main")) == 3


def test_a_merge_that_was_undone_can_be_done_again(branched: Workspace) -> None:
    new = make_plain_item("main/d.jpg")
    set_state(branched, "side", [A, B, C, new])
    merge(branched, "main", "side")
    undo(branched, "main")
    assert plan_merge(branched, "main", "side").base == "main@1"
    assert merge(branched, "main", "side").items_added == 1
    assert read_items(branched, "main").keys() == {A.key, B.key, C.key, new.key}


def test_what_an_undone_merge_brought_comes_with_the_next_one(branched: Workspace) -> None:
    first, own, second = (make_plain_item(f"main/{name}.jpg") for name in "deo")
    set_state(branched, "side", [A, B, C, first])
    merge(branched, "main", "side")
    undo(branched, "main")
    set_state(branched, "main", [A, B, C, own])
    commit(branched, "main", message="something else")
    assert list_versions(branched, "main")[0].parents == (list_versions(branched, "main")[2].id,)
    set_state(branched, "side", [A, B, C, first, second])
    merge(branched, "main", "side")
    assert read_items(branched, "main").keys() == {item.key for item in (A, B, C, first, own, second)}


def test_a_merge_that_was_undone_and_redone_is_done(branched: Workspace) -> None:
    set_state(branched, "side", [A])
    merge(branched, "main", "side")
    undo(branched, "main")
    redo(branched, "main")
    assert plan_merge(branched, "main", "side").is_merged_already


def test_undoing_a_restore_and_the_merge_before_it_leaves_neither(branched: Workspace) -> None:
    set_state(branched, "side", [A])
    merge(branched, "main", "side")
    restore(branched, "main@1")
    for _ in range(2):
        undo(branched, "main")
    assert plan_merge(branched, "main", "side").base == "main@1"


def test_a_copy_whose_moves_are_forgotten_goes_on_from_where_it_stands(branched: Workspace) -> None:
    set_state(branched, "side", [replace(A, split=Split.TEST), B, C])
    undo(branched, "side")
    commit(branched, "side", message="as it was copied")
    set_state(branched, "side", [replace(A, split=Split.VAL), B, C])
    commit(branched, "side", message="val")
    former = list_versions(branched, "side")[0]
    copy(branched, f"side@{former.number}", "other")
    branched.catalog.projects.forget_moves(former.project_id)
    set_state(branched, "side", [A, B, C])
    commit(branched, "side", message="train again")
    assert list_versions(branched, "side")[0].parents == (former.id,)
    set_state(branched, "other", [replace(A, split=Split.VAL), B])
    merge(branched, "side", "other")
    assert read_items(branched, "side") == {A.key: A, B.key: B}


def test_what_was_undone_before_the_moves_were_forgotten_is_not_gone_on_from(branched: Workspace) -> None:
    set_state(branched, "side", [A])
    commit(branched, "side", message="too little")
    undo(branched, "side")
    set_state(branched, "side", [A, B])
    side = branched.catalog.projects.get("side")
    branched.catalog.projects.forget_moves(side.id)
    commit(branched, "side", message="enough")
    newest, _, first = list_versions(branched, "side")
    assert newest.parents == (first.id,)


def test_a_merge_that_a_restore_took_back_says_how_it_comes_again(branched: Workspace) -> None:
    set_state(branched, "side", [A])
    merge(branched, "main", "side")
    restore(branched, "main@1")
    result = merge(branched, "main", "side")
    assert (result.created, result.taken_back) == (False, TakenBack(by="main@3", held_by="main@2"))
    assert plan_merge(branched, "main", "side").held == (
        "main took in side already, and main@3 was restored from before that:"
        " mlwf restore main@2 brings it back"
    )
    restore(branched, "main@2")
    assert plan_merge(branched, "main", "side").held == "main holds side already"
    assert read_items(branched, "main").keys() == {A.key}


def test_an_older_version_of_the_same_project_is_part_of_it(branched: Workspace) -> None:
    set_state(branched, "main", [A])
    commit(branched, "main", message="less")
    restore(branched, "main@1")
    assert plan_merge(branched, "main", "main@2").is_merged_already


def test_an_item_renamed_here_takes_what_was_changed_there(branched: Workspace) -> None:
    renamed = replace(A, name="z.jpg")
    changed = replace(A, split=Split.VAL)
    set_state(branched, "main", [renamed, B, C])
    set_state(branched, "side", [changed, B, C])
    assert plan_merge(branched, "main", "side").conflicts == ()
    merge(branched, "main", "side")
    assert read_items(branched, "main").keys() == {"main/z.jpg", B.key, C.key}
    assert read_items(branched, "main")["main/z.jpg"] == replace(changed, name="z.jpg")
    merge(branched, "side", "main")
    assert read_items(branched, "side") == read_items(branched, "main")


@pytest.mark.parametrize("policy", ["ours", "theirs"])
def test_of_a_renamed_and_a_new_item_under_one_key_the_renamed_is_never_lost(
    branched: Workspace, policy: Literal["ours", "theirs"]
) -> None:
    renamed, new = replace(A, name="z.jpg"), make_plain_item("main/z.jpg")
    set_state(branched, "main", [renamed, B, C])
    set_state(branched, "side", [replace(A, split=Split.VAL), B, C, new])
    (conflict,) = plan_merge(branched, "main", "side").conflicts
    assert (conflict.key, conflict.what) == ("main/z.jpg", "item")
    assert conflict.ours == "renamed from main/a.jpg; the new one goes"
    assert conflict.theirs.startswith("added, ")
    assert conflict.theirs.endswith("; main/a.jpg keeps its name")
    merge(branched, "main", "side", policy=policy)
    changed = replace(A, split=Split.VAL)
    both = [replace(changed, name="z.jpg")] if policy == "ours" else [changed, new]
    assert read_items(branched, "main") == {item.key: item for item in (*both, B, C)}


@pytest.mark.parametrize("side", Side)
def test_of_two_items_renamed_to_one_key_the_other_keeps_its_name(branched: Workspace, side: Side) -> None:
    set_state(branched, "main", [replace(A, name="same.jpg"), B, C])
    set_state(branched, "side", [A, replace(B, name="same.jpg", split=Split.VAL), C])
    (conflict,) = merge(branched, "main", "side").conflicts
    assert conflict.key == "main/same.jpg"
    assert conflict.ours == "renamed from main/a.jpg; main/b.jpg keeps its name"
    assert conflict.theirs == "renamed from main/b.jpg; main/a.jpg keeps its name"
    result = merge(branched, "main", "side", choices={"main/same.jpg": side})
    changed = replace(B, split=Split.VAL)
    both = (
        (replace(A, name="same.jpg"), changed)
        if side is Side.OURS
        else (A, replace(changed, name="same.jpg"))
    )
    assert read_items(branched, "main") == {item.key: item for item in (*both, C)}
    assert (result.items_added, result.items_removed) == (0, 0)


def move(item: Item, name: str) -> Item:
    return replace(item, name=name)


def draw(item: Item, *objects: AnnotatedObject) -> Item:
    return replace(item, annotation=replace(item.annotation, objects=(*item.annotation.objects, *objects)))


def by_key(*items: Item) -> dict[str, Item]:
    return {item.key: item for item in items}


def test_where_names_were_exchanged_an_object_follows_its_image(branched: Workspace) -> None:
    set_state(branched, "main", [move(B, "a.jpg"), move(A, "b.jpg"), C])
    set_state(branched, "side", [draw(A, DOG), B, C])
    copy(branched, "main", "swapped")
    merge(branched, "main", "side")
    merge(branched, "side", "swapped")
    assert read_items(branched, "main") == by_key(move(B, "a.jpg"), move(draw(A, DOG), "b.jpg"), C)
    assert read_items(branched, "side") == read_items(branched, "main")


def test_what_was_drawn_while_names_were_counted_anew_follows_its_image(branched: Workspace) -> None:
    set_state(branched, "main", [move(B, "a.jpg"), move(C, "b.jpg")])
    set_state(branched, "side", [A, draw(B, DOG), C])
    copy(branched, "main", "renumbered")
    assert merge(branched, "main", "side").conflicts == ()
    merge(branched, "side", "renumbered")
    assert read_items(branched, "main") == by_key(move(draw(B, DOG), "a.jpg"), move(C, "b.jpg"))
    assert read_items(branched, "side") == read_items(branched, "main")


def test_what_was_drawn_while_a_new_image_was_put_before_follows_its_image(branched: Workspace) -> None:
    first = make_plain_item("main/a.jpg", pixels="new")
    set_state(branched, "main", [first, move(A, "b.jpg"), move(B, "c.jpg"), move(C, "d.jpg")])
    set_state(branched, "side", [draw(A, DOG), B, C])
    merge(branched, "main", "side")
    expected = by_key(first, move(draw(A, DOG), "b.jpg"), move(B, "c.jpg"), move(C, "d.jpg"))
    assert read_items(branched, "main") == expected


def test_an_item_that_another_image_came_over_is_in_conflict_with_what_was_drawn(branched: Workspace) -> None:
    set_state(branched, "main", [move(B, "a.jpg"), move(C, "b.jpg")])
    set_state(branched, "side", [draw(A, DOG), B, C])
    (conflict,) = merge(branched, "main", "side").conflicts
    assert (conflict.key, conflict.ours, conflict.theirs) == (A.key, "removed", "added dog")
    merge(branched, "main", "side", choices={A.key: Side.THEIRS})
    assert read_items(branched, "main") == by_key(draw(A, DOG), B, C)


def test_an_image_that_stands_twice_now_gets_no_object_of_what_it_came_over(branched: Workspace) -> None:
    set_state(branched, "main", [move(B, "a.jpg"), move(B, "x.jpg"), C])
    set_state(branched, "side", [draw(A, DOG), B, C])
    assert [conflict.key for conflict in merge(branched, "main", "side").conflicts] == [A.key]


def test_new_pixels_of_an_item_keep_what_was_drawn_on_it(branched: Workspace) -> None:
    edited = replace(A, blob=make_plain_item("main/a.jpg", pixels="edited").blob)
    set_state(branched, "main", [edited, move(C, "b.jpg")])
    set_state(branched, "side", [draw(A, DOG), B, C])
    merge(branched, "main", "side")
    assert read_items(branched, "main") == by_key(draw(edited, DOG), move(C, "b.jpg"))


def test_a_class_stays_where_the_other_side_has_come_to_use_it(branched: Workspace) -> None:
    dog = make_plain_item("main/d.jpg", DOG)
    set_state(branched, "main", [A, B, C, dog])
    set_state(branched, "side", [A, B], schema=LabelSchema(define_classes(("car",))))
    merge(branched, "main", "side")
    manifest = branched.catalog.projects.get("main").manifest
    assert set(read_summary(branched.store, manifest).schema.class_names) == {"car", "dog"}


def test_a_class_goes_with_its_last_object_though_the_other_side_changed_the_item(
    workspace: Workspace,
) -> None:
    both = make_plain_item("main/a.jpg", make_object("car", 0), DOG)
    set_state(workspace, "main", [both, B])
    copy(workspace, "main", "side")
    set_state(workspace, "main", [replace(both, split=Split.VAL), B])
    set_state(workspace, "side", [A, B], schema=LabelSchema(define_classes(("car",))))
    merge(workspace, "main", "side")
    assert read_items(workspace, "main")[A.key] == replace(A, split=Split.VAL)
    manifest = workspace.catalog.projects.get("main").manifest
    assert read_summary(workspace.store, manifest).schema.class_names == ("car",)


# --- against a dict ------------------------------------------------------------------------------

keys = st.sampled_from([f"main/{n}.jpg" for n in range(12)])
states = st.dictionaries(keys, st.sampled_from(list(Split)), max_size=12)


def write_state(store: Store, state: Mapping[str, Split]) -> Digest:
    with store.writer() as writer:
        items = (make_plain_item(key, split=split) for key, split in state.items())
        return write_manifest(writer, SCHEMA, items).digest


def merge_states(
    base: Mapping[str, Split], ours: Mapping[str, Split], theirs: Mapping[str, Split], side: Side
) -> tuple[dict[str, Split], set[str]]:
    merged, conflicts = {}, set()
    for key in {*base, *ours, *theirs}:
        before, mine, other = base.get(key), ours.get(key), theirs.get(key)
        value = other if mine in (before, other) else mine
        if mine not in (before, other) and other != before:
            conflicts.add(key)
            value = mine if side is Side.OURS else other
        if value is not None:
            merged[key] = value
    return merged, conflicts


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("merge") / "store")


@settings(max_examples=60, deadline=None)
@given(states, states, states, st.sampled_from(list(Side)))
def test_manifests_are_merged_as_dicts_are(
    store: Store, base: dict[str, Split], ours: dict[str, Split], theirs: dict[str, Split], side: Side
) -> None:
    found: set[str] = set()

    def decide(conflict: object) -> Side:
        found.add(conflict.item)  # type: ignore[attr-defined]
        return side

    digests = [write_state(store, state) for state in (base, ours, theirs)]
    combined = combine(store, digests[0], digests[1], digests[2], decide)
    expected, conflicts = merge_states(base, ours, theirs, side)
    assert found == conflicts
    with store.writer() as writer:
        made = update_manifest(store, writer, digests[1], schema=combined.schema, changes=combined.changes)
    assert made.digest == write_state(store, expected)


any_names = st.permutations(["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg"])


@settings(max_examples=100, deadline=None)
@given(any_names, any_names, st.sampled_from(list(Side)))
def test_however_names_go_round_objects_stay_on_their_images(
    store: Store, ours: list[str], theirs: list[str], side: Side
) -> None:
    before = [draw(item, make_object("dog", left)) for item, left in ((A, 20), (B, 30), (C, 40))]
    drawn = [draw(item, make_object("car", left)) for item, left in ((before[0], 1), (before[1], 2))]

    def write(items: Sequence[Item], names: Sequence[str]) -> Digest:
        moved = (move(item, name) for item, name in zip(items, names, strict=False))
        with store.writer() as writer:
            return write_manifest(writer, SCHEMA, sorted(moved, key=lambda item: item.key)).digest

    base = write(before, ["a.jpg", "b.jpg", "c.jpg"])
    mine, other = write([drawn[0], *before[1:]], ours), write([before[0], drawn[1], before[2]], theirs)
    combined = combine(store, base, mine, other, lambda _: side)
    with store.writer() as writer:
        made = update_manifest(store, writer, mine, schema=combined.schema, changes=combined.changes)
    merged = [(item.blob, item.annotation) for item in iter_items(store, made.digest)]
    assert sorted(merged) == sorted((item.blob, item.annotation) for item in (*drawn, before[2]))


new_names = st.permutations(["x.jpg", "y.jpg", "z.jpg", "", "", ""])  # the first three are taken


@settings(max_examples=60, deadline=None)
@given(new_names, new_names, st.sampled_from(list(Side)))
def test_however_items_are_renamed_none_is_lost(
    store: Store, ours: list[str], theirs: list[str], side: Side
) -> None:
    def write(names: Sequence[str]) -> Digest:
        renamed = (
            replace(item, name=name) if name else item for item, name in zip((A, B, C), names, strict=False)
        )
        with store.writer() as writer:
            items = sorted(renamed, key=lambda item: item.key)
            return write_manifest(writer, SCHEMA, items).digest

    base, mine, other = (write(names) for names in (("", "", ""), ours, theirs))
    combined = combine(store, base, mine, other, lambda _: side)
    with store.writer() as writer:
        made = update_manifest(store, writer, mine, schema=combined.schema, changes=combined.changes)
    assert {item.blob for item in iter_items(store, made.digest)} == {item.blob for item in (A, B, C)}


def test_the_work_of_a_merge_does_not_grow_with_the_project(tmp_path: Path) -> None:
    def count_reads(size: int) -> int:
        with Store(tmp_path / str(size)) as opened:
            state = {f"main/{n:06}.jpg": Split.TRAIN for n in range(size)}
            middle = f"main/{size // 2:06}.jpg"
            sides = [state, state | {"main/000000.jpg": Split.VAL}, state | {middle: Split.TEST}]
            digests = [write_state(opened, side) for side in sides]
            reads = 0
            read = opened.read

            def counting_read(digest: Digest) -> bytes:
                nonlocal reads
                reads += 1
                return read(digest)

            opened.read = counting_read  # type: ignore[method-assign]
            combined = combine(opened, digests[0], digests[1], digests[2], lambda _: Side.OURS)
            assert len(combined.items) == 1
            return reads

    assert count_reads(5_000) <= 2 * count_reads(500)
