"""On what terms a run is queued: what it needs, after whom it comes, and how often it is tried."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.ids import RunId

DEFAULT_BACKOFF_S = 10.0
MAX_BACKOFF_S = 600.0


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
