"""How panes share a screen: every border within its limits, whatever was moved and hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.layout import Arrangement
from mlwf_tui.tui.widgets.pane_shares import (
    LEAST_COLUMNS,
    LEAST_MAIN_COLUMNS,
    LEAST_MAIN_ROWS,
    LEAST_ROWS,
    Border,
    PaneShares,
    ScreenSize,
    find_screen_size,
)

NAMES = ("tree", "stage", "details")
ARRANGEMENTS = st.builds(
    Arrangement,
    side=st.integers(0, 400),
    details=st.integers(0, 400),
    hidden=st.sets(st.sampled_from(NAMES)).map(tuple),
)


def make(columns: int = 120, rows: int = 39, **changed: object) -> PaneShares:
    return PaneShares(NAMES, Arrangement(**changed), columns, rows)  # type: ignore[arg-type]


def test_sizes_of_screens_are_told_by_their_columns() -> None:
    sizes = [find_screen_size(columns) for columns in (80, 99, 100, 149, 150)]
    assert sizes == [ScreenSize.NARROW] * 2 + [ScreenSize.MEDIUM] * 2 + [ScreenSize.WIDE]


@given(
    ARRANGEMENTS,
    st.integers(60, 300),
    st.integers(14, 90),
    st.sampled_from(list(Border)),
    st.integers(-99, 99),
)
def test_every_pane_that_is_seen_keeps_room_whatever_is_moved(
    arrangement: Arrangement, columns: int, rows: int, border: Border, by: int
) -> None:
    shares = PaneShares(NAMES, arrangement, columns, rows)
    for moved in (shares, PaneShares(NAMES, shares.move(border, by), columns, rows)):
        got, is_wide = moved.shares, moved.size is ScreenSize.WIDE
        assert moved.seen
        if Border.SIDE in moved.borders:
            assert LEAST_COLUMNS <= got.side <= columns - LEAST_MAIN_COLUMNS
        if Border.DETAILS in moved.borders and is_wide:
            assert got.details >= LEAST_COLUMNS
            assert columns - got.side - got.details >= LEAST_MAIN_COLUMNS
        elif Border.DETAILS in moved.borders:
            assert LEAST_ROWS <= got.details <= max(LEAST_ROWS, rows - LEAST_MAIN_ROWS)


def test_a_border_moves_by_what_it_is_told_and_stops_at_the_end() -> None:
    shares = make()
    assert shares.move(Border.SIDE, 4).side == shares.shares.side + 4
    assert shares.move(Border.DETAILS, 2).details == shares.shares.details - 2
    assert shares.move(Border.SIDE, 999).side == 120 - LEAST_MAIN_COLUMNS


def test_what_was_moved_on_a_large_screen_is_there_again_after_a_small_one() -> None:
    assert make(columns=170, side=110).shares.side == 110
    assert make(columns=150, side=110).shares.side < 110
    assert make(columns=170, side=110).shares.side == 110


def test_keys_move_the_border_after_a_pane_or_else_the_one_before_it_as_in_tmux() -> None:
    wide = make(columns=160)
    assert [wide.find_border(name, is_vertical=False) for name in NAMES] == [
        Border.SIDE,
        Border.DETAILS,
        Border.DETAILS,
    ]
    assert wide.find_border("stage", is_vertical=True) is None
    assert make().find_border("stage", is_vertical=True) is Border.DETAILS
    assert make().find_border("details", is_vertical=False) is Border.SIDE
    assert make(columns=160, hidden=("details",)).find_border("stage", is_vertical=False) is Border.SIDE
    assert make(columns=80).find_border("stage", is_vertical=False) is None


def test_a_pane_grows_by_all_borders_around_it() -> None:
    wide = make(columns=160)
    grown = wide.grow("stage", 1, 4, 2)
    assert (grown.side, grown.details) == (wide.shares.side - 4, wide.shares.details - 4)
    assert wide.grow("tree", 1, 4, 2).side == wide.shares.side + 4
    assert make().grow("details", 2, 4, 2).details == make().shares.details + 4
    assert make(hidden=("stage",)).grow("details", 1, 4, 2).side == make().shares.side - 4


def test_the_last_pane_that_is_seen_cannot_be_hidden() -> None:
    one = make(hidden=("tree", "details"))
    assert one.toggle("stage") == one.arrangement
    assert one.toggle("tree").hidden == ("details",)
    assert make(hidden=NAMES).seen == ("stage",)
