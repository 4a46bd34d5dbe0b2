"""Pipelines that are run: real stores, real images, real processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.annotation import ClassDefinition, GeometryKind, LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.entities.pipeline import StepState
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, InvalidParameter, NotFound, Paused, PluginError
from mlwf_tui.formats.pipelines import read_pipeline
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import (
    PipelineResult,
    make_request,
    preview_pipeline,
    run_pipeline,
    submit_pipeline,
)
from mlwf_tui.workflow.pipelines.files import list_ready
from mlwf_tui.workflow.pipelines.planned_steps import add_planned_steps
from mlwf_tui.workflow.run import add_input, start_run
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workflow.trace import find_paths
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.acting import install_plugins
from tests.fakes.observers import KeepingObserver, PausingObserver, StoppingObserver
from tests.fakes.seeing import add_seer
from tests.making import make_voc
from tests.states import make_object, make_plain_item, set_state

CHAIN = """\
name: chain
sources: [cells]
steps:
  - {name: kept, operation: filter, params: {min_objects: 1}}
  - {name: drawn, operation: sample, params: {n: 3}}
  - {name: dealt, operation: split}
outputs: [{project: out}]
"""
FORK = """\
name: fork
sources: [cells]
steps:
  - {name: kept, operation: filter, params: {min_objects: 1}}
branches:
  few: [{operation: sample, params: {n: 3}, seed: 3}]
  renamed: [{operation: move, params: {ending: _r}}]
outputs:
  - {from: few, project: few}
  - {from: both, project: both, message: all of it}
"""
JOINED = FORK.replace("branches:\n", "branches:\n  both: [{operation: filter, from: [few, renamed, kept]}]\n")


def write(folder: Path, text: str, name: str = "p.yaml") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def run(
    workspace: Workspace, folder: Path, text: str, observer: KeepingObserver | None = None, **options: Any
) -> PipelineResult:
    request = make_request(workspace, write(folder, text), **options)
    return run_pipeline(workspace, request, observer=observer or KeepingObserver())


def states(result: PipelineResult) -> list[str]:
    return [step.state.value for step in result.points[0].steps]


def keys(workspace: Workspace, project: str) -> list[str]:
    manifest = workspace.catalog.projects.get(project).manifest
    return [item.key for item in iter_items(workspace.store, manifest)]


def manifest_of(workspace: Workspace, project: str) -> Digest:
    return workspace.catalog.projects.get(project).manifest


def test_steps_become_runs_and_only_the_output_a_project(imported: Workspace, tmp_path: Path) -> None:
    result = run(imported, tmp_path, CHAIN)
    assert states(result) == ["done", "done", "done"]
    assert [(step.items_in, step.items_out) for step in result.points[0].steps] == [(5, 4), (4, 3), (3, 3)]
    assert [(o.project, o.version, o.item_count, o.is_new) for o in result.points[0].outputs] == [
        ("out", 1, 3, True)
    ]
    assert [project.name for project in imported.catalog.projects.list()] == ["cells", "out"]
    verbs = [(found.verb, found.state) for found in list_runs(imported)]
    assert verbs == [
        ("transform", RunState.DONE), ("transform", RunState.DONE), ("transform", RunState.DONE),
        ("commit", RunState.DONE), ("pipeline", RunState.DONE), ("import", RunState.DONE),
    ]  # fmt: skip
    parts = imported.catalog.runs.list_parts(imported.catalog.runs.get(result.run).id)
    assert [part.params["step"] for part in parts] == ["dealt", "drawn", "kept"]


def test_lineage_leads_from_the_output_through_every_step_and_the_recipe_to_the_source(
    imported: Workspace, tmp_path: Path
) -> None:
    run(imported, tmp_path, CHAIN)
    graph = read_graph(imported, "out@1")
    kinds = [(node.kind, node.title) for node in graph.nodes]
    assert ("recipe", "chain") in kinds
    assert [title for kind, title in kinds if kind == "intermediate"] == ["kept", "drawn", "dealt"]
    assert {title for kind, title in kinds if kind == "version"} == {"cells@1", "out@1"}
    names = {node.id: node.title for node in graph.nodes}
    edges = {(names[edge.source], names[edge.target]) for edge in graph.edges}
    assert {("chain", "pipeline"), ("dealt", "pipeline"), ("pipeline", "out@1")} <= edges
    assert {("cells@1", "transform"), ("transform", "kept"), ("kept", "transform")} <= edges


class AfterStep(KeepingObserver):
    """Asks for a stop once a step has begun."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def check_cancelled(self) -> None:
        if self.steps and self._step in self.steps[-1][2]:
            raise Cancelled("The test asked for a stop.")


