"""The app as observer of a long verb in its own process: progress up, cancelling down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, time

from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import Cancelled

REPORT_INTERVAL_S = 0.1  # ten frames a second is what a progress bar over SSH is worth


class ScreenObserver:
    """Hands progress to `report` from the verb's thread, and stops the verb once `cancel` was called."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._cancelled = threading.Event()
        self._next_report_s = 0.0
        self._step = ""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Report at most ten times a second, and always the last step."""
        now = monotonic()
        if now < self._next_report_s and step != total:
            return
        self._next_report_s = now + REPORT_INTERVAL_S
        self._tell(step, total, f"{self._step}{message}")

    def metric(self, key: str, value: float, step: int) -> None:
        """Show the value as the progress message; plots follow runs, not verbs in this process."""
        self._tell(step, None, f"{key} {value:.4g}")

    def begin(self, number: int, count: int, text: str) -> None:
        """Show which step of several begins."""
        self._step = f"{number} of {count}: {text}\n"
        self._tell(number - 1, count, self._step)

    def end(self, text: str) -> None:
        """Show what came of the step until the next one begins."""
        self._tell(0, None, f"{self._step}{text}")

    def check_cancelled(self) -> None:
        """Raise Cancelled once a person has asked to stop."""
        if self._cancelled.is_set():
            raise Cancelled(
                "The work was cancelled.", hint="Nothing was changed; start it again when you like."
            )

    def cancel(self) -> None:
        """Ask the verb to stop at its next item."""
        self._cancelled.set()

    def _tell(self, step: int, total: int | None, message: str) -> None:
        self._report(Progress(step=step, total=total, message=message, at=time()))
