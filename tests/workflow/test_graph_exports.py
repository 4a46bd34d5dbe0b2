"""The lineage in formats of others: well-formed, complete, safe, and free of the network."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import msgspec
import pytest
from defusedxml.ElementTree import fromstring

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.export_graph import FORMATS, write_graph
from mlwf_tui.workflow.graphs.places import place
from mlwf_tui.workflow.graphs.save_graph import save_graph
from mlwf_tui.workflow.run import add_input, add_output, finish_run, put_card, start_run
from mlwf_tui.workspace import Workspace
from tests.tui.homes import fill_finished

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert(1)</script> "quoted" & `more` #1 \u202e'


class Facet(msgspec.Struct, rename={"producer": "_producer", "schema_url": "_schemaURL"}):
    producer: str
    schema_url: str


class Dataset(msgspec.Struct, forbid_unknown_fields=True):
    namespace: str
    name: str
    facets: dict[str, Facet]


class EventRun(msgspec.Struct, forbid_unknown_fields=True):
    runId: UUID
    facets: dict[str, Facet]


class EventJob(msgspec.Struct, forbid_unknown_fields=True):
    namespace: str
    name: str


class RunEvent(msgspec.Struct, forbid_unknown_fields=True):
    eventType: str
    eventTime: datetime
    producer: str
    schemaURL: str
    run: EventRun
    job: EventJob
    inputs: list[Dataset]
    outputs: list[Dataset]


@pytest.fixture
def story(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill_finished(workspace, tmp_path)
    run = start_run(workspace, "tool", card=Card(title=HOSTILE))
    add_input(workspace, run, "project", "cells")
    path = tmp_path / "out.txt"
    path.write_text("made")
    file = add_output(workspace, run, "file", str(path))
    put_card(workspace, f"file:{file.id}", Card(title=HOSTILE, url="javascript:alert(1)", url_title="x"))
    finish_run(workspace, run, RunState.FAILED, error="No luck.")
    return workspace


def draw(workspace: Workspace, format: str) -> tuple[LineageGraph, str]:
    graph = read_graph(workspace)
    return graph, write_graph(workspace, graph, format)


def test_the_picture_has_every_node_and_edge(story: Workspace) -> None:
    graph, text = draw(story, "svg")
    root: ElementTree.Element = fromstring(text)
    drawn = {group.get("data-id") for group in root.iter(f"{SVG}g")}
    assert drawn == {node.id for node in graph.nodes}
    edges = {(path.get("data-source"), path.get("data-target")) for path in root.iter(f"{SVG}path")}
    assert edges == {(edge.source, edge.target) for edge in graph.edges}
    assert not list(root.iter(f"{SVG}script"))


def test_no_two_boxes_are_in_one_place_and_edges_lead_to_the_right(story: Workspace) -> None:
    graph = read_graph(story)
    places = place(graph)
    assert len(set(places.nodes.values())) == len(graph.nodes)
    for edge in graph.edges:
        way = [places.nodes[edge.source], *places.bends[edge.source, edge.target], places.nodes[edge.target]]
        layers = [layer for layer, _ in way]
        assert layers == list(range(layers[0], layers[-1] + 1))


def test_the_page_fetches_nothing_and_runs_no_title(story: Workspace) -> None:
    _, text = draw(story, "html")
    assert "default-src 'none'" in text
    links = re.findall(r"""(?:src|href)\s*=|https?://[^"' ]+""", text)
    assert set(links) <= {"http://www.w3.org/2000/svg"}
    assert text.count("<script>") == 1
    assert "&lt;script&gt;" in text
    assert "javascript:" not in text


def test_every_event_is_after_the_schema_and_each_run_starts_and_ends(story: Workspace) -> None:
    graph, text = draw(story, "openlineage")
    events = [msgspec.json.decode(line, type=RunEvent) for line in text.splitlines()]
    runs = [node for node in graph.nodes if node.kind == "run"]
    kinds = {event.run.runId: [e.eventType for e in events if e.run is event.run or e.run == event.run]
             for event in events}  # fmt: skip
    assert len(kinds) == len(runs)
    assert sorted(kinds.values()) == sorted([["START", "COMPLETE"]] * (len(runs) - 1) + [["START", "FAIL"]])
    inputs = sum(len(event.inputs) for event in events if event.eventType == "START")
    outputs = sum(len(event.outputs) for event in events if event.eventType == "START")
    assert inputs + outputs == len(graph.edges)
    failed = next(event for event in events if event.eventType == "FAIL")
    assert "errorMessage" in failed.run.facets
    assert {dataset.namespace for dataset in failed.outputs} == {"file"}