class Looking(AfterStep):
    """Looks at the graph each time a step asks whether it is wanted, and asks for a stop in the last one."""

    def __init__(self, workspace: Workspace, step: str) -> None:
        super().__init__(step)
        self._workspace = workspace
        self.seen: defaultdict[str, list[LineageGraph]] = defaultdict(list)

    def check_cancelled(self) -> None:
        if self.steps:
            graph = add_planned_steps(self._workspace, read_graph(self._workspace))
            self.seen[self.steps[-1][2].partition("  ")[0]].append(graph)
        super().check_cancelled()


def test_steps_to_do_are_on_the_graph_from_the_start_and_gone_when_the_run_has_ended(
    imported: Workspace, tmp_path: Path
) -> None:
    observer = Looking(imported, "3/3 dealt")
    with pytest.raises(Cancelled):
        run(imported, tmp_path, CHAIN, observer)
    *_, graph, _ = observer.seen["2/3 drawn"]  # the last look is before the next step says its name
    states = [(node.title, node.state) for node in graph.nodes if node.kind == "run"]
    assert states[-2:] == [("transform", "running"), ("split", "queued")]
    names = {node.id: node.title for node in graph.nodes}
    edges = [(names[edge.source], names[edge.target]) for edge in graph.edges]
    for edge in (("transform", "drawn"), ("drawn", "split"), ("split", "dealt"), ("dealt", "pipeline")):
        assert edges.count(edge) == 1
    *_, after = observer.seen["2/3 drawn"]
    assert [node.state for node in after.nodes if node.kind == "run"][-2:] == ["done", "queued"]
    assert read_graph(imported) == add_planned_steps(imported, read_graph(imported))


def test_steps_to_do_of_branches_hang_on_what_they_will_read(imported: Workspace, tmp_path: Path) -> None:
    text = JOINED.replace("{operation: sample, params", "{operation: sample, from: cells, params")
    observer = Looking(imported, "move")
    with pytest.raises(Cancelled):
        run(imported, tmp_path, text, observer)
    *_, graph = observer.seen["1/4 kept"]
    names = {node.id: node.title for node in graph.nodes}
    edges = {(names[edge.source], names[edge.target]) for edge in graph.edges}
    assert {("cells@1", "sample"), ("kept", "move"), ("sample", "filter"), ("move", "filter")} <= edges
    assert {("filter", "pipeline"), ("sample", "pipeline"), ("kept", "filter")} <= edges


def test_the_kept_recipe_can_be_run_again_by_its_id(imported: Workspace, tmp_path: Path) -> None:
    first = run(imported, tmp_path, CHAIN)
    recipe = imported.catalog.recipes.get(first.recipe)
    again = run_pipeline(imported, make_request(imported, recipe.id), observer=KeepingObserver())
    assert (again.recipe, again.cached) == (first.recipe, True)


def test_what_was_done_before_is_used_at_once_and_says_so(imported: Workspace, tmp_path: Path) -> None:
    first = run(imported, tmp_path, CHAIN)
    again = run(imported, tmp_path, CHAIN)
    assert (first.cached, again.cached) == (False, True)
    assert states(again) == ["cached", "cached", "cached"]
    assert [step.run for step in again.points[0].steps] == [step.run for step in first.points[0].steps]
    assert [(o.version, o.is_new) for o in again.points[0].outputs] == [(1, False)]
    assert get_run(imported, again.run).result["summary"] == "3 of 3 steps, 3 known before · out@1"


def test_a_pipeline_over_equal_data_of_another_project_names_that_one_as_its_origin(
    imported: Workspace, voc: Path, tmp_path: Path
) -> None:
    first = run(imported, tmp_path, CHAIN)
    import_folder(imported, voc, "twin", observer=KeepingObserver())
    other = run(imported, tmp_path, CHAIN, sources={"cells": "twin"}, to={"": "twin-out"})
    assert other.cached, "nothing is made again"
    assert {node.title for node in read_graph(imported, "twin-out@1").nodes} >= {"twin@1", "kept", "drawn"}
    assert find_paths(imported, "twin@1", "twin-out@1").graph.nodes
    for origin, outcome in (("cells@1", "twin-out@1"), ("twin@1", "out@1")):
        with pytest.raises(NotFound, match="came of the other"):
            find_paths(imported, origin, outcome)
    runs = [
        [step.run for step in result.points[0].steps]
        for result in (
            other, run(imported, tmp_path, CHAIN, sources={"cells": "twin"}),
            first, run(imported, tmp_path, CHAIN),
        )
    ]  # fmt: skip
    assert runs[0] == runs[1] != runs[2] == runs[3], "what was done with the same versions gets no run again"


