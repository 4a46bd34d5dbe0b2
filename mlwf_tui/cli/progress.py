"""Observers for the command line: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from mlwf_tui.cli.face import discard
from mlwf_tui.cli.text import format_time_left, read_terminal_width
from mlwf_tui.entities.pace import Pace, describe_rate
from mlwf_tui.entities.run import Progress

BAR_WIDTH = 24
BAR_INTERVAL_S = 0.1
LINE_INTERVAL_S = 5.0
HEARING_INTERVAL_S = 0.02


class ProgressLine:
    """An Observer that keeps one line of stderr up to date, or writes lines where that is no terminal."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._last = 0.0 if self._is_terminal else time.monotonic()
        self._heard = -math.inf
        self._has_line = False
        self._below_count = 0
        self.below: Sequence[str] = ()  # what a terminal shows under the bar, a line each
        self._pace = Pace()

    def progress(self, step: int, total: int | None, message: str, at: float | None = None) -> None:
        """Draw how far the work is; `at` is when that was said, where it was not now."""
        now = time.monotonic()
        if at is None and now - self._heard < HEARING_INTERVAL_S:
            return  # twenty thousand items a second say no more than fifty
        self._heard = now
        said_at = time.time() if at is None else at
        self._pace.add(Progress(step=step, total=total, message=message, at=said_at))
        if now - self._last < (BAR_INTERVAL_S if self._is_terminal else LINE_INTERVAL_S):
            return
        self._last = now
        text = f"{self._label}  {_draw_bar(step, total)}{self._draw_pace(total)}  {message}"
        if self._is_terminal:
            self._draw_block(text)
        else:
            self._write(text + "\n")

    def _draw_block(self, text: str) -> None:
        """Write bar and lines below over those before, and leave the cursor where the next does so."""
        width = read_terminal_width() - 1
        erase = "\r\x1b[J" if self._below_count else "\r\x1b[2K"
        below = "".join(f"\n{line[:width]}" for line in self.below)
        up = f"\x1b[{len(self.below)}A" if self.below else ""
        self._write(f"{erase}{text[:width]}{below}{up}")
        self._has_line, self._below_count = True, len(self.below)

    def _draw_pace(self, total: int | None) -> str:
        now_s = time.time()
        rate, left = self._pace.measure(now_s), self._pace.estimate(now_s) if total else None
        words = [describe_rate(rate)] if rate is not None else []
        if left is not None:
            words.append(f"{format_time_left(left.seconds, left.margin_s)} left")
        return "".join(f"  {word}" for word in words)

    def metric(self, key: str, value: float, step: int) -> None:
        """Metrics are shown by whoever follows the run, not on this line."""

    def check_cancelled(self) -> None:
        """Ctrl-C raises KeyboardInterrupt by itself."""

    def close(self) -> None:
        """Take the line away."""
        if self._has_line:
            self._write("\r\x1b[J" if self._below_count else "\r\x1b[2K")
            self._has_line, self._below_count = False, 0

    def _write(self, text: str) -> None:
        """Write at once; that nobody can read it any more must not end the work."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            discard(self._stream)


@contextmanager
def show_progress(label: str) -> Iterator[ProgressLine]:
    """Show the progress of an in-process verb for as long as the block runs."""
    line = ProgressLine(label)
    try:
        yield line
    finally:
        line.close()


def _draw_bar(step: int, total: int | None) -> str:
    if not total:
        return f"{step:,}"
    filled = min(BAR_WIDTH, BAR_WIDTH * step // total)
    return f"{'━' * filled}{'╌' * (BAR_WIDTH - filled)} {step:,}/{total:,}"
