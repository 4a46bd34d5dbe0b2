from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, VersionKind
from mlwf_tui.entities.remark import RemarkKind
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import Coverage, measure_coverage
from mlwf_tui.workflow.graphs.folding import fold_files
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.lint import fix_remarks, lint
from mlwf_tui.workflow.pipeline import make_request, run_pipeline
from mlwf_tui.workflow.run import add_input, add_output, finish_run, start_run
from mlwf_tui.workflow.tag import untag
from mlwf_tui.workflow.trace import trace
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.states import make_object, make_plain_item, set_state
from tests.tui.homes import fill_finished


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill_finished(workspace, tmp_path)
    run = start_run(workspace, "tool")
    add_input(workspace, run, "dataset", "cells@1", dataset="main")
    for name in ("a", "b", "c"):
        path = tmp_path / "out" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        add_output(workspace, run, "file", str(path))
    alone = tmp_path / "alone"
    alone.write_text("by itself")
    add_output(workspace, run, "weights", str(alone))
    finish_run(workspace, run)
    return workspace


def list_messages(workspace: Workspace, kind: RemarkKind) -> list[str]:
    return [remark.message for remark in lint(workspace).remarks if remark.kind is kind]


def test_everything_that_is_not_as_it_should_be_is_named(filled: Workspace) -> None:
    undocumented = list_messages(filled, RemarkKind.UNDOCUMENTED)
    assert "the project cells has no description of its own" in undocumented
    assert "the model yolov10n-cells-1 has no description of its own" in undocumented
    assert not any("cells@1" in message for message in undocumented), "its message says what it is"
    assert list_messages(filled, RemarkKind.DATASET) == [
        "the dataset cells@1/main stands on the lineage beside its project"
    ]
    (sprawl,) = list_messages(filled, RemarkKind.SPRAWL)
    assert sprawl.startswith("3 files of ")
    (lacking,) = list_messages(filled, RemarkKind.NOT_REPRODUCIBLE)
    assert "seed" in lacking


def measure(workspace: Workspace) -> Coverage:
    catalog = workspace.catalog
    models, reports = catalog.models.list(), catalog.reports.list()
    things: tuple[Project | Model | Report, ...] = (*catalog.projects.list(), *models, *reports)
    return measure_coverage(workspace, things)


def test_the_coverage_of_the_status_line_is_that_of_lint(filled: Workspace) -> None:
    filled.catalog.projects.delete(filled.catalog.projects.get("parts").id)
    versions = filled.catalog.versions
    project = filled.catalog.projects.get("cells")
    for kind, message in ((VersionKind.AUTOMATIC, "before train"), (VersionKind.MANUAL, "before noon")):
        versions.create(
            project.id, manifest=project.manifest, item_count=14, message=message, kind=kind, author="Ada"
        )
    found = lint(filled)
    assert measure(filled) == Coverage(found.described, found.describable)
    fix_remarks(filled, ["undocumented"])
    assert measure(filled).share == 1.0


def test_a_fix_describes_by_what_is_known_and_keeps_the_history(filled: Workspace) -> None:
    before = lint(filled)
    fixed = fix_remarks(filled, ["undocumented"])
    assert len(fixed) == before.describable - before.described
    after = lint(filled)
    assert after.coverage == 1.0 > before.coverage
    assert filled.catalog.projects.get("cells").description.startswith("14 items, ")
    model = filled.catalog.models.get("yolov10n-cells-1")
    assert model.description.startswith("yolov10n by train of cells@2")
    assert [c.text for c in list_changes(filled, model.id) if c.what == "description"] == [model.description]


