"""The lineage graph on a canvas that scrolls both ways: boxes, lines, a cursor that walks along the edges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
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
from mlwf_tui.tui.widgets.graph_filter import NodeFilter
from mlwf_tui.tui.widgets.graph_layout import SIZES
from mlwf_tui.tui.widgets.graph_lens import (
    NOTHING_HIDDEN,
    Lens,
    Scope,
    enter_scope,
    step_back,
    toggle_fold,
)
from mlwf_tui.tui.widgets.graph_map import COLUMNS as MAP_COLUMNS
from mlwf_tui.tui.widgets.graph_map import GraphMap
from mlwf_tui.tui.widgets.graph_picture import Order, Picture, make_picture
from mlwf_tui.tui.widgets.graph_routing import GraphLayout

MARGIN = Spacing(2, 4, 2, 4)  # cells kept visible around the selected box
MAP_MIN_SIZE = Size(72, 20)  # of a view that has room for a map in its corner
MAP_FROM = 12  # times the view's cells that a graph has from which on a map is drawn unasked
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
        Binding("minus", "zoom(-1)", "smaller: one line each, then dots", show=False, id="lineage.smaller"),
        Binding("plus,equals_sign", "zoom(1)", "larger", show=False, id="lineage.larger"),
        Binding("full_stop", "centre", "to the middle of the view", show=False, id="lineage.centre"),
        Binding("f", "filter", "filter", id="lineage.filter"),
        Binding("F", "fold", "fold", tooltip="or unfold what came of it", id="lineage.fold"),
        Binding("backspace,delete", "hide", "hide it", show=False, id="lineage.hide"),
        Binding("S", "show_all", "show what is hidden, folded and filtered", show=False, id="lineage.show"),
        Binding("comma", "trace", "light up both, its past, its future", show=False, id="lineage.trace"),
        Binding("J", "join", "light up the ways from here to the next", show=False, id="lineage.join"),
        Binding("Z", "toggle_map", "the map in the corner", show=False, id="lineage.map"),
        Binding("shift+right", "pan(1, 0)", "pan right", show=False, id="lineage.pan_right"),
        Binding("shift+left", "pan(-1, 0)", "pan left", show=False, id="lineage.pan_left"),
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

    class FilterWanted(Message):
        """A filter is to be asked for."""

        def __init__(self, view: LineageView) -> None:
            super().__init__()
            self.view = view

    class Narrowed(Message):
        """Another part of the graph is drawn than before, or other ways are lit."""

        def __init__(self, view: LineageView) -> None:
            super().__init__()
            self.view = view

    class LaidOut(Message, bubble=False):
        """A picture is ready; posted by the worker to the view itself."""

        def __init__(self, picture: Picture) -> None:
            super().__init__()
            self.picture = picture

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
        self._wanted = Order()
        self._picture = Picture(order=self._wanted, graph=self._wanted.graph, layout=None, map=None)
        self._is_working = False
        self._is_map_wanted: bool | None = None  # None: where the graph is large
        self._lit = (True, True)  # what led to the selected node, and what came of it
        self._anchor: str | None = None  # the node that ways are lit to
        self._numbers: dict[str, int] = {}
        self._highlight: Highlight | None = None

    @property
    def is_laying_out(self) -> bool:
        """Whether the picture of the graph last shown is still being made."""
        return self._wanted is not self._picture.order

    @property
    def lens(self) -> Lens:
        """What is wanted of the graph."""
        return self._wanted.lens

    @property
    def graph(self) -> LineageGraph:
        """What is drawn."""
        return self._graph

    @property
    def narrowing(self) -> str:
        """Which part of the graph is drawn, in words; "" where it is all of it."""
        lens, anchor = self.lens, self._numbers.get(self._anchor or "")
        steps = [scope.title for scope in lens.scopes]
        steps += [f"f {lens.filter.text}"] if lens.filter.is_set else []
        steps += [f"{len(lens.hidden)} hidden"] if lens.hidden else []
        steps += [f"ways to {self._graph.nodes[anchor].title}"] if anchor is not None else []
        if steps and lens != NOTHING_HIDDEN:
            steps[-1] += f" · {len(self._graph.nodes):,} of {len(self._wanted.graph.nodes):,}"
        return " › ".join(steps)

    @property
    def selected_node(self) -> LineageNode | None:
        """The node under the cursor, if it is drawn."""
        number = self._find_number()
        return None if number is None else self._graph.nodes[number]

    @property
    def _graph(self) -> LineageGraph:
        return self._picture.graph

    @property
    def _layout(self) -> GraphLayout | None:
        return self._picture.layout

    def show_graph(self, graph: LineageGraph, groups: tuple[LineageNode, ...] = ()) -> None:
        """Show a graph; selection and place stay where they are. Only new nodes or edges cost a layout.

        `groups` are nodes that are drawn in the place of their members until they are unfolded.
        """
        order = replace(self._wanted, graph=graph, groups=groups)
        is_settled = self._layout is not None and not self.is_laying_out
        self._wanted = order
        if is_settled and order.is_same_as(self._picture.order):
            self._adopt(replace(self._picture, order=order, graph=graph))
        else:
            self._request_layout()

    def enter_scope(self, scope: Scope) -> None:
        """Draw only this part of the graph; `go_back` leads out of it."""
        self._use_lens(enter_scope(self.lens, scope))

    def filter_nodes(self, wanted: NodeFilter) -> None:
        """Draw only the nodes that the filter wants."""
        self._use_lens(replace(self.lens, filter=wanted))

    def go_back(self) -> bool:
        """Undo the last of what narrows the picture; False where nothing does."""
        lens = step_back(self.lens)
        if self._anchor is not None:
            self.action_join()
        elif lens != self.lens:
            self._use_lens(lens)
        else:
            return False
        return True

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
        return self._put_map(strip.crop(skipped, skipped + width), y)

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

    def action_zoom(self, step: int) -> None:
        place = SIZES.index(self._wanted.size) + step
        if 0 <= place < len(SIZES):
            self._wanted = replace(self._wanted, size=SIZES[place])
            self._request_layout()

    def action_centre(self) -> None:
        place = self._find_place()
        number = self._find_number()
        if place is not None and number is not None and self._layout is not None:
            box, room = self._layout.boxes[number], self.scrollable_size
            x, y = place.x + box.width // 2 - room.width // 2, box.middle - room.height // 2
            self.scroll_to(x, y, animate=False, force=True)

    def action_filter(self) -> None:
        self.post_message(self.FilterWanted(self))

    def action_fold(self) -> None:
        """Fold what came of the selected node, or unfold it; a group is drawn one by one, or joined."""
        node = self.selected_node
        if node is not None:
            lens, self.selected = toggle_fold(self.lens, node, self._wanted.groups)
            self._use_lens(lens)

    def action_hide(self) -> None:
        number, layout = self._find_number(), self._layout
        if number is None or layout is None:
            return
        hidden = self._graph.nodes[number].id
        column = layout.columns[layout.column_of[number]]
        near = [*layout.parents[number], *layout.children[number], *(n for n in column if n != number)]
        if near:
            self.selected = self._graph.nodes[near[0]].id
        self._use_lens(replace(self.lens, hidden=self.lens.hidden | {hidden}))

    def action_show_all(self) -> None:
        self._use_lens(replace(NOTHING_HIDDEN, scopes=self.lens.scopes))

    def action_trace(self) -> None:
        steps = [(True, True), (True, False), (False, True)]
        self._lit = steps[(steps.index(self._lit) + 1) % len(steps)]
        self._trace()
        self.refresh()

    def action_join(self) -> None:
        """Keep the selected node: from now on the ways between it and the cursor are lit. Again, end it."""
        self._anchor = self.selected if self._anchor is None else None
        self._trace()
        self.refresh()
        self.post_message(self.Narrowed(self))

    def action_toggle_map(self) -> None:
        self._is_map_wanted = self._find_map() is None
        self.refresh()

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
        order = event.picture.order
        if order is self._wanted:
            self._adopt(event.picture)
        elif order.is_same_as(self._wanted):
            self._adopt(replace(event.picture, order=self._wanted, graph=self._wanted.graph))
        else:
            self._request_layout()

    def _use_lens(self, lens: Lens) -> None:
        if lens != self.lens:
            self._wanted = replace(self._wanted, lens=lens)
            self._request_layout()

    def _request_layout(self) -> None:
        if not self._wanted.graph.nodes:
            self._adopt(Picture(order=self._wanted, graph=self._wanted.graph, layout=None, map=None))
        elif (
            not self._is_working
        ):  # else the layout that is on its way will be found stale, and asked for anew
            self._is_working = True
            work = partial(self._lay_out, self._wanted, self._picture)
            what = "lay out the lineage graph"  # said twice, or Textual writes the repr of the graph: 0.1 s
            self.run_worker(work, thread=True, group="layout", name=what, description=what)
        self.refresh()

    def _lay_out(self, order: Order, before: Picture) -> None:
        self.post_message(self.LaidOut(make_picture(order, before)))

    def _adopt(self, picture: Picture) -> None:
        """Take a picture over; what was selected stays at its place on the screen."""
        before, drawn = self._find_place(), self._picture
        self._picture = picture
        layout = picture.layout
        self._numbers = {node.id: number for number, node in enumerate(picture.graph.nodes)}
        self.virtual_size = Size(layout.width, layout.height) if layout else Size(0, 0)
        after = self._find_place()
        if before is not None and after is not None and before != after:
            self.scroll_relative(*(after - before), animate=False, force=True, immediate=True)
            self.reveal_selected()
        elif before is None and after is not None and drawn.order.lens != picture.order.lens:
            self.reveal_selected()
        self._trace()
        self.refresh()
        if not (drawn.order.is_plain and picture.order.is_plain):
            self.post_message(self.Narrowed(self))

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
            is_up, is_down = self._lit
            to = self._numbers.get(self._anchor or "")
            self._highlight = find_highlight(self._layout, number, is_up=is_up, is_down=is_down, to=to)

    def _find_map(self) -> GraphMap | None:
        """Return the map if it is to be drawn."""
        room, whole = self.scrollable_size, self.virtual_size
        if self._is_map_wanted is False or self._picture.map is None:
            return None
        is_small = room.width < MAP_MIN_SIZE.width or room.height < MAP_MIN_SIZE.height
        is_large_graph = whole.area > MAP_FROM * room.area
        return None if is_small or not (self._is_map_wanted or is_large_graph) else self._picture.map

    def _put_map(self, strip: Strip, y: int) -> Strip:
        """Draw the map over the right end of the last lines, or of the first where the cursor is there."""
        found = self._find_map()
        if found is None:
            return strip
        room, width = self.scrollable_size, MAP_COLUMNS + 2
        number = y - self._find_map_top(found, room.width - width)
        if not 0 <= number < found.line_count:
            return strip
        line = found.draw_line(number, *self.scroll_offset, *room)
        return Strip.join([strip.crop(0, room.width - width), build_strip(line, self._find_style, width)])

    def _find_map_top(self, found: GraphMap, left: int) -> int:
        number, top = self._find_number(), self.scrollable_size.height - found.line_count
        if number is None or self._layout is None:
            return top
        box = self._layout.boxes[number]
        x, y = Offset(box.x, box.y) - self.scroll_offset
        return 0 if x + box.width > left and y + box.height > top else top

    def _draw_message(self, width: int) -> list[Line]:
        title, hint = self._empty
        if self.is_laying_out:
            title, hint = f"Laying out {len(self._wanted.graph.nodes):,} nodes…", ""
        elif self._wanted.graph.nodes:
            title, hint = "Nothing of the lineage is left", "esc takes the filter back, S shows all of it"
        return draw_message(title, hint, width, self.scrollable_size.height)

    def _find_style(self, role: str) -> Style:
        return self.get_component_rich_style(role if role in BOX_CLASSES else f"ink--{role}")
