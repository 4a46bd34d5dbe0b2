"""Gates of a script: conditions on the difference of two models that must not hold, as `map50 < -0.01`."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import msgspec

from mlwf_tui.entities.measurement import Difference
from mlwf_tui.errors import InvalidParameter

_CONDITION = re.compile(r"\s*([a-z_0-9]+)(?:\.(value|low|high|p))?\s*(<=|>=|<|>)\s*(\S+)\s*")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A gate of a script: what a difference must not be."""

    text: str
    metric: str
    side: str  # value, low, high or p
    sign: str
    limit: float

    def check(self, metrics: Collection[str]) -> None:
        """Raise InvalidParameter where the metric is not one of these."""
        if self.metric not in metrics:
            raise InvalidParameter(
                f"There is no difference in {self.metric!r} to look at.",
                hint=f"There are: {', '.join(metrics)}.",
            )

    def holds(self, differences: Mapping[str, Difference]) -> bool:
        """Whether it is so of the newer less the older.

        Raises:
            InvalidParameter: there is no such metric among them.
        """
        self.check(differences)
        value = getattr(differences[self.metric], self.side)
        match self.sign:
            case "<":
                return bool(value < self.limit)
            case "<=":
                return bool(value <= self.limit)
            case ">":
                return bool(value > self.limit)
            case _:
                return bool(value >= self.limit)


def parse_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Return what `map50 < -0.01` asks, or `map50.high < 0`; the sides are value, low, high and p.

    Raises:
        InvalidParameter: one is no such condition.
    """
    return tuple(map(_parse_condition, texts))


def _parse_condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    limit = None
    if found is not None:
        with suppress(ValueError):
            limit = float(found[4])
    if found is None or limit is None or not math.isfinite(limit):  # a gate that is never run into is none
        raise InvalidParameter(
            f"{text!r} is no condition on a difference.",
            hint='Write METRIC < NUMBER, as in "map50 < -0.01"; METRIC.low, .high and .p will do as well.',
        )
    return Condition(text=text, metric=found[1], side=found[2] or "value", sign=found[3], limit=limit)
