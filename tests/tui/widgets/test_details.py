"""What is told of a thing stands in two columns, whatever its labels and however narrow the pane."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from textual.content import Content

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.widgets.details import Line, _draw, _list_run
from tests.fakes.graphs import BEGIN

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


def test_a_run_that_waits_has_not_started() -> None:
    run = Run(
        id=RunId("3f9a"),
        verb="train",
        params={},
        state=RunState.QUEUED,
        seed=0,
        author="ann",
        created_at=BEGIN,
    )
    labels = [label for label, _ in _list_run(run, BEGIN + timedelta(minutes=5))]
    assert "queued" in labels
    assert "started" not in labels
    begun = replace(run, state=RunState.RUNNING, started_at=BEGIN + timedelta(minutes=1))
    labels = [label for label, _ in _list_run(begun, BEGIN + timedelta(minutes=5))]
    assert "started" in labels
    assert "queued" not in labels
