"""Of several answers that are awaited, only the one to the newest question is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Newest:
    """Numbers questions that threads answer in any order. All is called on the loop."""

    def __init__(self) -> None:
        self._number = 0

    def take(self, done: Callable[[T], None]) -> Callable[[T], None]:
        """Return `done` for the question that is asked now; it does nothing once a newer one was."""
        self.forget()
        number = self._number

        def answered(answer: T) -> None:
            if number == self._number:
                done(answer)

        return answered

    def forget(self) -> None:
        """Take no answer any more to what was asked so far."""
        self._number += 1
