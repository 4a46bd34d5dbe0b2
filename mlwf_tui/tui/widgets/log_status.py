"""The line below a log: whether it follows, where one is, what is filtered and searched; no widget."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.query import Query
from mlwf_tui.tui.widgets.drawing import Line, measure_line


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand with the log on the screen."""

    is_following: bool
    is_opening: bool  # the lines before its end are being counted
    new_count: int  # lines since following ceased
    line: int  # the number of the last line on the screen, from 1
    line_count: int
    size_bytes: int
    selected_count: int = 0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How a search or filter stands; `place` is the match one is on, from 1, 0 for none."""

    query: Query
    count: int
    share: float
    is_complete: bool
    is_hopeless: bool
    hard_lines: int
    place: int = 0


def draw_status(standing: Standing, search: Progress | None, filter: Progress | None, width: int) -> Line:
    """Return the line: what matters most comes first, and what has no room is left out."""
    parts = [_draw_follow(standing)]
    if standing.selected_count:
        parts.append([(f"{standing.selected_count:,} selected", "strong"), (" · y copies · esc", "muted")])
    if search is not None:
        parts.append([(f"/{_shorten(search.query)} ", "accent"), *_draw_count(search)])
    if filter is not None:
        parts.append([(f"{_name_filter(filter.query)} ", "accent"), *_draw_count(filter)])
    parts.append([(_write_place(standing), "muted")])
    line: Line = []
    for part in parts:
        if line and measure_line(line) + 2 + measure_line(part) > width:
            continue
        line += [("  ", "text"), *part] if line else part
    return line


def _draw_follow(standing: Standing) -> Line:
    if standing.is_following:
        return [(" ▼ ", "success"), ("following", "muted")]
    news = f" · {standing.new_count:,} new" if standing.new_count > 0 else ""
    return [(f" ‖ paused{news} · G follows ", "log--badge")]


def _write_place(standing: Standing) -> str:
    if standing.is_opening:
        return f"{format_size(standing.size_bytes)}, counting lines…"
    place = "" if standing.is_following else f"line {standing.line:,} of "
    return f"{place}{format_count(standing.line_count, 'line')} · {format_size(standing.size_bytes)}"


def _draw_count(progress: Progress) -> Line:
    if progress.is_hopeless:
        return [("takes too long: make it simpler", "error")]
    if not progress.is_complete:
        return [(f"{progress.count:,} so far · {progress.share:.0%}", "muted")]
    place = f"{progress.place:,} of " if progress.place else ""
    words = f"{place}{progress.count:,}" if progress.count else "nothing found"
    hard = f" · {format_count(progress.hard_lines, 'line')} too hard" if progress.hard_lines else ""
    return [(words + hard, "text" if progress.count else "warning")]


def _name_filter(query: Query) -> str:
    words = []
    if query.level > Level.PROGRESS:
        words.append(f"≥ {query.level.name.lower()}" if query.level < Level.ERROR else "errors")
    if query.pattern:
        words.append(f"{'not ' if query.is_inverted else ''}{_shorten(query)}")
    return " & ".join(words)


def _shorten(query: Query) -> str:
    return query.pattern if len(query.pattern) <= 24 else query.pattern[:23] + "…"
