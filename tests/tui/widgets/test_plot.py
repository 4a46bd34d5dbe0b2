"""Axes are nice, gaps are gaps, and thinning keeps the spikes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mlwf_tui.tui.widgets.drawing import Line
from mlwf_tui.tui.widgets.plot import (
    Series,
    choose_axis,
    choose_log_axis,
    choose_whole_axis,
    draw_plot,
    smooth,
    thin_out,
)


def read(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def find_roles(lines: list[Line]) -> set[str]:
    return {role for line in lines for text, role in line if text.strip()}


@pytest.mark.parametrize("size", [(12, 4), (40, 8), (100, 20)])
def test_a_plot_fills_exactly_its_cells(size: tuple[int, int]) -> None:
    lines = read(draw_plot([Series([0, 1, 2], [3, 1, 2], "series-0")], *size))
    assert len(lines) == size[1]
    assert {cell_len(line) for line in lines} == {size[0]}


def test_too_small_a_place_and_no_values_are_said() -> None:
    assert "no values" in "".join(read(draw_plot([], 40, 8)))
    assert "small" in "".join(read(draw_plot([Series([0], [1], "series-0")], 10, 3)))
    assert len(draw_plot([], 40, 8)) == 8


def test_values_that_are_not_finite_are_gaps() -> None:
    y = [1.0] * 40 + [math.nan, math.inf, -math.inf] * 10 + [1.0] * 40
    drawn = read(draw_plot([Series(range(len(y)), y, "series-0")], 60, 8, y_limits=(0, 2)))
    line = next(row for row in drawn if "⠤" in row or "⠉" in row or "⠒" in row)
    assert "       " in line.strip("│┤ 0123456789.")


def test_only_gaps_are_no_values() -> None:
    assert "no values" in "".join(read(draw_plot([Series([1], [math.nan], "series-0")], 40, 8)))


def test_each_line_has_its_role_and_the_axes_are_muted() -> None:
    series = [Series([0, 1], [0, 1], "series-0"), Series([0, 1], [1, 0], "series-1")]
    assert find_roles(draw_plot(series, 40, 10)) == {"series-0", "series-1", "muted"}


def test_a_logarithmic_plot_leaves_out_what_has_no_logarithm() -> None:
    lines = read(draw_plot([Series([0, 1, 2, 3], [0, 0.001, 1, 100], "series-0")], 40, 12, is_log_y=True))
    assert "1e-3" in "".join(lines)
    assert "1e1" in "".join(lines)


def test_bars_stand_on_zero() -> None:
    lines = draw_plot([Series([0.25, 0.75], [10, 20], "series-2")], 40, 10, x_limits=(0, 1), is_bar=True)
    assert "series-2" in find_roles(lines)
    assert any("0┤" in line for line in read(lines))


def test_the_axis_of_one_value_has_a_width() -> None:
    axis = choose_axis(5, 5, 4)
    assert axis.low < 5 < axis.high


def test_new_points_inside_leave_the_axis_as_it_is() -> None:
    assert choose_axis(0.0, 0.981, 4) == choose_axis(0.0, 0.999, 4)


def test_labels_show_every_step() -> None:
    assert choose_axis(0, 1, 5).labels == ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")
    assert choose_axis(0, 50_000, 5).labels[-1] == "50k"
    assert choose_log_axis(-5, -1, 4).labels[0] == "1e-5"
    assert choose_axis(8.5e-6, 1e-5, 4).labels == ("8.5e-06", "9e-06", "9.5e-06", "1e-05")
    assert choose_axis(1e6, 1.3e6, 4).labels == ("1e+06", "1.1e+06", "1.2e+06", "1.3e+06")


@given(exponent=st.integers(-12, 12), start=st.integers(0, 400), max_ticks=st.integers(2, 12))
def test_no_two_ticks_have_one_label(exponent: int, start: int, max_ticks: int) -> None:
    low, high = start * 10.0**exponent, (start + 7) * 10.0**exponent
    labels = choose_axis(low, high, max_ticks).labels
    assert len(set(labels)) == len(labels)


@given(
    low=st.floats(-1e9, 1e9),
    span=st.floats(1e-6, 1e9),
    max_ticks=st.integers(2, 12),
)
def test_the_axis_covers_its_values_with_few_ticks(low: float, span: float, max_ticks: int) -> None:
    axis = choose_axis(low, low + span, max_ticks)
    slack = (axis.high - axis.low) * 1e-6
    assert axis.low <= low + slack
    assert axis.high >= low + span - slack
    assert 1 <= len(axis.ticks) <= max_ticks + 2
    assert len(axis.labels) == len(axis.ticks)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=400), st.integers(2, 30))
def test_thinning_keeps_ends_and_spikes(y: list[float], columns: int) -> None:
    x = [float(index) for index in range(len(y))]
    thin_x, thin_y = thin_out(x, y, columns)
    assert len(thin_x) <= 2 * columns + 2
    assert thin_x == sorted(thin_x)
    assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])
    assert (min(thin_y), max(thin_y)) == (min(y), max(y))


def test_smoothing_starts_at_the_first_value_and_passes_over_gaps() -> None:
    assert smooth([2.0, 2.0])[0] == pytest.approx(2.0)
    result = smooth([1.0, math.nan, 3.0])
    assert math.isnan(result[1])
    assert 1 < result[2] < 3


def test_of_nothing_but_zeros_no_axis_goes_below_them() -> None:
    axis = choose_axis(0.0, 0.0, 6)
    assert (axis.low, axis.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1, 1, ("0", "1", "2")),
        (0, 0, ("0", "1")),
        (1, 2, ("1", "2")),
        (1, 5, ("1", "2", "3", "4", "5")),
        (0, 1000, ("0", "200", "400", "600", "800", "1000")),
        (1.25, 1.75, ("1.3", "1.4", "1.5", "1.6", "1.7")),  # of a window within an epoch
    ],
)
def test_what_is_counted_has_whole_ticks(low: float, high: float, labels: tuple[str, ...]) -> None:
    assert choose_whole_axis(low, high, 5).labels == labels
