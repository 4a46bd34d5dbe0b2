"""Which items and objects of a version a benchmark measures, kept with its report so that it can be again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.selection import Selection
from mlwf_tui.errors import InvalidParameter

ALL = "all"
"""Stands for every split, and for the items without one."""

AUTO = "auto"
"""Stands for test where a version has such items, which have chosen no checkpoint, else for val; where no
item has a split, for all of them."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """All that is given must fit, and of each field any one entry.

    `classes` are measured alone: other classes' truths and predictions are left out, their items stay.
    """

    split: str = Split.VAL.value  # or ALL
    datasets: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    where: str = ""  # a condition on items, as `filter` takes it
    keys: tuple[str, ...] = ()  # of the items; none means any

    def check(self) -> None:
        """Raise InvalidParameter for a split that there is not; `AUTO` has become one before."""
        if self.split not in (*Split, ALL):
            raise InvalidParameter(
                f"There is no split {self.split!r}.", hint=f"Choose from {', '.join((*Split, ALL))}."
            )

    @property
    def selection(self) -> Selection:
        """What of it a selection says: all but the condition and the keys."""
        splits = () if self.split == ALL else (Split(self.split),)
        return Selection(datasets=self.datasets, splits=splits, classes=self.classes, tags=self.tags)

    def describe(self) -> str:
        """Return it in words: "test, dataset a, class cell, where width > 100, 12 named items"."""
        words = ["all splits" if self.split == ALL else self.split]
        for title, names in (("dataset", self.datasets), ("class", self.classes), ("tag", self.tags)):
            if names:
                words.append(f"{title} {' or '.join(names)}")
        if self.where:
            words.append(f"where {self.where}")
        if self.keys:
            words.append(f"{len(self.keys):,} named items")
        return ", ".join(words)


def read_part(settings: Mapping[str, Any], split: str) -> Part:
    """Return the part that a report's settings, or a run's parameters, note under `part`.

    What an older program wrote has a split alone.
    """
    noted = settings.get("part", "")
    return msgspec.json.decode(noted, type=Part) if noted else Part(split=split)
