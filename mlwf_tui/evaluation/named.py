"""Finds what a report has measured by the names that a person gives: items, classes, slices."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter, NotFound


def find_place(keys: Sequence[str], key: str) -> int:
    """Return the place of an item among ascending keys.

    Raises:
        NotFound: it was not measured.
    """
    place = bisect_left(keys, key)
    if place == len(keys) or keys[place] != key:
        raise NotFound(f"{key!r} was not measured.", hint="mlwf report REPORT --items lists what was.")
    return place


def find_label(names: Sequence[str], name: str) -> int:
    """Return the place of a class among those of a report.

    Raises:
        InvalidParameter: the report has no such class.
    """
    if name not in names:
        raise InvalidParameter(f"The report knows no class {name!r}.", hint=suggest_name(name, names))
    return names.index(name)


def refuse_slice(wanted: tuple[str, str], known: Iterable[tuple[str, str]]) -> NotFound:
    """Return what says that a report has no slice of this group and name, and which it has."""
    name, *names = (f"{group}: {name}" for group, name in (wanted, *known))
    return NotFound(f"The report has no slice {name}.", hint=suggest_name(name, names))
