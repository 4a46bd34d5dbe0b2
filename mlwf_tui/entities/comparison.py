"""Models side by side: what differs between some, and the best first; no I/O."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from mlwf_tui.entities.ids import ModelId, ReportId
from mlwf_tui.entities.measurement import Interval
from mlwf_tui.entities.metric import MetricSeries, choose_main, is_better_low
from mlwf_tui.entities.run import Run

K = TypeVar("K", bound=Hashable)


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
    def is_same(self) -> bool:
        """Whether all were asked for the same, on the same data, in the same surroundings."""
        return not (self.params or self.environment) and len({side.data for side in self.sides}) == 1

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


class RankedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report among those on the same data, by the figure of its group."""

    rank: int
    report: str
    report_id: ReportId
    model: str
    model_id: ModelId
    version: str  # PROJECT@N
    part: str  # of the version, in words
    value: float
    interval: Interval | None  # 95 %; None where it was not worked out
    precision: float | None
    recall: float | None
    image_ms: float | None  # from preprocessing to postprocessing; None where it was not measured
    size_bytes: int | None  # of the weights; None where the model is gone
    created_at: datetime
    model_created_at: datetime | None
    is_starred: bool = False


class ReportGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Reports of the same images and truths by the same evaluator, the best first: these alone are ranked."""

    title: str  # what they were measured on, in words
    evaluator: str
    metric: str
    metric_name: str  # as people read it
    reports: tuple[RankedReport, ...]

    def list_trend(self) -> tuple[RankedReport, ...]:
        """Return the newest report of each model that is still there, by when the model was made."""
        newest: dict[ModelId, RankedReport] = {}
        for of in sorted(self.reports, key=lambda one: one.created_at):
            if of.model_created_at is not None:
                newest[of.model_id] = of
        return tuple(sorted(newest.values(), key=lambda of: (of.model_created_at or of.created_at, of.model)))

    def list_front(self) -> frozenset[ReportId]:
        """Return the reports than which no other is at once more accurate, faster and smaller.

        One whose speed or size is not known, or that finds nothing, is on no front, and keeps nobody off it.
        """
        is_low = is_better_low(self.metric)
        costs = {
            of.report_id: (of.value if is_low else -of.value or None, of.image_ms, of.size_bytes)
            for of in self.reports
        }
        return find_front(costs)


def find_front(costs: Mapping[K, tuple[float | None, ...]]) -> frozenset[K]:
    """Return those than which none costs nowhere more and somewhere less.

    One of which a cost is not known is on no front, and keeps nobody off it.
    """
    known = {
        of: tuple(one for one in cost if one is not None) for of, cost in costs.items() if None not in cost
    }
    return frozenset(of for of, cost in known.items() if not any(_dominates(o, cost) for o in known.values()))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether something costs nowhere more than another, and somewhere less."""
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """Models by one metric. With a version all ranks are of reports on the same images and truths."""

    project: str
    metric: str
    basis: str  # in words
    version: str = ""  # of the newest of the reports that rank
    split: str = ""
    models: tuple[Ranked, ...] = ()
    groups: tuple[ReportGroup, ...] = ()  # of all reports, the largest first
