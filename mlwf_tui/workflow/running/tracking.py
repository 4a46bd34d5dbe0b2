"""What the event file of one run says in short, read on as it grows; no rows, no processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlwf_tui.entities.mark import Standing, assess
from mlwf_tui.entities.metric import MetricSummary
from mlwf_tui.entities.pace import Pace, TimeLeft
from mlwf_tui.entities.run import MetricPoint, Progress
from mlwf_tui.workflow.running.events import FILE_NAME, EventReader


class Track:
    """One run's events so far. Constant room, whatever the run says. Not for two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._pace = Pace()
        self._reader = EventReader(folder / FILE_NAME, on_progress=self._pace.add)
        self.summaries: dict[str, MetricSummary] = {}
        self.progress: Progress | None = None

    @property
    def is_behind(self) -> bool:
        """Whether there is more than the last poll could take."""
        return self._reader.is_behind

    def poll(self) -> tuple[Progress | None, Sequence[MetricPoint]]:
        """Read on, and return the latest progress and all points that are new."""
        progress, points = self._reader.read_new()
        self.progress = progress or self.progress
        for point in points:
            summary = self.summaries.get(point.key)
            if summary is None:
                summary = self.summaries[point.key] = MetricSummary(key=point.key)
            summary.add(point)
        return progress, points

    def read_all(self) -> None:
        """Read on to the present end of the file."""
        self.poll()
        while self.is_behind:
            self.poll()

    def assess(self, *, is_active: bool) -> Standing:
        """Return how the run stands; the summaries in it are this track's own, and go on growing."""
        return assess(self.summaries, is_active=is_active)

    def estimate(self, now_s: float) -> TimeLeft | None:
        """Return the time left at `now_s` (seconds since the epoch), or None where it cannot be known."""
        return self._pace.estimate(now_s)
