"""A person is told of what has ended and what is wrong, once each, wherever the focus is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from mlwf_tui.entities.mark import Mark, MarkKind
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.driving import Driver, drive
from tests.tui.homes import add_running, fill_projects, read_clock


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal was sent, beside what draws and the shape of the pointer."""
    found: list[str] = []

    def write(driver: HeadlessDriver, text: str) -> None:
        if not text.startswith("\x1b]22;"):
            found.append(text)

    monkeypatch.setattr(HeadlessDriver, "write", write)
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return found


def finish(workspace: Workspace, run: Run, state: RunState, error: str = "") -> None:
    workspace.catalog.runs.finish(run.id, state, result={}, error=error)


async def read_again(app: Driver) -> None:
    app.main.reload()
    await app.settle()


async def test_the_end_of_a_run_is_told_once_and_takes_no_focus(
    projects_home: Workspace, written: list[str]
) -> None:
    run = add_running(projects_home)
    async with drive(projects_home) as app:
        await app.select("cells")
        focused = app.app.focused
        finish(projects_home, run, RunState.DONE)
        await app.until_text("✓ train yolov10s-cells-1 is done")
        assert app.app.focused is focused
        await app.until(lambda: any("\a" in text for text in written), "the bell")
        for _ in range(2):
            await read_again(app)
        assert [said.text for said in app.main.said if "is done" in said.text] == [app.main.said[-1].text]
    notes = "".join(written)
    assert notes.count("\x1b]9;mlwf: ✓ train yolov10s-cells-1 is done") == 1
    assert notes.count("\x1b]777;notify;mlwf;✓ train yolov10s-cells-1 is done") == 1
    assert notes.count("\a") == 1


async def test_a_failure_says_what_to_do_and_stays_among_the_messages(
    projects_home: Workspace, written: list[str]
) -> None:
    run = add_running(projects_home)
    async with drive(projects_home) as app:
        finish(projects_home, run, RunState.FAILED, "no memory left")
        await app.until_text("yolov10s-cells-1 failed: no memory")
        said = app.main.said[-1]
        assert (said.is_error, said.hint) == (True, f"mlwf logs {run.id}")


async def test_what_was_over_before_the_app_was_opened_is_no_news(
    full_home: Workspace, written: list[str]
) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    finish(full_home, run, RunState.FAILED, "long ago")
    async with drive(full_home) as app:
        await read_again(app)
        assert not app.main.said
    assert written == []


@pytest.mark.parametrize(("hours", "is_told"), [(2, True), (30, False)])
async def test_what_was_lost_of_late_is_told_as_the_app_opens(
    full_home: Workspace, written: list[str], hours: int, is_told: bool
) -> None:
    run = next(run for run in list_runs(full_home) if run.state is RunState.RUNNING)
    finish(full_home, run, RunState.LOST, "Its process is gone.")
    found = list_runs(full_home)
    (lost,) = (one for one in found if one.id == run.id)
    assert lost.finished_at is not None
    now = lost.finished_at + timedelta(hours=hours)
    async with drive(full_home, clock=lambda: now) as app:
        await read_again(app)
        told = [said.text for said in app.main.said]
        assert told == (["1 run was lost: train yolov10s-cells-1."] if is_told else [])
        assert ("A on it lets it go on" in app.read_text()) is is_told
    assert written == []


async def test_the_ways_are_chosen_in_the_settings(tmp_path: Path, written: list[str]) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text('notify = ["osc9"]\n', "utf-8")
    with open_workspace(home) as workspace:
        fill_projects(workspace, tmp_path / "source")
        run = add_running(workspace)
        async with drive(workspace) as app:
            finish(workspace, run, RunState.DONE)
            await app.until(lambda: bool(written), "a note")
            assert [said.text.startswith("✓ train") for said in app.main.said] == [True]
            assert "is done" not in app.read_text()
    assert "".join(written).startswith("\x1b]9;")
    assert "\a" not in "".join(written)
    assert "777" not in "".join(written)


async def test_a_mark_is_told_when_it_comes_and_again_when_it_has_been_away(
    projects_home: Workspace, written: list[str]
) -> None:
    mark = Mark(MarkKind.GPU_IDLE, "GPU 0 has been idle for 7 min.", "mlwf logs")
    async with drive(projects_home) as app:
        alerts = app.main._alerts
        for marks in ((mark,), (mark,), (), (mark,)):
            alerts.see_marks("run", marks)
        alerts.see_marks("other", (mark,))
        await asyncio.sleep(0)
        assert [said.text for said in app.main.said] == [mark.message] * 3


async def test_of_many_marks_at_once_few_are_shown_and_all_are_kept(
    projects_home: Workspace, written: list[str]
) -> None:
    now = read_clock()
    mark = Mark(MarkKind.PLATEAU, "metrics/mAP50 has not risen since step 308.", "Stop the run.")
    async with drive(projects_home, clock=lambda: now) as app:
        alerts = app.main._alerts
        for number in range(50):
            alerts.see_marks(f"run-{number}", (mark,), title=f"train model-{number}")
        assert len(app.main.said) == 50
        assert app.main.said[49].text == f"train model-49: {mark.message}"
        await app.until_text("train model-2: metrics/mAP50 has not risen")
        assert "model-3" not in app.read_text()
        now += timedelta(seconds=11)
        alerts.see_marks("machine", ())
        await app.until_text("And 47 more messages: ! lists them.")
        assert len(app.main.said) == 50
    assert "".join(written).count("\a") == 4
