"""A log of any length on the screen: follows its end, searches, filters, wraps; it is read, never kept."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import get_current_worker

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.log_file import CHUNK_BYTES, LogFile, open_tail, open_whole
from mlwf_tui.logs.patience import compile_pattern
from mlwf_tui.logs.query import Query, read_query
from mlwf_tui.logs.seeker import Found
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    Line,
    build_strip,
    draw_message,
    measure_line,
    write_ink_css,
)
from mlwf_tui.tui.widgets.log_drawing import MAX_COLUMNS
from mlwf_tui.tui.widgets.log_hunt import Hunt
from mlwf_tui.tui.widgets.log_page import LogPage
from mlwf_tui.tui.widgets.log_status import Progress, Standing, draw_status
from mlwf_tui.tui.widgets.prompt import Prompt

POLL_S = 0.1
EMPTY = ("No log yet", "Lines appear here as soon as the run writes them")
NOTHING = ("No such line", "Esc shows all lines again")
LEVELS = (Level.PROGRESS, Level.INFO, Level.WARNING, Level.ERROR)
ERRORS = Query(level=Level.ERROR)

Purpose = Literal["filter", "search", "error"]


class LogView(ScrollView, can_focus=True):
    """Shows a log's lines; stays at the end until a person scrolls up, and again after End or G."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES | {
        "log--match", "log--current", "log--badge", "log--selected", "log--status",
    }  # fmt: skip
    DEFAULT_CSS = (
        "LogView { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("LogView")
        + """
    LogView > .log--match { background: $warning 40%; color: $foreground; }
    LogView > .log--current { background: $warning; color: $background; text-style: bold; }
    LogView > .log--badge { background: $warning; color: $background; text-style: bold; }
    LogView > .log--selected { background: $primary 35%; color: $foreground; }
    LogView > .log--status { background: $panel; }
    LogView:ansi > .log--match { text-style: reverse; }
    LogView:ansi > .log--current { text-style: reverse bold; }
    LogView:ansi > .log--selected { text-style: reverse; }
    """
    )
    ALLOW_SELECT = False  # lines are selected here, over as many as there are
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
        Binding("ctrl+g", "ask_line", "go to a line", show=False, id="log.go_to"),
        Binding("f", "next_level", "level", id="log.level"),
        Binding("ampersand", "ask_filter", "filter", id="log.filter"),
        Binding("e", "next_error(1)", "next error", id="log.next_error"),
        Binding("E", "next_error(-1)", "previous error", show=False, id="log.previous_error"),
        Binding("n", "next_match(1)", "next match", show=False, id="log.next_match"),
        Binding("N", "next_match(-1)", "previous match", show=False, id="log.previous_match"),
        Binding("w", "toggle_wrap", "wrap", id="log.wrap"),
        Binding("v", "select", "select lines", show=False, id="log.select"),
        Binding("y", "copy", "copy lines", id="log.copy"),
        Binding("escape", "leave", "end selection, search, filter", show=False, id="log.leave"),
    ]

    is_following: var[bool] = var(True)
    is_wrapping: var[bool] = var(False)

    class FollowChanged(Message):
        """The view began or ceased to follow the end of the log."""

        def __init__(self, view: LogView, is_following: bool) -> None:
            super().__init__()
            self.view = view
            self.is_following = is_following

    class CopyRequested(Message):
        """A person wants this text in the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Scanned(Message, bubble=False):
        """A thread has looked through the whole log, or found it gone; posted to the view itself."""

        def __init__(self, log: LogFile | None) -> None:
            super().__init__()
            self.log = log

    class Hunted(Message, bubble=False):
        """A search has found something, or ended; posted to the view itself."""

        def __init__(self, hunt: Hunt, found: Found | None) -> None:
            super().__init__()
            self.hunt = hunt
            self.found = found

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
        self._page = LogPage()
        self._is_scanning = False
        self._ready = asyncio.Event()  # every line is known
        self._seen_count = 0  # lines that were there when following ceased
        self._hunts: dict[Purpose, Hunt] = {}
        self._steps: dict[Purpose, int] = {}  # where to go as soon as enough has been found
        self._is_jumping = False
        self._rows: list[tuple[int, Line]] = []  # (line number, ink) of the screen's rows

    # --- the log ---------------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Lines known so far: while a long log is opened, those of its end."""
        return len(self._page.log) if self._page.log else 0

    @property
    def shown_count(self) -> int:
        """Lines that the filter lets through."""
        return len(self._page)

    @property
    def is_complete(self) -> bool:
        """Whether every line from the first on is known."""
        return self._page.log is not None and self._page.log.start == 0 and not self._is_scanning

    @property
    def is_searching(self) -> bool:
        """Whether a search or a filter has not looked through all of the log."""
        return not all(hunt.is_complete for hunt in self._hunts.values())

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self._poll_when_visible)

    def on_unmount(self) -> None:
        self._close()

    def open_log(self, path: Path) -> None:
        """Show a log from its end; the rest is looked through behind. A missing file is waited for."""
        self._close()
        self._path = path
        self._page.forget()
        self.is_following = True
        self.poll()
        self._redraw()

    def poll(self) -> int:
        """Read what was appended; return how many lines that were. Notices a truncated or new file."""
        if self._path is None or self._is_scanning:
            return 0
        if self._page.log is not None and self._page.log.was_replaced():
            queries = {purpose: hunt.query for purpose, hunt in self._hunts.items()}
            self._close()
            self._open()
            for purpose, query in queries.items():
                self._begin_hunt(purpose, query)
            return self.line_count
        if self._page.log is None:
            self._open()
            return self.line_count
        before = len(self._page.log)
        if self._page.log.measure_appended() == 0 or self._page.log.read_appended(CHUNK_BYTES) == 0:
            return 0
        for hunt in self._hunts.values():
            hunt.go_on()
        self._grow()
        return len(self._page.log) - before

    def _open(self) -> None:
        """Take a small log over at once; of a large one its end, and the rest from a thread."""
        path = self._path
        try:
            if path is None or path.stat().st_size == 0:
                return
            self._page.log = open_tail(path)
        except FileNotFoundError:
            return
        if self._page.log.start:
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

    def on_log_view_scanned(self, event: Scanned) -> None:
        if event.log is None:
            self._close()
            return
        if event.log.path != self._path or not self._is_scanning:
            event.log.close()
            return
        more = len(event.log) - self.line_count
        place = self.scroll_offset.y + more
        if self._page.log is not None:
            self._page.log.close()
        self._page.log = event.log
        self._is_scanning = False
        self._seen_count += more
        if self._page.anchor >= 0:
            self._page.anchor, self._page.cursor = self._page.anchor + more, self._page.cursor + more
        self._ready.set()
        self._grow()
        if not self.is_following and "filter" not in self._hunts:
            self.scroll_to(y=place, animate=False, force=True, immediate=True)

    def _close(self) -> None:
        self.workers.cancel_group(self, "scan")
        for purpose in tuple(self._hunts):
            self._end_hunt(purpose)
        if self._page.log is not None:
            self._page.log.close()
        self._page.log = None
        self._is_scanning = False
        self._ready.clear()
        self.virtual_size = Size(0, 0)

    def _poll_when_visible(self) -> None:
        if self.is_on_screen:
            self.poll()

    # --- searching -------------------------------------------------------------------------------

    async def search(self, pattern: str) -> int:
        """Find an expression (or plain text) in the whole log; return how many lines hold it.

        The view goes to the last line that matches at or before what it shows, as soon as it is found; `n`
        and `N` go on from there. `!` and an expression finds the lines that do not hold it. An empty pattern
        ends the search, and so does the next one.
        """
        self._end_hunt("search")
        query = read_query(pattern)
        self._page.current = -1
        self._redraw()
        if not pattern or self._path is None:
            return 0
        hunt = self._begin_hunt("search", query)
        self._steps["search"] = -1
        await hunt.completed.wait()
        return len(hunt.lines)

    async def filter(self, query: Query) -> int:
        """Show only the lines that the query wants; return how many. An empty query shows all again."""
        hunt = self._begin_filter(query)
        if hunt is None:
            return self.line_count
        await hunt.completed.wait()
        return len(hunt.lines)

    def _begin_hunt(self, purpose: Purpose, query: Query) -> Hunt:
        self._end_hunt(purpose)
        assert self._path is not None
        hunt = self._hunts[purpose] = Hunt(self._path, query)
        if purpose == "filter":
            self._page.filter = hunt.lines
        elif purpose == "search" and not query.is_inverted:
            self._page.expression = compile_pattern(query.pattern)
        self.run_worker(self._start_hunt(hunt), group="hunt", name=f"begin the {purpose}")
        self._grow()
        return hunt

    async def _start_hunt(self, hunt: Hunt) -> None:
        await self._ready.wait()  # until then lines have other numbers

        def tell(found: Found | None) -> None:
            self.post_message(self.Hunted(hunt, found))

        hunt.start(tell)

    def _end_hunt(self, purpose: Purpose) -> None:
        self._steps.pop(purpose, None)
        hunt = self._hunts.pop(purpose, None)
        if purpose == "filter":
            self._page.filter = None
        elif purpose == "search":
            self._page.expression = None
        if hunt is not None:
            hunt.stop()
            hunt.completed.set()

    def on_log_view_hunted(self, event: Hunted) -> None:
        purpose = next((name for name, hunt in self._hunts.items() if hunt is event.hunt), None)
        line = self._find_first_line() if purpose == "filter" and not self.is_following else -1
        event.hunt.take(event.found)
        if purpose is None:
            return
        if purpose == "filter":
            self._grow()
            if line >= 0:
                self._show_line(line)
        elif step := self._steps.get(purpose):
            self._step(purpose, step)
        self._redraw()

    def _step(self, purpose: Purpose, step: int) -> None:
        """Go to the next line found, or remember to as soon as it is certain which that is."""
        hunt = self._hunts[purpose]
        lines, origin = hunt.lines, self._find_origin()
        index = lines.count_before(origin + 1) if step > 0 else lines.count_before(origin) - 1
        if step < 0 and self._page.current < 0:
            index = lines.count_before(origin + 1) - 1  # the search begins: what is on the screen counts
        is_certain = hunt.is_complete or (index >= 0 if step < 0 else 0 < index < len(lines))
        self._steps[purpose] = 0 if is_certain else step
        if is_certain and len(lines):
            self._page.current = lines.get(index % len(lines))
            self._show_line(self._page.current, is_middle=True)
        self._redraw()

    def _find_origin(self) -> int:
        """Return the line from which the next match is looked for: where one is, else the screen's last."""
        rows = {number for number, _ in self._get_rows()}
        if self._page.current in rows:
            return self._page.current
        self._page.current = -1
        return max(rows, default=self.line_count - 1)

    # --- drawing ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, height = self.scrollable_size.width, self.scrollable_size.height
        if not self.line_count:
            line = draw_message(*self._empty, width, height)[y]
            return build_strip(line, self._find_style, width)
        if y == self._height:
            return self._draw_status(width)
        if not self.shown_count:
            hunt = self._hunts["filter"]
            words = NOTHING if hunt.is_complete else ("Looking", f"{hunt.share:.0%} of the log")
            return build_strip(draw_message(*words, width, self._height)[y], self._find_style, width)
        rows = self._get_rows()
        line = rows[y][1] if y < len(rows) else []
        return build_strip(line, self._find_style, max(width, measure_line(line))).crop(0, width)

    @property
    def _height(self) -> int:
        """Rows for lines; the one below them says how things stand, where there is room for it."""
        height = self.scrollable_size.height
        return height - 1 if height > 2 else height

    def _get_rows(self) -> list[tuple[int, Line]]:
        if not self._rows and self.shown_count:
            self._rows = self._page.draw(
                self.scroll_offset.y, max(1, self.scrollable_size.width), self._height
            )
        return self._rows

    def _draw_status(self, width: int) -> Strip:
        log = self._page.log
        assert log is not None
        standing = Standing(
            is_following=self.is_following,
            is_opening=self._is_scanning,
            new_count=self.line_count - self._seen_count,
            line=max((number for number, _ in self._get_rows()), default=0) + 1,
            line_count=self.line_count,
            size_bytes=log.end,
            selected_count=len(self._page.list_selected()),
        )
        line = draw_status(standing, self._describe("search"), self._describe("filter"), width)
        style = self.get_component_rich_style("log--status")
        return build_strip(line, lambda role: self._find_style(role) + Style(bgcolor=style.bgcolor)
                           if role != "log--badge" else self._find_style(role), width)  # fmt: skip

    def _describe(self, purpose: Purpose) -> Progress | None:
        hunt = self._hunts.get(purpose)
        error_hunt = self._hunts.get("error")
        if hunt is None and purpose == "search" and error_hunt is not None and self._page.current >= 0:
            hunt = error_hunt
        if hunt is None:
            return None
        return Progress(
            query=hunt.query,
            count=len(hunt.lines),
            share=hunt.share,
            is_complete=hunt.is_complete,
            is_hopeless=hunt.is_hopeless,
            hard_lines=hunt.hard_lines,
            place=hunt.lines.count_before(self._page.current) + 1 if self._page.current in hunt.lines else 0,
        )

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(role if role.startswith("log--") else f"ink--{role}")

    # --- moving ----------------------------------------------------------------------------------

    def watch_is_following(self, is_following: bool) -> None:
        self._seen_count = self.line_count
        if is_following:
            self._scroll_to_end()
        self.post_message(self.FollowChanged(self, is_following))
        self._redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._rows = []
        if self._is_jumping:
            return
        if new_value < old_value and new_value < self.max_scroll_y:
            self.is_following = False
        elif new_value > old_value and new_value >= self.max_scroll_y:
            self.is_following = True

    def on_resize(self, event: events.Resize) -> None:
        self._grow()

    def action_move(self, lines: int) -> None:
        if self._page.anchor < 0:
            self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)
            return
        place = max(0, min(self.shown_count - 1, self._page.find_place(self._page.cursor) + lines))
        self._page.cursor = self._page.find_line(place)
        top = self.scroll_offset.y
        if not top <= place < top + self._height:
            self._jump(place if place < top else place - self._height + 1)
        self._redraw()

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self._height - 1)))

    def action_start(self) -> None:
        if self._page.anchor >= 0:
            self.action_move(-self.shown_count)
        self.scroll_to(y=0, animate=False, force=True)

    def action_follow(self) -> None:
        if self._page.anchor >= 0:
            self.action_move(self.shown_count)
        self.is_following = True

    def action_shift(self, cells: int) -> None:
        self._page.left = max(0, min(MAX_COLUMNS, self._page.left + cells))
        self._redraw()

    def action_toggle_wrap(self) -> None:
        self.is_wrapping = self._page.is_wrapping = not self.is_wrapping
        self._page.left = 0
        self._grow()

    def action_ask_line(self) -> None:
        """Ask for a line by its number, or by how far down it is, and go there."""
        prompt = Prompt("Go to line", help=f"1 to {self.line_count:,}, or a share such as 50%")
        self.app.push_screen(prompt, lambda text: self._go_to(text) if text else None)

    def _go_to(self, text: str) -> None:
        digits = text.replace(",", "").strip().removesuffix("%")
        if not digits.isdecimal() or not self.line_count:
            return
        number = self.line_count * int(digits) // 100 if "%" in text else int(digits) - 1
        self._page.current = max(0, min(self.line_count - 1, number))
        self._show_line(self._page.current, is_middle=True)

    def action_next_match(self, step: int) -> None:
        """Go to the next or previous matching line, seen from the last one gone to or from the screen."""
        if "search" in self._hunts:
            self._step("search", step)

    def action_next_error(self, step: int) -> None:
        """Go to the next or previous line of an error; the first time they are looked for."""
        if self._path is None or not self.line_count:
            return
        if "error" not in self._hunts:
            self._begin_hunt("error", ERRORS)
        self._step("error", step)

    def action_next_level(self) -> None:
        """Show only lines of the next graver level; after the gravest all again."""
        query = self._get_filter()
        index = LEVELS.index(query.level) + 1 if query.level in LEVELS else 0
        self._begin_filter(Query(query.pattern, LEVELS[index % len(LEVELS)], query.is_inverted))

    def action_ask_filter(self) -> None:
        """Ask for an expression and show only the lines that hold it."""
        query = self._get_filter()
        value = f"{'!' if query.is_inverted else ''}{query.pattern}"
        prompt = Prompt(
            "Show only lines with",
            value=value,
            can_be_empty=True,
            help="A regular expression; ! in front shows the others; empty shows all",
        )

        def begin(text: str | None) -> None:
            if text is not None:
                self._begin_filter(read_query(text, query.level))

        self.app.push_screen(prompt, begin)

    def _begin_filter(self, query: Query) -> Hunt | None:
        line = self._find_first_line()
        self._end_hunt("filter")
        if not query.is_empty and self._path is not None:
            return self._begin_hunt("filter", query)
        self._grow()
        self._show_line(line)
        return None

    def _get_filter(self) -> Query:
        return self._hunts["filter"].query if "filter" in self._hunts else Query()

    # --- selecting and copying -------------------------------------------------------------------

    def action_select(self) -> None:
        """Begin a selection on the line that one is on, else the last one on the screen; or end it."""
        if self._page.anchor >= 0:
            self._page.end_selection()
        elif self._get_rows():
            self._page.anchor = self._page.cursor = self._find_origin()
            self.is_following = False
        self._redraw()

    def action_copy(self) -> None:
        """Copy the selected lines, or without a selection the one gone to, or those on the screen."""
        lines = self._page.list_selected() or ([self._page.current] if self._page.current >= 0 else [])
        lines = lines or sorted({number for number, _ in self._get_rows()})
        if self._page.log is None or not lines:
            return
        texts = [self._page.log.read_line(number).text for number in lines]
        self._page.end_selection()
        self._redraw()
        self.post_message(self.CopyRequested("\n".join(texts)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "leave":
            return True
        return self._page.anchor >= 0 or self._page.current >= 0 or bool(self._hunts)

    def action_leave(self) -> None:
        """End the selection; else the search and where it went; else the filter."""
        if self._page.anchor >= 0:
            self._page.end_selection()
        elif self._page.current >= 0 or "search" in self._hunts or "error" in self._hunts:
            self._end_hunt("search")
            self._end_hunt("error")
            self._page.current = -1
        else:
            self._begin_filter(Query())
        self._redraw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        rows = self._get_rows()
        if event.button == 1 and event.y < len(rows):
            self.capture_mouse()
            self._page.anchor = self._page.cursor = rows[event.y][0]
            self._redraw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        rows = self._get_rows()
        if event.button == 1 and self._page.anchor >= 0 and rows:
            self._page.cursor = rows[max(0, min(len(rows) - 1, event.y))][0]
            self.is_following = False
            self._redraw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        if self._page.anchor == self._page.cursor:  # a click, which only ends a selection
            self._page.end_selection()
            self._redraw()

    # --- where lines are -------------------------------------------------------------------------

    def _find_first_line(self) -> int:
        """Return the number of the line on top of the screen, -1 where there is none."""
        top = self.scroll_offset.y
        return self._page.find_line(top) if top < self.shown_count else -1

    def _show_line(self, number: int, *, is_middle: bool = False) -> None:
        self.is_following = False if is_middle else self.is_following
        if not self.is_following:
            self._jump(self._page.find_place(number) - (self._height // 2 if is_middle else 0))
        self._redraw()

    def _jump(self, top: int) -> None:
        self._is_jumping = True
        self.scroll_to(y=max(0, top), animate=False, force=True, immediate=True)
        self._is_jumping = False

    def _grow(self) -> None:
        """Take new lines into the scroll range, and stay at the end where that is followed."""
        status_rows = self.scrollable_size.height - self._height
        height = (
            self._page.find_end_top(max(1, self.scrollable_size.width), self._height)
            + self._height
            + status_rows
        )
        self.virtual_size = Size(self.scrollable_size.width, height)
        if self.is_following:
            self._scroll_to_end()
        self._redraw()

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def _redraw(self) -> None:
        self._rows = []
        self.refresh()
