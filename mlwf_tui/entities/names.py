"""Says what names there are where one was given that is none of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mlwf_tui.errors import suggest

_SHOWN: Final = 20


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest of the known names where one is near, and the first of all of them."""
    names = list(known)
    if not names:
        return "There are none."
    listed = f"{', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}"
    return f"{suggest(name, names)}There are: {listed}."
