from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import Conflict, NotFound


def manifest_of(catalog: Catalog, project: Any) -> Digest:
    return catalog.projects.get_by_id(project.id).manifest


def test_undo_and_redo_make_new_states_with_former_manifests(catalog: Catalog, make: Any) -> None:
    project = make.project()
    run = make.run("undo")
    make.move(project, "m1", verb="import", item_count=7)
    imported = catalog.projects.get("bccd")

    undone = catalog.projects.undo_head(project.id, run_id=run.id)
    assert (undone.verb, undone.left) == ("import", imported.head)
    assert undone.state.id not in (project.head, imported.head)
    assert (undone.state.manifest, undone.state.item_count) == (project.manifest, 0)
    assert undone.state.run_id == run.id
    assert undone.project == catalog.projects.get("bccd")
    assert undone.project.head == undone.state.id

    redone = catalog.projects.redo_head(project.id, run_id=None)
    assert (redone.verb, redone.left) == ("import", undone.state.id)
    assert redone.state.id not in (project.head, imported.head, undone.state.id)
    assert (redone.state.manifest, redone.state.item_count) == (imported.manifest, 7)


def test_undos_and_redos_are_not_undone_themselves(catalog: Catalog, make: Any) -> None:
    project = make.project()
    for manifest in ("m1", "m2", "m3"):
        make.move(project, manifest, verb=manifest)
    undo, redo = catalog.projects.undo_head, catalog.projects.redo_head
    assert [undo(project.id, run_id=None).verb for _ in range(3)] == ["m3", "m2", "m1"]
    with pytest.raises(NotFound):
        undo(project.id, run_id=None)
    assert [redo(project.id, run_id=None).verb for _ in range(2)] == ["m1", "m2"]
    assert undo(project.id, run_id=None).verb == "m2"


def test_a_new_move_discards_the_redo_list_of_its_project_only(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    for project in (one, other):
        make.move(project, "m1")
        catalog.projects.undo_head(project.id, run_id=None)
    make.move(one, "m2")
    with pytest.raises(NotFound):
        catalog.projects.redo_head(one.id, run_id=None)
    assert catalog.projects.redo_head(other.id, run_id=None).project.id == other.id


def test_without_a_project_the_newest_move_of_any_is_undone(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    make.move(one, "m1")
    make.move(other, "m2")
    make.move(one, "m3")
    undone = [catalog.projects.undo_head(None, run_id=None).project.name for _ in range(3)]
    assert undone == ["one", "other", "one"]
    redone = [catalog.projects.redo_head(None, run_id=None).project.name for _ in range(3)]
    assert redone == ["one", "other", "one"]


def test_moves_of_deleted_projects_are_passed_over(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    make.move(one, "m1")
    make.move(other, "m2")
    catalog.projects.delete(other.id)
    assert catalog.projects.undo_head(None, run_id=None).project.id == one.id
    with pytest.raises(NotFound):
        catalog.projects.undo_head(None, run_id=None)
    with pytest.raises(NotFound):
        catalog.projects.undo_head(other.id, run_id=None)


def test_undo_costs_the_same_after_many_moves(
    catalog: Catalog, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project = make.project()

    def count_queries() -> int:
        make.move(project, "m")
        caplog.clear()
        with caplog.at_level("DEBUG", "peewee"):
            catalog.projects.undo_head(None, run_id=None)
        return len(caplog.records)

    before = count_queries()
    for _ in range(200):
        make.move(project, "m")
    assert count_queries() == before


Step = tuple[str, int | None]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 1)),
        st.tuples(st.sampled_from(["undo", "redo"]), st.sampled_from([None, 0, 1])),
    ),
    max_size=20,
)


class ModelOfHeads:
    """What a person expects: two lists of things done and undone, over all projects."""

    def __init__(self) -> None:
        self.heads = ["p0", "p1"]
        self.done: list[tuple[int, str, str]] = []
        self.undone: list[tuple[int, str, str]] = []

    def move(self, project: int, manifest: str) -> None:
        self.undone = [move for move in self.undone if move[0] != project]
        self.done.append((project, self.heads[project], manifest))
        self.heads[project] = manifest

    def undo(self, project: int | None) -> bool:
        return self._shift(self.done, self.undone, project, to=1)

    def redo(self, project: int | None) -> bool:
        return self._shift(self.undone, self.done, project, to=2)

    def _shift(
        self,
        source: list[tuple[int, str, str]],
        target: list[tuple[int, str, str]],
        project: int | None,
        *,
        to: int,
    ) -> bool:
        fitting = [move for move in source if project in (None, move[0])]
        if not fitting:
            return False
        move = fitting[-1]
        position = len(source) - 1 - source[::-1].index(move)
        target.append(source.pop(position))
        self.heads[move[0]] = str(move[to])
        return True


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_any_sequence_does_what_two_lists_would_do(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    expected = ModelOfHeads()
    with Catalog(tmp_path_factory.mktemp("heads") / "catalog.sqlite") as catalog:
        projects = catalog.projects
        ids = [
            projects.create(name, workspace="default", manifest=Digest(name), item_count=0).id
            for name in ("p0", "p1")
        ]
        states = {projects.get_by_id(id).head for id in ids}
        for number, (verb, which) in enumerate(steps):
            subject = None if which is None else ids[which]
            if verb == "move":
                assert which is not None
                expected.move(which, f"m{number}")
                head = projects.get_by_id(ids[which]).head
                state = projects.move_head(
                    ids[which],
                    expected=head,
                    manifest=Digest(f"m{number}"),
                    item_count=number,
                    run_id=None,
                    verb="import",
                )
            elif (expected.undo if verb == "undo" else expected.redo)(which):
                turn = projects.undo_head if verb == "undo" else projects.redo_head
                state = turn(subject, run_id=None).state
            else:
                with pytest.raises(NotFound):
                    (projects.undo_head if verb == "undo" else projects.redo_head)(subject, run_id=None)
                continue
            assert state.id not in states
            states.add(state.id)
            assert [manifest_of(catalog, projects.get_by_id(id)) for id in ids] == expected.heads


def test_what_is_next_to_undo_or_redo_is_told_and_is_what_a_turn_means(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    make.move(one, "m1", verb="import", item_count=3)
    make.move(other, "m2", verb="sync", item_count=5)
    projects = catalog.projects
    seen = projects.get_next_undo()
    assert (seen.project.id, seen.verb, seen.project.item_count, seen.item_count) == (other.id, "sync", 5, 0)
    make.move(one, "m3")  # of another project: that it is the newest now changes nothing for this one
    run = make.run("undo")
    assert projects.undo_head(other.id, run_id=run.id, turn=seen.turn).verb == "sync"
    again = projects.get_next_redo()
    assert (again.project.id, again.item_count, again.run_id) == (other.id, 5, run.id)
    projects.redo_head(None, run_id=None)
    for move_head, turn in ((projects.undo_head, seen.turn), (projects.redo_head, again.turn)):
        with pytest.raises(Conflict):
            move_head(other.id, run_id=None, turn=turn)
    assert projects.get_by_id(other.id).item_count == 5
