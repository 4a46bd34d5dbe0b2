"""A log of any length on the screen: follows its end, searches, filters, wraps; it is read, never kept."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.logs.query import Query
from mlwf_tui.tui.widgets.drawing import (
    INK_CLASSES,
    build_strip,
    measure_line,
    write_ink_css,
)
from mlwf_tui.tui.widgets.log_drawing import LOG_CSS, LOG_ROLES, MAX_COLUMNS
from mlwf_tui.tui.widgets.log_finder import LogFinder
from mlwf_tui.tui.widgets.log_hunt import Hunt
from mlwf_tui.tui.widgets.log_keys import LOG_KEYS
from mlwf_tui.tui.widgets.log_page import LogPage
from mlwf_tui.tui.widgets.log_prompts import ask_filter, ask_line
from mlwf_tui.tui.widgets.log_reader import LogReader, Scanned
from mlwf_tui.tui.widgets.log_searches import Hunted, LogSearches
from mlwf_tui.tui.widgets.log_selection import LogSelection, Rows
from mlwf_tui.tui.widgets.log_window import LogWindow, count_rows

POLL_S = 0.1
EMPTY = ("No log yet", "Lines appear here as soon as the run writes them; m follows another run")


class LogView(ScrollView, can_focus=True):
    """Shows a log's lines; stays at the end until a person scrolls up, and again after End or G."""

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES | LOG_ROLES
    DEFAULT_CSS = (
        "LogView { background: $background; overflow-x: hidden; overflow-y: scroll; }\n"
        + write_ink_css("LogView")
        + LOG_CSS
    )
    ALLOW_SELECT = False  # lines are selected here, over as many as there are
    BINDINGS: ClassVar[list[BindingType]] = list(LOG_KEYS)

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
        self._page = LogPage()
        self._reader = LogReader(self, self._page)
        self._searches = LogSearches(self, self._page, self._reader.ready)
        self._window = LogWindow(self._page, self._reader, self._searches, empty)
        self._selection = LogSelection(self._page)
        self._finder = LogFinder(self, self._page, self._reader, self._searches)
        self._seen_count = 0  # lines that were there when following ceased
        self._is_jumping = False

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
        self.redraw()

    def poll(self) -> int:
        """Read what was appended; return how many lines that were. Notices a truncated or new file."""
        if self._reader.path is None or self._reader.is_scanning or self._reader.is_resting:
            return 0
        before, self._page.fault = self._page.fault, ""
        more = 0
        try:
            more = self._read_on()
        except OSError as error:
            self._page.note_fault(error)
        if self._page.log is None and self._reader.is_scanning:
            self._page.fault = before  # until all of it is known to be readable
        if self._page.fault != before:
            self.redraw()
        return more

    def _read_on(self) -> int:
        if self._reader.was_replaced:
            queries = self._searches.queries
            self._close()
            for purpose, query in queries.items():
                self._finder.begin(purpose, query)
            self._open()
            return self.line_count
        if self._page.log is None:
            self._open()
            return self.line_count
        more = self._reader.read_appended()
        if more is None:
            return 0
        self._searches.go_on()
        self.grow()
        return more

    def _open(self) -> None:
        if self._reader.open():
            self.grow()

    @on(Scanned)
    def _take_whole(self, event: Scanned) -> None:
        """Go on with the whole log where there was its end; the screen stays on the same lines."""
        if event.log is None:
            self._close()
            if event.error is not None:
                self._reader.give_up(event.error)
                self.redraw()
            return
        more = self._reader.take(event.log)
        if more is None:
            return
        place = self.scroll_offset.y + more
        self._seen_count += more
        if self._selection.is_on:
            self._page.anchor, self._page.cursor = self._page.anchor + more, self._page.cursor + more
        self.grow()
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
        return await self._wait_for(self._finder.search(pattern), 0)

    async def filter(self, query: Query) -> int:
        """Show only the lines that the query wants; return how many. An empty query shows all again."""
        return await self._wait_for(self._finder.filter(query), self.line_count)

    async def _wait_for(self, hunt: Hunt | None, otherwise: int) -> int:
        if hunt is None:
            return otherwise
        await hunt.completed.wait()
        return len(hunt.lines)

    @on(Hunted)
    def _take_found(self, event: Hunted) -> None:
        self._finder.take(event)

    def action_next_match(self, step: int) -> None:
        self._finder.step_match(step)

    def action_next_error(self, step: int) -> None:
        self._finder.step_error(step)

    def action_next_level(self) -> None:
        self._finder.step_level()

    def action_ask_filter(self) -> None:
        """Ask for an expression and show only the lines that hold it."""
        ask_filter(self.app, self._searches.filter, self._finder.filter)

    # --- drawing ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        size = self.scrollable_size
        if self.line_count and y == self._height:
            return self._render_status()
        line = self._window.draw_row(y, self.scroll_offset.y, size)
        return build_strip(line, self._find_style, max(size.width, measure_line(line))).crop(0, size.width)

    def _render_status(self) -> Strip:
        line = self._window.draw_status(
            self.scroll_offset.y,
            self.scrollable_size,
            is_following=self.is_following,
            new_count=self.line_count - self._seen_count,
        )
        ground = Style(bgcolor=self.get_component_rich_style("log--status").bgcolor)

        def find_style(role: str) -> Style:
            return self._find_style(role) + (Style() if role == "log--badge" else ground)

        return build_strip(line, find_style, self.scrollable_size.width)

    @property
    def _height(self) -> int:
        return count_rows(self.scrollable_size)

    def _list_rows(self) -> Rows:
        return self._window.list_rows(self.scroll_offset.y, self.scrollable_size)

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(role if role.startswith("log--") else f"ink--{role}")

    # --- moving ----------------------------------------------------------------------------------

    def watch_is_following(self, is_following: bool) -> None:
        self._seen_count = self.line_count
        if is_following:
            self._scroll_to_end()
        self.post_message(self.FollowChanged(self, is_following))
        self.redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._window.forget()
        if self._is_jumping:
            return
        if new_value < old_value and new_value < self.max_scroll_y:
            self.is_following = False
        elif new_value > old_value and new_value >= self.max_scroll_y:
            self.is_following = True

    def on_resize(self, event: events.Resize) -> None:
        self.grow()

    def action_move(self, lines: int) -> None:
        top = self.scroll_offset.y
        if not self._selection.is_on:
            self.scroll_to(y=top + lines, animate=False, force=True)
            return
        place = self._selection.move(lines)
        if not top <= place < top + self._height:
            self._jump(place if place < top else place - self._height + 1)
        self.redraw()

    def action_move_pages(self, pages: float) -> None:
        self.action_move(round(pages * (self._height - 1)))

    def action_start(self) -> None:
        if self._selection.is_on:
            self.action_move(-self.shown_count)
        self.scroll_to(y=0, animate=False, force=True)

    def action_follow(self) -> None:
        if self._selection.is_on:
            self.action_move(self.shown_count)
        self.is_following = True

    def action_shift(self, cells: int) -> None:
        self._page.left = max(0, min(MAX_COLUMNS, self._page.left + cells))
        self.redraw()

    def action_toggle_wrap(self) -> None:
        self.is_wrapping = self._page.is_wrapping = not self.is_wrapping
        self._page.left = 0
        self.grow()

    def action_ask_line(self) -> None:
        """Ask for a line by its number, or by how far down it is, and go there."""
        ask_line(self.app, self.line_count, self._go_to)

    def _go_to(self, number: int) -> None:
        self._page.current = number
        self.show_line(number, is_middle=True)

    # --- selecting and copying -------------------------------------------------------------------

    def action_select(self) -> None:
        """Begin a selection on the line that one is on, else the last one on the screen; or end it."""
        if self._selection.is_on:
            self._page.end_selection()
        elif self._list_rows():
            self._selection.begin(self.find_origin())
            self.is_following = False
        self.redraw()

    def action_copy(self) -> None:
        """Copy the selected lines, or without a selection the one gone to, or those on the screen."""
        if not self.line_count:
            return
        text = self._selection.take(self._list_rows())
        self.redraw()
        self.post_message(self.CopyRequested(text))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "leave":
            return True
        return self._selection.is_on or self._page.current >= 0 or bool(self._searches)

    def action_leave(self) -> None:
        """End the selection; else the search and where it went; else the filter."""
        if self._selection.is_on:
            self._page.end_selection()
        else:
            self._finder.leave()
        self.redraw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and self._selection.press(self._list_rows(), event.y):
            self.capture_mouse()
            self.redraw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if event.button == 1 and self._selection.drag(self._list_rows(), event.y):
            self.is_following = False
            self.redraw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        if self._selection.release():
            self.redraw()

    # --- where lines are -------------------------------------------------------------------------

    def find_origin(self) -> int:
        """Return the line from which the next match is looked for."""
        return self._window.find_origin(self.scroll_offset.y, self.scrollable_size)

    def find_first_line(self) -> int:
        """Return the number of the line on top of the screen, -1 where there is none."""
        top = self.scroll_offset.y
        return self._page.find_line(top) if top < self.shown_count else -1

    def show_line(self, number: int, *, is_middle: bool = False) -> None:
        """Scroll to a line, which ends the following where it is to stand in the middle."""
        self.is_following = False if is_middle else self.is_following
        if not self.is_following:
            self._jump(self._page.find_place(number) - (self._height // 2 if is_middle else 0))
        self.redraw()

    def _jump(self, top: int) -> None:
        self._is_jumping = True
        self.scroll_to(y=max(0, top), animate=False, force=True, immediate=True)
        self._is_jumping = False

    def grow(self) -> None:
        """Take new lines into the scroll range, and stay at the end where that is followed."""
        width, height = self.scrollable_size
        self.virtual_size = Size(width, self._page.find_end_top(max(1, width), self._height) + height)
        if self.is_following:
            self._scroll_to_end()
        self.redraw()

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def redraw(self) -> None:
        """Draw all rows anew."""
        self._window.forget()
        self.refresh()