def test_a_changed_step_is_done_again_and_those_before_it_are_not(
    imported: Workspace, tmp_path: Path
) -> None:
    run(imported, tmp_path, CHAIN)
    changed = run(imported, tmp_path, CHAIN, params={"drawn.n": "2"})
    assert states(changed) == ["cached", "done", "done"]
    assert [(o.version, o.is_new) for o in changed.points[0].outputs] == [(2, True)]


def test_a_step_that_a_transform_has_done_is_known(imported: Workspace, tmp_path: Path) -> None:
    done = transform(
        imported, "filter", ["cells"], to="few", params={"min_objects": 1}, observer=KeepingObserver()
    )
    result = run(imported, tmp_path, CHAIN)
    assert states(result) == ["cached", "done", "done"]
    assert result.points[0].steps[0].run == done.run
    again = transform(
        imported, "sample", ["few"], to="f", params={"n": 3}, observer=KeepingObserver()
    )  # and the other way round
    assert (again.cached, again.items_out) == (True, 3)


def test_branches_share_what_is_before_them_and_join_as_datasets(imported: Workspace, tmp_path: Path) -> None:
    result = run(imported, tmp_path, JOINED)
    assert [step.name for step in result.points[0].steps] == ["kept", "sample", "move", "filter"]
    assert {key.partition("/")[0] for key in keys(imported, "both")} == {"few", "renamed", "kept"}
    assert len(keys(imported, "both")) == 11
    version = imported.catalog.versions.latest(imported.catalog.projects.get("both").id)
    assert version is not None and version.message == "all of it"


def test_the_same_recipe_gives_the_same_digest_in_another_home(
    imported: Workspace, voc: Path, tmp_path: Path
) -> None:
    from mlwf_tui.workspace import open_workspace

    run(imported, tmp_path, JOINED)
    with open_workspace(tmp_path / "other") as other:
        import_folder(other, voc, "cells", observer=KeepingObserver())
        run(other, tmp_path, JOINED)
        assert manifest_of(other, "both") == manifest_of(imported, "both")


def test_a_project_may_be_source_and_output(imported: Workspace, tmp_path: Path) -> None:
    text = CHAIN.replace("project: out", "project: cells")
    result = run(imported, tmp_path, text)
    version = imported.catalog.versions.get(
        imported.catalog.projects.get("cells").id, result.points[0].outputs[0].version or 0
    )
    assert version.number == 2
    assert len(version.parents) == 1
    assert len(keys(imported, "cells")) == 3


def test_a_source_alone_can_be_an_output(imported: Workspace, tmp_path: Path) -> None:
    result = run(imported, tmp_path, "sources: [cells]\noutputs: [{project: copy}]\n")
    assert result.points[0].steps == ()
    assert keys(imported, "copy") == keys(imported, "cells")


INTO = CHAIN.replace("project: out", "project: pool, dataset: chain/new")


def test_an_output_goes_into_a_dataset_beside_what_its_project_has(
    imported: Workspace, voc: Path, tmp_path: Path
) -> None:
    import_folder(imported, voc, "pool", observer=KeepingObserver())
    before = keys(imported, "pool")
    result = run(imported, tmp_path, INTO)
    (made,) = result.points[0].outputs
    assert (made.project, made.dataset, made.item_count, made.is_new) == ("pool", "chain/new", 3, True)
    new = [key for key in keys(imported, "pool") if key not in before]
    assert (len(new), {key.rpartition("/")[0] for key in new}) == (3, {"chain/new/main"})
    assert set(before) < set(keys(imported, "pool"))
    again = run(imported, tmp_path, INTO).points[0].outputs[0]
    assert (again.version, again.is_new) == (made.version, False)


def test_a_dataset_may_be_named_beside_the_file_and_its_project_be_new(
    imported: Workspace, tmp_path: Path
) -> None:
    run(imported, tmp_path, CHAIN, datasets={"": "a"})
    run(imported, tmp_path, CHAIN, datasets={"dealt": "b"}, params={"drawn.n": 2})
    assert {key.partition("/")[0] for key in keys(imported, "out")} == {"a", "b"}
    assert len(keys(imported, "out")) == 5


def test_a_sweep_puts_each_point_into_a_dataset_of_its_own(imported: Workspace, tmp_path: Path) -> None:
    text = CHAIN.replace("project: out", 'project: out, dataset: "n-{drawn.n}"')
    sweep = {"drawn.n": [1, 2]}
    run(imported, tmp_path, text, sweep=sweep)
    assert {key.partition("/")[0] for key in keys(imported, "out")} == {"n-1", "n-2"}
    assert run(imported, tmp_path, text, sweep=sweep).cached


