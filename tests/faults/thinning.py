"""How many of all the points of a command the slow tests try: a share spread evenly, or all on request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

EVERY_POINT = "MLWF_EVERY_POINT"  # set it to try them all, which takes hours
MOST = 8


def thin(faults: Sequence[T], *, part: int = 0, parts: int = 1) -> list[T]:
    """Return at most `MOST` faults from the first to the last, evenly spread; of these one of some parts."""
    if os.environ.get(EVERY_POINT):
        return list(faults)
    if len(faults) > MOST:
        faults = [faults[place * (len(faults) - 1) // (MOST - 1)] for place in range(MOST)]
    return list(faults[part::parts])
