"""A search for parameters: what is looked for, its trials, and how they compare; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from mlwf_tui.entities.axis import Axis
from mlwf_tui.entities.metric import is_better_low
from mlwf_tui.entities.queue import Terms

SEARCH = "search"  # the verb
PRUNED = "pruned"  # the key in a trial's result


class TrialState(StrEnum):
    """How a trial stands. A pruned one was stopped because it promised little."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    PRUNED = "pruned"
    FAILED = "failed"
    STOPPED = "stopped"  # by a person
    DROPPED = "dropped"  # stopped with its search; done again when that is resumed

    @property
    def is_over(self) -> bool:
        return self not in (TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED)

    @property
    def counts(self) -> bool:
        """Whether its place is taken, so that no other trial is to do the same."""
        return self is not TrialState.DROPPED


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training of a search: the values it has been given, and what they came to."""

    number: int  # from 1
    run: str
    state: TrialState
    values: Mapping[str, Any]  # by the names of the axes
    value: float | None = None  # of the metric: at its end, of a pruned or going one so far
    curve: tuple[tuple[int, float], ...] = ()  # (step, value) of the metric, while it went
    model: str = ""  # its name, while its weights are kept
    seconds: float | None = None
    error: str = ""


class SearchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a search is to do, as its run keeps it."""

    data: str  # PROJECT@N
    model: str
    axes: tuple[Axis, ...]
    params: Mapping[str, Any] = {}  # of every trial
    sampler: str = "tpe"
    trials: int = 20
    parallel: int = 1
    metric: str = "map50"
    is_pruning: bool = False
    prune_after: int = 3  # values of the metric that no trial is judged by
    keep: int = 3  # the best models of so many trials are kept
    seed: int = 0
    name: str = ""  # of the models, with the trial's number behind it
    terms: Terms = Terms()  # of every trial
    continues: str = ""  # the search whose trials come first

    @property
    def is_lower_better(self) -> bool:
        return is_better_low(self.metric)


def rank(trials: Sequence[Trial], *, is_lower_better: bool) -> list[Trial]:
    """Return the trials, best first: those done, then others by what they had, then those without a value."""

    def key(trial: Trial) -> tuple[bool, bool, float, int]:
        value = trial.value if trial.value is not None else 0.0
        order = value if is_lower_better else -value
        return trial.state is not TrialState.DONE, trial.value is None, order, trial.number

    return sorted(trials, key=key)


def find_best(trials: Sequence[Trial], *, is_lower_better: bool) -> Trial | None:
    """Return the best of the trials that are done, if any is."""
    ranked = rank(trials, is_lower_better=is_lower_better)
    is_there = bool(ranked) and ranked[0].state is TrialState.DONE and ranked[0].value is not None
    return ranked[0] if is_there else None


def list_records(trials: Sequence[Trial], *, is_lower_better: bool) -> list[tuple[int, float]]:
    """Return the best value so far at each trial that is done: (number, value)."""
    records: list[tuple[int, float]] = []
    for trial in sorted(trials, key=lambda trial: trial.number):
        if trial.state is TrialState.DONE and trial.value is not None:
            best = records[-1][1] if records else trial.value
            better = min if is_lower_better else max
            records.append((trial.number, better(best, trial.value)))
    return records


def describe_values(values: Mapping[str, Any]) -> str:
    """Return a trial's values as a person reads them: `lr0 0.0012, batch 8`."""
    return ", ".join(f"{name} {write_value(value)}" for name, value in values.items())


def write_value(value: Any) -> str:
    """Return one value, a real number to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