def test_a_name_that_is_taken_in_the_dataset_is_told_before_an_image_is_made(
    imported: Workspace, tmp_path: Path
) -> None:
    text = "sources: [cells]\nsteps: [flip]\noutputs: [{project: pool, dataset: new}]\n"
    run(imported, tmp_path, text)
    before = manifest_of(imported, "pool")
    with pytest.raises(Conflict, match=r"p\.yaml:2: flip: There is another item new/"):
        run(imported, tmp_path, text, seed=5, params={"flip.copies": 2})
    assert manifest_of(imported, "pool") == before
    failed = next(found for found in list_runs(imported) if found.verb == "transform")
    assert (failed.state, failed.result) == (RunState.FAILED, {})


def test_what_an_output_cannot_be_put_into_is_told_before_anything_is_done(
    imported: Workspace, tmp_path: Path
) -> None:
    before = list_runs(imported)
    with pytest.raises(InvalidParameter, match=r"p\.yaml:7: .*dataset name '\.\.'"):
        run(imported, tmp_path, INTO.replace("chain/new", "../new"))
    assert list_runs(imported) == before


def test_definitions_that_differ_from_the_projects_are_warned_of(imported: Workspace, tmp_path: Path) -> None:
    for name, kind in (("boxes", GeometryKind.RECTANGLE), ("pool", GeometryKind.POLYGON)):
        schema = LabelSchema((ClassDefinition("cell", "#808080", kind),))
        set_state(imported, name, [make_plain_item("main/z.jpg", make_object("cell"))], schema=schema)
    text = "sources: [boxes]\noutputs: [{project: pool, dataset: new}]\n"
    result = run(imported, tmp_path, text)
    assert [warning.partition(": ")[2] for warning in result.warnings] == [
        "pool: the class cell is for polygons here and for rectangles there: the project's definition is"
        " kept, and the objects have come in with their own shapes."
    ]


def test_nothing_is_done_where_a_later_step_cannot_be(imported: Workspace, tmp_path: Path) -> None:
    before = list_runs(imported)
    with pytest.raises(InvalidParameter, match=r"p\.yaml:6"):
        run(imported, tmp_path, CHAIN.replace("operation: split", "operation: splitt"))
    assert list_runs(imported) == before


def test_a_step_that_leaves_nothing_is_told_by_its_line_and_nothing_is_made(
    imported: Workspace, tmp_path: Path
) -> None:
    text = CHAIN.replace("min_objects: 1", "min_objects: 99")
    with pytest.raises(InvalidInput, match=r"p.yaml:4: kept: filter leaves no item"):
        run(imported, tmp_path, text)
    assert imported.catalog.projects.find("out", "default") is None
    failed = next(found for found in list_runs(imported) if found.verb == "pipeline")
    assert failed.state is RunState.FAILED
    assert [step["state"] for step in failed.result["steps"]] == ["failed", "waiting", "waiting"]


def test_a_stopped_pipeline_goes_on_with_the_step_that_was_not_done(
    imported: Workspace, tmp_path: Path
) -> None:
    observer = AfterStep("dealt")
    with pytest.raises(Cancelled):
        run(imported, tmp_path, CHAIN, observer)
    stopped = next(found for found in list_runs(imported) if found.verb == "pipeline")
    assert stopped.state is RunState.STOPPED
    assert imported.catalog.projects.find("out", "default") is None
    assert states(run(imported, tmp_path, CHAIN)) == ["cached", "cached", "done"]


def test_a_pause_leaves_no_step_running(imported: Workspace, tmp_path: Path) -> None:
    with pytest.raises(Paused):
        run(imported, tmp_path, CHAIN, PausingObserver(looks_left=2))
    by_verb = [(found.verb, found.state) for found in list_runs(imported)]
    assert ("transform", RunState.RUNNING) not in by_verb


def test_progress_says_which_step_is_going(imported: Workspace, tmp_path: Path) -> None:
    observer = KeepingObserver()
    run(imported, tmp_path, CHAIN, observer)
    said = {message.partition("  ")[0] for _, _, message in observer.steps}
    assert {"1/3 kept", "2/3 drawn", "3/3 dealt"} <= said


