"""Three panes beside each other, or one at a time with tabs; the focus says which one is current.

How they share the screen is `pane_shares`; here it is done, by keys and by dragging a border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

from mlwf_tui.entities.layout import Arrangement
from mlwf_tui.tui.widgets.pane_shares import (
    Border,
    PaneShares,
    ScreenSize,
    apply_grid,
    find_screen_size,
)
from mlwf_tui.tui.widgets.restyling import set_class_alone
from mlwf_tui.tui.widgets.tab_line import TabLine

STEP_COLUMNS, STEP_ROWS = 4, 2  # that a key moves a border by


@dataclass(frozen=True, slots=True)
class Pane:
    """A named pane; `digit` is the key that goes there and stands in its title."""

    name: str
    digit: str
    title: str
    widget: Widget


class PaneGrid(Container):
    """Lays the panes out by the screen's size class, and lets one of them have all the room."""

    DEFAULT_CSS = """
    PaneGrid {
        layout: grid; grid-size: 2 2; height: 1fr;
        & > .pane { border: round $border; border-title-color: $text-muted; background: $background; }
        & > .pane.-focused { border: round $primary; border-title-color: $primary; }
        & > .pane.-tall { row-span: 2; }
        & > .pane.-dragged { border: round $accent; }
        & > .pane.-single { height: 1fr; width: 1fr; }
        & > .pane.-narrow { border: none; }
        &.-single { layout: vertical; }
    }
    """

    class Moved(Message):
        """The focus has come to another widget, perhaps of another pane."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    class Arranged(Message):
        """A person has moved a border, hidden a pane or shown it again."""

        def __init__(self, size: ScreenSize, arrangement: Arrangement) -> None:
            super().__init__()
            self.size = size
            self.arrangement = arrangement

    def __init__(self, panes: tuple[Pane, Pane, Pane], *, id: str | None = None) -> None:
        """`panes` are the one at the side, the main one, and the one with details of it."""
        super().__init__(id=id)
        self._panes = {pane.name: pane for pane in panes}
        self._names = (panes[0].name, panes[1].name, panes[2].name)
        self._arrangements: dict[ScreenSize, Arrangement] = {}
        self._dragged: Border | None = None
        self._titles = {pane.name: f"{pane.digit} {pane.title}" for pane in panes}
        self._tabs = TabLine(list(self._titles.items()), id="panes")
        self._tabs.display = False
        self.current = panes[0].name
        self.is_zoomed = False

    def compose(self) -> ComposeResult:
        yield self._tabs
        for pane in self._panes.values():
            pane.widget.add_class("pane")
            pane.widget.border_title = f"{pane.digit} {pane.title}"
            yield pane.widget

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._light_focused)

    def zoom(self, is_zoomed: bool) -> None:
        """Give the current pane all the room, or share it again."""
        self.is_zoomed = is_zoomed
        self._arrange()

    def rename(self, name: str, title: str) -> None:
        """Give a pane another title; its digit stays."""
        pane = self._panes[name]
        pane.widget.border_title = f"{pane.digit} {title}"
        self._titles[name] = f"{pane.digit} {title}"
        self._show_tabs()

    @property
    def shares(self) -> PaneShares:
        """How the panes share the screen as it is."""
        size = self.screen.size
        wanted = self._arrangements.get(find_screen_size(size.width), Arrangement())
        return PaneShares(self._names, wanted, size.width, size.height - 1)

    @property
    def arrangements(self) -> Mapping[ScreenSize, Arrangement]:
        """What was changed for each size of screen."""
        return self._arrangements

    def use(self, arrangements: Mapping[ScreenSize, Arrangement]) -> None:
        """Share screens as a person wanted it before."""
        self._arrangements = dict(arrangements)
        if self.current not in self.shares.seen:
            self.current = self.shares.seen[0]
        self._arrange()

    def get_digit(self, name: str) -> str:
        """Return the key that goes to a pane."""
        return self._panes[name].digit

    def is_hidden(self, name: str) -> bool:
        """Whether a person has hidden this pane on a screen of this size."""
        return name not in self.shares.seen

    def move_border(self, columns: int, rows: int) -> bool:
        """Move the border of the current pane by so many steps; False where there is none to move."""
        border = self.shares.find_border(self.current, is_vertical=rows != 0)
        if border is None or self.is_zoomed:
            return False
        self._change(self.shares.move(border, columns * STEP_COLUMNS + rows * STEP_ROWS))
        return True

    def grow(self, steps: int) -> bool:
        """Make the current pane larger, or smaller; False where it has no border to move."""
        if self.is_zoomed or not self.shares.borders:
            return False
        self._change(self.shares.grow(self.current, steps, STEP_COLUMNS, STEP_ROWS))
        return True

    def hide_current(self) -> bool:
        """Hide the current pane and go to the main one; False for the last one that is seen."""
        name = self.current
        if len(self.shares.seen) == 1:
            return False
        self.is_zoomed = False
        left = [pane for pane in (self._names[1], *self._names) if pane != name and not self.is_hidden(pane)]
        self._change(self.shares.toggle(name))
        self.go_to(left[0])
        return True

    def reset(self) -> None:
        """Share the screen as it was before anything was changed."""
        self._change(Arrangement())

    def go_home(self) -> None:
        """Go to the first pane that is not hidden."""
        self.go_to(self.shares.seen[0])

    def go_to(self, name: str) -> None:
        """Make a pane current and focus what in it takes keys; where nothing does, nothing has the focus.

        One that was hidden is shown again.
        Keys in a burst would else leave the focus to a view that was hidden before it got it.
        """
        self._set_current(name)
        stops = self._list_stops(self._panes[name])
        if not stops:
            self.app.call_later(self.screen.set_focus, None)  # behind any focus that is on its way
            self.post_message(self.Moved(name))
        elif not any(stop.has_focus for stop in stops):
            stops[0].focus()

    def show(self, name: str) -> None:
        """Make a pane the one that is seen where there is room for one only; the focus stays."""
        self._set_current(name)

    def go_on(self, step: int) -> None:
        """Focus the next widget that takes keys, through all panes and round the ends."""
        seen = [self._panes[name] for name in self.shares.seen]
        stops = [(pane.name, stop) for pane in seen for stop in self._list_stops(pane)]
        if not stops:
            return
        focused = self.screen.focused
        place = next((n for n, (_, stop) in enumerate(stops) if stop is focused), -1 if step > 0 else 0)
        name, stop = stops[(place + step) % len(stops)]
        self._set_current(name)
        stop.focus()

    def on_resize(self) -> None:
        self._arrange()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        border = self._find_border(event.screen_offset)
        if border is not None and not self.is_zoomed:
            event.stop()
            self._drag(border)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged is None:
            return
        event.stop()
        self._change(self.shares.place_border(self._dragged, self._measure_to(event.screen_offset)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged is not None:
            event.stop()
            self._drag(None)
            self.release_mouse()

    def _drag(self, border: Border | None) -> None:
        self._dragged = border
        for pane in self._panes.values():
            set_class_alone(pane.widget, border is not None, "-dragged")

    def _light_focused(self, focused: Widget | None) -> None:
        """Draw the frame of the pane that has the focus, which `:focus-within` would style with all in it."""
        holders = focused.ancestors_with_self if focused is not None else ()
        for pane in self._panes.values():
            set_class_alone(pane.widget, pane.widget in holders, "-focused")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for pane in self._panes.values():
            if pane.widget in event.widget.ancestors_with_self:
                self._set_current(pane.name)
                self.post_message(self.Moved(pane.name))

    @on(TabLine.Chosen, "#panes")
    def _on_tab_chosen(self, event: TabLine.Chosen) -> None:
        event.stop()
        self.go_to(event.tab)

    def _set_current(self, name: str) -> None:
        if self.is_hidden(name):
            self._change(self.shares.toggle(name))
        if name == self.current:
            return
        self.current = name
        self._arrange()

    def _change(self, arrangement: Arrangement) -> None:
        size = self.shares.size
        if arrangement != self.shares.arrangement:
            self._arrangements[size] = arrangement
            self._arrange()
            self.post_message(self.Arranged(size, arrangement))

    def _arrange(self) -> None:
        """Show the panes that are not hidden, or only the current one.

        `display` is set here and not by style sheet: it must hold at once, for a hidden widget takes
        no focus.
        """
        shares = self.shares
        is_narrow = shares.size is ScreenSize.NARROW
        is_single = self.is_zoomed or is_narrow
        self._tabs.display = is_narrow
        set_class_alone(self, is_single, "-single")
        shown = (self.current,) if is_single else shares.seen
        for pane in self._panes.values():
            pane.widget.display = pane.name in shown
            set_class_alone(pane.widget, is_single, "-single")
            set_class_alone(pane.widget, is_narrow, "-narrow")
        set_class_alone(self._panes[self._names[0]].widget, shares.grid.is_tall, "-tall")
        apply_grid(self, shares.grid)
        self._show_tabs()

    def _show_tabs(self) -> None:
        seen = {*self.shares.seen, self.current}
        self._tabs.show(self.current, [tab for tab in self._titles.items() if tab[0] in seen])

    def _find_border(self, at: Offset) -> Border | None:
        """Return the border that is drawn at a place of the screen; both panes beside it draw a line."""
        shares = self.shares
        x, y = at - self.region.offset
        got, height = shares.shares, self.region.height
        for border in shares.borders:
            if border is Border.SIDE:
                is_on = x in (got.side - 1, got.side)
            elif shares.size is ScreenSize.WIDE:
                is_on = x in (shares.columns - got.details - 1, shares.columns - got.details)
            else:
                is_on = x >= got.side and y in (height - got.details - 1, height - got.details)
            if is_on:
                return border
        return None

    def _measure_to(self, at: Offset) -> int:
        """Return what the pane at the dragged border has if the border is at a place of the screen."""
        x, y = at - self.region.offset
        if self._dragged is Border.SIDE:
            return x + 1
        return self.region.width - x if self.shares.size is ScreenSize.WIDE else self.region.height - y

    def _list_stops(self, pane: Pane) -> list[Widget]:
        """Return what takes keys in a pane, shown or hidden only because the pane itself is."""
        found = [pane.widget, *pane.widget.query(Widget)]
        return [w for w in found if w.can_focus and not w.disabled and self._is_shown_in(w, pane.widget)]

    @staticmethod
    def _is_shown_in(widget: Widget, pane: Widget) -> bool:
        below = [
            node for node in widget.ancestors_with_self if isinstance(node, Widget) and pane in node.ancestors
        ]
        return all(node.display for node in below)
