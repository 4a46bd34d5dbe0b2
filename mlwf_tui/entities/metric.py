"""The curve of one metric: its points in memory, its summary for lists, and what counts as best; no I/O."""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise

import msgspec

from mlwf_tui.entities.run import MetricPoint

MAX_BUCKETS = 128  # of a summary's curve; twice what a sparkline or a mark can use
BLOCK = 256  # points whose extremes are remembered together: a million points cost 4,000 looks
EPOCH_KEY = "epoch"
MAIN_KEYS = ("map5095", "map50", "map", "top1", "accuracytop1", "accuracy", "f1", "boxloss", "loss")
"""What tells how a run goes, best first, as `normalise` writes it."""

ALIASES = {"map": "map5095"}
PLAIN = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1024)
def is_better_low(key: str) -> bool:
    """Whether the lowest value is the best one, as of losses, errors and times."""
    name = key.lower()
    return "loss" in name or "error" in name or name.endswith(("_ms", "_s"))


@lru_cache(maxsize=1024)
def has_best(key: str) -> bool:
    """Whether one value of this metric can be better than another: not so of learning rates and counters."""
    name = key.lower().rpartition("/")[2]
    return not (key.lower().startswith("lr") or name in (EPOCH_KEY, "lr", "step"))


def is_loss(key: str) -> bool:
    return "loss" in key.lower()


@lru_cache(maxsize=1024)
def normalise(key: str) -> str:
    """Return the last part of a key in letters and digits: "metrics/mAP50-95(B)" as "map5095"."""
    return PLAIN.sub("", key.lower().rpartition("/")[2].removesuffix("(b)"))


def matches(pattern: str, key: str) -> bool:
    """Whether who writes `pattern` means this key: itself, its last part, or a glob of either in any case."""
    if pattern == key:
        return True
    if any(sign in pattern for sign in "*?["):
        folded, glob = key.lower(), pattern.lower()
        return fnmatchcase(folded, glob) or fnmatchcase(folded.rpartition("/")[2], glob)
    wanted = normalise(pattern)
    is_part = "/" not in pattern or key.lower().startswith(pattern.lower().partition("/")[0] + "/")
    return is_part and normalise(key) in (wanted, ALIASES.get(wanted, wanted))


def choose_main(keys: Iterable[str]) -> str | None:
    """Return the key that tells best how a run goes, or None where there is none."""

    def rank(key: str) -> tuple[int, int, str]:
        name = normalise(key)
        place = MAIN_KEYS.index(name) if name in MAIN_KEYS else len(MAIN_KEYS) + ("loss" not in name)
        return (place if has_best(key) else len(MAIN_KEYS) + 2), not key.startswith("metrics/"), key

    return min(keys, key=rank, default=None)


class MetricSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What lists and marks need of one metric, in constant room: grown point by point, kept as JSON.

    `lows`, `highs` and `means` hold one value for each bucket of `stride` points (the last bucket may be
    short), `steps` the first step of each; a bucket without a finite value holds None.
    """

    key: str
    count: int = 0  # points, those that are not finite included
    gap_count: int = 0
    last: float | None = None  # None where the newest value is not finite
    infinite: int = 0  # the sign of the newest value where that is infinite
    last_step: int = 0
    last_at: float = 0.0  # seconds since the epoch
    best: float | None = None
    best_step: int = 0
    gap_since: int | None = None  # first step of the unbroken stretch without finite values it stands in now
    stride: int = 1
    steps: list[int] = []
    lows: list[float | None] = []
    highs: list[float | None] = []
    means: list[float | None] = []
    filled: int = 0  # points in the last bucket
    finite: int = 0  # of which so many are finite
    attempt: int = 0

    def add(self, point: MetricPoint) -> None:
        """Take in the newest point. Of one step the last counts, an earlier one only from a later attempt."""
        if self.count and point.step <= self.last_step:
            if point.step < self.last_step and point.attempt <= self.attempt:
                return
            self._cut(point.step)
        value = point.value if math.isfinite(point.value) else None
        self.infinite = (point.value > 0) - (point.value < 0) if math.isinf(point.value) else 0
        self.attempt = point.attempt
        self.count += 1
        self.last, self.last_step, self.last_at = value, point.step, point.at
        if value is None:
            self.gap_count += 1
            self.gap_since = point.step if self.gap_since is None else self.gap_since
        else:
            self.gap_since = None
            self._note_best(value, point.step)
        self._extend(value, point.step)

    def write_last(self) -> str:
        """Return the newest value in five digits, or as inf, -inf or nan."""
        if self.last is None:
            return f"{self.infinite * math.inf if self.infinite else math.nan}"
        return f"{self.last:.5g}"

    def without_curve(self) -> MetricSummary:
        """Return the figures alone, a tenth of the room."""
        return msgspec.structs.replace(self, steps=[], lows=[], highs=[], means=[])

    def _note_best(self, value: float, step: int) -> None:
        if not has_best(self.key):
            return
        if self.best is None or (value < self.best if is_better_low(self.key) else value > self.best):
            self.best, self.best_step = value, step

    def _extend(self, value: float | None, step: int) -> None:
        if not self.steps or self.filled == self.stride:
            if len(self.steps) == MAX_BUCKETS:
                self._halve()
            if self.filled == self.stride or not self.steps:
                self.steps.append(step)
                self.lows.append(None)
                self.highs.append(None)
                self.means.append(None)
                self.filled = self.finite = 0
        self.filled += 1
        if value is None:
            return
        low, high, mean = self.lows[-1], self.highs[-1], self.means[-1]
        self.lows[-1] = value if low is None else min(low, value)
        self.highs[-1] = value if high is None else max(high, value)
        self.means[-1] = value if mean is None else mean + (value - mean) / (self.finite + 1)
        self.finite += 1

    def _halve(self) -> None:
        """Make two buckets one each, so that there is room for as many points again."""
        self.steps = self.steps[::2]
        self.lows = [_join(pair, min) for pair in _pair(self.lows)]
        self.highs = [_join(pair, max) for pair in _pair(self.highs)]
        self.means = [_join(pair, _mean) for pair in _pair(self.means)]
        self.stride *= 2
        self.filled = self.stride

    def _cut(self, step: int) -> None:
        """Forget what was said from this step on; the rest of a bucket that it lies in stays."""
        keep = bisect_left(self.steps, step)
        self.count = self._count_before(step) if keep else 0
        for values in (self.steps, self.lows, self.highs, self.means):
            del values[keep:]
        self.filled = self.stride if keep else 0
        self.gap_count, self.gap_since, self.best = sum(low is None for low in self.lows), None, None
        extremes = self.lows if is_better_low(self.key) else self.highs
        for at, value in zip(self.steps, extremes, strict=True):
            if value is not None:
                self._note_best(value, at)

    def _count_before(self, step: int) -> int:
        """Return how many points came before a step: of buckets of several, as if they lay evenly."""
        if self.stride == 1:
            return bisect_left(self.steps, step)
        spacing = (self.last_step - self.steps[0]) / (self.count - 1)
        return self.count - 1 - round((self.last_step - step) / spacing)


def _pair(values: list[float | None]) -> Iterable[tuple[float | None, float | None]]:
    return zip(values[::2], values[1::2], strict=True)


def _join(
    pair: tuple[float | None, float | None], choose: Callable[[Sequence[float]], float]
) -> float | None:
    known = [value for value in pair if value is not None]
    return choose(known) if known else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


class Samples:
    """Numbers in their order, and for every 256 of them where the lowest and the highest stand."""

    __slots__ = ("_high", "_low", "gaps", "values")

    def __init__(self) -> None:
        self.values = array("d")
        self.gaps = array("q")  # places of what is not finite, ascending
        self._low = array("q")  # place of each block's lowest finite value, -1 where it has none
        self._high = array("q")

    def __len__(self) -> int:
        return len(self.values)

    def append(self, value: float) -> None:
        place = len(self.values)
        self.values.append(value)
        if place % BLOCK == 0:
            self._low.append(-1)
            self._high.append(-1)
        if not math.isfinite(value):
            self.gaps.append(place)
            return
        block = place // BLOCK
        low, high = self._low[block], self._high[block]
        if low < 0 or value < self.values[low]:
            self._low[block] = place
        if high < 0 or value > self.values[high]:
            self._high[block] = place

    def cut(self, length: int) -> None:
        """Forget all but the first `length` numbers."""
        block = length // BLOCK
        rest = self.values[block * BLOCK : length]
        del self.values[block * BLOCK :], self._low[block:], self._high[block:]
        del self.gaps[bisect_left(self.gaps, block * BLOCK) :]
        for value in rest:
            self.append(value)

    def find_extremes(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first places of the lowest and of the highest finite value in `start`…`end`, or None."""
        if end - start < BLOCK and not self._has_gap(start, end):  # a column of a plot: 3 µs instead of 20
            few = self.values[start:end]
            return (start + few.index(min(few)), start + few.index(max(few))) if few else None
        places = list(self._iter_candidates(start, end))
        if not places:
            return None
        values = self.values
        lowest = min(places, key=lambda place: (values[place], place))
        return lowest, max(places, key=lambda place: (values[place], -place))

    def choose(self, bounds: Sequence[int]) -> list[int]:
        """Return the places to draw so that a line through them looks as one through all.

        `bounds` are the places where each column begins, and at last the end. Of every column the first,
        the lowest, the highest, the last and one gap are kept: no spike and no hole is lost.
        """
        chosen: list[int] = []
        for start, end in pairwise(bounds):
            if end - start <= 4:
                chosen.extend(range(start, end))
                continue
            keep = {start, end - 1, *(self.find_extremes(start, end) or ())}
            if self._has_gap(start, end):
                keep.add(self.gaps[bisect_left(self.gaps, start)])
            chosen.extend(sorted(keep))
        return chosen

    def _has_gap(self, start: int, end: int) -> bool:
        place = bisect_left(self.gaps, start)
        return place < len(self.gaps) and self.gaps[place] < end

    def _iter_candidates(self, start: int, end: int) -> Iterable[int]:
        first, last = -(-start // BLOCK), end // BLOCK
        if first >= last:
            yield from (n for n in range(start, end) if math.isfinite(self.values[n]))
            return
        yield from (n for n in range(start, first * BLOCK) if math.isfinite(self.values[n]))
        yield from (n for n in self._low[first:last] if n >= 0)
        yield from (n for n in self._high[first:last] if n >= 0)
        yield from (n for n in range(last * BLOCK, end) if math.isfinite(self.values[n]))


class MetricSeries:
    """The points of one metric, steps ascending: 24 bytes a point, 24 more once it is smoothed."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.steps = array("d")
        self.times = array("d")  # seconds since the epoch, made ascending where a clock jumped back
        self.samples = Samples()
        self.version = 0  # grows with every point
        self._attempt = 0
        self._best = -1  # place of the best finite value, the first of several
        self._smooth = Smoothed(0.0)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def values(self) -> array[float]:
        return self.samples.values

    @property
    def gap_count(self) -> int:
        """How many values are not finite."""
        return len(self.samples.gaps)

    def add(self, point: MetricPoint) -> None:
        """Append a point. Of one step the last counts; from before the last step, only a later attempt's."""
        if self.steps and point.step <= self.steps[-1]:
            is_again = point.step == self.steps[-1]
            if not is_again and point.attempt <= self._attempt:
                return
            self._cut(bisect_left(self.steps, point.step))
        self._attempt = point.attempt
        self.version += 1
        self.steps.append(point.step)
        self.times.append(max(point.at, self.times[-1]) if self.times else point.at)
        self.samples.append(point.value)
        self._note_best(len(self) - 1)

    def find_best(self) -> tuple[float, int] | None:
        """Return (value, step) of the best finite value, the first of several, or None."""
        if self._best < 0:
            return None
        return self.values[self._best], int(self.steps[self._best])

    def smooth(self, weight: float, *, limit: int) -> Samples:
        """Return the smoothed values as far as they are known; at most `limit` more are worked out."""
        if weight != self._smooth.weight:
            self._smooth = Smoothed(weight)
        self._smooth.catch_up(self.values, limit)
        return self._smooth.samples

    def _cut(self, length: int) -> None:
        del self.steps[length:], self.times[length:]
        self.samples.cut(length)
        if len(self._smooth.samples) > length:
            self._smooth = Smoothed(self._smooth.weight)
        if self._best >= length:
            found = self.samples.find_extremes(0, length) if has_best(self.key) else None
            self._best = -1 if found is None else found[not is_better_low(self.key)]

    def _note_best(self, place: int) -> None:
        value = self.values[place]
        if not math.isfinite(value) or not has_best(self.key):
            return
        best = self.values[self._best] if self._best >= 0 else value
        is_better = value < best if is_better_low(self.key) else value > best
        if self._best < 0 or is_better:
            self._best = place


class Smoothed:
    """An exponential moving average, corrected for its start as TensorBoard does; gaps are passed over.

    Source: TensorBoard's line chart, `smoothed = (w · smoothed + (1 - w) · value) / (1 - w ** n)`.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.samples = Samples()
        self._average = self._share = 0.0

    def catch_up(self, values: Sequence[float], limit: int) -> None:
        """Work out at most `limit` more of what `values` holds."""
        done = len(self.samples)
        for value in values[done : done + limit]:
            if not math.isfinite(value):
                self.samples.append(value)
                continue
            self._average = self.weight * self._average + (1 - self.weight) * value
            self._share = self.weight * self._share + (1 - self.weight)
            self.samples.append(self._average / self._share)


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Return the smoothed values of a whole curve; see Smoothed."""
    smoothed = Smoothed(weight)
    smoothed.catch_up(values, len(values))
    return list(smoothed.samples.values)