def test_the_events_of_one_thing_are_those_of_its_runs_oldest_first(story: Workspace) -> None:
    tool = next(run for run in story.catalog.runs.list(limit=None) if run.verb == "tool")
    around = read_graph(story, tool.id)
    events = [json.loads(line) for line in write_graph(story, around, "openlineage").splitlines()]
    starts = [event for event in events if event["eventType"] == "START"]
    assert len(starts) == sum(node.kind == "run" for node in around.nodes)
    assert len(starts) < len(story.catalog.runs.list(limit=None))
    times = [event["eventTime"] for event in starts]
    assert times == sorted(times)


def test_a_dataset_of_an_event_is_its_path_whatever_its_card_says(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "a · b.html"
    path.write_text("made")
    run = start_run(workspace, "tool")
    add_output(workspace, run, "file", str(path), card=Card(description="in short · /etc/passwd"))
    finish_run(workspace, run)
    _, text = draw(workspace, "openlineage")
    for line in text.splitlines():
        (dataset,) = json.loads(line)["outputs"]
        assert (dataset["namespace"], dataset["name"]) == ("file", str(path))


def test_prov_names_every_node_once_and_both_kinds_of_edges(story: Workspace) -> None:
    graph, text = draw(story, "prov")
    document = json.loads(text)
    named = [*document["entity"], *document["activity"]]
    assert sorted(named) == sorted(node.id for node in graph.nodes)
    assert {name.partition(":")[0] for name in named} <= document["prefix"].keys()
    edges = {(use["prov:entity"], use["prov:activity"]) for use in document["used"].values()}
    edges |= {(made["prov:activity"], made["prov:entity"]) for made in document["wasGeneratedBy"].values()}
    assert edges == {(edge.source, edge.target) for edge in graph.edges}
    agents = {one["prov:agent"] for one in document["wasAssociatedWith"].values()}
    assert agents == document["agent"].keys()


def test_mermaid_shows_a_title_as_it_is_written(story: Workspace) -> None:
    _, text = draw(story, "mermaid")
    line = next(line for line in text.splitlines() if "alert" in line)
    assert "<script" not in line
    assert "#lt;script#gt;" in line
    assert line.count('"') == 2


@pytest.mark.parametrize("format", ["text", "mermaid", "dot", "svg", "html"])
def test_a_hostile_folder_neither_acts_on_a_terminal_nor_breaks_a_picture(
    workspace: Workspace, tmp_path: Path, format: str
) -> None:
    folder = tmp_path / "a\x1b]0;b\x07\u202ec]]>&lt;\uffff\x9bd"
    folder.mkdir()
    run = start_run(workspace, "look")
    add_input(workspace, run, "folder", str(folder))
    graph = workspace.catalog.lineage.read_graph()
    text = write_graph(workspace, graph, format)
    assert not {character for character in text if unicodedata.category(character) == "Cc"} - {"\n"}
    assert "\u202e" not in text
    if format == "svg":
        assert len(list(fromstring(text).iter(f"{SVG}g"))) == 2
    if format == "mermaid":
        assert "]]#gt;#amp;lt;" in text
    if format == "dot":
        assert "\\u00" not in text, "which is none of DOT's escapes"


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_graph_has_every_format(workspace: Workspace, format: str) -> None:
    assert isinstance(write_graph(workspace, LineageGraph((), ()), format), str)


def test_a_graph_is_saved_into_a_new_file_alone(story: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "lineage.svg"
    path.write_text("mine")
    with pytest.raises(Conflict, match="exists already"):
        save_graph(story, None, "svg", path)
    assert path.read_text() == "mine"
    path.unlink()
    assert save_graph(story, None, "svg", path) > 0
    assert path.read_text("utf-8").startswith("<svg")
