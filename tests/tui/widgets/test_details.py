"""What is told of a thing stands in two columns, whatever its labels and however narrow the pane."""

from __future__ import annotations

from textual.content import Content

from mlwf_tui.tui.widgets.details import Line, _draw

LINES: tuple[Line, ...] = (
    ("made", "2026-11-29 13:37:29  (28 min)"),
    ("images_per_second", "15.32"),
    ("a_label_that_nobody_wants_to_read", "1"),
)


def test_labels_are_whole_where_they_can_be_and_values_go_on_below_themselves() -> None:
    drawn = _draw(Content("title"), LINES, 44).plain.split("\n")
    assert drawn == [
        "title",
        "made               2026-11-29 13:37:29  (28",
        "                   min)",
        "images_per_second  15.32",
        "a_label_that_nobo… 1",
    ]


def test_short_labels_leave_the_room_to_the_values() -> None:
    assert _draw(Content("title"), LINES[:1], 60).plain.split("\n")[1].startswith("made          2026")


def test_a_value_of_several_lines_stays_in_its_column() -> None:
    drawn = _draw(Content("title"), [("message", "Relabel\n\nbody of it\n"), ("items", "12")], 44)
    assert [line.rstrip() for line in drawn.plain.split("\n")[1:]] == [
        "message       Relabel",
        "",
        "              body of it",
        "items         12",
    ]
