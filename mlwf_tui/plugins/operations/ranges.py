"""Pairs of parameters that are the two ends of a range."""

from __future__ import annotations

from typing import Any

from mlwf_tui.errors import InvalidParameter


def check_range(params: Any, low: str, high: str) -> None:
    """Raise InvalidParameter where the parameter `low` is above `high`; None is no end."""
    lowest, highest = getattr(params, low), getattr(params, high)
    if highest is not None and lowest > highest:
        raise InvalidParameter(
            f"{low}={lowest:g} is above {high}={highest:g}.", hint=f"Give a {low} that is not above {high}."
        )
