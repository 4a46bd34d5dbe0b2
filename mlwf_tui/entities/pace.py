"""How fast work goes and how long it will still take, from its recent steps; silent where it cannot know."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

import msgspec

from mlwf_tui.entities.run import Progress

WINDOW_SHARE = 0.5  # of the time so far: recent enough to follow a change, long enough for whole epochs
MIN_WINDOW_S = 30.0
MIN_EVIDENCE_S = 2.0
MIN_SAMPLES = 5
MIN_LONG_SAMPLES = 3  # where they lie further apart, as the trials of a search
BLOCKS = 8  # whose paces are compared with each other
MAX_SAMPLES = 512
STALL_FACTOR = 3.0  # a silence so many times as long as any before is no pace any more
MIN_STALL_S = 10.0
TWO_SIGMA = 2.0
FEW_SIGMAS = (12.7, 4.3, 3.2, 2.8, 2.6, 2.4)  # Student's t: as sure as two of many, from 2, 3, … 7 paces


class TimeLeft(msgspec.Struct, frozen=True):
    """An estimate: the true time lies within `seconds` ± `margin_s` in some 19 of 20 cases."""

    seconds: float
    margin_s: float

    def __str__(self) -> str:
        """Both in the unit of the estimate and no finer than the margin: more digits would be a lie."""
        for unit_s, name in ((3600, "h"), (60, "min")):
            if self.seconds >= 2 * unit_s:
                digits = 1 if unit_s == 3600 and self.margin_s < unit_s else 0
                margin = self.margin_s / unit_s
                shown = f" ± {margin:.{digits}f}" if margin >= 0.5 / 10**digits else ""
                return f"{self.seconds / unit_s:.{digits}f}{shown} {name}"
        return f"{self.seconds:.0f} ± {max(1.0, self.margin_s):.0f} s"


class Pace:
    """What a run's progress says of its speed. Feed it every progress event in its order."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._samples: deque[tuple[float, int]] = deque()  # (seconds since the epoch, steps done)
        self._stride = 1  # only every so many events are kept: 512 samples span hours
        self._skipped = 0
        self._longest_gap_s = 0.0

    def add(self, progress: Progress) -> None:
        """Take in the newest progress; steps or a clock that go back begin a new measurement."""
        if self._samples:
            last_at, last_step = self._samples[-1]
            if progress.step < last_step or progress.at < last_at or progress.total != self._total:
                self._begin_anew()
        self._total = progress.total
        if self._samples and progress.step == self._samples[-1][1]:
            return  # said again while a long step goes on: no pace of its own
        if self._samples:
            self._longest_gap_s = max(self._longest_gap_s, progress.at - self._samples[-1][0])
        self._skipped += 1
        if self._skipped >= self._stride or not self._samples:
            self._skipped = 0
            self._samples.append((progress.at, progress.step))
        if len(self._samples) > MAX_SAMPLES:
            self._thin()

    def estimate(self, now_s: float) -> TimeLeft | None:
        """Return the time left at `now_s` (seconds since the epoch), or None where it cannot be known.

        It cannot where no end is known, where too little was seen, where nothing has been heard for much
        longer than ever before, or where the pace varies so much that the margin exceeds the estimate.
        """
        window = self._find_window(now_s)
        if not self._total or window is None:
            return None
        last_at, last_step = window[-1]
        elapsed_s, steps = last_at - window[0][0], last_step - window[0][1]
        rest = max(0, self._total - last_step)
        seconds = rest * elapsed_s / steps
        margin_s = _find_margin(window, rest)
        if rest and margin_s > seconds:
            return None
        passed_s = min(max(0.0, now_s - last_at), self._longest_gap_s)  # in more, no step was done
        return TimeLeft(max(0.0, seconds - passed_s), margin_s)

    def measure(self, now_s: float) -> float | None:
        """Return the steps a second of late, or None where too little was seen or it has fallen silent."""
        window = self._find_window(now_s)
        if window is None:
            return None
        return (window[-1][1] - window[0][1]) / (window[-1][0] - window[0][0])

    def _find_window(self, now_s: float) -> list[tuple[float, int]] | None:
        """Return the samples of the recent past, or None where nothing can be said from them."""
        if len(self._samples) < MIN_LONG_SAMPLES:
            return None
        last_at, last_step = self._samples[-1]
        if len(self._samples) < MIN_SAMPLES and last_at - self._samples[0][0] < MIN_WINDOW_S:
            return None
        if now_s - last_at > max(MIN_STALL_S, STALL_FACTOR * self._longest_gap_s):
            return None
        window = self._cut_window()
        is_enough = last_at - window[0][0] >= MIN_EVIDENCE_S and last_step > window[0][1]
        return window if is_enough else None

    def _begin_anew(self) -> None:
        self._samples.clear()
        self._stride, self._skipped, self._longest_gap_s = 1, 0, 0.0

    def _cut_window(self) -> list[tuple[float, int]]:
        """Return the samples of the recent past, at least the newest few."""
        first, last = self._samples[0][0], self._samples[-1][0]
        begin = last - max(MIN_WINDOW_S, (last - first) * WINDOW_SHARE)
        recent = [sample for sample in self._samples if sample[0] >= begin]
        return recent if len(recent) >= MIN_SAMPLES else list(self._samples)[-MIN_SAMPLES:]

    def _thin(self) -> None:
        self._samples = deque(list(self._samples)[::2])
        self._stride *= 2


def describe_rate(steps_per_s: float) -> str:
    """Return a speed in words: "1,240/s", "3.2M/s", or "2.5 s each" where a step takes over a second."""
    if steps_per_s < 1:
        each_s = 1 / steps_per_s
        return f"{each_s:,.0f} s each" if each_s >= 10 else f"{each_s:.2g} s each"
    for unit, letter in ((1e9, "G"), (1e6, "M")):
        if steps_per_s >= unit:
            return f"{steps_per_s / unit:.3g}{letter}/s"
    return f"{steps_per_s:,.0f}/s" if steps_per_s >= 10 else f"{steps_per_s:.2g}/s"


def _find_margin(window: list[tuple[float, int]], rest: int) -> float:
    """Return two standard deviations of the time for `rest` steps, from how unlike the blocks' paces are.

    Both the mean pace is uncertain (its error grows with the rest) and what is to come varies as what was
    (which evens out over as many blocks as are still to come).
    """
    size = max(1, (len(window) - 1) // BLOCKS)
    edges = window[::size]
    paces = [
        (after[0] - before[0]) / (after[1] - before[1])
        for before, after in pairwise(edges)
        if after[1] > before[1]
    ]
    if len(paces) < 2:
        return math.inf
    mean = sum(paces) / len(paces)
    variance = sum((pace - mean) ** 2 for pace in paces) / (len(paces) - 1)
    block_steps = max(1.0, (window[-1][1] - window[0][1]) / len(paces))
    coming = max(1.0, rest / block_steps)
    deviation = math.sqrt(variance / len(paces) + variance / coming)
    sigmas = FEW_SIGMAS[len(paces) - 2] if len(paces) - 2 < len(FEW_SIGMAS) else TWO_SIGMA
    return sigmas * rest * deviation
