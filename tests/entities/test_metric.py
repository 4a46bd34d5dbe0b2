"""Curves: what counts as best, what is kept when they are thinned, smoothed, summed up, begun anew."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.metric import (
    MAX_BUCKETS,
    MetricSeries,
    MetricSummary,
    Samples,
    choose_main,
    matches,
    smooth,
)
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.entities.sparkline import draw_sparkline


def make_series(values: list[float], key: str = "metrics/map50", attempt: int = 0) -> MetricSeries:
    series = MetricSeries(key)
    for step, value in enumerate(values):
        series.add(MetricPoint(key=key, value=value, step=step, at=float(step), attempt=attempt))
    return series


def sum_up(values: list[float], key: str = "train/loss") -> MetricSummary:
    summary = MetricSummary(key=key)
    for step, value in enumerate(values):
        summary.add(MetricPoint(key=key, value=value, step=step, at=float(step)))
    return summary


def test_the_best_is_the_lowest_loss_and_the_highest_score_and_a_rate_has_none() -> None:
    values = [0.5, 0.9, math.nan, 0.1, 0.9]
    assert make_series(values, "train/box_loss").find_best() == (0.1, 3)
    assert make_series(values, "metrics/mAP50").find_best() == (0.9, 1)
    assert make_series(values, "lr/pg0").find_best() is None
    assert make_series([math.nan]).find_best() is None


def test_a_step_told_twice_keeps_its_last_value_and_one_from_before_is_left_out() -> None:
    series = MetricSeries("metrics/x")
    for step, value in ((1, 0.9), (2, math.nan), (2, 0.3), (1, 9.0)):
        series.add(MetricPoint(key="metrics/x", value=value, step=step))
    assert list(series.values) == [0.9, 0.3]
    assert series.gap_count == 0
    assert series.find_best() == (0.9, 1)


def test_what_a_resumed_run_says_again_takes_the_place_of_what_was_said_before() -> None:
    series = make_series([0.1, 0.2, 0.9, 0.8])
    summary = sum_up([0.1, 0.2, 0.9, 0.8], "metrics/map50")
    for step, value in ((2, 0.3), (3, 0.4), (4, 0.5)):
        point = MetricPoint(key="metrics/map50", value=value, step=step, attempt=2)
        series.add(point)
        summary.add(point)
    assert list(series.values) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert series.find_best() == (0.5, 4)
    assert (summary.count, summary.last, summary.best, summary.best_step) == (5, 0.5, 0.5, 4)


@pytest.mark.parametrize("length", [5, 300])
def test_a_point_that_a_later_attempt_says_again_counts_once(length: int) -> None:
    summary = sum_up([1 / (step + 1) for step in range(length)])
    for attempt, first in ((2, length - 1), (3, length - 2), (4, length - 4)):
        for step in range(first, length):
            point = MetricPoint(key="train/loss", value=1 / (step + 1), step=step, attempt=attempt)
            summary.add(point)
        assert (summary.count, summary.last_step, summary.best) == (length, length - 1, 1 / length)


def test_times_never_go_back_though_the_clock_does() -> None:
    series = MetricSeries("loss")
    for step, at in enumerate([100.0, 50.0, 120.0]):
        series.add(MetricPoint(key="loss", value=1.0, step=step, at=at))
    assert list(series.times) == [100.0, 100.0, 120.0]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=1500), st.data())
def test_extremes_are_those_of_a_plain_search(values: list[float], data: st.DataObject) -> None:
    samples = Samples()
    for value in values:
        samples.append(value)
    start = data.draw(st.integers(0, len(values)))
    end = data.draw(st.integers(start, len(values)))
    finite = [(value, place) for place, value in enumerate(values[start:end], start) if math.isfinite(value)]
    found = samples.find_extremes(start, end)
    if not finite:
        assert found is None
    else:
        assert found is not None
        assert found[0] == min(finite)[1]
        assert found[1] == max(finite, key=lambda pair: (pair[0], -pair[1]))[1]


@given(st.lists(st.floats(allow_nan=True), max_size=700), st.integers(0, 700))
def test_what_is_cut_is_as_if_it_had_never_been(values: list[float], length: int) -> None:
    cut, fresh = Samples(), Samples()
    for value in values:
        cut.append(value)
    cut.cut(min(length, len(values)))
    for value in values[:length]:
        fresh.append(value)
    assert repr(cut.values) == repr(fresh.values)
    assert cut.gaps == fresh.gaps
    assert cut.find_extremes(0, len(cut)) == fresh.find_extremes(0, len(fresh))


def test_a_million_points_thinned_to_columns_keep_every_spike_and_hole() -> None:
    noise = random.Random(3)
    samples = Samples()
    spikes = {123_456: 50.0, 654_321: -50.0, 777_777: math.nan}
    for place in range(1_000_000):
        samples.append(spikes.get(place, noise.random()))
    chosen = samples.choose([1_000_000 * column // 200 for column in range(201)])
    assert set(spikes) <= set(chosen)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= 200 * 5


def test_smoothing_is_corrected_for_its_start_and_passes_over_gaps() -> None:
    assert smooth([5.0, 5.0, 5.0], 0.9) == pytest.approx([5.0, 5.0, 5.0])
    smoothed = smooth([1.0, math.nan, 3.0], 0.5)
    assert smoothed[0] == 1.0
    assert math.isnan(smoothed[1])
    assert smoothed[2] == pytest.approx((0.25 * 1.0 + 0.5 * 3.0) / 0.75)  # TensorBoard's formula by hand


def test_a_long_curve_is_smoothed_piece_by_piece_to_the_same_end() -> None:
    noise = random.Random(5)
    values = [noise.random() for _ in range(1000)]
    series = make_series(values)
    assert len(series.smooth(0.9, limit=300)) == 300
    while len(series.smooth(0.9, limit=300)) < 1000:
        pass
    assert list(series.smooth(0.9, limit=300).values) == smooth(values, 0.9)


def test_a_summary_has_constant_room_and_holds_the_extremes() -> None:
    values = [math.sin(step / 500) for step in range(10_000)]
    values[7_321] = 9.0
    summary = sum_up(values, "metrics/map50")
    assert len(summary.steps) <= MAX_BUCKETS
    assert (summary.count, summary.best, summary.best_step) == (10_000, 9.0, 7_321)
    assert max(high for high in summary.highs if high is not None) == 9.0
    assert summary.means[0] == pytest.approx(
        sum(values[: summary.stride]) / summary.stride, rel=1e-6, abs=1e-9
    )


def test_a_summary_knows_since_when_there_are_no_numbers() -> None:
    assert sum_up([1.0, math.nan, 1.0]).gap_since is None
    summary = sum_up([1.0, math.nan, math.inf])
    assert (summary.gap_since, summary.gap_count, summary.last) == (1, 2, None)


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([math.nan, math.inf], "inf"),
        ([math.inf, -math.inf], "-inf"),
        ([math.inf, math.nan], "nan"),
        ([math.inf, 0.123456], "0.12346"),
    ],
)
def test_the_newest_value_is_written_as_what_it_is(values: list[float], written: str) -> None:
    summary = sum_up(values)
    assert summary.write_last() == written
    assert msgspec.json.decode(msgspec.json.encode(summary), type=MetricSummary).write_last() == written


@pytest.mark.parametrize(
    ("pattern", "key", "is_meant"),
    [
        ("map50", "metrics/mAP50", True),
        ("map50", "metrics/mAP50(B)", True),
        ("map50", "metrics/mAP50-95", False),
        ("map", "metrics/mAP50-95(B)", True),
        ("train/*", "train/box_loss", True),
        ("train/*", "val/box_loss", False),
        ("val/box_loss", "train/box_loss", False),
        ("box_loss", "train/box_loss", True),
        ("loss", "train/box_loss", False),
        ("map50*", "metrics/mAP50-95(B)", True),
        ("mAP50*", "metrics/mAP50", True),
        ("METRICS/map50*", "metrics/mAP50", True),
        ("box*", "train/box_loss", True),
        ("ox*", "train/box_loss", False),
    ],
)
def test_a_person_may_write_a_key_in_short(pattern: str, key: str, is_meant: bool) -> None:
    assert matches(pattern, key) is is_meant


def test_the_main_metric_is_a_score_before_a_loss_before_anything_else() -> None:
    assert choose_main(["lr", "train/box_loss", "metrics/mAP50", "metrics/mAP50-95"]) == "metrics/mAP50-95"
    assert choose_main(["lr", "speed", "train/box_loss"]) == "train/box_loss"
    assert choose_main(["lr", "epoch"]) == "epoch"
    assert choose_main([]) is None


def test_a_sparkline_keeps_peaks_and_marks_gaps() -> None:
    assert draw_sparkline([0.0, 1.0, None, 0.5], 10) == "▁█×▅"
    assert draw_sparkline([0.0] * 50 + [9.0] + [0.0] * 49, 10).count("█") == 1
    assert draw_sparkline([2.0, 2.0], 5) == "▄▄"
    assert draw_sparkline([None, None], 5) == "××"
    assert draw_sparkline([], 5) == ""
