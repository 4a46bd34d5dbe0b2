"""Exporting from the app: the form, what would be lost, and the folder that comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.tui.screens.command_lines import write_export
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.export import list_export_formats
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.tui.driving import SIZES, drive
from tests.tui.homes import write_images


@pytest.mark.parametrize("size", SIZES)
async def test_X_tells_the_losses_and_writes_once_they_are_accepted(
    projects_home: Workspace, tmp_path: Path, size: tuple[int, int]
) -> None:
    folder = tmp_path / "out"
    plain = write_images(tmp_path / "new", {"a.jpg": 1})
    import_folder(projects_home, plain, "plain", format="images", observer=KeepingObserver())
    async with drive(projects_home, size=size) as app:
        await app.select("plain")
        await app.press("X")
        await app.until(lambda: isinstance(app.top, Form))
        await app.write(str(folder))
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("items without a split left out")
        assert not folder.exists()
        await app.press("escape")
        await app.until(lambda: app.top is app.main)
    assert not [run for run in list_runs(projects_home) if run.verb == "export"]


async def test_X_says_that_nothing_is_lost_and_writes(projects_home: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("X")
        await app.until(lambda: isinstance(app.top, Form))
        await app.write(str(folder))
        await app.press("down")
        for _ in list_export_formats(projects_home):
            if app.top.query_one("#field-format", ChoiceField).value != "supervisely":
                await app.press("left")
        await app.press("enter")
        await app.until_text("The format holds all of it.")
        await app.press("enter")
        await app.until(lambda: (folder / "meta.json").exists())
        await app.until(lambda: app.top is app.main)
    assert "export" in {run.verb for run in list_runs(projects_home)}
    assert (folder / "meta.json").exists()


def test_the_form_writes_the_command_line_that_does_the_same() -> None:
    values = {
        "folder": "/tmp/o ut",
        "format": "coco",
        "datasets": "a, b/c",
        "split": "val",
        "classes": "cat",
        "tags": "night",
        "without_objects": "leave out",
        "images": "link",
    }
    assert write_export("cells@2", values) == (
        "mlwf export cells@2 '/tmp/o ut' --format coco --dataset a --dataset b/c --split val --class cat"
        " --tag night --only-matching --link"
    )
