"""Ends hands that hang, so that nobody waits for their answers for ever; not a verb."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

INTERVAL_S = 10.0
PATIENCE = 60
"""Looks in a row without an answer and without processor time: ten minutes. They are counted, not timed, so
that a process that has stood still with its hands, by a pause or a suspended machine, blames none of them."""


class Watched(Protocol):
    """What is needed of a hand."""

    answer_count: int

    @property
    def pid(self) -> int:
        """That of its process."""

    @property
    def owes_answer(self) -> bool:
        """Whether it was sent more than it has answered."""

    def give_up(self) -> None:
        """Kill it: what waits for it finds its pipes closed."""


class HandWatch:
    """Looks after some hands from a thread of its own, which `stop` joins.

    A hand may take any time for an answer as long as it or a process below it works. One that waits for a
    disk that does not answer, or was stopped by somebody, does not.
    """

    def __init__(self, hands: Sequence[Watched], *, interval_s: float = INTERVAL_S) -> None:
        self._hands = hands
        self._interval_s = interval_s
        self._seen: dict[int, tuple[int, float]] = {}  # answers and processor seconds, by number
        self._still: dict[int, int] = {}  # looks that found the same, by number
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="hand-watch", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look once at each hand, and give up those that have stood still for too long."""
        from mlwf_tui.host import Family  # noqa: PLC0415 - psutil only where work takes long

        for number, hand in enumerate(self._hands):
            seen = (hand.answer_count, Family(hand.pid).read()[0])
            is_still = hand.owes_answer and self._seen.get(number) == seen
            self._seen[number] = seen
            self._still[number] = self._still.get(number, 0) + 1 if is_still else 0
            if self._still[number] >= PATIENCE:
                hand.give_up()

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._is_over.wait(self._interval_s):
            self.look()
