"""Counts as a person reads them, in sentences and headings."""

from __future__ import annotations


def format_count(count: int, word: str) -> str:
    """Return `1 item`, `12,345 items`: a count with the word that takes an s of many."""
    return f"{count:,} {word}{'s' * (count != 1)}"
