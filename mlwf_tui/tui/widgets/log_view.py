"""A log of any length on the screen: follows its end, searches, wraps; the file is read, never kept."""

from __future__ import annotations

import asyncio
import re
from array import array
from bisect import bisect_left, bisect_right
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import WorkerCancelled, get_current_worker

from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    Line,
    build_strip,
    draw_message,
    measure_line,
    write_ink_css,
)
from mlwf_tui.tui.widgets.log_file import CHUNK_BYTES, LogFile, compile_pattern, open_tail, open_whole

POLL_S = 0.25
MAX_COLUMNS = 2000  # of a line that can be scrolled to when lines are not wrapped
ERRORS = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback|[A-Za-z]+(?:Error|Exception):)")
WARNINGS = re.compile(r"\bWARN(ING)?\b|⚠")
EMPTY = ("No log yet", "Lines appear here as soon as the run writes them")


class LogView(ScrollView, can_focus=True):
    """Shows a file's lines; stays at the end until a person scrolls up, and again after End or G."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES | {"log--match", "log--current", "log--badge"}
    DEFAULT_CSS = (
        "LogView { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("LogView")
        + """
    LogView > .log--match { background: $warning 40%; color: $foreground; }
    LogView > .log--current { background: $warning; color: $background; text-style: bold; }
    LogView > .log--badge { background: $warning; color: $background; text-style: bold; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "line up", show=False, id="log.up"),
        Binding("down,j", "move(1)", "line down", show=False, id="log.down"),
        Binding("pageup,ctrl+b", "move_pages(-1.0)", "page up", show=False, id="log.page_up"),
        Binding("pagedown,ctrl+f", "move_pages(1.0)", "page down", show=False, id="log.page_down"),
        Binding("ctrl+u", "move_pages(-0.5)", "half a page up", show=False, id="log.half_up"),
        Binding("ctrl+d", "move_pages(0.5)", "half a page down", show=False, id="log.half_down"),
        Binding("home,g", "start", "first line", show=False, id="log.start"),
        Binding("end,G", "follow", "follow the end", show=False, id="log.follow"),
        Binding("left,h", "shift(-8)", "left", show=False, id="log.left"),
        Binding("right,l", "shift(8)", "right", show=False, id="log.right"),
        Binding("w", "toggle_wrap", "wrap", id="log.wrap"),
        Binding("n", "next_match(1)", "next match", show=False, id="log.next_match"),
        Binding("N", "next_match(-1)", "previous match", show=False, id="log.previous_match"),
    ]

    is_following: var[bool] = var(True)
    is_wrapping: var[bool] = var(False)

    class FollowChanged(Message):
        """The view began or ceased to follow the end of the log."""

        def __init__(self, view: LogView, is_following: bool) -> None:
            super().__init__()
            self.view = view
            self.is_following = is_following

    class Scanned(Message, bubble=False):
        """A thread has looked through the whole log, or found it gone; posted to the view itself."""

        def __init__(self, log: LogFile | None) -> None:
            super().__init__()
            self.log = log

    def __init__(
        self,
        *,
        empty: tuple[str, str] = EMPTY,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._path: Path | None = None
        self._log: LogFile | None = None
        self._is_scanning = False
        self._ready = asyncio.Event()  # every line is known
        self._left = 0  # first cell shown of each line
        self._seen_count = 0  # lines that were there when following ceased
        self._expression: re.Pattern[str] | None = None
        self._matches = array("Q")
        self._match_line = -1
        self._rows: list[tuple[int, Line]] = []  # (line number, ink) of the screen's rows

    @property
    def line_count(self) -> int:
        """Lines known so far: while a long log is opened, those of its end."""
        return len(self._log) if self._log else 0

    @property
    def is_complete(self) -> bool:
        """Whether every line from the first on is known."""
        return self._log is not None and self._log.start == 0 and not self._is_scanning

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self._poll_when_visible)

    def on_unmount(self) -> None:
        self._close()

    def open_log(self, path: Path) -> None:
        """Show a log from its end; the rest is looked through behind. A missing file is waited for."""
        self._close()
        self._path = path
        self._left = 0
        self._expression, self._matches, self._match_line = None, array("Q"), -1
        self.is_following = True
        self.poll()
        self._redraw()

    def poll(self) -> int:
        """Read what was appended; return how many lines that were. Notices a truncated or new file."""
        if self._path is None or self._is_scanning:
            return 0
        if self._log is not None and self._log.was_replaced():
            self._close()
        if self._log is None:
            self._open()
            return self.line_count
        before = len(self._log)
        if self._log.measure_appended() == 0:
            return 0
        self._log.read_appended(CHUNK_BYTES)
        self._grow()
        return len(self._log) - before

    async def search(self, pattern: str) -> int:
        """Find a regular expression (or plain text) in the whole log, in a thread; return the line count.

        The view goes to the last line that matches at or before what it shows; `n` and `N` go on from
        there. An empty pattern ends the search, and so does the next search for one that is not done.
        """
        self._matches, self._match_line = array("Q"), -1
        self._expression = compile_pattern(pattern) if pattern else None
        self._redraw()
        if self._log is None or not pattern:
            return 0
        await self._ready.wait()
        search = partial(self._search, self._log, pattern)
        worker = self.run_worker(search, thread=True, exclusive=True, group="search", name="search the log")
        try:
            self._matches = await worker.wait()
        except WorkerCancelled:
            return 0
        self.action_next_match(-1)
        return len(self._matches)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if not self.line_count:
            line = draw_message(*self._empty, width, self.scrollable_size.height)[y]
            return build_strip(line, self._find_style, width)
        if y == 0 or not self._rows:
            self._rows = self._draw_rows()
        line = self._rows[y][1] if y < len(self._rows) else []
        strip = build_strip(line, self._find_style, max(width, measure_line(line))).crop(0, width)
        if y == self.scrollable_size.height - 1 and not self.is_following:
            text = self._write_badge()
            badge = build_strip([(text, "log--badge")], self._find_style, cell_len(text))
            strip = Strip.join([strip.crop(0, max(0, width - badge.cell_length)), badge]).crop(0, width)
        return strip

    def watch_is_following(self, is_following: bool) -> None:
        self._seen_count = self.line_count
        if is_following:
            self._scroll_to_end()
        self.post_message(self.FollowChanged(self, is_following))
        self._redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.is_following = False
        elif new_value > old_value and new_value >= self.max_scroll_y:
            self.is_following = True

    def action_move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self.scrollable_size.height - 1)))

    def action_start(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_follow(self) -> None:
        self.is_following = True

    def action_shift(self, cells: int) -> None:
        self._left = max(0, min(MAX_COLUMNS, self._left + cells))
        self._redraw()

    def action_toggle_wrap(self) -> None:
        self.is_wrapping = not self.is_wrapping
        self._left = 0
        self._grow()

    def action_next_match(self, step: int) -> None:
        """Go to the next or previous matching line, seen from the last one gone to or from the screen."""
        if not self._matches:
            return
        place = self._match_line if self._match_line >= 0 else self._find_top() + self.scrollable_size.height
        index = bisect_right(self._matches, place) if step > 0 else bisect_left(self._matches, place) - 1
        self._match_line = self._matches[index % len(self._matches)]
        self.is_following = False
        self.scroll_to(
            y=max(0, self._match_line - self.scrollable_size.height // 2), animate=False, force=True
        )
        self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        self._grow()

    def on_log_view_scanned(self, event: Scanned) -> None:
        if event.log is None:
            self._close()
            return
        if event.log.path != self._path or not self._is_scanning:
            event.log.close()
            return
        place = self.scroll_offset.y + len(event.log) - self.line_count
        if self._log is not None:
            self._log.close()
        self._log = event.log
        self._is_scanning = False
        self._ready.set()
        self._grow()
        if not self.is_following:
            self.scroll_to(y=place, animate=False, force=True, immediate=True)

    def _open(self) -> None:
        """Take a small log over at once; of a large one its end, and the rest from a thread."""
        path = self._path
        try:
            if path is None or path.stat().st_size == 0:
                return
            self._log = open_tail(path)
        except FileNotFoundError:
            return
        if self._log.start:
            self._is_scanning = True
            self.run_worker(partial(self._scan, path), thread=True, group="scan", name="open the log")
        else:
            self._ready.set()
        self._grow()

    def _scan(self, path: Path) -> None:
        worker = get_current_worker()
        try:
            log = open_whole(path, lambda: worker.is_cancelled)
        except FileNotFoundError:
            self.post_message(self.Scanned(None))
            return
        if worker.is_cancelled:
            log.close()
        else:
            self.post_message(self.Scanned(log))

    @staticmethod
    def _search(log: LogFile, pattern: str) -> array[int]:
        worker = get_current_worker()
        return log.search(pattern, lambda: worker.is_cancelled)

    def _close(self) -> None:
        self.workers.cancel_group(self, "scan")
        if self._log is not None:
            self._log.close()
        self._log = None
        self._is_scanning = False
        self._ready.clear()
        self.virtual_size = Size(0, 0)

    def _poll_when_visible(self) -> None:
        if self.is_on_screen:
            self.poll()

    def _grow(self) -> None:
        """Take new lines into the scroll range, and stay at the end where that is followed."""
        self.virtual_size = Size(
            self.scrollable_size.width, self._find_end_top() + self.scrollable_size.height
        )
        if self.is_following:
            self._scroll_to_end()
        self._redraw()

    def _find_end_top(self) -> int:
        """Return the line that stands on top when the last one is on the screen.

        A row of the scroll range is a line even where lines are wrapped: how many rows a line takes is
        known only by reading it.
        """
        if not self.is_wrapping:
            return max(0, self.line_count - self.scrollable_size.height)
        top = max(0, self.line_count - 1)
        rows = len(self._draw_line(top)) if self.line_count else 0
        while top > 0 and (rows := rows + len(self._draw_line(top - 1))) <= self.scrollable_size.height:
            top -= 1
        return top

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def _redraw(self) -> None:
        self._rows = []
        self.refresh()

    def _find_top(self) -> int:
        """Return the number of the first line on the screen."""
        return self._rows[0][0] if self._rows else self.scroll_offset.y

    def _draw_rows(self) -> list[tuple[int, Line]]:
        """Return the rows of the screen, from the top line down."""
        height, top = self.scrollable_size.height, self.scroll_offset.y
        rows: list[tuple[int, Line]] = []
        for number in range(top, min(self.line_count, top + height)):
            rows.extend(self._draw_line(number))
            if len(rows) >= height:
                break
        return rows[:height]

    def _draw_line(self, number: int) -> list[tuple[int, Line]]:
        if self._log is None:
            return []
        text = self._log.read_line(number)
        role = "error" if ERRORS.search(text) else "warning" if WARNINGS.search(text) else "text"
        width = max(1, self.scrollable_size.width)
        if not self.is_wrapping:
            shown = _cut_left(text[: MAX_COLUMNS + width], self._left)
            if cell_len(shown) > width:
                shown = set_cell_size(shown, width - 1) + "…"
            return [(number, self._mark_matches(shown, role, number))]
        parts = chop_cells(text, width) or [""]
        return [(number, self._mark_matches(part, role, number)) for part in parts]

    def _mark_matches(self, text: str, role: str, number: int) -> Line:
        if self._expression is None:
            return [(text, role)]
        mark = "log--current" if number == self._match_line else "log--match"
        line: Line = []
        end = 0
        for match in self._expression.finditer(text):
            line += [(text[end : match.start()], role), (match.group(), mark)]
            end = match.end()
        return [*line, (text[end:], role)]

    def _write_badge(self) -> str:
        added = self.line_count - self._seen_count
        news = f", {added:,} new" if added > 0 else ""
        return f" ‖ paused{news} · G follows "

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(role if role.startswith("log--") else f"ink--{role}")


def _cut_left(text: str, cells: int) -> str:
    """Return the text from a cell on."""
    if cells == 0 or cell_len(text) == len(text):
        return text[cells:]
    return "".join(chop_cells(text, cells)[1:])