def test_a_dataset_is_shown_as_its_project_and_no_edge_is_lost(filled: Workspace) -> None:
    edges = filled.catalog._database.execute_sql("SELECT COUNT(*) FROM run_edge")
    (fixed,) = fix_remarks(filled, ["dataset"])
    graph = filled.catalog.lineage.read_graph()
    assert fixed.node not in {node.id for node in graph.nodes}
    tool = next(node.id for node in graph.nodes if node.title == "tool")
    assert [edge.source.partition(":")[0] for edge in graph.edges if edge.target == tool] == ["version"]
    assert filled.catalog._database.execute_sql("SELECT COUNT(*) FROM run_edge") == edges
    assert list_messages(filled, RemarkKind.DATASET) == []
    assert "tool" in {traced.node.title for traced in trace(filled, fixed.node).nodes}, "it was asked for"
    assert [(c.what, c.text) for c in list_changes(filled, fixed.node)][-1] == ("shown_as", "project")


def test_only_what_was_asked_for_is_fixed(filled: Workspace) -> None:
    wanted = next(r for r in lint(filled).remarks if r.message.startswith("the report"))
    assert [r.node for r in fix_remarks(filled, nodes=[wanted.node])] == [wanted.node]
    with pytest.raises(InvalidParameter):
        fix_remarks(filled, ["untidy"])


def test_what_cannot_be_changed_any_more_is_said_on_its_card_and_remarked_no_more(filled: Workspace) -> None:
    fixed = fix_remarks(filled, ["sprawl", "not_reproducible"])
    assert {remark.kind for remark in fixed} == {RemarkKind.SPRAWL, RemarkKind.NOT_REPRODUCIBLE}
    (tool,) = [node for node in filled.catalog.lineage.read_graph().nodes if node.title == "tool"]
    assert set(tool.tags) == {"sprawls", "not-reproducible"}
    assert not list_messages(filled, RemarkKind.SPRAWL)
    assert not list_messages(filled, RemarkKind.NOT_REPRODUCIBLE)
    untag(filled, tool.id, "sprawls")
    assert list_messages(filled, RemarkKind.SPRAWL), "whoever takes the tag off is told again"


def test_siblings_are_drawn_as_one_folder_with_a_hashed_listing(filled: Workspace, tmp_path: Path) -> None:
    graph = filled.catalog.lineage.read_graph()
    folded = fold_files(filled, graph)
    assert len(folded.nodes) == len(graph.nodes) - 2
    (folder,) = [node for node in folded.nodes if node.members]
    assert folder.title == "out ×3"
    assert len(folder.members) == 3
    assert "listing" in folder.detail
    ends = {end for edge in folded.edges for end in (edge.source, edge.target)}
    assert ends <= {node.id for node in folded.nodes}
    reader = start_run(filled, "reader")
    add_input(filled, reader, "file", str(tmp_path / "out" / "a"))
    again = fold_files(filled, filled.catalog.lineage.read_graph())
    assert not [node for node in again.nodes if node.members], (
        "two siblings and one that is read are no folder"
    )


def test_an_empty_home_has_nothing_to_remark(workspace: Workspace) -> None:
    found = lint(workspace)
    assert (found.remarks, found.coverage) == ((), 1.0)


def test_a_step_is_no_remark_where_its_pipeline_can_be_done_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    set_state(
        workspace, "cells", [make_plain_item("main/a.jpg", make_object()), make_plain_item("main/b.jpg")]
    )
    commit(workspace, "cells", message="two")
    path = tmp_path / "p.yaml"
    path.write_text(
        "sources: {cells: cells@1}\n"
        "steps: [{operation: filter, params: {min_objects: 1}}, {operation: move, params: {ending: _m}}]\n"
        "outputs: [{project: out}]\n"
    )
    run_pipeline(workspace, make_request(workspace, str(path)), observer=KeepingObserver())
    assert not list_messages(workspace, RemarkKind.NOT_REPRODUCIBLE)
    delete(workspace, "cells@1", is_forced=True)
    messages = list_messages(workspace, RemarkKind.NOT_REPRODUCIBLE)
    assert any("the pipeline " in message for message in messages)
    assert any("it is a step" in message for message in messages)
