from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.entities.layout import MonitorLayout, XAxis
from mlwf_tui.workflow.personal.layouts import read_layout, write_layout
from mlwf_tui.workspace import Workspace

LAYOUT = MonitorLayout(smoothing=0.9, x_axis=XAxis.TIME, panels=(("a", "b"),), window=(0.5, 1.0))


def of(workspace: Workspace, author: str) -> Workspace:
    return replace(workspace, settings=replace(workspace.settings, author=author))


def test_a_layout_is_remembered_for_each_person(workspace: Workspace) -> None:
    write_layout(of(workspace, "ada"), LAYOUT)
    assert read_layout(of(workspace, "ada")) == LAYOUT
    assert read_layout(of(workspace, "eve")) == MonitorLayout()


def test_no_name_leads_out_of_the_folder(workspace: Workspace) -> None:
    for author in ("../../etc", "..", "a/b", "", "é" * 400):
        write_layout(of(workspace, author), LAYOUT)
        assert read_layout(of(workspace, author)) == LAYOUT
    written = {path.parent.parent for path in workspace.home.rglob("monitor.json")}
    assert written == {workspace.home / "users"}


def test_a_damaged_layout_is_as_none(workspace: Workspace) -> None:
    write_layout(workspace, LAYOUT)
    (path,) = workspace.home.rglob("monitor.json")
    for content in (b"", b"{", b'{"smoothing": "much"}', b"\xff"):
        path.write_bytes(content)
        assert read_layout(workspace) == MonitorLayout()


def test_a_layout_that_cannot_be_written_is_no_failure(workspace: Workspace) -> None:
    (workspace.home / "users").write_text("a file where the folder should be")
    write_layout(workspace, LAYOUT)
    assert read_layout(workspace) == MonitorLayout()
