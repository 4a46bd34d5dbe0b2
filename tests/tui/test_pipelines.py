"""Y runs a pipeline: its steps are looked at first, and seen on the graph and in the details afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.tui.screens.choices import list_menu
from mlwf_tui.tui.screens.outline import make_node_entry
from mlwf_tui.tui.screens.snapshot import Snapshot, read_snapshot
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import EntryKind
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import make_request, run_pipeline
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc
from tests.tui.driving import drive

BOXES = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 5, 5, 25, 25)], "c.jpg": []}
TEXT = """\
name: small
sources: {data: }
steps:
  - {name: kept, operation: filter, params: {min_objects: 1}}
outputs: [{project: "{data}-kept"}]
"""


def fill(home: Workspace, tmp_path: Path) -> str:
    make_voc(tmp_path / "voc", BOXES)
    import_folder(home, tmp_path / "voc", "drawn", observer=KeepingObserver())
    (tmp_path / "p.yaml").write_text(TEXT, "utf-8")
    return str(tmp_path / "p.yaml")


@pytest.mark.slow
async def test_Y_shows_the_steps_and_runs_them(empty_home: Workspace, tmp_path: Path) -> None:
    path = fill(empty_home, tmp_path)
    async with drive(empty_home) as app:
        await app.select("drawn")
        await app.press("Y")
        await app.until(lambda: isinstance(app.top, Form))
        await app.write(path)
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.until_text("kept (filter): to do  3 items")
        await app.until_text("→ drawn-kept")
        await app.press("y")
        await app.until_text("Made drawn-kept@1")
    assert "drawn-kept" in [project.name for project in list_projects(empty_home)]


@pytest.mark.slow
async def test_a_fault_of_the_file_is_told_and_the_form_asked_again(
    empty_home: Workspace, tmp_path: Path
) -> None:
    path = fill(empty_home, tmp_path)
    Path(path).write_text(TEXT.replace("filter", "filtr"), "utf-8")
    async with drive(empty_home) as app:
        await app.select("drawn")
        await app.press("Y")
        await app.until(lambda: isinstance(app.top, Form))
        await app.write(path)
        await app.press("enter")
        await app.until_text("Did you mean filter")


async def test_the_graph_and_the_details_show_the_steps(empty_home: Workspace, tmp_path: Path) -> None:
    request = make_request(empty_home, fill(empty_home, tmp_path), sources={"": "drawn"})
    run_pipeline(empty_home, request, observer=KeepingObserver())
    run_pipeline(empty_home, request, observer=KeepingObserver())
    async with drive(empty_home) as app:
        await app.select("pipeline small")
        await app.until_text("= known before")
        await app.until_text("3 → 2 items")
        await app.press("2", "z")
        await app.until_text("§ small")
        await app.until_text("▫ kept")


class _Looking(KeepingObserver):
    """Reads what the app draws while a step goes on."""

    def __init__(self, home: Workspace) -> None:
        super().__init__()
        self._home = home
        self.snapshots: list[Snapshot] = []

    def check_cancelled(self) -> None:
        if not self.snapshots and self.steps and "kept" in self.steps[-1][2]:
            self.snapshots.append(read_snapshot(self._home, ()))


def test_steps_to_do_are_on_the_apps_graph_and_offer_nothing_to_do(
    empty_home: Workspace, tmp_path: Path
) -> None:
    Path(fill(empty_home, tmp_path)).write_text(
        TEXT.replace("outputs", "  - {operation: split}\noutputs"), "utf-8"
    )
    request = make_request(empty_home, str(tmp_path / "p.yaml"), sources={"": "drawn"})
    observer = _Looking(empty_home)
    run_pipeline(empty_home, request, observer=observer)
    (snapshot,) = observer.snapshots
    planned = [node for node in snapshot.graph.nodes if node.is_planned]
    assert [(node.title, node.state) for node in planned] == [
        ("kept", ""), ("split", "queued"), ("split", ""),
    ]  # fmt: skip
    entries = [make_node_entry(node, snapshot, planned[0].created_at) for node in planned]
    assert {entry.kind for entry in entries} == {EntryKind.PLANNED}
    offered = [list_menu(entry, snapshot, ()) for entry in entries]
    assert {choice.id for choices in offered for choice in choices} == {"graph", "save_graph"}
    assert not any(node.is_planned for node in read_snapshot(empty_home, ()).graph.nodes)
