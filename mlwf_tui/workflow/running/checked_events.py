"""What a program says of its tracked run, checked before it is written; steps are counted on for it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from mlwf_tui.entities.card import show_safely
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.running.events import EventWriter, iter_points

MAX_KEY = 200
MAX_STEP = 2**53  # up to here every whole number is a float too, as readers keep them


class CheckedEvents:
    """Writes metrics and progress of one run, from any thread; each process has its own. Close it."""

    def __init__(self, folder: Path, writer: EventWriter) -> None:
        self._folder = folder
        self._writer = writer
        self._lock = Lock()
        self._last: dict[str, int] | None = None  # steps by key; read from the file before the first point

    def metric(self, key: str, value: float, step: int | None = None) -> int:
        """Keep one point, and return its step: without one, that after the last; the first is 0.

        A step that was told before gets the new value.

        Raises:
            InvalidParameter: no table can show the key, or the curve has passed the step.
            StorageFailed: what was said before could not be written.
        """
        with self._lock:
            if self._last is None:
                self._last = {point.key: point.step for point in iter_points(self._folder)}
            last = self._last.get(key)
            if last is None:
                _check_key(key)
            at = _choose_step(key, step, last)
            self._writer.metric(key, value, at)
            self._last[key] = at
        return at

    def progress(self, step: int, total: int | None = None, message: str = "") -> None:
        """Say how far the run is, in one line.

        Raises:
            InvalidParameter: the step is below 0, or past the total.
            StorageFailed: what was said before could not be written.
        """
        if not 0 <= step <= (MAX_STEP if total is None else min(total, MAX_STEP)):
            raise InvalidParameter(
                f"{step}{'' if total is None else f' of {total}'} is no progress.",
                hint="A step is at least 0, and at most the total.",
            )
        self._writer.progress(step, total, show_safely(message))

    def close(self) -> None:
        """Write what is left, and let go of the file. Raises StorageFailed."""
        self._writer.close()

    def __enter__(self) -> CheckedEvents:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _check_key(key: str) -> None:
    if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise InvalidParameter(
            f"{key[:MAX_KEY]!r} cannot name a metric.",
            hint=f"Use up to {MAX_KEY} characters that a table can show, such as train/loss.",
        )


def _choose_step(key: str, step: int | None, last: int | None) -> int:
    if step is None:
        return 0 if last is None else last + 1
    if abs(step) > MAX_STEP:
        raise InvalidParameter(f"The step {step} is too large.", hint=f"Steps go up to {MAX_STEP}.")
    if last is not None and step < last:
        raise InvalidParameter(
            f"{key} has come to step {last}, and {step} lies before it.",
            hint="Tell steps in their order, or leave the step out: it is counted on.",
        )
    return step
