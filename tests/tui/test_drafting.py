"""A pipeline put together in the app: checked as it is typed, counted, saved, opened and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.tui.screens.checked_form import CheckedForm
from mlwf_tui.tui.screens.operation_form import OperationForm
from mlwf_tui.tui.screens.picking import OperationPicker
from mlwf_tui.tui.screens.pipeline_editor import PipelineEditor
from mlwf_tui.tui.screens.previewing import PreviewScreen
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipelines.drafting import find_step
from mlwf_tui.workflow.pipelines.drafts import read_draft
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc
from tests.tui.driving import NARROW, Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

BOXES = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 5, 5, 25, 25)], "c.jpg": []}


def fill(home: Workspace, tmp_path: Path) -> None:
    make_voc(tmp_path / "voc", BOXES)
    import_folder(home, tmp_path / "voc", "drawn", observer=KeepingObserver())


async def _open_editor(app: Driver) -> PipelineEditor:
    await app.select("drawn")
    await app.press("ctrl+y")
    return await _find_editor(app)


async def _find_editor(app: Driver) -> PipelineEditor:
    await app.until(lambda: isinstance(app.top, PipelineEditor) and app.top.check is not None, "the editor")
    assert isinstance(app.top, PipelineEditor)
    return app.top


async def _pick(app: Driver, operation: str) -> None:
    await app.until(lambda: isinstance(app.top, OperationPicker), "the picker")
    picker = app.top
    assert isinstance(picker, OperationPicker)
    await app.write(operation)
    await app.until(lambda: picker.chosen is not None and picker.chosen.name == operation, operation)
    await app.press("enter")


async def _add(app: Driver, key: str, operation: str) -> CheckedForm:
    await app.press(key)
    await _pick(app, operation)
    await app.until(lambda: isinstance(app.top, CheckedForm), "the step's form")
    assert isinstance(app.top, CheckedForm)
    return app.top


def _list_steps(editor: PipelineEditor) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.name, step.inputs) for step in editor.opened.pipeline.steps]


async def test_an_operation_becomes_a_step_and_more_follow_and_it_is_run(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill(empty_home, tmp_path)
    async with drive(empty_home) as app:
        await app.select("drawn")
        await app.press("o")
        await _pick(app, "filter")
        await app.until(lambda: isinstance(app.top, OperationForm), "the form")
        assert isinstance(app.top, OperationForm)
        app.top.fill("min_objects", "1")
        await app.press("ctrl+y")
        editor = await _find_editor(app)
        assert _list_steps(editor) == [("filter", ("drawn",))]
        await app.until_text("✓ it can be run")

        form = await _add(app, "a", "split")
        assert "- {name: split, operation: split, from: filter}" in app.read_text()
        form.fill("train", "7")
        await app.until_text("out of its range")
        form.fill("train", "0.5")
        form.fill("val", "0.5")
        form.fill("test", "0")
        await app.until_text("✓ it fits")
        await app.press("ctrl+n")
        await app.until_text("2 → 2 items")
        await app.press("enter")
        editor = await _find_editor(app)
        assert _list_steps(editor) == [("filter", ("drawn",)), ("split", ("filter",))]
        split = find_step(editor.opened.pipeline, "split")
        assert split is not None
        assert split.params == {"train": 0.5, "val": 0.5, "test": 0.0}

        await app.press("d")
        await app.until_text("3 → 2")
        await app.press("R")
        await app.until(lambda: isinstance(app.top, Form), "how to run it")
        await app.until_text("$ mlwf pipeline draft")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Confirm), "the steps")
        await app.until_text("→ drawn-ready")
        await app.press("y")
        await app.until_text("Made drawn-ready@1")
        await app.until(lambda: app.top is app.main, "the end of the editor")
    assert "drawn-ready" in [project.name for project in list_projects(empty_home)]


async def test_steps_are_moved_copied_deleted_and_all_of_it_taken_back(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill(empty_home, tmp_path)
    async with drive(empty_home, size=NARROW) as app:
        editor = await _open_editor(app)
        await app.until_text("esc back")
        for operation in ("flip", "split"):
            await _add(app, "a", operation)
            await app.press("enter")
            await _find_editor(app)
        await app.press("K")
        assert _list_steps(editor) == [("split", ("drawn",)), ("flip", ("split",))]
        assert editor.part is not None
        assert editor.part.name == "split", "the cursor stays on the moved step"
        await app.press("c")
        assert _list_steps(editor)[1] == ("split-2", ("split",))
        await app.press("D")
        assert _list_steps(editor)[0] == ("split-2", ("drawn",))
        await app.press("u", "u", "u")
        assert _list_steps(editor) == [("flip", ("drawn",)), ("split", ("flip",))]
        await app.press("U")
        assert _list_steps(editor)[0] == ("split", ("drawn",))
        await app.press("u")

        form = await _add(app, "b", "blur")
        form.fill("the-branch", "side")
        await app.press("enter")
        await _find_editor(app)
        await app.until_text("branch side")
        await app.until(lambda: editor.check is not None and bool(editor.check.faults), "what was found")
        await app.until_text("used by nobody")
        await app.press("p")
        await app.until(lambda: isinstance(app.top, CheckedForm), "the output's form")
        output = app.top
        assert isinstance(output, CheckedForm)
        output.fill("from", "side")
        output.fill("project", "drawn-side")
        await app.press("enter")
        await _find_editor(app)
        await app.until_text("✓ it can be run")

        await app.press("x")
        await app.until(lambda: isinstance(app.top, ContextMenu), "the menu")
        await app.press("escape")
        await app.press("q")
        await app.until(lambda: app.top is app.main, "the end of the editor")
        await app.settle()
    async with drive(empty_home) as app:
        again = await _open_editor(app)
        assert _list_steps(again) == [*_list_steps(editor)]
        assert again.opened.pipeline.outputs[1].project == "drawn-side"


async def test_a_draft_is_saved_changed_and_opened_again(empty_home: Workspace, tmp_path: Path) -> None:
    fill(empty_home, tmp_path)
    path = tmp_path / "my own.yaml"
    async with drive(empty_home) as app:
        editor = await _open_editor(app)
        await _add(app, "a", "flip")
        await app.press("enter")
        await _find_editor(app)
        await app.press("W")
        await app.until(lambda: isinstance(app.top, Prompt), "the name")
        prompt = app.top
        prompt.query_one("Input").value = str(path)  # type: ignore[attr-defined]
        await app.press("enter")
        await app.until_text("Saved ")
        await app.until(lambda: not editor.opened.is_changed, "the saved state")
        assert path.read_text("utf-8") == editor.opened.text
        await app.until_text(f"$ mlwf pipeline '{path}'")

        await app.press("N")
        assert not editor.opened.pipeline.steps
        await app.press("o")
        await app.until(lambda: isinstance(app.top, Form), "what to open")
        form = app.top
        assert isinstance(form, Form)
        form.fill("pipeline", "two-trainings")
        await app.until_text("There is no pipeline")
        form.fill("pipeline", str(path))
        await app.until_text("flip")
        await app.press("enter")
        await app.until(lambda: app.top is editor and len(editor.opened.pipeline.steps) == 1, "the file")
        assert editor.opened.path == str(path)
        await app.press("e")
        await app.until(lambda: isinstance(app.top, CheckedForm), "the step's form")
        step = app.top
        assert isinstance(step, CheckedForm)
        await app.press("ctrl+o")
        await app.until(lambda: isinstance(app.top, PreviewScreen), "the preview")
        preview = app.top
        assert isinstance(preview, PreviewScreen)
        await app.until(lambda: preview.preview is not None, "what comes of it")
        await app.press("escape")
        await app.until(lambda: app.top is step, "the form again")
        step.fill("the-name", "mirrored")
        await app.press("enter")
        await _find_editor(app)
        await app.until_text("not saved")
        path.write_text("# by hand\n" + path.read_text("utf-8"), "utf-8")
        await app.press("w")
        await app.until(lambda: isinstance(app.top, Confirm), "the question")
        await app.press("n")
        assert path.read_text("utf-8").startswith("# by hand")
    kept = read_draft(empty_home)
    assert kept is not None
    assert [step.name for step in kept.pipeline.steps] == ["mirrored"]