def test_a_dry_run_marks_what_is_known_and_changes_nothing(imported: Workspace, tmp_path: Path) -> None:
    run(imported, tmp_path, CHAIN)
    before = (list_runs(imported), manifest_of(imported, "cells"))
    path = write(tmp_path, CHAIN)
    request = make_request(imported, path, params={"dealt.train": "0.5", "dealt.val": "0.4"})
    preview = preview_pipeline(imported, request, observer=KeepingObserver())
    steps = preview.points[0].steps
    assert [(s.state, s.items_in, s.items_out) for s in steps] == [
        (StepState.CACHED, 5, 4), (StepState.CACHED, 4, 3), (StepState.WAITING, 3, 3),
    ]  # fmt: skip
    assert (list_runs(imported), manifest_of(imported, "cells")) == before


def test_intermediates_are_collected_after_their_grace_and_then_made_again(
    imported: Workspace, tmp_path: Path
) -> None:
    run(imported, tmp_path, CHAIN, params={"drawn.n": 2})
    collect(imported, KeepingObserver(), is_dry_run=False)
    assert states(run(imported, tmp_path, CHAIN, params={"drawn.n": 2})) == ["cached"] * 3
    collect(imported, KeepingObserver(), is_dry_run=False, grace_s=0)
    collect(imported, KeepingObserver(), is_dry_run=False)  # what is gone is no damage
    again = run(imported, tmp_path, CHAIN, params={"drawn.n": 2})
    assert states(again) == ["done", "done", "cached"]  # the last one is what a project stands on
    assert [(o.version, o.is_new) for o in again.points[0].outputs] == [(1, False)]


# --- sweeps ---


def test_a_sweep_makes_a_version_for_each_value_and_does_shared_steps_once(
    imported: Workspace, tmp_path: Path
) -> None:
    result = run(imported, tmp_path, CHAIN, sweep={"drawn.n": ["2", "3"], "dealt.val_count": [0, 1]})
    assert [dict(point.values) for point in result.points] == [
        {"drawn.n": 2, "dealt.val_count": 0}, {"drawn.n": 2, "dealt.val_count": 1},
        {"drawn.n": 3, "dealt.val_count": 0}, {"drawn.n": 3, "dealt.val_count": 1},
    ]  # fmt: skip
    assert [point.outputs[0].version for point in result.points] == [1, 2, 3, 4]
    assert [point.outputs[0].item_count for point in result.points] == [2, 2, 3, 3]
    steps = [[step.state.value for step in point.steps] for point in result.points]
    assert steps == [
        ["done", "done", "done"], ["cached", "cached", "done"],
        ["cached", "done", "done"], ["cached", "cached", "done"],
    ]  # fmt: skip
    whole = get_run(imported, result.run)
    assert (whole.verb, whole.result["summary"]) == ("sweep", "4 of 4 points")
    parts = imported.catalog.runs.list_parts(whole.id)
    assert [part.verb for part in parts] == ["pipeline"] * 4
    message = imported.catalog.versions.latest(imported.catalog.projects.get("out").id)
    assert message is not None and message.message == "chain: dealt (drawn.n=3, dealt.val_count=1)"


def test_a_sweep_into_projects_of_their_own(imported: Workspace, tmp_path: Path) -> None:
    text = CHAIN.replace("project: out", 'project: "{cells}-{drawn.n}"')
    run(imported, tmp_path, text + "sweep: {drawn.n: [1, 2]}\n")
    assert [p.name for p in imported.catalog.projects.list()] == ["cells", "cells-1", "cells-2"]


def test_a_sweep_that_fails_at_a_point_names_it_and_what_stays_of_those_before(
    imported: Workspace, tmp_path: Path
) -> None:
    text = CHAIN.replace("project: out", 'project: "{cells}-{drawn.n}"')
    with pytest.raises(InvalidInput) as caught:
        run(imported, tmp_path, text, sweep={"drawn.n": [1, 2, 9]})
    assert caught.value.message.endswith("fewer than n=9 (point 3 of 3: drawn.n=9).")
    assert "The points before it are done and stay: cells-1@1, cells-2@1." in caught.value.hint
    with pytest.raises(InvalidInput) as caught:
        run(imported, tmp_path, text, sweep={"drawn.n": [9, 1]})
    assert "point 1 of 2" in caught.value.message and "before it are" not in caught.value.hint


def test_a_sweep_that_was_stopped_goes_on_with_the_point_that_was_not_done(
    imported: Workspace, tmp_path: Path
) -> None:
    sweep = {"drawn.n": [1, 2, 3]}
    with pytest.raises(Cancelled):
        run(imported, tmp_path, CHAIN, AfterStep("2/3 drawn.n=2"), sweep=sweep)
    result = run(imported, tmp_path, CHAIN, sweep=sweep)
    assert [point.cached for point in result.points] == [True, False, False]
    assert [point.outputs[0].version for point in result.points] == [1, 2, 3]
    again = run(imported, tmp_path, CHAIN, sweep=sweep)
    assert again.cached
    assert [(o.version, o.is_new) for point in again.points for o in point.outputs] == [
        (1, False), (2, False), (3, False),
    ]  # fmt: skip


