"""Curves as ink: exact places, no spike lost, gaps, markers, cursor, axes of time and of epochs."""

from __future__ import annotations

import math
from array import array

import pytest

from mlwf_tui.entities.layout import XAxis
from mlwf_tui.entities.metric import EPOCH_KEY, MetricSeries
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets.curve_axis import Clock, choose_time_axis, cut_window, find_nearest
from mlwf_tui.tui.widgets.curve_plot import Curve, Plotted, draw_curves
from mlwf_tui.tui.widgets.drawing import measure_line


def write(plotted: Plotted) -> list[str]:
    return ["".join(text for text, _ in line) for line in plotted.lines]


def make_series(key: str, points: list[tuple[int, float, float]]) -> MetricSeries:
    series = MetricSeries(key)
    for step, at, value in points:
        series.add(MetricPoint(key=key, value=value, step=step, at=at))
    return series


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = write(draw_curves([Curve((0.0, 10.0), (0.0, 1.0), "series-0")], 30, 8, x_limits=(0.0, 10.0)))
    rows = [[n for n, c in enumerate(line) if "\u2800" < c <= "\u28ff"] for line in lines[:6]]
    assert all(rows)
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert (rows[-1][0], rows[0][-1]) == (4, 29)


@pytest.mark.parametrize("size", [(16, 4), (51, 12), (158, 41)])
def test_every_line_has_the_width_that_was_asked_for(size: tuple[int, int]) -> None:
    plotted = draw_curves(
        [Curve((0.0, 1.0), (0.1, 0.2), "series-0", "●")], *size, x_limits=(0.0, 1.0), cursor=0.5
    )
    assert [measure_line(line) for line in plotted.lines] == [size[0]] * size[1]


def test_a_gap_breaks_the_line_and_is_marked() -> None:
    curve = Curve((0.0, 4.0, 5.0, 6.0, 10.0), (1.0, 1.0, math.nan, 1.0, 1.0), "series-0")
    lines = write(draw_curves([curve], 40, 8, x_limits=(0.0, 10.0)))
    assert lines[5].count("×") == 1
    drawn = next(line for line in lines[:5] if any("\u2800" < c <= "\u28ff" for c in line))
    assert " " in drawn.strip(" │┤.0123456789")


def test_values_up_to_zero_are_gaps_of_a_log_scale() -> None:
    curve = Curve((0.0, 1.0, 2.0), (0.0, 0.001, 1000.0), "series-0")
    text = "\n".join(write(draw_curves([curve], 40, 12, x_limits=(0.0, 2.0), is_log_y=True)))
    assert "1e-3" in text
    assert text.count("×") == 1


def test_only_what_is_seen_decides_the_height() -> None:
    curve = Curve((0.0, 5.0, 6.0), (1000.0, 1.0, 2.0), "series-0")
    lines = write(draw_curves([curve], 40, 10, x_limits=(5.0, 6.0), is_exact=True))
    assert not any("1000" in line for line in lines)


def test_nothing_to_draw_is_said() -> None:
    for curves, words in (
        ([], "no values yet"),
        ([Curve((1.0,), (math.nan,), "series-0")], "no finite value"),
    ):
        assert any(words in line for line in write(draw_curves(curves, 40, 9, x_limits=(0.0, 1.0))))


def test_a_column_of_the_plot_and_its_x_belong_together() -> None:
    plotted = draw_curves([Curve((0.0, 100.0), (0.0, 1.0), "series-0")], 60, 10, x_limits=(0.0, 100.0))
    assert plotted.find_x(0) is None
    assert plotted.find_x(plotted.left) == pytest.approx(100 * 0.5 / plotted.columns)
    assert plotted.find_x(59) == pytest.approx(100 - 100 * 0.5 / plotted.columns)


def test_a_window_of_a_long_curve_keeps_its_spike_and_its_hole() -> None:
    values = {7_777: 99.0, 8_888: math.nan}
    series = make_series("loss", [(n, float(n), values.get(n, 1.0)) for n in range(20_000)])
    clock = Clock(XAxis.STEP, {"loss": series}, 0.0)
    x, y = cut_window(series, series.samples, clock, 5_000.0, 10_000.0, 100)
    assert len(x) < 600
    assert 99.0 in y
    assert any(math.isnan(value) for value in y)
    assert (x[0], x[-1]) == (4_999.0, 10_001.0)


def test_epochs_are_places_between_the_ends_that_were_told() -> None:
    told = make_series(EPOCH_KEY, [(10, 1100.0, 1.0), (20, 1300.0, 2.0)])
    batch = make_series("batch/loss", [(5, 1050.0, 9.0), (15, 1200.0, 8.0)])
    clock = Clock(XAxis.EPOCH, {EPOCH_KEY: told, "batch/loss": batch}, 1000.0)
    assert clock.has_epochs
    assert [clock.find_x(at) for at in batch.times] == [0.5, 1.5]
    assert clock.find_source(1.5) == 1200.0
    assert find_nearest(batch, clock, 1.4) == 1


def test_time_counts_from_the_start_of_each_run() -> None:
    series = make_series("loss", [(1, 1060.0, 1.0)])
    assert Clock(XAxis.TIME, {"loss": series}, 1000.0).find_x(1060.0) == 60.0
    assert Clock(XAxis.TIME, {"loss": series}, 0.0).find_x(1060.0) == 0.0
    assert Clock(XAxis.TIME, {}, 0.0).list_sources(series) == array("d", [1060.0])


@pytest.mark.parametrize(
    ("high", "labels"),
    [
        (40.0, ("0s", "10s", "20s", "30s", "40s")),
        (3000.0, ("0s", "15m", "30m", "45m")),
        (20_000.0, ("0s", "2h", "4h")),
        (200_000.0, ("0s", "1d", "2d")),
    ],
)
def test_time_is_told_in_round_parts(high: float, labels: tuple[str, ...]) -> None:
    axis = choose_time_axis(0.0, high, 4)
    assert axis.labels == labels
    assert axis.low <= 0.0
    assert axis.high >= high
