"""Texts of several lines, as a list or table has room for them."""

from __future__ import annotations


def first_line(text: str) -> str:
    """Return the first line that is not blank, its tabs as blanks; a text of one line as it is."""
    if text.isprintable():
        return text
    return next((line for line in text.splitlines() if line.strip()), "").expandtabs(1)