def test_a_step_is_known_though_the_version_that_held_it_was_deleted(
    imported: Workspace, tmp_path: Path
) -> None:
    transform(imported, "filter", ["cells"], to="x", params={"min_objects": 1}, observer=KeepingObserver())
    delete(imported, "x@1", is_forced=True)
    assert states(run(imported, tmp_path, CHAIN)) == ["cached", "done", "done"]
    assert run(imported, tmp_path, CHAIN).cached


def test_a_sweep_is_not_taken_in_by_another_project_of_the_same_name(
    imported: Workspace, tmp_path: Path
) -> None:
    sweep = {"drawn.n": [1, 2]}
    run(imported, tmp_path, CHAIN, sweep=sweep)
    delete(imported, "out")
    for count in (1, 2):
        transform(imported, "sample", ["cells"], to="out", params={"n": count}, observer=KeepingObserver())
    result = run(imported, tmp_path, CHAIN, sweep=sweep)
    assert [(o.version, o.is_new) for point in result.points for o in point.outputs] == [(3, True), (4, True)]


# --- models ---


@pytest.fixture
def seeing(imported: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with a model that sees a cell where `a.jpg` has one, and a spot nobody knew of."""
    path = install_plugins(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(path.partition(":")[0])
    imported.registry._points_by_kind.clear()
    add_seer(imported, "eye", [("cell", 2, 3, 20, 20), ("spot", 40, 30, 60, 45)])
    try:
        yield imported
    finally:
        jobs.end_all(imported)


def test_a_step_whose_plug_in_falls_is_failed_and_not_going_on(seeing: Workspace, tmp_path: Path) -> None:
    act = "{name: fallen, operation: act, params: {code: 'raise ZeroDivisionError(1)'}}"
    with pytest.raises(PluginError, match="act failed: ZeroDivisionError"):
        run(seeing, tmp_path, f"sources: [cells]\nsteps: [{act}]\noutputs: [{{project: out}}]\n")
    failed = next(found for found in list_runs(seeing) if found.verb == "pipeline")
    assert failed.state is RunState.FAILED
    assert [step["state"] for step in failed.result["steps"]] == ["failed"]


def count_objects(workspace: Workspace, project: str) -> Mapping[str, Sequence[str]]:
    manifest = manifest_of(workspace, project)
    return {
        item.name: [labelled.class_name for labelled in item.annotation.objects]
        for item in iter_items(workspace.store, manifest)
    }


APPLY = """\
sources: [cells]
steps:
  - {apply: eye, params: {policy: merge, iou: 0.5}}
outputs: [{project: seen}]
"""


@pytest.mark.parametrize(
    ("policy", "of_a", "of_e"),
    [
        ("replace", ["cell", "spot"], ["cell", "spot"]),
        ("keep", ["cell"], ["cell", "spot"]),
        ("add", ["cell", "cell", "spot"], ["cell", "spot"]),
        ("merge", ["cell", "spot"], ["cell", "spot"]),
    ],
)
def test_a_model_is_applied_as_a_step(
    seeing: Workspace, tmp_path: Path, policy: str, of_a: list[str], of_e: list[str]
) -> None:
    run(seeing, tmp_path, APPLY.replace("merge", policy))
    counts = count_objects(seeing, "seen")
    assert (counts["a.jpg"], counts["e.png"]) == (of_a, of_e)


def test_merging_keeps_what_people_drew(seeing: Workspace, tmp_path: Path) -> None:
    run(seeing, tmp_path, APPLY)
    (first, second) = next(
        item.annotation.objects
        for item in iter_items(seeing.store, manifest_of(seeing, "seen"))
        if item.name == "a.jpg"
    )
    assert (first.confidence, second.confidence) == (None, 0.9)
    assert first.geometry.bounds == (2, 3, 20, 21)


def test_the_same_model_on_the_same_data_is_known(seeing: Workspace, tmp_path: Path) -> None:
    run(seeing, tmp_path, APPLY)
    assert states(run(seeing, tmp_path, APPLY)) == ["cached"]
    assert states(run(seeing, tmp_path, APPLY, params={"apply.device": "cpu"})) == ["cached"]
    assert states(run(seeing, tmp_path, APPLY, params={"apply.iou": "0.99"})) == ["done"]
    add_seer(seeing, "other", [("spot", 1, 2, 3, 4)])
    assert states(run(seeing, tmp_path, APPLY, params={"apply.model": "other"})) == ["done"]


def test_a_sweep_knows_another_model_of_the_same_name(seeing: Workspace, tmp_path: Path) -> None:
    sweep = {"apply.iou": [0.4, 0.6]}
    run(seeing, tmp_path, APPLY, sweep=sweep)
    assert run(seeing, tmp_path, APPLY, sweep=sweep).cached
    delete(seeing, "eye")
    add_seer(seeing, "eye", [("spot", 1, 2, 3, 4)])
    result = run(seeing, tmp_path, APPLY, sweep=sweep)
    assert [point.cached for point in result.points] == [False, False]
    assert count_objects(seeing, "seen")["e.png"] == ["spot"]


def test_a_model_is_an_input_of_its_step(seeing: Workspace, tmp_path: Path) -> None:
    result = run(seeing, tmp_path, APPLY)
    step = get_run(seeing, result.points[0].steps[0].run)
    assert [(found.kind, found.title) for found in step.inputs] == [
        (ArtifactKind.VERSION, "cells@1"), (ArtifactKind.MODEL, "eye"),
    ]  # fmt: skip


def test_pre_annotation_labels_what_nobody_has(seeing: Workspace) -> None:
    sources, params = {"": "cells"}, {"guessed.model": "eye"}
    with pytest.raises(InvalidParameter, match="still to be given"):
        run_pipeline(
            seeing, make_request(seeing, "pre-annotate", sources=sources), observer=KeepingObserver()
        )
    request = make_request(seeing, "pre-annotate", sources=sources, params=params)
    run_pipeline(seeing, request, observer=KeepingObserver())
    (item,) = iter_items(seeing.store, manifest_of(seeing, "cells-to-review"))
    assert (item.name, [tag.name for tag in item.annotation.tags]) == ("e.png", ["review"])
    assert {labelled.author for labelled in item.annotation.objects} == {"eye"}


# --- jobs ---


def finish(workspace: Workspace, submitted: Run) -> Run:
    return jobs.wait_for_end(workspace, submitted)


def test_a_queued_pipeline_is_done_by_a_worker(seeing: Workspace, tmp_path: Path) -> None:
    request = make_request(seeing, write(tmp_path, APPLY))
    done = finish(seeing, submit_pipeline(seeing, request))
    assert done.state is RunState.DONE, jobs.describe(seeing, done)
    assert done.verb == "pipeline"
    assert [step["state"] for step in done.result["steps"]] == ["done"]
    assert [(found.kind, found.title) for found in done.outputs] == [(ArtifactKind.VERSION, "seen@1")]
    assert run(seeing, tmp_path, APPLY).cached


def test_a_queued_sweep_is_one_run_with_its_points_as_parts(seeing: Workspace, tmp_path: Path) -> None:
    request = make_request(seeing, write(tmp_path, CHAIN), sweep={"drawn.n": [1, 2]})
    done = finish(seeing, submit_pipeline(seeing, request))
    assert (done.verb, done.state, done.result["summary"]) == ("sweep", RunState.DONE, "2 of 2 points")
    assert [part.verb for part in seeing.catalog.runs.list_parts(done.id)] == ["pipeline", "pipeline"]


def test_what_cannot_be_run_is_not_queued(seeing: Workspace, tmp_path: Path) -> None:
    before = list_runs(seeing)
    request = make_request(seeing, write(tmp_path, APPLY), params={"apply.iou": "7"})
    with pytest.raises(InvalidParameter, match="out of its range"):
        submit_pipeline(seeing, request)
    assert list_runs(seeing) == before


TRAIN = """\
sources: [cells]
steps: [{operation: filter, params: {min_objects: 1}}]
outputs: [{project: out}]
train: {model: counter, params: {epochs: 1}}
"""


def test_a_training_begins_once_its_output_is_there_and_only_once(seeing: Workspace, tmp_path: Path) -> None:
    first = run(seeing, tmp_path, TRAIN)
    trained = finish(seeing, get_run(seeing, first.points[0].training))
    assert trained.state is RunState.DONE, jobs.describe(seeing, trained)
    assert [found.title for found in trained.inputs] == ["out@1"]
    assert run(seeing, tmp_path, TRAIN).points[0].training == trained.id
    other = run(seeing, tmp_path, TRAIN.replace("epochs: 1", "epochs: 2"))
    assert finish(seeing, get_run(seeing, other.points[0].training)).id != trained.id


def list_benchmarks(workspace: Workspace) -> list[Run]:
    """Return the benchmarks that a pipeline asked for, not those that follow every training."""
    runs = list_runs(workspace)
    own = {(run.result.get("benchmark") or {}).get("run") for run in runs if run.verb == "train"}
    return [run for run in runs if run.verb == "benchmark" and run.is_detached and run.id not in own]


@pytest.mark.slow
def test_a_training_gets_its_benchmark_once_though_it_was_queued_without(
    seeing: Workspace, tmp_path: Path
) -> None:
    first = run(seeing, tmp_path, TRAIN.replace("filter, params: {min_objects: 1}", "split"))
    own = start_run(seeing, "benchmark", arguments=["./measure.py"])  # of somebody's own, on the same version
    add_input(seeing, own, "project", "out@1")
    measured = TRAIN.replace("filter, params: {min_objects: 1}", "split").replace(
        "epochs: 1}", "epochs: 1}, benchmark: train"
    )
    assert run(seeing, tmp_path, measured).points[0].training == first.points[0].training
    (queued,) = list_benchmarks(seeing)
    done = finish(seeing, get_run(seeing, queued.id))
    assert done.state is RunState.DONE, jobs.describe(seeing, done)
    run(seeing, tmp_path, measured)
    assert [found.id for found in list_benchmarks(seeing)] == [done.id]
    run(seeing, tmp_path, measured.replace("benchmark: train", "benchmark: val"))
    assert [found.params["split"] for found in list_benchmarks(seeing)] == [
        "train"
    ]  # val was measured by itself
    for found in list_benchmarks(seeing):
        finish(seeing, get_run(seeing, found.id))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("model: counter, on: nowhere", "on which output: 'nowhere'"),
        ("model: countr", "no architecture, file or model 'countr'"),
        ("model: counter, params: {epochs: 0}", "epochs is 0, out of its range"),
        ("model: counter, benchmark: vall", "no split 'vall'. Did you mean val?"),
    ],
)
def test_a_training_that_cannot_be_is_told_before_anything_is_done(
    seeing: Workspace, tmp_path: Path, words: str, told: str
) -> None:
    before = list_runs(seeing)
    with pytest.raises(InvalidParameter) as caught:
        run(seeing, tmp_path, TRAIN.replace("model: counter, params: {epochs: 1}", words))
    assert told in f"{caught.value.message} {caught.value.hint}"
    assert list_runs(seeing) == before


# --- files ---


def test_a_file_that_is_none_is_told(imported: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file .*ghost.yaml"):
        make_request(imported, str(tmp_path / "ghost.yaml"))
    with pytest.raises(InvalidParameter, match="is no file"):
        make_request(imported, f"{tmp_path}/")
    with pytest.raises(InvalidParameter, match="is no file"):
        make_request(imported, "/dev/zero")
    with pytest.raises(NotFound, match="no pipeline 'clean-and-spli'") as caught:
        make_request(imported, "clean-and-spli")
    assert "clean-and-split" in caught.value.hint


@pytest.mark.parametrize("name", [recipe.name for recipe in list_ready()])
def test_every_ready_recipe_runs_on_plain_data(workspace: Workspace, tmp_path: Path, name: str) -> None:
    boxes = {
        f"{n:02}.jpg": [("cell", 2 + n, 3, 22 + n, 21), *([("spot", 40, 5, 60, 25)] if n % 2 else [])]
        for n in range(20)
    }
    make_voc(
        tmp_path / "voc",
        boxes,
        splits={"train": [f"{n:02}" for n in range(16)], "val": ["16", "17"], "test": ["18", "19"]},
    )
    import_folder(workspace, tmp_path / "voc", "cells", observer=KeepingObserver())
    ready = next(recipe for recipe in list_ready() if recipe.name == name)
    if "apply:" in ready.text:
        pytest.skip("needs a model: see test_pre_annotation_labels_what_nobody_has")
    sources = dict.fromkeys(ready.sources, "cells")
    swept = read_pipeline(ready.text.encode(), name).sweeps
    fewer = {sweep.target: sweep.values[:2] for sweep in swept}  # each value starts a process of its own
    request = make_request(workspace, name, sources=sources, sweep=fewer)
    result = run_pipeline(workspace, request, observer=KeepingObserver())
    assert result.warnings == ()
    assert all(output.item_count for point in result.points for output in point.outputs)
    assert run_pipeline(workspace, request, observer=KeepingObserver()).cached
    assert ready.description


def test_a_clean_split_has_all_of_its_parts(imported: Workspace) -> None:
    request = make_request(imported, "clean-and-split", sources={"": "cells"})
    run_pipeline(imported, request, observer=StoppingObserver(looks_left=10_000))
    splits = [item.split for item in iter_items(imported.store, manifest_of(imported, "cells-ready"))]
    assert sorted(splits) == [Split.TRAIN] * 3 + [Split.VAL]
