"""The queue in the app: keys on runs that wait, go and stand still, and on the queue itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.command import Hit

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.commands import ActionProvider
from mlwf_tui.tui.screens.choices import list_menu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import list_queue
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.tui.driving import drive


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch, "slots = 1\n") as workspace:
        yield workspace


@pytest.mark.slow
async def test_keys_pause_resume_and_order_what_waits(home: Workspace) -> None:
    jobs.act(home, jobs.FOREVER)
    waiting = jobs.act(home, "", seed=1)
    async with drive(home) as app:
        await app.select("transform out-1")
        await app.until_text("a CPU slot: 1 of 1 is taken")
        await app.press("greater_than_sign")
        await app.until(lambda: get_run(home, waiting.id).priority == 1, "the priority")
        await app.press("P")
        await app.until(lambda: get_run(home, waiting.id).state is RunState.PAUSED, "the pause")
        await app.until_text("‖")
        await app.press("A")
        await app.until(lambda: get_run(home, waiting.id).state is RunState.QUEUED, "the end of the pause")
        await app.press("B")
        await app.until_text("The run is queued.")


async def test_a_key_is_refused_only_by_what_the_home_says_now(home: Workspace) -> None:
    jobs.act(home, jobs.FOREVER)
    waiting = jobs.act(home, "", seed=1)
    async with drive(home) as app:
        await app.select("transform out-1")
        await app.until_text("a CPU slot: 1 of 1 is taken")
        pause_run(home, waiting.id)  # of which the app has not read yet
        await app.press("A")
        await app.until(lambda: get_run(home, waiting.id).state is RunState.QUEUED, "the end of the pause")
        await app.press("A")
        await app.until_text("The run is queued.")


@pytest.mark.slow
async def test_a_running_job_stands_still_and_goes_on(home: Workspace) -> None:
    run = jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)
    async with drive(home) as app:
        await app.select("transform out-0")
        await app.press("P")
        await app.until(lambda: get_run(home, run.id).state is RunState.PAUSED, "the pause")
        await app.until_text("‖ paused")
        await app.press("A")
        await app.until(lambda: get_run(home, run.id).state is RunState.RUNNING, "the end of the pause")


async def test_the_queue_is_paused_and_let_go_on_by_a_key(home: Workspace) -> None:
    async with drive(home) as app:
        await app.press("Q")
        await app.until(lambda: list_queue(home).is_paused, "the pause")
        await app.until_text("The queue is paused")
        await app.press("Q")
        await app.until(lambda: not list_queue(home).is_paused, "the end of the pause")


async def test_the_palette_and_the_menu_say_whether_the_queue_is_paused_or_resumed(home: Workspace) -> None:
    async with drive(home) as app:

        async def read_titles() -> set[str]:
            hits = [hit async for hit in ActionProvider(app.main).search("queue") if isinstance(hit, Hit)]
            return {title for hit in hits if "(Q)" in (title := str(hit.match_display))}

        assert await read_titles() == {"Pause queue  (Q)"}
        await app.press("Q")
        await app.until_text("‖ queue is paused")
        assert await read_titles() == {"Resume queue  (Q)"}
        workspace = Entry(kind=EntryKind.WORKSPACE, key="workspace:default", ref="", title="default")
        assert "resume queue" in {choice.label for choice in list_menu(workspace, app.main.snapshot, ())}
        await app.press("colon")
        await app.write("resume queue")
        await app.until_text("let it start what waits again")
        await app.press("enter")
        await app.until(lambda: not list_queue(home).is_paused, "the end of the pause")
        await app.until(lambda: "queue is paused" not in app.read_text())
        assert await read_titles() == {"Pause queue  (Q)"}


async def test_what_was_not_queued_says_so(home: Workspace) -> None:
    with record(home, "import", params={}):
        pass
    async with drive(home) as app:
        await app.select("import")
        await app.press("A")
        await app.until_text("It was done by a command or the app itself.")


async def test_doctor_shows_what_it_found(home: Workspace) -> None:
    async with drive(home) as app:
        app.main.action_perform("doctor")
        await app.until_text("Machine and home")
        await app.until_text("CPU slots")
