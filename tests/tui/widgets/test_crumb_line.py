"""What of a line of crumbs fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.tui.widgets.crumb_line import MIN_TITLE, _measure, choose_crumbs


def test_all_is_shown_where_there_is_room() -> None:
    assert choose_crumbs(["Everything", "default", "cells"], 60) == [
        (0, "Everything"),
        (1, "default"),
        (2, "cells"),
    ]


def test_the_middle_gives_way_and_the_last_one_is_cut_at_the_end() -> None:
    titles = ["Everything", "default", "cells", "train 3f2a"]
    assert choose_crumbs(titles, 34) == [(0, "Everything"), (-1, "…"), (3, "train 3f2a")]
    assert choose_crumbs(["Everything", "x" * 40], 20)[-1] == (1, "xxxxxx…")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=7), st.integers(6, 80))
def test_both_ends_are_always_there_and_the_rest_in_order(titles: list[str], width: int) -> None:
    shown = choose_crumbs(titles, width)
    numbers = [number for number, _ in shown if number >= 0]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0, len(titles) - 1)
    if len(titles) == 1 and width >= MIN_TITLE:
        assert _measure(shown) <= width
