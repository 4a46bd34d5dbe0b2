"""What is done to runs in the queue, and to the queue itself: pause, resume, retry, sooner, later; doctor."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from textual.content import Content

from mlwf_tui.entities.health import Check, Health
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.keys import list_used_keys
from mlwf_tui.tui.screens.verbs.host import Host, finish, name_keys
from mlwf_tui.tui.terminal import check_output
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow import queue
from mlwf_tui.workflow.doctor import examine
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import QueueListing
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.retry import retry_run
from mlwf_tui.workspace import Workspace

STYLES = {Health.OK: "$success", Health.WARN: "$warning", Health.FAIL: "$error"}
LABELS = 15  # cells before what a check has found: its health and its name
FREEZE_WAIT_S = 2.0  # a step of most work takes less; a training's epoch is not waited for


class Queueing:
    """Asks runs to pause and to go on, and says what came of it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def pause(self, entry: Entry) -> None:
        """Pause a run; where it is pausing already, do not wait for its checkpoint."""
        if entry.state != RunState.PAUSING:
            work = partial(pause_run, self._host.workspace, entry.ref, wait_s=FREEZE_WAIT_S)
            self._host.ask("pause", work, self._say, is_patient=False)
            return
        confirm = Confirm(
            f"Pause {entry.title} at once",
            "What it has done since its last checkpoint is done again when it goes on.",
            yes="Pause it now",
        )
        work = partial(pause_run, self._host.workspace, entry.ref, is_urgent=True, wait_s=FREEZE_WAIT_S)

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._host.ask("pause", work, self._say, is_patient=False)

        self._host.put(confirm, confirmed)

    def resume(self, entry: Entry) -> None:
        self._do("resume", resume_run, entry)

    def retry(self, entry: Entry) -> None:
        self._do("retry", retry_run, entry)

    def sooner(self, entry: Entry) -> None:
        self._move(entry, 1)

    def later(self, entry: Entry) -> None:
        self._move(entry, -1)

    def toggle(self, entry: Entry | None) -> None:
        """Pause the queue, or let it go on."""
        workspace = self._host.workspace

        def change() -> QueueListing:
            is_paused = queue.list_queue(workspace).is_paused
            return queue.resume_queue(workspace) if is_paused else queue.pause_queue(workspace)

        def changed(listing: QueueListing) -> None:
            paused = name_keys(self._host, "is paused: nothing is started until {queue} lets it go on")
            how = paused if listing.is_paused else "goes on"
            finish(self._host, f"The queue {how}; {len(listing.waiting)} waiting.")

        self._host.ask("queue", change, changed)

    def doctor(self, entry: Entry | None) -> None:
        def shown(checks: tuple[Check, ...]) -> None:
            self._host.put(Sheet("Machine and home", _draw_checks(checks), indent=LABELS), lambda _: None)

        def look() -> tuple[Check, ...]:
            found = examine(self._host.workspace, os.environ, keys=list_used_keys())
            return (*found, check_output(os.environ))

        self._host.ask("doctor", look, shown)

    def _do(self, what: str, verb: Callable[[Workspace, str], Run], entry: Entry) -> None:
        self._host.ask(what, partial(verb, self._host.workspace, entry.ref), self._say)

    def _move(self, entry: Entry, by: int) -> None:
        run = entry.entity
        if isinstance(run, Run):
            work = partial(queue.set_priority, self._host.workspace, run.id, run.priority + by)
            self._host.ask("priority", work, self._say_priority)

    def _say(self, run: Run) -> None:
        waits = f": it waits for {run.waits_for}" if run.waits_for else ""
        if run.state is RunState.PAUSING:
            waits = " and stops at its next checkpoint; P again does not wait for it"
        finish(
            self._host, f"The {run.verb} run {run.id} is {run.state.value}{waits}.", select=f"run:{run.id}"
        )

    def _say_priority(self, run: Run) -> None:
        finish(
            self._host, f"The {run.verb} run {run.id} has priority {run.priority}.", select=f"run:{run.id}"
        )


def _draw_checks(checks: tuple[Check, ...]) -> Content:
    lines: list[Content] = []
    for check in checks:
        health = (f"{check.health.value:<5}", f"bold {STYLES[check.health]}")
        name = f"{check.name:<{LABELS - 5}}"
        lines.append(Content.assemble(health, (name, "$text-muted"), check.found))
        if check.hint:
            lines.append(Content.styled(f"{'':{LABELS}}{check.hint}", "$text-muted"))
    return Content("\n").join(lines)
