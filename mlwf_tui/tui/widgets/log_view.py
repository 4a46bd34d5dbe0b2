"""A log of any length on the screen: follows its end, searches, filters, wraps; it is read, never kept."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.query import Query, read_query
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
from mlwf_tui.tui.widgets.log_prompts import ask_filter, ask_line
from mlwf_tui.tui.widgets.log_reader import LogReader, Scanned
from mlwf_tui.tui.widgets.log_searches import Hunted, LogSearches, Purpose
from mlwf_tui.tui.widgets.log_status import Standing, draw_status

POLL_S = 0.1
EMPTY = ("No log yet", "Lines appear here as soon as the run writes them")
NOTHING = ("No such line", "Esc shows all lines again")
LEVELS = (Level.PROGRESS, Level.INFO, Level.WARNING, Level.ERROR)
ERRORS = Query(level=Level.ERROR)


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
        self._page = LogPage()
        self._reader = LogReader(self, self._page)
        self._searches = LogSearches(self, self._page, self._reader.ready)
        self._seen_count = 0  # lines that were there when following ceased
        self._is_jumping = False
        self._rows: list[tuple[int, Line]] = []  # (line number, ink) of the screen's rows

    # --- the log ---------------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Lines known so far: while a long log is opened, those of its end."""
        return self._reader.line_count

    @property
    def shown_count(self) -> int:
        """Lines that the filter lets through."""
        return len(self._page)

    @property
    def is_complete(self) -> bool:
        """Whether every line from the first on is known."""
        return self._reader.is_complete

    @property
    def is_searching(self) -> bool:
        """Whether a search or a filter has not looked through all of the log."""
        return not self._searches.is_complete

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self._poll_when_visible)

    def on_unmount(self) -> None:
        self._close()

    def open_log(self, path: Path) -> None:
        """Show a log from its end; the rest is looked through behind. A missing file is waited for."""
        self._close()
        self._reader.path = path
        self._page.forget()
        self.is_following = True
        self.poll()
        self._redraw()

    def poll(self) -> int:
        """Read what was appended; return how many lines that were. Notices a truncated or new file."""
        if self._reader.path is None or self._reader.is_scanning:
            return 0
        if self._reader.was_replaced:
            queries = self._searches.queries
            self._close()
            self._open()
            for purpose, query in queries.items():
                self._begin_hunt(self._reader.path, purpose, query)
            return self.line_count
        if self._page.log is None:
            self._open()
            return self.line_count
        more = self._reader.read_appended()
        if more is None:
            return 0
        self._searches.go_on()
        self._grow()
        return more

    def _open(self) -> None:
        if self._reader.open():
            self._grow()

    @on(Scanned)
    def _take_whole(self, event: Scanned) -> None:
        """Go on with the whole log where there was its end; the screen stays on the same lines."""
        if event.log is None:
            self._close()
            return
        more = self._reader.take(event.log)
        if more is None:
            return
        place = self.scroll_offset.y + more
        self._seen_count += more
        if self._page.anchor >= 0:
            self._page.anchor, self._page.cursor = self._page.anchor + more, self._page.cursor + more
        self._grow()
        if not self.is_following and "filter" not in self._searches:
            self.scroll_to(y=place, animate=False, force=True, immediate=True)

    def _close(self) -> None:
        self._searches.end_all()
        self._reader.close()
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
        self._searches.end("search")
        self._page.current = -1
        self._redraw()
        if not pattern or self._reader.path is None:
            return 0
        hunt = self._begin_hunt(self._reader.path, "search", read_query(pattern))
        self._searches.want_step("search", -1)
        await hunt.completed.wait()
        return len(hunt.lines)

    async def filter(self, query: Query) -> int:
        """Show only the lines that the query wants; return how many. An empty query shows all again."""
        hunt = self._begin_filter(query)
        if hunt is None:
            return self.line_count
        await hunt.completed.wait()
        return len(hunt.lines)

    def _begin_hunt(self, path: Path, purpose: Purpose, query: Query) -> Hunt:
        hunt = self._searches.begin(path, purpose, query)
        self._grow()
        return hunt

    @on(Hunted)
    def _take_found(self, event: Hunted) -> None:
        purpose = self._searches.find_purpose(event.hunt)
        line = self._find_first_line() if purpose == "filter" and not self.is_following else -1
        event.hunt.take(event.found)
        if purpose is None:
            return
        if purpose == "filter":
            self._grow()
            if line >= 0:
                self._show_line(line)
        elif step := self._searches.find_wanted(purpose):
            self._step(purpose, step)
        self._redraw()

    def _step(self, purpose: Purpose, step: int) -> None:
        """Go to the next line found, or remember to as soon as it is certain which that is."""
        line = self._searches.find_next(purpose, step, self._find_origin())
        if line >= 0:
            self._page.current = line
            self._show_line(line, is_middle=True)
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
            hunt = self._searches.get("filter")
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
            is_opening=self._reader.is_scanning,
            new_count=self.line_count - self._seen_count,
            line=max((number for number, _ in self._get_rows()), default=0) + 1,
            line_count=self.line_count,
            size_bytes=log.end,
            selected_count=len(self._page.list_selected()),
        )
        search, filter = self._searches.describe("search"), self._searches.describe("filter")
        line = draw_status(standing, search, filter, width)
        style = self.get_component_rich_style("log--status")
        return build_strip(line, lambda role: self._find_style(role) + Style(bgcolor=style.bgcolor)
                           if role != "log--badge" else self._find_style(role), width)  # fmt: skip

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
        ask_line(self.app, self.line_count, self._go_to)

    def _go_to(self, number: int) -> None:
        self._page.current = number
        self._show_line(number, is_middle=True)

    def action_next_match(self, step: int) -> None:
        """Go to the next or previous matching line, seen from the last one gone to or from the screen."""
        if "search" in self._searches:
            self._step("search", step)

    def action_next_error(self, step: int) -> None:
        """Go to the next or previous line of an error; the first time they are looked for."""
        if self._reader.path is None or not self.line_count:
            return
        if "error" not in self._searches:
            self._begin_hunt(self._reader.path, "error", ERRORS)
        self._step("error", step)

    def action_next_level(self) -> None:
        """Show only lines of the next graver level; after the gravest all again."""
        query = self._searches.filter
        index = LEVELS.index(query.level) + 1 if query.level in LEVELS else 0
        self._begin_filter(Query(query.pattern, LEVELS[index % len(LEVELS)], query.is_inverted))

    def action_ask_filter(self) -> None:
        """Ask for an expression and show only the lines that hold it."""
        ask_filter(self.app, self._searches.filter, self._begin_filter)

    def _begin_filter(self, query: Query) -> Hunt | None:
        line = self._find_first_line()
        self._searches.end("filter")
        if not query.is_empty and self._reader.path is not None:
            return self._begin_hunt(self._reader.path, "filter", query)
        self._grow()
        self._show_line(line)
        return None

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
        return self._page.anchor >= 0 or self._page.current >= 0 or bool(self._searches)

    def action_leave(self) -> None:
        """End the selection; else the search and where it went; else the filter."""
        if self._page.anchor >= 0:
            self._page.end_selection()
        elif self._page.current >= 0 or "search" in self._searches or "error" in self._searches:
            self._searches.end("search")
            self._searches.end("error")
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
