from __future__ import annotations

import math
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest, RunId
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, RunState
from mlwf_tui.errors import Conflict, InvalidInput, NotFound

FINISHED = [state for state in RunState if state.is_finished]
RECIPE = Digest("c" * 64)


def test_a_run_comes_back_as_it_was(catalog: Catalog) -> None:
    run = catalog.runs.create(
        "train",
        params={"epochs": 3, "sizes": [1, 2], "nested": {"lr": 0.1}},
        seed=7,
        author="ada",
        workspace="lab",
        environment={"torch": "2.9"},
        recipe=RECIPE,
    )
    assert catalog.runs.get(run.id) == run
    assert run.params == {"epochs": 3, "sizes": [1, 2], "nested": {"lr": 0.1}}
    assert (run.seed, run.environment, run.recipe) == (7, {"torch": "2.9"}, RECIPE)
    assert (run.state, run.started_at) == (RunState.RUNNING, run.created_at)
    assert run.finished_at is None


def test_a_queued_run_starts_once(catalog: Catalog) -> None:
    run = catalog.runs.create(
        "train", params={}, seed=0, author="", workspace="lab", environment={}, state=RunState.QUEUED
    )
    assert run.started_at is None
    started = catalog.runs.start(run.id)
    assert started.state is RunState.RUNNING
    assert started.started_at is not None
    with pytest.raises(Conflict):
        catalog.runs.start(run.id)


def test_finish_keeps_result_error_and_hint(catalog: Catalog, make: Any) -> None:
    run = make.run()
    result = {"items_added": 2, "problems": [{"path": "a.jpg", "reason": "empty"}], "loss": math.inf}
    catalog.runs.finish(run.id, RunState.FAILED, result=result, error="It broke.", hint="Mend it.")
    finished = catalog.runs.get(run.id)
    assert finished.result == result
    assert (finished.error, finished.hint, finished.state) == ("It broke.", "Mend it.", RunState.FAILED)
    assert finished.finished_at is not None


def test_file_names_that_are_no_unicode_do_not_keep_a_run_from_finishing(catalog: Catalog, make: Any) -> None:
    run = make.run()
    odd = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    catalog.runs.finish(run.id, RunState.FAILED, result={"path": odd}, error=f"{odd} cannot be read.")
    finished = catalog.runs.get(run.id)
    assert finished.result == {"path": odd}
    assert finished.error == r"caf\udce9.jpg cannot be read."


@pytest.mark.parametrize("state", FINISHED)
def test_a_finished_run_is_immutable(catalog: Catalog, make: Any, state: RunState) -> None:
    run = make.run()
    folder = catalog.lineage.add_folder("/data")
    catalog.runs.finish(run.id, state, result={})
    finished = catalog.runs.get(run.id)
    changes = (
        lambda: catalog.runs.start(run.id),
        lambda: catalog.runs.mark(run.id, RunState.RUNNING, expected=list(RunState)),
        lambda: catalog.runs.finish(run.id, RunState.DONE, result={"again": 1}),
        lambda: catalog.runs.add_input(run.id, folder),
        lambda: catalog.runs.add_output(run.id, folder),
    )
    for change in changes:
        with pytest.raises(Conflict):
            change()
    assert catalog.runs.get(run.id) == finished


def test_mark_sets_only_from_an_expected_state(catalog: Catalog, make: Any) -> None:
    run = make.run()
    assert not catalog.runs.mark(run.id, RunState.LOST, expected={RunState.QUEUED})
    assert catalog.runs.get(run.id).state is RunState.RUNNING
    assert catalog.runs.mark(run.id, RunState.STOPPING, expected={RunState.QUEUED, RunState.RUNNING})
    assert catalog.runs.get(run.id).finished_at is None
    assert catalog.runs.mark(run.id, RunState.LOST, expected={RunState.STOPPING})
    lost = catalog.runs.get(run.id)
    assert lost.state is RunState.LOST
    assert lost.finished_at is not None


def test_inputs_and_outputs_keep_their_order_and_are_kept_once(catalog: Catalog, make: Any) -> None:
    run, project = make.run(), make.project()
    folder = catalog.lineage.add_folder("/data/cells")
    version = make.version(project)
    inputs = [folder, ArtifactRef(ArtifactKind.VERSION, version.id)]
    outputs = [ArtifactRef(ArtifactKind.PROJECT, project.head)]
    for _ in range(2):
        for ref in inputs:
            catalog.runs.add_input(run.id, ref)
        for ref in outputs:
            catalog.runs.add_output(run.id, ref)
    read = catalog.runs.get(run.id)
    assert [(ref.kind, ref.id, ref.title) for ref in read.inputs] == [
        ("folder", folder.id, "/data/cells"),
        ("version", version.id, "bccd@1"),
    ]
    assert [(ref.kind, ref.id, ref.title) for ref in read.outputs] == [("project", project.head, "bccd")]
    assert catalog.runs.list() == (read,)


