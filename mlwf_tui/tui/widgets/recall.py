"""Going through what was entered in a field before, as a shell does; no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Recall:
    """Knows of each field its past values, the newest first, and which of them stands there now."""

    def __init__(self) -> None:
        self._past: Mapping[str, Sequence[str]] = {}
        self._places: dict[str, int] = {}  # by field; one that is not there shows what is being written
        self._drafts: dict[str, str] = {}  # what was being written when a person began to go back

    def take(self, past: Mapping[str, Sequence[str]]) -> None:
        """Know these values from now on."""
        self._past = past

    def count(self, name: str) -> int:
        """Return how many values a field has had."""
        return len(self._past.get(name, ()))

    def go_back(self, name: str, present: str) -> str | None:
        """Return the value before the one that stands in a field; None where there is none.

        A value that stands there already is passed over.
        """
        past = self._past.get(name, ())
        place = self._places.get(name, -1)
        if place < 0:
            self._drafts[name] = present
        older = next((n for n in range(place + 1, len(past)) if past[n] != present), None)
        if older is None:
            return None
        self._places[name] = older
        return past[older]

    def go_on(self, name: str) -> str | None:
        """Return the value after the one that stands in a field, at last what was being written.

        None where that stands there already.
        """
        place = self._places.get(name, -1)
        if place < 0:
            return None
        if place == 0:
            del self._places[name]
            return self._drafts.pop(name, "")
        self._places[name] = place - 1
        return self._past[name][place - 1]
