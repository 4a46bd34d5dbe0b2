"""On what terms a run is queued: what it needs, after whom it comes, and how often it is tried."""

from __future__ import annotations

import re

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.errors import InvalidParameter

DEFAULT_BACKOFF_S = 10.0
MAX_BACKOFF_S = 600.0
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONGEST_S = 100 * 365 * 24 * 3600.0


class Wants(msgspec.Struct, frozen=True, kw_only=True):
    """What of the machine a job needs for itself: GPUs by number or by index, and CPU slots."""

    slots: int = 1
    gpus: int = 0  # any so many; where `gpu_indices` names some, 0
    gpu_indices: tuple[int, ...] = ()

    @property
    def gpu_count(self) -> int:
        return len(self.gpu_indices) or self.gpus


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed when a run was queued; its priority may be changed while it waits."""

    wants: Wants | None = None  # None leaves it to the verb and the machine
    priority: int = 0  # to begin with; higher ones start first
    after: tuple[RunId, ...] = ()  # all of them must be done before it starts
    retries: int = 0  # how often it is tried again by itself after it was lost or failed
    backoff_s: float = DEFAULT_BACKOFF_S  # before the first retry; doubled for each further one
    timeout_s: float | None = None  # of one job, pauses not counted

    def find_backoff_s(self, retry_count: int) -> float:
        """Return how long to wait before the next retry, after `retry_count` earlier ones."""
        return float(min(MAX_BACKOFF_S, self.backoff_s * 2 ** min(retry_count, 16)))


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether queued runs are started; `home` is where the queue was set up, and the only place it runs."""

    home: str
    is_paused: bool = False


def read_wants(gpus: str | None, slots: int) -> Wants | None:
    """Return what a person asks for: `2` is any two GPUs, `0,1` these, `3,` this one.

    None, which leaves it to the verb and the machine, where nothing was asked for.

    Raises:
        InvalidParameter: `gpus` is neither a number nor a list of indices.
    """
    if gpus is None:
        return None if slots == 1 else Wants(slots=slots)
    words = [word.strip() for word in gpus.split(",")]
    numbers = [word for word in words if word]
    if not numbers or not all(word.isdecimal() and len(word) < 4 for word in numbers):
        raise InvalidParameter(f"{gpus!r} names no GPUs.", hint="Write 2 for any two, or 0,1 for these.")
    if len(words) == 1:
        return Wants(slots=slots, gpus=int(numbers[0]))
    return Wants(slots=slots, gpu_indices=tuple(sorted({int(word) for word in numbers})))


def read_duration(word: str) -> float:
    """Return a time as `7d`, `12h`, `30m`, `90s` or plain seconds in seconds.

    Raises:
        InvalidParameter: it is none, or longer than dates can be told apart by.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw]?)", word.strip())
    if found is None:
        raise InvalidParameter(f"{word!r} is no time.", hint="Write 7d, 12h, 30m or 90s.")
    seconds = float(found[1]) * UNITS_S[found[2]]
    if seconds > LONGEST_S:
        raise InvalidParameter(f"{word!r} is more than a hundred years.", hint="Write 5000w at most.")
    return seconds
