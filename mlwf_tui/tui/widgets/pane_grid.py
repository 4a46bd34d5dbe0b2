"""Three panes beside each other, or one at a time with tabs; which one is current follows the focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from mlwf_tui.tui.widgets.tab_line import TabLine

NARROW_COLUMNS = 100  # below this, one pane at a time
WIDE_COLUMNS = 150  # from here on, three beside each other
COLUMN_CLASSES = ((0, "-tiny"), (60, "-narrow"), (NARROW_COLUMNS, "-medium"), (WIDE_COLUMNS, "-wide"))
"""The class that a screen has from so many columns on."""


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
        layout: grid; grid-size: 2 2; grid-columns: 36 1fr; grid-rows: 1fr 13; height: 1fr;
        & > TabLine { display: none; }
        & > .pane { border: round $border; border-title-color: $text-muted; background: $background; }
        & > .pane:focus, & > .pane:focus-within { border: round $primary; border-title-color: $primary; }
        & > .pane.-tall { row-span: 2; }
        &.-wide {
            grid-size: 3 1; grid-columns: 38 1fr 46; grid-rows: 1fr;
            & > .pane.-tall { row-span: 1; }
        }
        &.-single {
            layout: vertical;
            & > .pane { height: 1fr; width: 1fr; }
        }
        &.-narrow {
            & > TabLine { display: block; }
            & > .pane, & > .pane:focus, & > .pane:focus-within { border: none; }
        }
    }
    """

    class Moved(Message):
        """The focus has come to another widget, perhaps of another pane."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, panes: Sequence[Pane], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._panes = {pane.name: pane for pane in panes}
        self._titles = {pane.name: f"{pane.digit} {pane.title}" for pane in panes}
        self._tabs = TabLine(list(self._titles.items()), id="panes")
        self.current = panes[0].name
        self.is_zoomed = False

    def compose(self) -> ComposeResult:
        yield self._tabs
        for pane in self._panes.values():
            pane.widget.add_class("pane")
            pane.widget.border_title = f"{pane.digit} {pane.title}"
            yield pane.widget

    def zoom(self, is_zoomed: bool) -> None:
        """Give the current pane all the room, or share it again."""
        self.is_zoomed = is_zoomed
        self._arrange()

    def rename(self, name: str, title: str) -> None:
        """Give a pane another title; its digit stays."""
        pane = self._panes[name]
        pane.widget.border_title = f"{pane.digit} {title}"
        self._titles[name] = f"{pane.digit} {title}"
        self._tabs.show(self.current, list(self._titles.items()))

    def go_to(self, name: str) -> None:
        """Make a pane current and focus what in it takes keys; where nothing does, nothing has the focus.

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
        stops = [(pane.name, stop) for pane in self._panes.values() for stop in self._list_stops(pane)]
        focused = self.screen.focused
        place = next((n for n, (_, stop) in enumerate(stops) if stop is focused), -1 if step > 0 else 0)
        name, stop = stops[(place + step) % len(stops)]
        self._set_current(name)
        stop.focus()

    def on_resize(self) -> None:
        self._arrange()

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
        if name == self.current:
            return
        self.current = name
        self._tabs.show(name)
        self._arrange()

    def _arrange(self) -> None:
        """Show all panes, or only the current one.

        `display` is set here and not by style sheet: it must hold at once, for a hidden widget takes
        no focus.
        """
        columns = self.screen.size.width
        is_single = self.is_zoomed or columns < NARROW_COLUMNS
        self.set_class(is_single, "-single")
        self.set_class(columns < NARROW_COLUMNS, "-narrow")
        self.set_class(columns >= WIDE_COLUMNS and not is_single, "-wide")
        for pane in self._panes.values():
            pane.widget.display = not is_single or pane.name == self.current

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