def test_an_edge_to_nothing_is_refused(catalog: Catalog, make: Any) -> None:
    run = make.run()
    for kind in ArtifactKind:
        with pytest.raises(NotFound):
            catalog.runs.add_input(run.id, ArtifactRef(kind, "x"))
    with pytest.raises(NotFound):
        catalog.runs.add_input(RunId("x"), catalog.lineage.add_folder("/data"))
    assert catalog.runs.get(run.id).inputs == ()


def test_an_output_that_is_not_new_is_refused_so_no_cycle_forms(catalog: Catalog, make: Any) -> None:
    first, second = make.run(), make.run()
    read, made = catalog.lineage.add_folder("/read"), catalog.lineage.add_folder("/made", is_output=True)
    catalog.runs.add_input(first.id, read)
    catalog.runs.add_output(first.id, made)
    catalog.runs.add_input(second.id, made)
    for ref in (read, made):
        with pytest.raises(Conflict):
            catalog.runs.add_output(second.id, ref)


def test_find_by_recipe_returns_the_newest_run_that_is_done(catalog: Catalog) -> None:
    def run(state: RunState, recipe: Digest = RECIPE) -> RunId:
        made = catalog.runs.create(
            "transform", params={}, seed=0, author="", workspace="lab", environment={}, recipe=recipe
        )
        if state.is_finished:
            catalog.runs.finish(made.id, state, result={})
        return made.id

    assert catalog.runs.find_by_recipe(RECIPE) is None
    run(RunState.DONE)
    newest = run(RunState.DONE)
    run(RunState.FAILED)
    run(RunState.RUNNING)
    run(RunState.DONE, Digest("d" * 64))
    found = catalog.runs.find_by_recipe(RECIPE)
    assert found is not None
    assert found.id == newest


def test_list_is_newest_first_and_filters_before_it_limits(catalog: Catalog, make: Any) -> None:
    ids = [make.run(workspace="lab" if number % 2 else "default").id for number in range(6)]
    for number in (0, 1, 2):
        catalog.runs.finish(ids[number], RunState.DONE, result={})
    assert [run.id for run in catalog.runs.list()] == ids[::-1]
    assert [run.id for run in catalog.runs.list(limit=2)] == [ids[5], ids[4]]
    assert [run.id for run in catalog.runs.list(limit=None)] == ids[::-1]
    assert [run.id for run in catalog.runs.list(workspace="lab")] == [ids[5], ids[3], ids[1]]
    assert [run.id for run in catalog.runs.list(states={RunState.DONE}, limit=2)] == [ids[2], ids[1]]
    assert catalog.runs.list(states=()) == ()


def test_names_that_runs_of_a_verb_were_called_with_are_listed_alone(catalog: Catalog) -> None:
    for verb, call in (
        ("search", {"name": "cells-1"}), ("search", {"name": "it's"}), ("search", {"name": ""}),
        ("search", {}), ("train", {"name": "other"}),
    ):  # fmt: skip
        catalog.runs.create(
            verb, params={}, seed=0, author="", workspace="default", environment={}, call=call
        )
    assert catalog.runs.list_names("search") == {"cells-1", "it's"}


def test_listing_costs_the_same_for_any_number_of_runs(
    catalog: Catalog, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folder = catalog.lineage.add_folder("/data")

    def count_queries() -> int:
        caplog.clear()
        with caplog.at_level("DEBUG", "peewee"):
            assert catalog.runs.list()
        return len(caplog.records)

    catalog.runs.add_input(make.run().id, folder)
    before = count_queries()
    for _ in range(50):
        catalog.runs.add_input(make.run().id, folder)
    assert count_queries() == before
    assert all(run.inputs == (folder,) for run in catalog.runs.list())


def test_get_takes_a_unique_prefix(catalog: Catalog, make: Any) -> None:
    runs = [make.run() for _ in range(40)]
    assert catalog.runs.get(runs[0].id[:10]) == runs[0]
    shared = next(r.id[0] for r in runs if sum(other.id[0] == r.id[0] for other in runs) > 1)
    with pytest.raises(InvalidInput):
        catalog.runs.get(shared)
    for ref in ("", "nothing", "%", "*"):
        with pytest.raises(NotFound):
            catalog.runs.get(ref)


def test_a_number_that_is_too_large_is_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput):
        catalog.runs.create("train", params={}, seed=2**70, author="", workspace="w", environment={})
    assert catalog.runs.list() == ()


def test_what_is_said_of_a_result_besides_leaves_what_the_run_has_said_meanwhile(
    catalog: Catalog, make: Any
) -> None:
    run = make.run()
    catalog.runs.note_result(run.id, {"done": 1, "of": 9})
    catalog.runs.extend_result(run.id, {"stopped_with": "abc", "of": 8})
    assert catalog.runs.get(run.id).result == {"done": 1, "of": 8, "stopped_with": "abc"}
    catalog.runs.finish(run.id, RunState.STOPPED, result={})
    with pytest.raises(Conflict):
        catalog.runs.extend_result(run.id, {"more": 1})
