"""Observers for the command line: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO

from mlwf_tui.entities.run import Run
from mlwf_tui.protocols import Observer
from mlwf_tui.workflow.follow import RunUpdate, wait_for
from mlwf_tui.workspace import Workspace

BAR_WIDTH = 24
BAR_INTERVAL_S = 0.1
LINE_INTERVAL_S = 5.0


class ProgressLine:
    """An Observer that keeps one line of stderr up to date, or writes lines where that is no terminal."""

    def __init__(self, label: str, stream: IO[str] | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._last = 0.0 if self._is_terminal else time.monotonic()
        self._has_line = False

    def progress(self, step: int, total: int | None, message: str) -> None:
        now = time.monotonic()
        if now - self._last < (BAR_INTERVAL_S if self._is_terminal else LINE_INTERVAL_S):
            return
        self._last = now
        text = f"{self._label}  {_draw_bar(step, total)}  {message}"
        if self._is_terminal:
            self._stream.write(f"\r\x1b[2K{text[: _terminal_width() - 1]}")
            self._has_line = True
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def metric(self, key: str, value: float, step: int) -> None:
        """Metrics are shown by whoever follows the run, not on this line."""

    def check_cancelled(self) -> None:
        """Ctrl-C raises KeyboardInterrupt by itself."""

    def close(self) -> None:
        """Take the line away."""
        if self._has_line:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


@contextmanager
def show_progress(label: str) -> Iterator[Observer]:
    """Show the progress of an in-process verb for as long as the block runs."""
    line = ProgressLine(label)
    try:
        yield line
    finally:
        line.close()


def follow_run(workspace: Workspace, run: Run) -> Run:
    """Show a detached run's progress and metrics until it has finished, and return it."""
    line = ProgressLine(run.verb)

    waited_for = ""

    def on_update(update: RunUpdate) -> None:
        nonlocal waited_for
        if update.run.waits_for != waited_for and update.run.waits_for:
            line.close()
            sys.stderr.write(f"{run.verb} {run.id} waits for {update.run.waits_for}\n")
        waited_for = update.run.waits_for
        if update.progress is not None:
            line.progress(update.progress.step, update.progress.total, update.progress.message)

    try:
        with _interrupting_between_polls() as check:

            def on_poll(update: RunUpdate) -> None:
                check()
                on_update(update)

            return wait_for(workspace, run.id, on_poll)
    finally:
        line.close()


@contextmanager
def _interrupting_between_polls() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt once Ctrl-C was pressed; a second one raises at once.

    In the middle of a question to the catalog it could leave a transaction open, and with it keep the
    run from closing.
    """
    is_wanted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal is_wanted
        if is_wanted:
            raise KeyboardInterrupt
        is_wanted = True

    def check() -> None:
        if is_wanted:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # as below nohup, or in the background of a shell
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _draw_bar(step: int, total: int | None) -> str:
    if not total:
        return str(step)
    filled = min(BAR_WIDTH, BAR_WIDTH * step // total)
    return f"{'━' * filled}{'╌' * (BAR_WIDTH - filled)} {step}/{total}"


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns
