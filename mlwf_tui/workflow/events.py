"""The event file of a run: progress and metrics as JSON lines, written by its worker, read by all."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mlwf_tui.entities.run import MetricPoint, Progress
from mlwf_tui.errors import StorageFailed

FILE_NAME = "events.jsonl"
PROGRESS_INTERVAL_S = 0.1  # a training writes thousands of steps a minute; a person sees ten a second
READ_LIMIT_BYTES = 1 << 20  # a follower takes at most this much a poll, and the rest next time


@dataclass(slots=True)
class EventWriter:
    """An Observer that appends to a run's event file. One process writes; each line is one write.

    `check` is called by `check_cancelled`, and raises what was asked for: Cancelled, or Paused.
    """

    file: IO[bytes]
    check: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    _last_progress: float = field(default=-math.inf)

    def progress(self, step: int, total: int | None, message: str) -> None:
        now = self.clock()
        if now - self._last_progress < PROGRESS_INTERVAL_S and step != total:
            return
        self._last_progress = now
        self._write({"type": "progress", "step": step, "total": total, "message": message, "at": now})

    def metric(self, key: str, value: float, step: int) -> None:
        shown = value if math.isfinite(value) else None  # JSON has no NaN; a gap is drawn for null
        self._write({"type": "metric", "key": key, "value": shown, "step": step, "at": self.clock()})

    def check_cancelled(self) -> None:
        self.check()

    def _write(self, event: dict[str, Any]) -> None:
        try:
            self.file.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            self.file.flush()
        except OSError as error:
            raise StorageFailed(
                f"The run's metrics cannot be written: {error.strerror or error}.",
                hint="Free some space on the home's disk, then resume the run.",
            ) from error


@dataclass(slots=True)
class EventReader:
    """Reads what was appended to a run's event file since the last call."""

    path: Path
    offset: int = 0

    def read_new(self) -> tuple[Progress | None, tuple[MetricPoint, ...]]:
        """Return the latest progress and all new metrics; a half-written last line waits."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(READ_LIMIT_BYTES)
        except FileNotFoundError:
            return None, ()
        complete = data[: data.rfind(b"\n") + 1]
        self.offset += len(complete)
        return _parse(complete)


def read_metrics(folder: Path) -> tuple[MetricPoint, ...]:
    """Return all metrics of the run whose folder this is, in the order they were written."""
    reader = EventReader(folder / FILE_NAME)
    points: list[MetricPoint] = []
    before = -1
    while reader.offset != before:
        before = reader.offset
        points.extend(reader.read_new()[1])
    return tuple(points)


def _parse(lines: bytes) -> tuple[Progress | None, tuple[MetricPoint, ...]]:
    progress: Progress | None = None
    points: list[MetricPoint] = []
    for line in lines.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line torn by a full disk; the ones around it are whole
        kind = event.pop("type", None)
        if kind == "progress":
            progress = Progress(**event)
        elif kind == "metric":
            value = event.pop("value")
            points.append(MetricPoint(value=math.nan if value is None else value, **event))
    return progress, tuple(points)
