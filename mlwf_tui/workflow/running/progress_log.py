"""Writes now and again into a run's log how it goes, for whoever reads only that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from mlwf_tui.entities.pace import Pace, describe_rate
from mlwf_tui.entities.run import Progress
from mlwf_tui.protocols.observer import Observer

FIRST_S = 10.0
SHARE = 0.05  # of the time so far between two lines: some thirty in the first hour, 120 in a day
logger = logging.getLogger(__name__)


class ProgressLog:
    """An Observer that hands everything on, and logs a line of it at most every ten seconds."""

    def __init__(
        self, label: str, observer: Observer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._observer = observer
        self._clock = clock
        self._pace = Pace()
        self._began = clock()
        self._told = self._began

    def progress(self, step: int, total: int | None, message: str) -> None:
        self._observer.progress(step, total, message)
        progress = Progress(step=step, total=total, message=message, at=self._clock())
        self._pace.add(progress)
        if progress.at - self._told >= max(FIRST_S, SHARE * (progress.at - self._began)):
            self._told = progress.at
            logger.info("%s: %s", self._label, self._describe(progress))

    def metric(self, key: str, value: float, step: int) -> None:
        self._observer.metric(key, value, step)

    def check_cancelled(self) -> None:
        self._observer.check_cancelled()

    def _describe(self, progress: Progress) -> str:
        rate, left = self._pace.measure(progress.at), self._pace.estimate(progress.at)
        words = [f"{progress.step:,}"]
        if progress.total:
            words = [f"{progress.step:,} of {progress.total:,} ({progress.step / progress.total:.0%})"]
        words += [describe_rate(rate)] if rate is not None else []
        words += [f"{left} left"] if left is not None else []
        return f"{', '.join(words)}: {progress.message}"
