"""Models side by side: what differs between some, and the best first; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mlwf_tui.entities.ids import ModelId
from mlwf_tui.entities.metric import MetricSeries, choose_main
from mlwf_tui.entities.run import Run


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One of the sides: a run, and the model that it has made where there is one."""

    name: str
    run: Run
    data: str  # PROJECT@N
    metrics: Mapping[str, float]  # of the model, or the run's outcome


class SideValues(msgspec.Struct, frozen=True, kw_only=True):
    """One named value of each side; None where a side has none. `best` is the place of the best metric."""

    name: str
    values: tuple[Any, ...]
    best: int | None = None


class ModelDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Several sides by what differs between them; of metrics all are there.

    `items` counts for each side how its version's items differ from the first side's, by kind; None where
    it is the same version, or where that cannot be read.
    """

    sides: tuple[Compared, ...]
    params: tuple[SideValues, ...]
    environment: tuple[SideValues, ...]
    items: tuple[Mapping[str, int] | None, ...]
    metrics: tuple[SideValues, ...]
    curves: Mapping[str, tuple[MetricSeries | None, ...]]  # by key, one for each side

    @property
    def main_key(self) -> str | None:
        """The curve that tells most."""
        return choose_main(self.curves)


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A model's place; `rank` is None where it was not measured as the others were."""

    rank: int | None
    model: str
    model_id: ModelId
    architecture: str
    trained_on: str
    value: float
    report: str = ""  # where the value is of a report
    is_starred: bool = False


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """Models by one metric. With a basis all ranks are of reports on the same version and split."""

    project: str
    metric: str
    basis: str  # in words
    version: str = ""
    split: str = ""
    models: tuple[Ranked, ...] = ()
