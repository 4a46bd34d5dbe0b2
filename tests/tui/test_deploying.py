"""Packages and sessions from the app: the forms, the token that is shown once, and untrusted weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.screens.command_lines import write_package, write_serve
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workflow.serve import find_place
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.seeing import add_seer
from tests.tui.driving import drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

SPOTS = [("spot", 4, 3, 20, 20)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        add_seer(workspace, "eye", SPOTS)
        yield workspace


async def test_a_model_is_packaged_and_served_from_the_app(home: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "out"
    async with drive(home) as app:
        await app.select("eye")
        await app.press("dollar_sign")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("down")
        await app.write(str(target))
        await app.press("down")
        await app.until_text("rare: pip install rare")
        assert f"$ mlwf package eye {tmp_path}"[:30] in app.read_text()
        await app.press("enter")
        await app.until(lambda: (target / "model.json").exists())
        await app.press("escape")
        await app.select("eye")
        await app.press("at")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("down", "down")
        await app.write("th")
        await app.press("enter")
        await app.until_text("must be a whole number")
        await app.press(*["backspace"] * 6)
        await app.write("0")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Sheet))
        await app.until_text("shown this once")
        await app.press("escape")
    run = next(run for run in list_runs(home) if run.verb == "serve")
    jobs.wait_until(
        lambda: find_place(home, get_run(home, run.id)) is not None, lambda: jobs.describe(home, run)
    )
    assert stop_run(home, run.id).state is RunState.STOPPED


async def test_untrusted_weights_are_a_question_first(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "odd", SPOTS, danger=True)
    target = tmp_path / "out"
    async with drive(home) as app:
        await app.select("odd")
        await app.press("dollar_sign")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("down")
        await app.write(str(target))
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.until_text("name danger")
        assert not [run for run in list_runs(home) if run.verb == "package"]
        await app.press("y")
        await app.until(lambda: (target / "model.json").exists())
    assert next(run for run in list_runs(home) if run.verb == "package").params["is_trusted"] is True


def test_the_forms_write_the_command_lines_that_do_the_same() -> None:
    assert write_package({"model": "eye", "target": "/a b", "format": "onnx", "sample": "false"}) == (
        "mlwf package eye '/a b' --format onnx -p sample=false"
    )
    values = {
        "model": "eye",
        "host": "127.0.0.1",
        "port": "0",
        "answers": "everybody who reaches it",
        "iou": "0.5",
    }
    assert write_serve(values) == ("mlwf serve eye --no-token --detach --host 127.0.0.1 --port 0 -p iou=0.5")
