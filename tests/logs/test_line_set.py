"""A set of lines answers as a sorted list would."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.logs.line_set import PAGE_BYTES, PAGE_LINES, LineSet


def make(lines: set[int]) -> LineSet:
    made = LineSet()
    for page in sorted({line // PAGE_LINES for line in lines}, reverse=True):
        bits = sum(1 << line % PAGE_LINES for line in lines if line // PAGE_LINES == page)
        made.put(page, bits.to_bytes(PAGE_BYTES, "little"))
    return made


@given(st.sets(st.integers(0, 5000), max_size=60))
def test_places_and_lines_are_those_of_a_sorted_list(lines: set[int]) -> None:
    made, expected = make(lines), sorted(lines)
    assert len(made) == len(expected)
    assert [made.get(place) for place in range(len(made))] == expected
    for line in [*expected, 0, 1023, 1024, 6000]:
        assert made.count_before(line) == bisect_left(expected, line)
        assert (line in made) is (line in lines)


def test_a_page_that_is_said_anew_replaces_the_old_one() -> None:
    made = make({1, 2, 3})
    made.put(0, (1 << 7).to_bytes(PAGE_BYTES, "little"))
    assert [made.get(place) for place in range(len(made))] == [7]
    assert -1 not in made
    with pytest.raises(IndexError):
        made.get(1)
