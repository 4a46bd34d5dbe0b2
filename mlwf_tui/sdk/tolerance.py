"""The border to a stranger's program, which tracking must never break: failures are logged, not raised."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

logger = logging.getLogger("mlwf_tui.tracking")
SWITCH_VARIABLE = "MLWF_TRACKING"
EVERY_S = 60.0
MAX_MESSAGES = 5  # different ones of one method that are told

P = ParamSpec("P")
R = TypeVar("R")


class Switch:
    """Whether anything is tracked in this process; `MLWF_TRACKING=off` turns it off from outside."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._is_on = environment.get(SWITCH_VARIABLE, "").lower() not in ("off", "0", "no", "false")

    def enable(self) -> None:
        """Track from now on."""
        self._is_on = True

    def disable(self) -> None:
        """Track nothing from now on; calls do nothing, and say nothing."""
        self._is_on = False

    def is_enabled(self) -> bool:
        """Whether calls do anything."""
        return self._is_on


@dataclass(slots=True)
class _Silence:
    """What was not said of the failures of one thing since they were last told."""

    since: float
    count: int = 0
    messages: dict[str, int] = field(default_factory=dict)  # how often

    def add(self, error: Exception) -> None:
        self.count += 1
        message = str(error)
        if message in self.messages or len(self.messages) < MAX_MESSAGES:
            self.messages[message] = self.messages.get(message, 0) + 1

    def describe(self) -> str:
        texts = [text if count == 1 else f"{text} ({count}×)" for text, count in self.messages.items()]
        others = self.count - sum(self.messages.values())
        return "; ".join((*texts, f"and {others} others") if others else texts)


class Complaints:
    """Warnings that a loop of failures must not fill a log with: of each thing one a minute.

    The others are for debugging, and counted: `settle` says them in the end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._silences: dict[str, _Silence] = {}  # by what failed

    def say(self, what: str, error: Exception) -> None:
        """Log that something could not be tracked."""
        with self._lock:
            silence = self._silences.get(what)
            is_due = silence is None or self._clock() - silence.since >= EVERY_S
            if silence is None or is_due:
                self._silences[what] = _Silence(self._clock())
            else:
                silence.add(error)
        more = ""
        if silence is not None and is_due and silence.count:
            more = f" ({silence.count} more since the last warning: {silence.describe()})"
        level = logging.WARNING if is_due else logging.DEBUG
        logger.log(level, "Tracking: %s failed: %s%s", what, error, more)
        logger.debug("Where it failed:", exc_info=error)

    def settle(self) -> None:
        """Say what was not said yet, as a run ends that lacks it."""
        with self._lock:
            unsaid = {what: silence for what, silence in self._silences.items() if silence.count}
            self._silences.clear()
        for what, silence in unsaid.items():
            times = "once more" if silence.count == 1 else f"{silence.count} more times"
            logger.warning("Tracking: %s failed %s: %s", what, times, silence.describe())


SWITCH = Switch(os.environ)
COMPLAINTS = Complaints()


class Tolerant(Protocol):
    """What has methods that must not raise unless that was asked for."""

    @property
    def is_strict(self) -> bool:
        """Whether failures are raised."""

    @property
    def is_heard(self) -> bool:
        """Whether there is anything to do."""


@contextmanager
def tolerating(what: str, *, is_strict: bool) -> Iterator[None]:
    """Log what fails in the block instead of raising it, unless `is_strict`."""
    try:
        yield
    except Exception as error:  # of whatever kind: the tracked program goes on
        if is_strict:
            raise
        COMPLAINTS.say(what, error)


def tolerant(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R | None]:
    """Let a method of something `Tolerant` return None where it fails, or where nothing is tracked."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        if not self.is_heard:
            return None
        with tolerating(method.__name__, is_strict=self.is_strict):
            return method(self, *args, **kwargs)
        return None

    return call
