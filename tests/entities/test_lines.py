"""A list shows the first line that says something."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.lines import first_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Relabel", "Relabel"),
        ("  indented ", "  indented "),
        ("Relabel\n\nbody\n", "Relabel"),
        ("\n \nRelabel", "Relabel"),
        ("a\tb", "a b"),
        ("\n", ""),
        ("", ""),
    ],
)
def test_the_first_line_that_is_not_blank_is_shown(text: str, line: str) -> None:
    assert first_line(text) == line
