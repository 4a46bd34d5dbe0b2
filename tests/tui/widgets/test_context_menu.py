"""Notes in a menu go on below each other, and no word is broken."""

from __future__ import annotations

from mlwf_tui.tui.widgets.context_menu import _hang


def test_a_note_without_room_for_its_first_word_begins_on_a_line_of_its_own() -> None:
    assert _hang("project, now", room=40, indent=20, used=0) == "project, now"
    assert _hang("project, now", room=40, indent=20, used=10) == "project,\n" + " " * 20 + "now"
    for used in (13, 20, 50):
        assert _hang("project, now", room=40, indent=20, used=used) == "\n" + " " * 20 + "project, now"
