"""Marks: what looks wrong, each with what to do about it; those of a run are found from its summaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec

from mlwf_tui.entities.metric import (
    MAIN_KEYS,
    MetricSummary,
    choose_main,
    has_best,
    is_better_low,
    is_loss,
    normalise,
)

MIN_POINTS = 12  # below that nothing can be called long
RISING_SHARE = 0.3  # of the curve: a loss that rises for so long is no noise
RISING_NOISE = 3.0  # and by so many times what neighbouring values differ by
LEARNED = 0.02  # of a score: below it nothing is learned yet
LEARNED_SHARE = 0.1  # nor below this of its best
UNLEARNED_POINTS = 2 * MIN_POINTS  # of a score: for so long nothing may be learned
RUNAWAY_SHARE = 0.9  # of how far a loss has ever risen: one that falls again is no sign
PLATEAU_SHARE = 0.4
MIN_PLATEAU_POINTS = 30
PLATEAU_GAIN = 0.005  # of the curve's whole range
SMOOTHING = 0.6
SMOOTHED_LAG = 5  # so many values later at most a smoothed curve is at its lowest


class MarkKind(StrEnum):
    """What can look wrong. A new kind needs a line here, and somebody who finds it."""

    NOT_FINITE = "not_finite"
    RISING = "rising"
    PLATEAU = "plateau"
    GPU_IDLE = "gpu_idle"
    DISK_FULL = "disk_full"
    DISK_LOW = "disk_low"
    DISK_FILLING = "disk_filling"
    MEMORY_FULL = "memory_full"


class Mark(msgspec.Struct, frozen=True):
    """One thing that looks wrong; `key` is the metric it was seen in, "" where it is the machine's."""

    kind: MarkKind  # the same while the thing lasts
    message: str  # what was seen
    hint: str = ""  # what to do, one sentence
    key: str = ""
    step: int = 0  # of the metric, since when


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a run stands by its metrics: all summaries, which of them tells most, and what looks wrong.

    One that was kept for a list holds a curve of the main metric alone.
    """

    summaries: dict[str, MetricSummary] = {}
    main: str = ""  # key of the metric that tells most, "" where there is none
    marks: tuple[Mark, ...] = ()

    @property
    def main_summary(self) -> MetricSummary | None:
        return self.summaries.get(self.main)


def assess(summaries: Mapping[str, MetricSummary], *, is_active: bool) -> Standing:
    """Return how a run stands, the summaries by key; they are not copied."""
    return Standing(
        summaries=dict(summaries),
        main=choose_main(summaries) or "",
        marks=find_marks(summaries.values(), is_active=is_active),
    )


def find_marks(summaries: Iterable[MetricSummary], *, is_active: bool) -> tuple[Mark, ...]:
    """Return what looks wrong of a run's metrics, the worst first; a plateau only while it goes on.

    While the score that tells most gets better, another may stand still.
    """
    known = list(summaries)
    score = _find_score(known)
    marks = [_find_not_finite(known), *(_find_rising(summary, score) for summary in known)]
    if is_active and (score is None or not _is_gaining(score)):
        marks += map(_find_plateau, known)
    return tuple(mark for mark in marks if mark is not None)


def _find_not_finite(summaries: Sequence[MetricSummary]) -> Mark | None:
    """Find where a run lost its numbers: the metric that did so first, of several a loss."""
    lost = [summary for summary in summaries if summary.gap_since is not None]
    if not lost:
        return None
    first = min(lost, key=lambda summary: (summary.gap_since or 0, not is_loss(summary.key)))
    step = first.gap_since or 0
    others = f" and {len(lost) - 1} more are no numbers" if len(lost) > 1 else " is not a number"
    return Mark(
        kind=MarkKind.NOT_FINITE,
        key=first.key,
        step=step,
        message=f"{first.key}{others} since step {step}.",
        hint="Stop the run, lower the learning rate or turn mixed precision off, and start again "
        "from the last good checkpoint.",
    )


def _find_score(summaries: Sequence[MetricSummary]) -> MetricSummary | None:
    """Return the metric that tells best what was learned, where a run has one that is no loss."""
    scores = {
        summary.key: summary
        for summary in summaries
        if not is_better_low(summary.key)
        and (normalise(summary.key) in MAIN_KEYS or summary.key.startswith("metrics/"))
    }
    return scores.get(choose_main(scores) or "")


def _find_rising(summary: MetricSummary, score: MetricSummary | None) -> Mark | None:
    """Find a loss whose smoothed curve left its lowest point long ago, by more than its noise.

    A run that has a score is judged from where it has learned something, and while that gets better it may
    rise: the losses of a detector are near nothing as long as it finds nothing. Where nothing is learned for
    long, only a loss that does not come down again is a sign.
    """
    if not is_loss(summary.key):
        return None
    learned = 0.0 if score is None else _find_learned(score)
    if score is None:
        may_rise = summary.key.startswith("batch/")  # until the first epoch has told a score
    else:
        may_rise = _is_gaining(score) if learned is not None else score.count < UNLEARNED_POINTS
    curve = _smooth_means(summary, since=(learned or 0.0) * summary.last_step)
    if may_rise or len(curve) < MIN_POINTS:
        return None
    place = min(range(len(curve)), key=lambda n: (curve[n][1], -n))
    lowest, newest = curve[place][1], curve[-1][1]
    noise = sorted(abs(b[1] - a[1]) for a, b in pairwise(curve))[len(curve) // 2]
    is_long = len(curve) - 1 - place >= max(MIN_POINTS // 2, RISING_SHARE * len(curve))
    rise = newest - lowest
    if not is_long or rise <= RISING_NOISE * noise or rise <= 0.02 * abs(lowest):
        return None
    if learned is None and rise < RUNAWAY_SHARE * (max(value for _, value in curve) - lowest):
        return None
    step, told = _tell_rise(summary, curve, place)
    is_validation = summary.key.lower().startswith("val")
    advice = (
        "The model learns its data by heart: stop, keep its best weights, and add data or augmentation."
        if is_validation
        else "Training moves away: stop, and go on from its best weights with a lower learning rate."
    )
    return Mark(
        kind=MarkKind.RISING,
        key=summary.key,
        step=step,
        message=f"{summary.key} rises since step {step}, {told}.",
        hint=advice,
    )


def _tell_rise(summary: MetricSummary, curve: Sequence[tuple[int, float]], place: int) -> tuple[int, str]:
    """Return since which step a loss rises, and from where to where, in values that were logged.

    The smoothed curve is at its lowest a little later than what it was made of. Where noise hides the rise of
    the logged values, the smoothed ones are told as such.
    """
    since, until = curve[max(0, place - SMOOTHED_LAG)][0], curve[place][0]
    pairs = zip(summary.steps, summary.lows, strict=True)
    logged, step = min((low, step) for step, low in pairs if low is not None and since <= step <= until)
    if summary.last is not None and summary.last > logged:
        return step, f"from {logged:.4g} to {summary.last:.4g}"
    return until, f"smoothed from {curve[place][1]:.4g} to {curve[-1][1]:.4g}"


def _find_plateau(summary: MetricSummary) -> Mark | None:
    """Find a score that has gained next to nothing for long."""
    if is_better_low(summary.key) or not has_best(summary.key) or not summary.key.startswith("metrics/"):
        return None
    curve = _read_highs(summary)
    tail = max(MIN_POINTS // 2, round(PLATEAU_SHARE * len(curve)))
    if len(curve) < max(MIN_PLATEAU_POINTS, 2 * tail) or _has_gained(curve, tail):
        return None
    step = curve[-tail][0]
    return Mark(
        kind=MarkKind.PLATEAU,
        key=summary.key,
        step=step,
        message=f"{summary.key} has not risen since step {step}; its best is {summary.best:.4g}.",
        hint="Stop the run to keep its best weights, or lower the learning rate.",
    )


def _find_learned(score: MetricSummary) -> float | None:
    """Return after which share of a run something was learned, since losses may count other steps."""
    enough = max(LEARNED, LEARNED_SHARE * (score.best or 0.0))
    first = next((step for step, high in _read_highs(score) if high >= enough), None)
    return None if first is None else first / max(1, score.last_step)


def _is_gaining(score: MetricSummary) -> bool:
    """Whether a score has become better lately; a short one is given the time for it."""
    curve = _read_highs(score)
    tail = max(MIN_POINTS // 2, round(RISING_SHARE * len(curve)))
    return len(curve) <= tail or _has_gained(curve, tail)


def _has_gained(curve: Sequence[tuple[int, float]], tail: int) -> bool:
    """Whether the last so many values hold one that is better than all before, by more than a trace."""
    values = [value for _, value in curve]
    return max(values[-tail:]) - max(values[:-tail]) > PLATEAU_GAIN * (max(values) - min(values))


def _read_highs(summary: MetricSummary) -> list[tuple[int, float]]:
    return [(s, h) for s, h in zip(summary.steps, summary.highs, strict=True) if h is not None]


def _smooth_means(summary: MetricSummary, *, since: float) -> list[tuple[int, float]]:
    pairs = zip(summary.steps, summary.means, strict=True)
    known = [(step, mean) for step, mean in pairs if mean is not None and step >= since]
    curve: list[tuple[int, float]] = []
    average = share = 0.0
    for step, mean in known:
        average = SMOOTHING * average + (1 - SMOOTHING) * mean
        share = SMOOTHING * share + (1 - SMOOTHING)
        curve.append((step, average / share))
    return curve
