"""The contract of gauges: what accelerators do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from mlwf_tui.entities.machine import Gpu


class Gauge(Protocol):
    """Reads what the GPUs of one vendor do. A call may take 0.1 s, and longer on a sick GPU."""

    name: str

    def hold(self) -> AbstractContextManager[None]:
        """Keep the driver open while the block runs, for those who read again and again."""

    def read_gpus(self) -> tuple[Gpu, ...]:
        """Return the vendor's GPUs by index; none, and no error, where there is no driver."""
