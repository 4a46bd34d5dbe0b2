"""What a program says of its tracked run, checked before it is written; steps are counted on for it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.entities.card import show_safely
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.running.events import EventReader, EventWriter, MetricEvent

MAX_KEY = 200
MAX_STEP = 2**53  # up to here every whole number is a float too, as readers keep them


class CheckedEvents:
    """Writes metrics and progress of one run, from any thread; each process has its own. Close it."""

    def __init__(self, path: Path, file: IO[bytes], *, begins: bool) -> None:
        self._steps = Steps(path)
        self._writer = EventWriter(file, begins=begins, numbering=self._steps)

    def metric(self, key: str, value: float, step: int | None = None) -> int:
        """Keep one point, and return its step: without one, that after the last; the first is 0.

        A step that was told before gets the new value. Several processes may count on the same curve: a
        step that was chosen here follows what they have told until it is written, one that was given is
        refused where they have passed it, if need be by the next call.

        Raises:
            InvalidParameter: no table can show the key, or the curve has passed the step.
            StorageFailed: what was said before could not be written.
        """
        at = self._writer.number(key, value, step)
        self._steps.raise_refused()
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
        """Write what is left, and let go of the file. Raises StorageFailed and InvalidParameter."""
        self._writer.close()
        self._steps.raise_refused()

    def __enter__(self) -> CheckedEvents:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Waiting(msgspec.Struct, gc=False):
    """A point that is not written yet, and whether its step was chosen here, so that another would do."""

    point: MetricEvent
    is_counted: bool


class Steps:
    """The last step of each curve in an event file, and the points of this process that wait for theirs.

    Whoever writes holds the file's lock and reads first what others have added: it is never read twice.
    """

    def __init__(self, path: Path) -> None:
        self._reader = EventReader(path)
        self._last: dict[str, int] | None = None  # by key; read from the file before the first point
        self._waiting: list[_Waiting] = []
        self._encoder = msgspec.json.Encoder()
        self._refused: InvalidParameter | None = None

    def admit(self, point: MetricEvent, step: int | None) -> None:
        """Give a point that is to be written its step. Raises InvalidParameter."""
        if self._last is None:
            self._last = self._read_new()
        last = self._last.get(point.key)
        if last is None:
            _check_key(point.key)
        point.step = self._last[point.key] = _choose_step(point.key, step, last)
        self._waiting.append(_Waiting(point, step is None))

    def settle(self, size_bytes: int) -> bytes:
        """Return the lines of all that waits, with steps after those that others have written meanwhile."""
        if self._last is None:  # nothing was measured here
            return b""
        others = {} if size_bytes == self._reader.offset else self._read_new()
        is_torn = self._reader.offset != size_bytes  # another process was killed while it wrote
        kept = [waiting.point for waiting in self._waiting if not others or self._follow(waiting, others)]
        self._waiting.clear()
        self._last |= others
        return b"\n" * is_torn + self._encoder.encode_lines(kept)

    def note_end(self, size_bytes: int) -> None:
        """Hear where the file ends after what was written here, which need not be read."""
        if self._last is not None:
            self._reader.offset = size_bytes

    def raise_refused(self) -> None:
        """Say that a point was not written. Raises InvalidParameter."""
        if self._refused is not None:
            refused, self._refused = self._refused, None
            raise refused

    def _read_new(self) -> dict[str, int]:
        """Return the last step by key of what was written since the last time."""
        steps: dict[str, int] = {}
        before = -1
        while self._reader.offset != before:
            before = self._reader.offset
            steps |= {point.key: point.step for point in self._reader.read_new()[1]}
        return steps

    def _follow(self, waiting: _Waiting, others: dict[str, int]) -> bool:
        """Let a point come after those of others, and return whether it can; `others` goes on with it."""
        point = waiting.point
        if point.key in others:
            step = None if waiting.is_counted else point.step
            try:
                point.step = others[point.key] = _choose_step(point.key, step, others[point.key])
            except InvalidParameter as error:
                self._refused = error
                return False
        return True


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
