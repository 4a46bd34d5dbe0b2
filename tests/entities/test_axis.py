"""What stands behind `-s`: values and ranges, how they are read, dealt out and written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.axis import Axis, count_points, read_axis, split_values
from mlwf_tui.errors import InvalidParameter


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("4,8,16", (4, 8, 16)),
        ("0, 0.5", (0, 0.5)),
        ("AdamW,SGD", ("AdamW", "SGD")),
        ("true,false", (True, False)),
        ("007", ("007",)),
        ("8,8", (8,)),
        ("1..4", (1, 2, 3, 4)),
        ("1..9:4", (1, 5, 9)),
        ("0..1:0.5", (0.0, 0.5, 1.0)),
        ("0.0..1.0", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("0.0001..1:log", (0.0001, 0.001, 0.01, 0.1, 1.0)),
        ("1..16:log", (1, 2, 4, 8, 16)),
    ],
)
def test_a_text_has_these_values(text: str, values: tuple[object, ...]) -> None:
    assert split_values("x", text) == values


def test_a_parameter_that_is_declared_as_real_has_a_real_range() -> None:
    assert read_axis("mosaic", "0..1", is_real=True).list_values() == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert read_axis("batch", "4,8", is_real=True).list_values() == (4, 8)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "names no values"),
        ("4,,8", "names no values"),
        ("1..1", "no inside"),
        ("9..1", "no inside"),
        ("0..1:log", "logarithmic"),
        ("1..9:2:log", "a step and is logarithmic"),
        ("1..9:20", "step"),
        ("1..9:0", "step"),
        ("1..9:two", "cannot be read"),
        ("1..9:2:3", "cannot be read"),
    ],
)
def test_a_text_that_means_nothing_is_refused_by_its_name(text: str, error: str) -> None:
    with pytest.raises(InvalidParameter, match=error) as caught:
        read_axis("lr0", text)
    assert "lr0" in caught.value.message
    assert caught.value.hint


def test_a_grid_of_too_many_values_asks_for_a_step() -> None:
    with pytest.raises(InvalidParameter, match="100,001 values"):
        read_axis("n", "0..100000").list_values()
    assert count_points([read_axis("n", "0..100000:50000"), read_axis("m", "1,2")]) == 6


@given(low=st.floats(1e-6, 1e3), factor=st.floats(1.01, 1e4), share=st.floats(0, 1), is_log=st.booleans())
def test_a_place_on_an_axis_is_inside_and_found_again(
    low: float, factor: float, share: float, is_log: bool
) -> None:
    axis = Axis(name="x", low=low, high=low * factor, is_log=is_log)
    value = axis.place(share)
    assert axis.low <= value <= axis.high
    width = math.log(factor) if is_log else factor - 1
    assert axis.measure(value) == pytest.approx(share, abs=1e-4 * (1 + 1 / width) * factor)


@given(st.integers(-50, 50), st.integers(1, 50), st.floats(-200, 200))
def test_a_whole_axis_rounds_to_whole_numbers_inside(low: int, width: int, value: float) -> None:
    found = Axis(name="x", low=low, high=low + width, is_whole=True).round(value)
    assert isinstance(found, int)
    assert low <= found <= low + width


@pytest.mark.parametrize("text", ["4,8,16", "1..9", "1..9:2", "0.0001..0.01:log", "0.5..2.5:0.5"])
def test_what_is_written_is_read_as_the_same(text: str) -> None:
    axis = read_axis("x", text)
    assert axis.write() == text
    assert read_axis("x", axis.write()) == axis


def test_choices_lie_in_their_order_and_are_found_as_text_too() -> None:
    axis = read_axis("batch", "4,8,16")
    assert [axis.measure(value) for value in (4, 8, 16)] == [0, 0.5, 1]
    assert axis.find_choice("8") == 8
    assert axis.find_choice(5) == 5


def test_a_range_with_too_many_values_is_told_with_its_own_ends() -> None:
    with pytest.raises(InvalidParameter) as caught:
        split_values("copies", "1..99999999")
    assert caught.value.hint == "Give a step: copies=1..99999999:STEP"
