"""Long bundles are drawn as one run: those of a process, of a parent, and those within others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.lineage import LineageGraph, index_neighbours, join_members, sort_along
from mlwf_tui.entities.run import ProcessIdentity, Run, RunState
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.bundles import LONG_FROM, list_bundles
from mlwf_tui.workflow.graphs.export_graph import write_graph
from mlwf_tui.workflow.graphs.groups import list_groups
from mlwf_tui.workflow.run import add_input, add_output, finish_run, open_events, start_run
from mlwf_tui.workspace import Workspace

OTHER = ProcessIdentity("boot:1", 4321, 99)


def do_run(
    workspace: Workspace, verb: str, folder: Path, *, reads: str = "", value: float | None = None,
    process: ProcessIdentity | None = None, state: RunState = RunState.DONE,
) -> Run:  # fmt: skip
    """Let this process, or another, do a run that reads a file and writes one called after itself."""
    run = start_run(workspace, verb, process=process or processes.identify_self())
    if reads:
        add_input(workspace, run, "file", reads)
    made = folder / f"{run.id}.txt"
    made.write_text(run.id)
    add_output(workspace, run, "file", str(made))
    if value is not None:
        with open_events(workspace, run, begins=True) as writer:
            writer.metric("val/accuracy", value, 1)
    return finish_run(workspace, run, state)


def is_acyclic(graph: LineageGraph) -> bool:
    down, up = index_neighbours(graph)
    return len(sort_along([node.id for node in graph.nodes], down, up)) == len(graph.nodes)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.txt"
    path.write_text("data")
    return str(path)


def test_the_runs_of_one_process_are_one_card_with_a_count_and_the_best(
    workspace: Workspace, tmp_path: Path, data: str
) -> None:
    runs = [
        do_run(workspace, "fit", tmp_path, reads=data, value=number / 10, state=state)
        for number, state in enumerate([*[RunState.DONE] * (LONG_FROM - 1), RunState.FAILED])
    ]
    do_run(workspace, "fit", tmp_path, reads=data, process=OTHER)
    graph = read_graph(workspace)
    (bundle,) = list_bundles(workspace, graph)
    best = runs[-1]
    assert bundle.id == f"runs:{runs[0].id}"
    assert bundle.title == f"fit ×{LONG_FROM}"
    assert bundle.state == "done"
    assert bundle.detail == f"6 runs: 5 done, 1 failed · best val/accuracy 0.5 in {best.id}"
    folded = join_members(graph, [bundle])
    (kept,) = (out.id for out in workspace.catalog.runs.get(best.id).outputs)
    (outside,) = (run for run in workspace.catalog.runs.list() if run.id not in {r.id for r in runs})
    made_outside = {f"file:{out.id}" for out in outside.outputs}
    shared = {f"file:{run.id}" for run in best.inputs}
    assert {node.id for node in folded.nodes} == {
        bundle.id, f"file:{kept}", f"run:{outside.id}", *made_outside, *shared,
    }  # fmt: skip


def test_a_short_session_stays_as_it_is(workspace: Workspace, tmp_path: Path, data: str) -> None:
    for _ in range(LONG_FROM - 1):
        do_run(workspace, "fit", tmp_path, reads=data)
    assert list_bundles(workspace, read_graph(workspace)) == ()


def test_a_session_that_goes_on_is_running(workspace: Workspace, tmp_path: Path, data: str) -> None:
    for _ in range(LONG_FROM):
        do_run(workspace, "fit", tmp_path, reads=data)
    add_input(workspace, start_run(workspace, "look", process=processes.identify_self()), "file", data)
    (bundle,) = list_bundles(workspace, read_graph(workspace))
    assert (bundle.title, bundle.state) == ("runs ×7", "running")


def add_parts(workspace: Workspace, parent: Run, count: int) -> list[Run]:
    runs, environment = workspace.catalog.runs, {"mlwf": "1"}
    found = []
    for number in range(count):
        part = runs.create(
            "train", params={}, seed=number, author="ada", workspace="default", environment=environment,
            parent=parent.id,
        )  # fmt: skip
        folder = workspace.catalog.lineage.add_folder(f"/made/{part.id}", is_output=True)
        runs.add_output(part.id, folder)
        found.append(part)
    return found


def test_a_search_is_one_card_and_what_it_has_made_itself_stays(workspace: Workspace) -> None:
    runs = workspace.catalog.runs
    search = runs.create("search", params={}, seed=1, author="ada", workspace="default", environment={})
    parts = add_parts(workspace, search, LONG_FROM)
    result = workspace.catalog.lineage.add_folder("/result", is_output=True)
    runs.add_output(search.id, result)
    graph = read_graph(workspace)
    (bundle,) = list_bundles(workspace, graph)
    assert bundle.title == f"search ×{LONG_FROM + 1}"
    assert bundle.id == f"runs:{search.id}"
    assert {node.title for node in join_members(graph, [bundle]).nodes} == {bundle.title, "result"}
    assert f"run:{parts[0].id}" in bundle.members


def test_a_session_within_another_is_drawn_where_the_other_is_opened(workspace: Workspace) -> None:
    runs = workspace.catalog.runs
    sweep = runs.create("sweep", params={}, seed=1, author="ada", workspace="default", environment={})
    points = add_parts(workspace, sweep, 2)
    for point in points:
        add_parts(workspace, point, LONG_FROM)
    graph = read_graph(workspace)
    outer, *inner = list_bundles(workspace, graph)
    assert (outer.title, outer.id) == ("train ×14", f"runs:{points[0].id}"), "the sweep itself has no edge"
    assert sorted(bundle.id for bundle in inner) == sorted(f"runs:{point.id}" for point in points)
    assert len(join_members(graph, [outer, *inner]).nodes) == 1
    opened = join_members(graph, inner)
    assert {node.title for node in opened.nodes} >= {"train ×7"}
    assert is_acyclic(opened)


def test_a_session_that_an_outsider_works_for_is_not_folded(
    workspace: Workspace, tmp_path: Path, data: str
) -> None:
    """Else its card would come of itself, and no picture has a place for that."""
    first = do_run(workspace, "fit", tmp_path, reads=data)
    made = tmp_path / f"{first.id}.txt"
    outsider = do_run(workspace, "review", tmp_path, reads=str(made), process=OTHER)
    for _ in range(LONG_FROM):
        do_run(workspace, "fit", tmp_path, reads=str(tmp_path / f"{outsider.id}.txt"))
    graph = read_graph(workspace)
    assert list_bundles(workspace, graph) == ()
    assert is_acyclic(join_members(graph, list_groups(workspace, graph)))


def test_two_sessions_that_wait_for_each_other_are_not_folded(
    workspace: Workspace, tmp_path: Path, data: str
) -> None:
    for process in (None, OTHER):
        for _ in range(LONG_FROM):
            do_run(workspace, "fit", tmp_path, reads=data, process=process)
    mine, theirs = (
        [run for run in workspace.catalog.runs.list() if bool(job_of(workspace, run) == OTHER) is is_other]
        for is_other in (False, True)
    )
    assert len(list_bundles(workspace, read_graph(workspace))) == 2
    link(workspace, tmp_path, mine[0], OTHER)
    assert len(list_bundles(workspace, read_graph(workspace))) == 2
    link(workspace, tmp_path, theirs[0], processes.identify_self())
    graph = read_graph(workspace)
    assert list_bundles(workspace, graph) == ()


def job_of(workspace: Workspace, run: Run) -> ProcessIdentity | None:
    job = workspace.catalog.jobs.latest(run.id)
    return None if job is None else job.process


def link(workspace: Workspace, folder: Path, maker: Run, process: ProcessIdentity) -> None:
    """Let a process read what a run of another has made."""
    do_run(workspace, "fit", folder, reads=str(folder / f"{maker.id}.txt"), process=process)


def test_every_picture_folds_a_session_unless_it_is_asked_not_to(
    workspace: Workspace, tmp_path: Path, data: str
) -> None:
    for _ in range(LONG_FROM):
        do_run(workspace, "fit", tmp_path, reads=data)
    graph = read_graph(workspace)
    for format in ("text", "mermaid", "dot", "svg", "html"):
        assert f"fit ×{LONG_FROM}" in write_graph(workspace, graph, format)
        assert f"fit ×{LONG_FROM}" not in write_graph(workspace, graph, format, is_folded=False)
    for format in ("openlineage", "prov"):
        assert "×" not in write_graph(workspace, graph, format)


def test_a_session_of_files_holds_its_folders(workspace: Workspace, tmp_path: Path, data: str) -> None:
    """A folder of files that lies in a bundle is drawn where the bundle is opened."""
    for number in range(LONG_FROM):
        run = start_run(workspace, "cut", process=processes.identify_self())
        add_input(workspace, run, "file", data)
        folder = tmp_path / f"made-{number}"
        folder.mkdir()
        for part in range(3):
            (folder / f"{part}.txt").write_text(str(part))
            add_output(workspace, run, "file", str(folder / f"{part}.txt"))
        finish_run(workspace, run)
    graph = read_graph(workspace)
    groups = list_groups(workspace, graph)
    assert len(groups) == 1 + LONG_FROM
    assert len(join_members(graph, groups).nodes) == 2
    assert len(join_members(graph, groups[1:]).nodes) == 1 + 2 * LONG_FROM
