"""Keeps the screen true while others change the home: polls the journal and the runs that go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from textual.screen import Screen

from mlwf_tui.entities.machine import Machine
from mlwf_tui.errors import MlwfError, StorageFailed
from mlwf_tui.tui.screens.watch import RunWatch
from mlwf_tui.tui.screens.work import wrap_fault
from mlwf_tui.workflow.journal import latest_sequence
from mlwf_tui.workflow.machine import MachineReader
from mlwf_tui.workflow.running.follow import RunUpdate
from mlwf_tui.workspace import Workspace

JOURNAL_INTERVAL_S = 1.0
RUNS_INTERVAL_S = 0.25  # 50 runs cost a percent of a core so
FOCUS_INTERVAL_S = 0.1  # what a person looks at
CATCH_UP_INTERVAL_S = 0.01  # while a long file is being read
MACHINE_INTERVAL_S = 2.0
MACHINE_DELAY_S = 1.0  # the home is read first, and the libraries' 40 ms do not hold it up
T = TypeVar("T")


class Live:
    """Polls from asyncio workers, each read in a thread; a slow read delays the next, never piles up."""

    def __init__(
        self,
        screen: Screen[None],
        workspace: Workspace,
        *,
        on_change: Callable[[], None],
        on_update: Callable[[Mapping[str, RunUpdate]], None],
        on_machine: Callable[[Machine], None],
        on_error: Callable[[MlwfError], None],
        on_lost: Callable[[MlwfError], object],
    ) -> None:
        self._screen = screen
        self._workspace = workspace
        self._on_change = on_change
        self._on_update = on_update
        self._on_machine = on_machine
        self._on_error = on_error
        self._on_lost = on_lost
        self._watch = RunWatch(workspace)
        self._seen = -1
        self._last_error = ""

    def start(self) -> None:
        """Begin to poll, until the screen goes."""
        self._screen.run_worker(self._follow_journal(), group="journal", exit_on_error=False)
        self._screen.run_worker(self._follow_runs(), group="runs", exit_on_error=False)
        self._screen.run_worker(self._follow_machine(), group="machine", exit_on_error=False)

    def note_seen(self, sequence: int) -> None:
        """Take it that the screen shows everything up to this journal event."""
        self._seen = max(self._seen, sequence)

    def follow(self, run_ids: Iterable[str]) -> None:
        """Follow exactly these runs."""
        self._watch.follow(run_ids)

    def focus(self, run_ids: Iterable[str]) -> None:
        """Tell every point of exactly these runs, of those that are new to it from the beginning."""
        self._watch.focus(run_ids)

    def restart(self, run_id: str) -> None:
        """Tell every point of this run as well, from its beginning."""
        self._watch.restart(run_id)

    async def _follow_journal(self) -> None:
        while True:
            await asyncio.sleep(JOURNAL_INTERVAL_S)
            await self._look_for_home()
            latest = await self._read(lambda: latest_sequence(self._workspace))
            if latest is not None and latest > self._seen >= 0:
                self._seen = latest
                self._on_change()

    async def _look_for_home(self) -> None:
        try:
            await asyncio.to_thread(self._workspace.check_home)
        except StorageFailed as error:
            self._on_lost(error)
        except OSError as error:  # a network drive that does not answer may be back soon
            self._tell(wrap_fault("looking for the home", error))

    async def _follow_runs(self) -> None:
        all_due = 0.0
        while True:
            await asyncio.sleep(self._choose_pause())
            if self._watch.is_idle:
                continue
            now = time.monotonic()
            is_all = now >= all_due
            if is_all:
                all_due = max(all_due + RUNS_INTERVAL_S, now)
            updates = await self._read(partial(self._watch.poll, in_focus_only=not is_all))
            if updates:
                self._on_update(updates)

    async def _follow_machine(self) -> None:
        """Read the machine all the time, so that there is a past to show once somebody looks."""
        await asyncio.sleep(MACHINE_DELAY_S)
        reader = MachineReader(self._workspace)
        if await self._read(reader.__enter__) is None:
            return
        try:
            while True:
                machine = await self._read(reader.read)
                if machine is not None:
                    self._on_machine(machine)
                await asyncio.sleep(MACHINE_INTERVAL_S)
        finally:
            reader.__exit__(None, None, None)

    def _choose_pause(self) -> float:
        if self._watch.is_behind:
            return CATCH_UP_INTERVAL_S
        return FOCUS_INTERVAL_S if self._watch.has_focus else RUNS_INTERVAL_S

    async def _read(self, read: Callable[[], T]) -> T | None:
        """Read in a thread; an error is told once, for the next poll may do better."""
        try:
            result = await asyncio.to_thread(read)
        except MlwfError as error:
            self._tell(error)
        except Exception as error:  # noqa: BLE001 - the border of the app: a failed poll ends neither it nor the polling
            self._tell(wrap_fault("polling", error))
        else:
            self._last_error = ""
            return result
        return None

    def _tell(self, error: MlwfError) -> None:
        if error.message != self._last_error:
            self._last_error = error.message
            self._on_error(error)
