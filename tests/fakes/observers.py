"""Observers for tests: one that keeps what it hears, others that ask for a stop or act meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mlwf_tui.errors import Cancelled, Paused


@dataclass
class KeepingObserver:
    """Keeps all that was reported."""

    steps: list[tuple[int, int | None, str]] = field(default_factory=list)
    metrics: list[tuple[str, float, int]] = field(default_factory=list)

    def progress(self, step: int, total: int | None, message: str) -> None:
        self.steps.append((step, total, message))

    def metric(self, key: str, value: float, step: int) -> None:
        self.metrics.append((key, value, step))

    def check_cancelled(self) -> None:
        """Nobody asks for a stop."""


@dataclass
class PausingObserver(KeepingObserver):
    """Asks for a pause from the n-th look on."""

    looks_left: int = 0
    is_urgent: bool = False

    def check_cancelled(self) -> None:
        self.looks_left -= 1
        if self.looks_left < 0:
            raise Paused("The test asked for a pause.", is_urgent=self.is_urgent)


@dataclass
class StoppingObserver(KeepingObserver):
    """Asks for a stop at the n-th look."""

    looks_left: int = 0

    def check_cancelled(self) -> None:
        self.looks_left -= 1
        if self.looks_left < 0:
            raise Cancelled("The test asked for a stop.")


@dataclass
class ActingObserver(KeepingObserver):
    """Does something, once, when a message is first told: what somebody else does meanwhile."""

    moment: str = ""
    act: Callable[[], None] = lambda: None
    has_acted: bool = False

    def progress(self, step: int, total: int | None, message: str) -> None:
        super().progress(step, total, message)
        if message == self.moment and not self.has_acted:
            self.has_acted = True
            self.act()
