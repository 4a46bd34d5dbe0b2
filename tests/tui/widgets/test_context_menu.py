"""The lines of a menu: what stands behind their names."""

from __future__ import annotations

import pytest

from mlwf_tui.tui.widgets.context_menu import _hang


@pytest.mark.parametrize(
    ("used", "drawn"),
    [
        (0, "project, deleted a\n  moment ago"),
        (6, "project,\n  deleted a moment\n  ago"),
        (15, "\n  project, deleted a\n  moment ago"),
        (40, "\n  project, deleted a\n  moment ago"),
    ],
)
def test_no_word_of_a_note_is_broken_however_long_the_name_before_it_is(used: int, drawn: str) -> None:
    assert _hang("project, deleted a moment ago", 20, 2, used) == drawn
