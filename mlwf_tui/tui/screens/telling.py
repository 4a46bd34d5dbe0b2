"""What the app tells a person: toasts that go, and the list of messages that stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from textual.screen import Screen

from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.widgets.message_list import Said

MAX_SAID = 200
ERROR_TIMEOUT_S = 8.0
REFUSAL_TIMEOUT_S = 4.0


class Teller:
    """Says things on a screen, and keeps what was worth keeping."""

    def __init__(self, screen: Screen[Any], read_clock: Callable[[], datetime]) -> None:
        self._screen = screen
        self._read_clock = read_clock
        self.said: list[Said] = []

    @property
    def error_count(self) -> int:
        return sum(said.is_error for said in self.said)

    def say(self, text: str, *, detail: str = "", is_shown: bool = True) -> None:
        """Tell that something was done; what is not shown is kept all the same."""
        self._keep(Said(at=self._read_clock(), text=text, detail=detail))
        if is_shown:
            self._screen.notify(text, markup=False)

    def fail(self, error: MlwfError, *, is_shown: bool = True) -> None:
        """Tell what did not work and what to do about it."""
        is_error = not isinstance(error, Cancelled)
        self._keep(Said(at=self._read_clock(), text=error.message, hint=error.hint, is_error=is_error))
        if not is_shown:
            return
        text = f"{error.message}\n{error.hint}" if error.hint else error.message
        self._screen.notify(
            text, severity="error" if is_error else "information", markup=False, timeout=ERROR_TIMEOUT_S
        )

    def point_out(self, text: str) -> None:
        """Show what is kept already in other words."""
        self._screen.notify(text, severity="warning", markup=False)

    def hint(self, text: str) -> None:
        """Say what to press next; not worth keeping."""
        self._screen.notify(text, markup=False, timeout=REFUSAL_TIMEOUT_S)

    def refuse(self, text: str) -> None:
        """Tell why a key does nothing now; not worth keeping."""
        self._screen.notify(text, severity="warning", markup=False, timeout=REFUSAL_TIMEOUT_S)

    def _keep(self, said: Said) -> None:
        self.said = [*self.said, said][-MAX_SAID:]
