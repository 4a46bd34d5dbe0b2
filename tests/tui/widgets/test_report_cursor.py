"""A cursor on what can be opened: where it goes, and where it stays when the page is drawn anew."""

from __future__ import annotations

from mlwf_tui.tui.widgets.drawing import Line, link
from mlwf_tui.tui.widgets.report_cursor import Cursor, find_spots, mark

PAGE: list[Line] = [
    [("head", "muted")],
    [
        ("a ", "text"),
        *link([("12", "text")], "12"),
        (" ", "text"),
        *link([("表", "text"), ("x", "text")], "x"),
    ],
    [],
    link([("row", "strong"), (" 3", "text")], "row"),
]


def read(cursor: Cursor) -> object:
    return cursor.spot.target if cursor.spot is not None else None


def test_spots_are_counted_in_cells_and_pieces_of_one_thing_are_one() -> None:
    assert [(s.row, s.start, s.end, s.target) for s in find_spots(PAGE)] == [
        (1, 2, 4, "12"), (1, 5, 8, "x"), (3, 0, 5, "row"),
    ]  # fmt: skip


def test_it_moves_by_rows_and_columns_and_says_where_it_cannot() -> None:
    cursor = Cursor()
    assert not cursor.move_rows(1, 0, 4)
    cursor.show(find_spots(PAGE))
    assert not cursor.move_columns(1)  # it stands on nothing yet
    assert cursor.move_rows(1, 0, 4)
    assert read(cursor) == "12"
    assert cursor.move_columns(1)
    assert read(cursor) == "x"
    assert not cursor.move_columns(1)
    assert cursor.move_rows(1, 0, 4)
    assert read(cursor) == "row"
    assert not cursor.move_rows(1, 0, 4)
    assert cursor.move_rows(-1, 0, 4)
    assert read(cursor) == "12"  # the nearest of the row
    assert cursor.put(6, 1)
    assert read(cursor) == "x"
    assert not cursor.put(0, 0)


def test_it_stays_on_what_it_stood_for_when_that_is_drawn_elsewhere() -> None:
    cursor = Cursor()
    cursor.show(find_spots(PAGE))
    cursor.put(0, 3)
    cursor.show(find_spots([[], *PAGE]))
    assert cursor.spot is not None and (cursor.spot.row, cursor.spot.target) == (4, "row")
    cursor.show(find_spots(PAGE[:2]))
    assert cursor.spot is None


def test_what_is_chosen_is_drawn_so_and_the_rest_stays() -> None:
    assert mark(PAGE[1], find_spots(PAGE)[1]) == [
        ("a ", "text"), ("12", "text"), (" ", "text"), ("表", "picked"), ("x", "picked"),
    ]  # fmt: skip
