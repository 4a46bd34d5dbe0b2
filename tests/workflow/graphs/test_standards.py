"""Events and provenance of a home with everything that can be in it, held against the standards' rules."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from jsonschema import Draft202012Validator, FormatChecker

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.run import RunState
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.export_graph import write_graph
from mlwf_tui.workflow.run import add_input, add_output, finish_run, start_run
from mlwf_tui.workspace import Workspace
from tests.tui.homes import fill_finished
from tests.workflow.graphs.openlineage_schema import RUN_EVENT

TITLES = (
    "x" * 10_000,
    "<svg onload=alert(1)>]]></title><script>alert(1)</script>",
    "\u202egnp.\u2066exe\x00\x1b[2J\r\n\ud800\uffff",
    "\"'&#x3c;{{7*7}}`${1}",
    "שלום עולם مرحبا 写真 🦠",
)
PROV_RELATIONS = {
    "used": {"prov:activity", "prov:entity"},
    "wasGeneratedBy": {"prov:entity", "prov:activity"},
    "wasAssociatedWith": {"prov:activity", "prov:agent"},
}


@pytest.fixture
def everything(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A whole life, a run within another, failed, stopped and unfinished ones, and hostile titles."""
    fill_finished(workspace, tmp_path)
    outer = start_run(workspace, "outer", arguments=["./outer.sh"])
    for number, title in enumerate(TITLES):
        run = start_run(workspace, "inner", card=Card(title=title, description=title), within=outer.id)
        add_input(workspace, run, "project", "cells")
        path = tmp_path / f"{number}.txt"
        path.write_text(title, "utf-8", "replace")
        add_output(workspace, run, "file", str(path), card=Card(title=title))
        state = (RunState.FAILED, RunState.STOPPED, RunState.DONE)[number % 3]
        if number:
            finish_run(workspace, run, state, error="" if state is RunState.DONE else title)
    add_output(workspace, outer, "labeling_job", "job 17")
    add_output(workspace, outer, "session")
    return workspace


def test_every_event_is_after_openlineages_schema(everything: Workspace) -> None:
    check = Draft202012Validator(RUN_EVENT, format_checker=FormatChecker())
    lines = write_graph(everything, read_graph(everything), "openlineage").splitlines()
    events = [json.loads(line) for line in lines]
    faults = [f"{fault.json_path}: {fault.message}" for event in events for fault in check.iter_errors(event)]
    assert not faults
    runs = [run for run in everything.catalog.runs.list(limit=None) if run.inputs or run.outputs]
    assert len(events) == len(runs) + sum(run.state.is_finished for run in runs)
    facets = {name for event in events for name in event["run"]["facets"]}
    assert facets == {"processing_engine", "nominalTime", "errorMessage", "parent"}
    broken = {**events[0], "eventTime": "yesterday"}
    assert list(check.iter_errors(broken)), "the schema can say no"


def test_a_provenance_document_names_what_it_relates(everything: Workspace) -> None:
    document: dict[str, Any] = json.loads(write_graph(everything, read_graph(everything), "prov"))
    assert document.keys() == {"prefix", "entity", "activity", "agent", *PROV_RELATIONS}
    declared = {
        "prov:entity": document["entity"],
        "prov:activity": document["activity"],
        "prov:agent": document["agent"],
    }
    for relation, roles in PROV_RELATIONS.items():
        assert document[relation], relation
        for name, ends in document[relation].items():
            assert name.startswith("_:"), "a relation has no name of its own"
            assert ends.keys() == roles
            assert all(ends[role] in declared[role] for role in roles)
    for names in declared.values():
        assert {name.partition(":")[0] for name in names} <= document["prefix"].keys()
    for record in (*document["entity"].values(), *document["activity"].values()):
        kind = record["prov:type"]
        assert kind["type"] == "prov:QUALIFIED_NAME"
        assert kind["$"].partition(":")[0] in document["prefix"]


class _Page(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.handlers: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.fetched += [
            value or "" for name, value in attrs
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset")
        ]  # fmt: skip


def test_a_page_fetches_and_runs_nothing_of_others(everything: Workspace) -> None:
    page = _Page()
    page.feed(write_graph(everything, read_graph(everything), "html", is_folded=False))
    assert page.elements.count("script") == 1
    assert (page.handlers, page.fetched) == ([], [])
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.elements)


def test_a_picture_is_xml_without_anything_that_acts(everything: Workspace) -> None:
    text = write_graph(everything, read_graph(everything), "svg", is_folded=False)
    root = fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "style", "path", "g", "title", "rect", "text"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    longest = max(len("".join(element.itertext())) for element in root.iter() if element.tag.endswith("text"))
    assert longest < 60, "a title is cut to its box"
