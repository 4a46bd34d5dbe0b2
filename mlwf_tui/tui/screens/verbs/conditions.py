"""Expressions that mean a part of a project and no other item."""

from __future__ import annotations

from glob import escape

from mlwf_tui.tui.widgets.entry import Excerpt


def write_condition(excerpt: Excerpt) -> str:
    """Return the expression that the items of an excerpt meet, and no others."""
    if excerpt.items:
        return f"key in ({', '.join(quote(item.key) for item in excerpt.items)})"
    below = quote(f"{escape(excerpt.dataset)}/*")
    return f"dataset == {quote(excerpt.dataset)} or dataset ~ {below}"


def quote(text: str) -> str:
    """Return a text as an expression takes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
