"""What the widgets draw with: ink (text with a colour role), glyphs, cut texts and bars; no widget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mlwf_tui.entities.lines import first_line

Run = tuple[str, str]
"""(text, role): a piece of a line; the role is a key of ROLE_STYLES, and the theme gives its colour."""

Line = list[Run]


class Linked(str):
    """A piece of text that stands for something: a person who chooses it wants to see that."""

    target: object

    def __new__(cls, text: str, target: object) -> Linked:
        made = super().__new__(cls, text)
        made.target = target
        return made


def link(line: Line, target: object) -> Line:
    """Return a line that as a whole stands for something."""
    return [(Linked(text, target), role) for text, role in line]


ROLE_STYLES: Mapping[str, str] = {
    "text": "color: $foreground",
    "strong": "color: $foreground; text-style: bold",
    "muted": "color: $foreground 65%",
    "faint": "color: $foreground 38%",
    "primary": "color: $text-primary",
    "secondary": "color: $text-secondary",
    "accent": "color: $text-accent",
    "success": "color: $text-success",
    "warning": "color: $text-warning",
    "error": "color: $text-error",
    "heading": "color: $text-primary; text-style: bold",
    "key": "color: $text-accent; text-style: bold",
    "picked": "color: $foreground; text-style: bold reverse",
    "series-0": "color: $primary",
    "series-1": "color: $accent",
    "series-2": "color: $success",
    "series-3": "color: $error",
    "series-4": "color: $secondary",
    "series-5": "color: $warning",
    "heat-0": "color: $foreground 38%",
    "heat-1": "color: $foreground; background: $primary 18%",
    "heat-2": "color: $foreground; background: $primary 38%",
    "heat-3": "color: $text; background: $primary 62%",
    "heat-4": "color: $text; background: $primary; text-style: bold",
    "miss-1": "color: $foreground; background: $error 18%",
    "miss-2": "color: $foreground; background: $error 38%",
    "miss-3": "color: $text; background: $error 62%",
    "miss-4": "color: $text; background: $error; text-style: bold",
}
SERIES_ROLES = tuple(role for role in ROLE_STYLES if role.startswith("series-"))
INK_CLASSES = {f"ink--{role}" for role in ROLE_STYLES}

KIND_GLYPHS: Mapping[str, str] = {
    "folder": "▢",
    "recipe": "§",
    "intermediate": "▫",
    "file": "▯",
    "weights": "△",
    "dataset": "◈",
    "session": "⌁",
    "labeling_job": "✎",
    "project": "◇",
    "version": "◆",
    "model": "▲",
    "report": "▤",
    "run": "ƒ",
}
STATE_ROLES: Mapping[str, str] = {
    "queued": "muted",
    "claimed": "accent",
    "running": "accent",
    "pausing": "warning",
    "paused": "warning",
    "stopping": "warning",
    "done": "success",
    "failed": "error",
    "stopped": "warning",
    "lost": "error",
}
Drawing = Callable[[int], list[Line]]
"""Draws something at a width in cells."""

EIGHTHS = " ▏▎▍▌▋▊▉█"


def write_ink_css(widget: str) -> str:
    """Return the CSS that gives every role its theme colour inside `widget` (a type name).

    A theme of the terminal's own 16 colours knows no shades: there what is faint is dim.
    """
    rules = [f"{widget} > .ink--{role} {{ {style}; }}" for role, style in ROLE_STYLES.items()]
    rules += [f"{widget}:ansi > .ink--{role} {{ text-style: dim; }}" for role in ("muted", "faint", "heat-0")]
    return "\n".join(rules)


def build_strip(line: Iterable[Run], find_style: Callable[[str], Style], width: int) -> Strip:
    """Return one line as a strip of exactly `width` cells; every segment has a style, as NO_COLOR needs."""
    segments = [Segment(text, find_style(role)) for text, role in line if text]
    return Strip(segments).adjust_cell_length(width, find_style("text"))


def fit(text: str, width: int, align: str = "left") -> str:
    """Return `text` in exactly `width` cells: cut with an ellipsis, or padded (left, right, center).

    Of several lines it is the first.
    """
    if width <= 0:
        return ""
    text = first_line(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    if align == "right":
        return " " * (width - length) + text
    if align == "center":
        return set_cell_size(" " * ((width - length) // 2) + text, width)
    return text + " " * (width - length)


def fit_tail(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, its beginning cut away where it is too long."""
    text = first_line(text)
    if cell_len(text) <= width:
        return fit(text, width)
    cut = next(n for n in range(1, len(text) + 1) if cell_len(text[n:]) < width)
    return fit(f"…{text[cut:]}", width)


def fit_middle(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, its middle cut away where it is too long."""
    text = first_line(text)
    if cell_len(text) <= width:
        return fit(text, width)
    head = max(0, width - 1) // 2
    return set_cell_size(text, head) + fit_tail(text, width - head)


def shorten(text: str, width: int) -> str:
    """Return `text`, its middle cut away where it takes more than `width` cells."""
    return text if cell_len(text) <= width else fit_middle(text, width)


def measure_line(line: Iterable[Run]) -> int:
    """Return the width of a line in cells."""
    return sum(cell_len(text) for text, _ in line)


def pad_line(line: Line, width: int) -> Line:
    """Return the line filled with blanks to `width` cells; a longer one is returned as it is."""
    return [*line, (" " * max(0, width - measure_line(line)), "text")]


def draw_bar(fraction: float, width: int) -> str:
    """Return a horizontal bar of `width` cells, exact to an eighth of a cell; NaN is empty."""
    share = min(1.0, max(0.0, fraction)) if fraction == fraction else 0.0
    full, rest = divmod(round(share * width * 8), 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def draw_message(title: str, hint: str, width: int, height: int) -> list[Line]:
    """Return `height` lines with a title and a hint in their middle: an empty or loading state."""
    lines: list[Line] = [[] for _ in range(height)]
    top = max(0, (height - 2) // 2)
    for row, text, role in ((top, title, "strong"), (top + 1, hint, "muted")):
        if row < height and text:
            lines[row] = [(fit(text, width, "center"), role)]
    return lines


def draw_message_row(y: int, title: str, hint: str, width: int, height: int) -> Line:
    """Return one row of a message. Below it is nothing.

    Textual may ask for a row below while a scrollbar comes or goes.
    """
    return draw_message(title, hint, width, height)[y] if y < height else []
