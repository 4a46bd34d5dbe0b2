"""What a log view asks a person: for a line to go to, and for what is to be shown."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from mlwf_tui.logs.query import Query, read_query
from mlwf_tui.tui.widgets.prompt import Prompt


def ask_line(app: App[object], line_count: int, go: Callable[[int], None]) -> None:
    """Ask for a line by its number, from 1, or by how far down it is; `go` gets its number, from 0."""
    prompt = Prompt("Go to line", help=f"1 to {line_count:,}, or a share such as 50%")

    def answer(text: str | None) -> None:
        number = read_line_number(text or "", line_count)
        if number is not None:
            go(number)

    app.push_screen(prompt, answer)


def read_line_number(text: str, line_count: int) -> int | None:
    """Return the line that a text means, from 0 and within the log; None where it means none."""
    digits = text.replace(",", "").strip().removesuffix("%")
    if not digits.isdecimal() or not line_count:
        return None
    number = line_count * int(digits) // 100 if "%" in text else int(digits) - 1
    return max(0, min(line_count - 1, number))


def ask_filter(app: App[object], query: Query, begin: Callable[[Query], object]) -> None:
    """Ask for an expression that replaces the query's; the level stays."""
    prompt = Prompt(
        "Show only lines with",
        value=f"{'!' if query.is_inverted else ''}{query.pattern}",
        can_be_empty=True,
        help="A regular expression; ! in front shows the others; empty shows all",
    )

    def answer(text: str | None) -> None:
        if text is not None:
            begin(read_query(text, query.level))

    app.push_screen(prompt, answer)
