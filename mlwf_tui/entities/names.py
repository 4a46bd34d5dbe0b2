"""Finds the name that a person most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_SHOWN: Final = 20


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest of the known names where one is near, and the first of all of them."""
    names = list(known)
    if not names:
        return "There are none."
    folded = {n.casefold(): n for n in reversed(names)}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    listed = f"{', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}"
    return f"Did you mean {folded[near[0]]!r}? There are: {listed}." if near else f"There are: {listed}."
