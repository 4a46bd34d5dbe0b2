from __future__ import annotations

import pytest

from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs import formats as graph_formats
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver


@pytest.fixture
def story(imported: Workspace, observer: KeepingObserver) -> Workspace:
    transform(imported, "flip", ["cells"], to="flipped", params={}, observer=observer)
    transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    return imported


def test_the_graph_holds_artifact_run_artifact(story: Workspace) -> None:
    graph = read_graph(story)
    kinds = {node.id: node.kind for node in graph.nodes}
    assert len(graph.edges) == 8
    assert all((kinds[edge.source] == "run") != (kinds[edge.target] == "run") for edge in graph.edges)
    titles = {node.title for node in graph.nodes}
    assert {"import", "commit", "transform", "cells@1", "flipped@1", "few@1"} <= titles


def test_the_graph_of_one_thing_leaves_its_siblings_out(story: Workspace) -> None:
    titles = {node.title for node in read_graph(story, "flipped@1").nodes}
    assert "cells@1" in titles
    assert "few@1" not in titles
    assert {"flipped@1", "few@1"} <= {node.title for node in read_graph(story, "cells").nodes}


def test_a_project_that_no_run_touched_is_not_on_the_graph(workspace: Workspace) -> None:
    find_or_create_project(workspace, "untouched")
    with pytest.raises(NotFound):
        read_graph(workspace, "untouched")


def test_every_format_names_every_node(story: Workspace) -> None:
    graph = read_graph(story)
    for write in (graph_formats.to_text, graph_formats.to_mermaid, graph_formats.to_dot):
        text = write(graph)
        assert all(node.title in text for node in graph.nodes)
    assert graph_formats.to_dot(graph).count("->") == len(graph.edges)
    assert graph_formats.to_mermaid(graph).count("-->") == len(graph.edges)


def test_a_run_says_in_its_own_words_what_it_did(story: Workspace) -> None:
    details = {node.title: node.detail for node in read_graph(story).nodes if node.kind == "run"}
    assert details["import"] == "5 added"
    assert details["transform"] == "sample: 5 → 2 items"
