"""Questions to the lineage, on a home with two projects, a model and a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.lineage import LineageEdge
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.affected import Effect, find_affected
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.graphs.refs_on_graph import find_nodes
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.trace import find_paths, find_shortest, trace
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.fakes.searches import add_search
from tests.tui.homes import fill_finished


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill_finished(workspace, tmp_path)
    transform(workspace, "flip", ["cells@1"], to="flipped", params={}, observer=KeepingObserver())
    return workspace


def test_which_models_used_a_version(filled: Workspace) -> None:
    for ref, names in (("cells@2", ["yolov10n-cells-1"]), ("cells@1", ["yolov10n-cells-1"]), ("flipped", [])):
        found = trace(filled, ref, is_up=False, kinds=("model",))
        assert [traced.node.title for traced in found.nodes] == names


def test_what_a_report_came_from_is_told_nearest_first(filled: Workspace) -> None:
    found = trace(filled, "cells-val-1", is_down=False)
    titles = [traced.node.title for traced in found.nodes]
    assert titles[0] == "benchmark"
    assert set(titles[1:3]) == {"cells@2", "yolov10n-cells-1"}
    assert [traced.distance for traced in found.nodes][:3] == [-1, -2, -2]
    assert "flipped@1" not in titles
    near = trace(filled, "cells-val-1", is_down=False, depth=2)
    assert [traced.node.title for traced in near.nodes] == titles[:3]


def test_the_ways_between_two_things_are_found_from_either_end(filled: Workspace) -> None:
    forth, back = find_paths(filled, "cells@1", "cells-val-1"), find_paths(filled, "cells-val-1", "cells@1")
    assert {node.id for node in forth.graph.nodes} == {node.id for node in back.graph.nodes}
    ends = [f"{kind}:{id}" for kind, id in find_nodes(filled, "cells-val-1")]
    path = find_shortest(forth, ends)
    assert (path[0].title, path[-1].title) == ("cells@1", "cells-val-1")
    with pytest.raises(NotFound):
        find_paths(filled, "flipped@1", "cells-val-1")


def test_a_search_leads_to_its_trials_and_a_trial_to_its_search(filled: Workspace) -> None:
    search = add_search(filled, "cells@2")
    trials = filled.catalog.runs.list_parts(search.id)
    down = trace(filled, search.id, is_up=False)
    assert {traced.node.id for traced in down.nodes} == {f"run:{trial.id}" for trial in trials}
    assert {traced.distance for traced in down.nodes} == {1}
    assert LineageEdge(f"run:{search.id}", f"run:{trials[0].id}") in down.graph.edges
    up = trace(filled, trials[0].id, is_down=False, depth=1)
    assert {traced.node.title for traced in up.nodes} == {"search", "cells@2"}
    path = find_paths(filled, trials[0].id, search.id)
    assert [node.title for node in find_shortest(path, [f"run:{search.id}"])] == ["train", "search"]
    assert show(filled, trials[0].id).facts["parent"] == search.id


def test_the_steps_of_a_pipeline_lie_before_it_alone(filled: Workspace) -> None:
    manifest = read_summary(filled.store, filled.catalog.projects.get("cells").manifest)
    with record(filled, "pipeline", params={}) as whole:
        with record(filled, "transform", params={}, parent=whole.run_id) as step:
            step.read_version("cells@1")
            made = step.write_intermediate("flip", manifest)
        whole.read_artifact(ArtifactRef(ArtifactKind.INTERMEDIATE, made.id, made.title))
    assert trace(filled, whole.run_id, is_up=False).nodes == ()
    nearest = trace(filled, whole.run_id, is_down=False).nodes[:2]
    assert [traced.node.title for traced in nearest] == ["flip", "transform"]
    assert [traced.node.title for traced in trace(filled, step.run_id, is_down=False, depth=1).nodes] == [
        "cells@1"
    ]


def test_what_was_deleted_is_traced_by_its_name_and_its_id(filled: Workspace) -> None:
    for name in ("cells@1", "yolov10n-cells-1"):
        (before,) = trace(filled, name).starts
        delete(filled, name, is_forced=True)
        assert trace(filled, name).starts == trace(filled, before).starts == (before,)
        with pytest.raises(NotFound, match=f"{name} was deleted") as by_node:
            show(filled, before)
        assert by_node.value.hint == f"Bring it back: mlwf undelete {before.partition(':')[2]}"
        with pytest.raises(NotFound, match="was deleted"):
            show(filled, name)
        with pytest.raises(NotFound, match="was deleted"):
            describe(filled, name, "words")


def test_a_node_of_the_graph_is_shown_as_what_it_stands_for(filled: Workspace) -> None:
    for ref in ("cells@2", "yolov10n-cells-1", "cells-val-1"):
        (node,) = find_nodes(filled, ref)
        assert show(filled, ":".join(node)) == show(filled, ref)
    (folder, *_) = (n.id for n in filled.catalog.lineage.read_graph().nodes if n.kind == "folder")
    with pytest.raises(NotFound) as error:
        show(filled, folder)
    assert error.value.hint.endswith(f"mlwf trace {folder}")


def test_a_node_of_the_graph_and_and_a_folder_are_refs(filled: Workspace, tmp_path: Path) -> None:
    folder = trace(filled, str(tmp_path / "first"), is_up=False, kinds=("report",))
    assert [traced.node.title for traced in folder.nodes] == ["cells-val-1"]
    assert trace(filled, folder.starts[0]).starts == folder.starts
    with pytest.raises(NotFound):
        trace(filled, "folder:000000000000")
    with pytest.raises(InvalidParameter):
        trace(filled, "cells", kinds=("modell",))


def test_a_wrong_item_is_followed_to_the_models_that_saw_it(filled: Workspace) -> None:
    found = find_affected(filled, "cells@2", "main/cell-05.jpg", observer=KeepingObserver())
    assert {place.ref for place in found.places} >= {"cells@1", "cells@2"}
    assert {place.split for place in found.places} == {Split.TRAIN}
    effects = {one.node.title: one.effect for one in found.nodes}
    assert effects["cells@1"] is Effect.HOLDS
    assert effects["yolov10n-cells-1"] is Effect.TRAINED
    assert effects["cells-val-1"] is Effect.DOWNSTREAM, "it is of the val split"
    assert found.unread == ()
    states = {place.ref for place in found.places} - {"cells@1", "cells@2"}
    assert all(find_affected(filled, ref, found.key, observer=KeepingObserver()) for ref in states)
    assert "cells" not in {one.node.title for one in found.nodes}, "that is the head"
    val = find_affected(filled, "cells@1", "main/cell-08.jpg", observer=KeepingObserver())
    effects = {one.node.title: one.effect for one in val.nodes}
    assert effects["yolov10n-cells-1"] is Effect.VALIDATED
    assert effects["cells-val-1"] is Effect.MEASURED
    made = [place for place in found.places if place.is_derived]
    assert {place.ref for place in made} == {"flipped@1"}
    assert {place.split for place in made} == {Split.TRAIN}
    with pytest.raises(NotFound):
        find_affected(filled, "cells@2", "main/nothing.jpg", observer=KeepingObserver())


def test_a_run_cannot_read_what_came_of_it(workspace: Workspace) -> None:
    lineage, runs = workspace.catalog.lineage, workspace.catalog.runs
    with record(workspace, "first", params={}) as first, record(workspace, "second", params={}) as second:
        made = lineage.add_folder("/out/a", is_output=True)
        runs.add_output(first.run_id, made)
        runs.add_input(second.run_id, made)
        outcome = lineage.add_folder("/out/b", is_output=True)
        runs.add_output(second.run_id, outcome)
        with pytest.raises(Conflict, match="came of the run"):
            runs.add_input(first.run_id, outcome)
        with pytest.raises(Conflict):
            runs.add_input(first.run_id, made)
        with pytest.raises(NotFound):
            runs.add_input(first.run_id, ArtifactRef(ArtifactKind.MODEL, "0" * 12))
        assert len(lineage.read_around([("run", first.run_id)]).edges) == 3
