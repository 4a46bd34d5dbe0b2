"""Long lines behind labels go on below their own text."""

from __future__ import annotations

from textual.content import Content

from mlwf_tui.tui.widgets.hanging import hang


def test_a_line_without_room_goes_on_behind_its_label() -> None:
    content = Content.assemble(("ok   ", "bold"), "one two three four\n", ("warn ", "bold"), "five\nend")
    assert hang(content, 14, 5).plain == "ok   one two\n     three\n     four\nwarn five\nend"
    assert hang(content, 60, 5).plain == content.plain
