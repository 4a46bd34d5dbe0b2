"""The lineage graph on a canvas that scrolls both ways: boxes, lines, a cursor that walks along the edges."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, draw_message, write_ink_css
from mlwf_tui.tui.widgets.graph_drawing import BOX_CLASSES, Highlight, draw_row, find_highlight
from mlwf_tui.tui.widgets.graph_layout import lay_out
from mlwf_tui.tui.widgets.graph_routing import GraphLayout

MARGIN = Spacing(2, 4, 2, 4)  # cells kept visible around the selected box
EMPTY = ("There is nothing to trace yet", "Press i to import a folder of images")


def _read_clock() -> datetime:
    return datetime.now(UTC)


class LineageView(ScrollView, can_focus=True):
    """Shows what was made from what, and walks through it; nodes are drawn, never mounted.

    `now` tells the time that ages are counted to; `empty` is the title and the hint of an empty graph.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = INK_CLASSES | BOX_CLASSES
    DEFAULT_CSS = (
        "LineageView { background: $background; }\n"
        + write_ink_css("LineageView")
        + """
    LineageView > .box--folder, LineageView > .box--file { color: $foreground 75%; }
    LineageView > .box--recipe, LineageView > .box--labeling_job { color: $foreground 75%; }
    LineageView > .box--intermediate { color: $foreground 75%; }
    LineageView > .box--project, LineageView > .box--dataset { color: $secondary; }
    LineageView > .box--weights, LineageView > .box--session { color: $accent; }
    LineageView > .box--version { color: $primary; }
    LineageView > .box--model { color: $accent; }
    LineageView > .box--report { color: $warning; }
    LineageView > .box--run { color: $foreground 75%; }
    LineageView > .box--line { color: $foreground 45%; }
    LineageView > .box--lit { color: $primary; text-style: bold; }
    LineageView > .box--dim { color: $foreground 32%; }
    LineageView:ansi > .box--dim { text-style: dim; }
    LineageView > .box--title { color: $foreground; text-style: bold; }
    LineageView > .box--cursor { color: $accent; text-style: bold; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "walk('child')", "made from it", show=False, id="lineage.child"),
        Binding("left,h", "walk('parent')", "where it came from", show=False, id="lineage.parent"),
        Binding("up,k", "walk('above')", "the one above", show=False, id="lineage.above"),
        Binding("down,j", "walk('below')", "the one below", show=False, id="lineage.below"),
        Binding("g,home", "select_end(0)", "oldest", show=False, id="lineage.first"),
        Binding("G,end", "select_end(-1)", "newest", show=False, id="lineage.last"),
        Binding("enter", "activate", "open", show=False, id="lineage.open"),
        Binding("x", "menu", "menu", show=False, id="lineage.menu"),
        Binding("minus", "set_compact(True)", "small boxes", show=False, id="lineage.compact"),
        Binding("plus,equals_sign", "set_compact(False)", "large boxes", show=False, id="lineage.full"),
        Binding("L,shift+right", "pan(1, 0)", "pan right", show=False, id="lineage.pan_right"),
        Binding("H,shift+left", "pan(-1, 0)", "pan left", show=False, id="lineage.pan_left"),
        Binding("ctrl+d,pagedown", "pan(0, 1)", "pan down", show=False, id="lineage.pan_down"),
        Binding("ctrl+u,pageup", "pan(0, -1)", "pan up", show=False, id="lineage.pan_up"),
    ]

    selected: reactive[str | None] = reactive(None, init=False)
    """The id of the node under the cursor."""

    class Selected(Message):
        """The cursor has come to a node."""

        def __init__(self, view: LineageView, node: LineageNode) -> None:
            super().__init__()
            self.view = view
            self.node = node

        @property
        def control(self) -> LineageView:
            return self.view

    class Activated(Selected):
        """A node was opened: Enter, or a double click."""

    class MenuRequested(Selected):
        """The menu of a node was asked for; `screen_offset` is where it should appear."""

        def __init__(self, view: LineageView, node: LineageNode, screen_offset: Offset) -> None:
            super().__init__(view, node)
            self.screen_offset = screen_offset

    class LaidOut(Message, bubble=False):
        """A layout is ready; posted by the worker to the view itself."""

        def __init__(self, graph: LineageGraph, layout: GraphLayout, is_compact: bool) -> None:
            super().__init__()
            self.graph = graph
            self.layout = layout
            self.is_compact = is_compact

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _read_clock,
        empty: tuple[str, str] = EMPTY,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._now = now
        self._empty = empty
        self._wanted = LineageGraph((), ())  # what was asked for last
        self._graph = LineageGraph((), ())  # what the layout belongs to
        self._layout: GraphLayout | None = None
        self._is_working = False
        self._is_compact = False
        self._is_drawn_compact = False
        self._numbers: dict[str, int] = {}
        self._highlight: Highlight | None = None

    @property
    def is_laying_out(self) -> bool:
        """Whether the picture of the graph last shown is still being made."""
        return self._wanted is not self._graph or self._is_compact != self._is_drawn_compact

    @property
    def selected_node(self) -> LineageNode | None:
        """The node under the cursor, if it is on the graph."""
        number = self._find_number()
        return None if number is None else self._graph.nodes[number]

    def show_graph(self, graph: LineageGraph) -> None:
        """Show a graph; selection and place stay where they are. Only new nodes or edges cost a layout."""
        self._wanted = graph
        if self._layout is not None and _has_same_shape(graph, self._graph) and not self.is_laying_out:
            self._adopt(graph, self._layout)
        elif self._layout is not None and _has_same_shape(graph, self._graph):
            self._graph = graph
            self._request_layout()
        else:
            self._request_layout()

    def select(self, node_id: str) -> bool:
        """Move the cursor to a node and bring it into view; return whether it is on the graph."""
        if node_id not in self._numbers:
            return False
        self.selected = node_id
        self.reveal_selected()
        return True

    def reveal_selected(self) -> None:
        """Scroll so that the selected box is visible."""
        number = self._find_number()
        if number is not None and self._layout is not None:
            box = self._layout.boxes[number]
            region = Region(box.x, box.y, box.width, box.height)
            self.scroll_to_region(region, spacing=MARGIN, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        if self._layout is None:
            return build_strip(self._draw_message(width)[y], self._find_style, width)
        left, top = self.scroll_offset
        nodes = self._graph.nodes
        line, skipped = draw_row(self._layout, nodes, top + y, left, width, self._highlight, self._now())
        strip = build_strip(line, self._find_style, skipped + width)
        return strip.crop(skipped, skipped + width)

    def watch_selected(self, selected: str | None) -> None:
        self._trace()
        self.refresh()
        node = self.selected_node
        if node is not None:
            self.post_message(self.Selected(self, node))

    def action_walk(self, direction: str) -> None:
        number, layout = self._find_number(), self._layout
        if layout is None:
            return
        if number is None:
            self.action_select_end(-1)
            return
        column = layout.columns[layout.column_of[number]]
        place = column.index(number)
        targets = {
            "child": layout.children[number][:1],
            "parent": layout.parents[number][:1],
            "above": column[max(0, place - 1) : place],
            "below": column[place + 1 : place + 2],
        }[direction]
        if targets:
            self.select(self._graph.nodes[targets[0]].id)

    def action_select_end(self, index: int) -> None:
        if self._graph.nodes:
            self.select(self._graph.nodes[index].id)

    def action_set_compact(self, is_compact: bool) -> None:
        if is_compact != self._is_compact:
            self._is_compact = is_compact
            self._request_layout()

    def action_pan(self, columns: int, pages: int) -> None:
        self.scroll_relative(
            columns * self.scrollable_size.width // 2,
            pages * self.scrollable_size.height // 2,
            animate=False,
            force=True,
        )

    def action_activate(self) -> None:
        node = self.selected_node
        if node is not None:
            self.post_message(self.Activated(self, node))

    def action_menu(self) -> None:
        number = self._find_number()
        if number is not None and self._layout is not None:
            box = self._layout.boxes[number]
            corner = Offset(box.x, box.y + box.height) - self.scroll_offset + self.content_region.offset
            self.post_message(self.MenuRequested(self, self._graph.nodes[number], corner))

    def on_click(self, event: events.Click) -> None:
        content = event.get_content_offset(self)
        if content is None or self._layout is None:
            return
        spot = content + self.scroll_offset
        number = self._layout.find_node_at(spot.x, spot.y)
        if number is None:
            return
        node = self._graph.nodes[number]
        self.selected = node.id
        if event.button == 3:
            self.post_message(self.MenuRequested(self, node, event.screen_offset))
        elif event.chain == 2:
            self.post_message(self.Activated(self, node))

    def on_lineage_view_laid_out(self, event: LaidOut) -> None:
        self._is_working = False
        is_asked_for = event.graph is self._wanted or _has_same_shape(event.graph, self._wanted)
        if is_asked_for and event.is_compact == self._is_compact:
            self._adopt(self._wanted, event.layout)
        else:
            self._request_layout()

    def _request_layout(self) -> None:
        if not self._wanted.nodes:
            self._adopt(self._wanted, None)
        elif (
            not self._is_working
        ):  # else the layout that is on its way will be found stale, and asked for anew
            self._is_working = True
            work = partial(self._lay_out, self._wanted, self._is_compact)
            what = "lay out the lineage graph"  # said twice, or Textual writes the repr of the graph: 0.1 s
            self.run_worker(work, thread=True, group="layout", name=what, description=what)
        self.refresh()

    def _lay_out(self, graph: LineageGraph, is_compact: bool) -> None:
        """Lay out in a thread, without full collections: each would hold the app for some 60 ms.

        A layout makes no reference cycles, so nothing is left behind that they would have found.
        """
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            layout = lay_out(graph, is_compact=is_compact)
        finally:
            if was_collecting:
                gc.enable()
        self.post_message(self.LaidOut(graph, layout, is_compact))

    def _adopt(self, graph: LineageGraph, layout: GraphLayout | None) -> None:
        """Take a layout over; what was selected stays at its place on the screen."""
        before = self._find_place()
        self._graph, self._layout = graph, layout
        self._is_drawn_compact = self._is_compact
        self._numbers = {node.id: number for number, node in enumerate(graph.nodes)}
        self.virtual_size = Size(layout.width, layout.height) if layout else Size(0, 0)
        after = self._find_place()
        if before is not None and after is not None and before != after:
            self.scroll_relative(*(after - before), animate=False, force=True, immediate=True)
            self.reveal_selected()
        self._trace()
        self.refresh()

    def _find_place(self) -> Offset | None:
        number = self._find_number()
        if number is None or self._layout is None:
            return None
        return Offset(self._layout.boxes[number].x, self._layout.boxes[number].y)

    def _find_number(self) -> int | None:
        return None if self.selected is None else self._numbers.get(self.selected)

    def _trace(self) -> None:
        number = self._find_number()
        self._highlight = None
        if number is not None and self._layout is not None:
            self._highlight = find_highlight(self._layout, number)

    def _draw_message(self, width: int) -> list[Line]:
        title, hint = self._empty
        if self._wanted.nodes:
            title, hint = f"Laying out {len(self._wanted.nodes):,} nodes…", ""
        return draw_message(title, hint, width, self.scrollable_size.height)

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(role if role in BOX_CLASSES else f"ink--{role}")


def _has_same_shape(graph: LineageGraph, other: LineageGraph) -> bool:
    """Return whether both have the same nodes and edges, whatever the nodes' state and titles are."""
    return (
        len(graph.nodes) == len(other.nodes)
        and graph.edges == other.edges
        and all(a.id == b.id for a, b in zip(graph.nodes, other.nodes, strict=True))
    )
