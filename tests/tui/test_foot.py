"""The line at the foot: how things stand, in few words."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidInput
from mlwf_tui.tui.screens.foot import draw_standing
from mlwf_tui.workflow.describe import Coverage
from mlwf_tui.workflow.queue import pause_queue, resume_queue
from mlwf_tui.workspace import Workspace
from tests.tui.driving import drive


@pytest.mark.parametrize(
    ("going", "words"),
    [
        ([], ""),
        ([RunState.QUEUED] * 3, "◌ 3 queued"),
        ([RunState.QUEUED, RunState.CLAIMED, RunState.STOPPING], "● 2 running  ◌ 1 queued"),
        ([RunState.PAUSED, RunState.RUNNING], "● 1 running  ‖ 1 paused"),
    ],
)
def test_runs_that_wait_are_not_counted_as_running(going: list[RunState], words: str) -> None:
    shown = draw_standing(progress=None, marked=(), going=going, errors=0, coverage=Coverage(), home=None)
    assert shown.plain == words


async def test_a_paused_queue_is_told_for_as_long_as_it_is(projects_home: Workspace) -> None:
    async with drive(projects_home, size=(120, 30)) as app:
        pause_queue(projects_home)
        await app.until_text("‖ queue is paused")
        resume_queue(projects_home)
        await app.until(lambda: "queue is paused" not in app.read_text())


async def test_what_is_waited_for_is_said_until_it_is_answered(projects_home: Workspace) -> None:
    async with drive(projects_home, size=(120, 30)) as app:
        is_done, is_failed = threading.Event(), threading.Event()
        answers: list[object] = []
        app.main.ask("train", is_done.wait, answers.append)
        app.main.ask("benchmark", partial(fail_after, is_failed), answers.append, failed=answers.append)
        await app.until_text("⧗ benchmark …")
        is_failed.set()
        await app.until_text("⧗ train …")
        is_done.set()
        await app.until(lambda: "⧗" not in app.read_text())
        assert [str(answer) for answer in answers] == ["It broke.", "True"]


async def test_what_is_answered_at_once_is_not_said_to_be_waited_for(projects_home: Workspace) -> None:
    async with drive(projects_home, size=(120, 30)) as app:
        answers: list[object] = []
        app.main.ask("train", lambda: 1, answers.append)
        await app.until(lambda: bool(answers))
        await asyncio.sleep(0.7)
        assert "⧗" not in app.read_text()


def fail_after(event: threading.Event) -> None:
    event.wait()
    raise InvalidInput("It broke.")
