"""What a person hides is left out of pictures, stays findable, and can be shown again."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.lineage import LineageEdge, index_neighbours
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.export_graph import leave_out_hidden, write_graph
from mlwf_tui.workflow.hide import hide, list_hidden, unhide
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.trace import trace
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver


@pytest.fixture
def story(imported: Workspace, observer: KeepingObserver) -> Workspace:
    transform(imported, "sample", ["cells"], to="flipped", params={"n": 2}, observer=observer)
    return imported


def find_run(workspace: Workspace, verb: str) -> str:
    return next(run.id for run in workspace.catalog.runs.list() if run.verb == verb)


def test_what_is_hidden_is_in_no_picture_and_an_edge_leads_past_it(story: Workspace) -> None:
    run = find_run(story, "transform")
    assert hide(story, [run]) == (f"run:{run}",)
    text = write_graph(story, read_graph(story), "text")
    assert "sample: 5 → 2 items" not in text
    assert "flipped@1" in text
    assert "sample: 5 → 2 items" in write_graph(story, read_graph(story), "text", with_hidden=True)
    graph = leave_out_hidden(read_graph(story))
    by_title = {node.title: node.id for node in graph.nodes}
    assert LineageEdge(by_title["cells@1"], by_title["flipped@1"]) in graph.edges
    assert f"run:{run}" in write_graph(story, read_graph(story), "prov"), "a standard tells of everything"
    assert f"run:{run}" in {one.node.id for one in trace(story, "cells@1").nodes}
    assert show(story, run).facts["is_hidden"] is True


def test_what_was_hidden_can_be_shown_again_and_both_stay_in_its_history(story: Workspace) -> None:
    run = find_run(story, "transform")
    hide(story, [run, "flipped@1"])
    assert [node.title for node in list_hidden(story)] == ["transform", "flipped@1"]
    assert hide(story, [run]) == (), "it was hidden before"
    assert unhide(story, [run, "flipped@1", "cells@1"]) == tuple(
        node.id for node in read_graph(story).nodes if node.title in ("transform", "flipped@1")
    )
    assert list_hidden(story) == ()
    said = [change for change in list_changes(story, run) if change.what == "visibility"]
    assert [change.text for change in said] == ["hidden", "shown"]
    assert all(change.author == story.settings.author for change in said)


def test_hiding_a_project_hides_all_that_it_has_been(story: Workspace) -> None:
    hide(story, ["cells"])
    titles = {node.title for node in leave_out_hidden(read_graph(story)).nodes}
    assert titles == {"voc", "import", "commit", "transform", "flipped@1"}


def test_nothing_is_hidden_where_one_name_means_nothing(story: Workspace) -> None:
    with pytest.raises(NotFound):
        hide(story, ["cells@1", "nobody"])
    with pytest.raises(InvalidParameter):
        hide(story, [])
    assert list_hidden(story) == ()


def test_hiding_everything_leaves_an_empty_graph(story: Workspace) -> None:
    hide(story, [node.id for node in read_graph(story).nodes])
    graph = leave_out_hidden(read_graph(story))
    assert (graph.nodes, graph.edges) == ((), ())
    assert index_neighbours(graph) == ({}, {})
