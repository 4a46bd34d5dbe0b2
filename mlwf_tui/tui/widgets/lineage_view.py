"""The lineage graph on a canvas that scrolls both ways: boxes, lines, a cursor that walks along the edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from msgspec.structs import replace
from rich.style import Style
from textual import events, on
from textual.binding import BindingType
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.widgets.drawing import INK_CLASSES, Line, build_strip, draw_message_row, write_ink_css
from mlwf_tui.tui.widgets.graph_cards import BOX_CLASSES, write_box_css
from mlwf_tui.tui.widgets.graph_corner import MAP_WIDTH, MapCorner
from mlwf_tui.tui.widgets.graph_drawing import NO_PROGRESS, draw_row
from mlwf_tui.tui.widgets.graph_filter import NodeFilter
from mlwf_tui.tui.widgets.graph_layout import SIZES
from mlwf_tui.tui.widgets.graph_lens import (
    FOLDED,
    NOTHING_HIDDEN,
    Lens,
    Scope,
    enter_scope,
    find_stand_in,
    step_back,
    toggle_fold,
)
from mlwf_tui.tui.widgets.graph_lights import Lights
from mlwf_tui.tui.widgets.graph_map import GraphMap
from mlwf_tui.tui.widgets.graph_picture import Order, Picture
from mlwf_tui.tui.widgets.graph_routing import GraphLayout
from mlwf_tui.tui.widgets.graph_rows import PIECE, RowPieces
from mlwf_tui.tui.widgets.graph_walking import Direction, Trail, find_end, find_near, find_next, iter_near
from mlwf_tui.tui.widgets.key_names import name_key
from mlwf_tui.tui.widgets.layout_requests import LaidOut, LayoutRequests, make_empty
from mlwf_tui.tui.widgets.lineage_keys import LINEAGE_KEYS

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
        + write_box_css("LineageView")
    )
    BINDINGS: ClassVar[list[BindingType]] = list(LINEAGE_KEYS)

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

    class Narrowed(Message):
        """Another part of the graph is drawn than before, or other ways are lit."""

        def __init__(self, view: LineageView) -> None:
            super().__init__()
            self.view = view

    class Failed(Message):
        """The graph could not be laid out; nothing of it is drawn until there is another one."""

        def __init__(self, order: Order, error: Exception) -> None:
            super().__init__()
            self.order = order
            self.error = error

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
        self._requests = LayoutRequests(self, self._adopt)
        self._picture = make_empty(self._wanted)
        self._corner = MapCorner()
        self._lights = Lights()
        self._numbers: dict[str, int] = {}
        self._rows = RowPieces(self._draw_piece)
        self._styles: dict[str, Style] = {}
        self._progress: Mapping[str, Progress] = NO_PROGRESS
        self._drawn_minute = 0
        self._trail = Trail()

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
        """What is left out of the scope that is drawn, and what is lit, in words; "" where nothing is."""
        lens, anchor = self.lens, self._numbers.get(self._lights.anchor or "")
        steps = [f"f {lens.filter.text}"] if lens.filter.is_set else []
        steps += [f"{len(lens.hidden)} hidden"] if lens.hidden else []
        folded = sum(node.title.startswith(FOLDED) for node in self._graph.nodes)
        steps += [f"{folded} folded"] if lens.folded and folded else []
        steps += [f"ways to {self._graph.nodes[anchor].title}"] if anchor is not None else []
        if lens != NOTHING_HIDDEN:
            steps.append(f"{len(self._graph.nodes):,} of {len(self._wanted.graph.nodes):,}")
        return " · ".join(steps)

    @property
    def selected_node(self) -> LineageNode | None:
        """The node under the cursor, if it is drawn."""
        number = self._find_number()
        return None if number is None else self._graph.nodes[number]

    @property
    def hides_all(self) -> bool:
        """Whether a filter, or what was hidden, has left nothing of the lineage."""
        return bool(self._wanted.graph.nodes) and not self._graph.nodes and not self.is_laying_out

    @property
    def _wanted(self) -> Order:
        return self._requests.wanted

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
        self._requests.wanted = order
        if is_settled and order.is_same_as(self._picture.order):
            self._adopt(replace(self._picture, order=order, graph=graph))
        else:
            self._requests.request(self._picture)

    def enter_scope(self, scope: Scope) -> None:
        """Draw only this part of the graph; `go_back` leads out of it."""
        self._use_lens(enter_scope(self.lens, scope))

    def show_scopes(self, scopes: tuple[Scope, ...]) -> None:
        """Draw the last of these scopes, the others being the way back; of none, everything."""
        self._use_lens(replace(self.lens, scopes=scopes))

    def filter_nodes(self, wanted: NodeFilter) -> None:
        """Draw only the nodes that the filter wants."""
        self._use_lens(replace(self.lens, filter=wanted))

    def go_back(self) -> bool:
        """Undo the last of what narrows the picture; False where nothing does."""
        lens = step_back(self.lens)
        if self._lights.anchor is not None:
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

    def select_near(self, node_id: str) -> str:
        """Move the cursor to a node or what stands for it, now or once it is drawn; return where that is."""
        order = self._wanted
        found = find_stand_in(order.graph, order.lens, order.groups, node_id, self._numbers)
        if not self.select(found):
            self.selected = found
        return found

    def reveal_selected(self) -> None:
        """Scroll so that the selected box is visible."""
        number = self._find_number()
        if number is not None and self._layout is not None:
            box = self._layout.boxes[number]
            region = Region(box.x, box.y, box.width, box.height)
            self.scroll_to_region(region, spacing=MARGIN, animate=False, force=True)

    def _reveal_beginning(self, layout: GraphLayout) -> None:
        """Scroll so that what everything came from is visible: what came of it may lie far above."""
        first = min(layout.boxes, key=lambda box: (box.x, box.y), default=None)
        if first is not None:
            y = first.y - self.scrollable_size.height // 4
            self.scroll_to(0, y, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        room = self.scrollable_size  # asked for once a line: Textual counts it together anew each time
        if self._layout is None:
            return build_strip(self._draw_message(y, room), self._find_style, room.width)
        if y == 0:
            self._forget_old_ages()
        left, top = self.scroll_offset
        return self._put_map(self._rows.read(top + y, left, room.width), y, room)

    def show_progress(self, progress: Mapping[str, Progress]) -> None:
        """Draw on their cards how far runs are; `progress` is by the ids of their nodes."""
        drawn = {id: said for id, said in progress.items() if id in self._numbers}
        if drawn != self._progress:
            self._progress = drawn
            self._redraw()

    def draw_ages(self) -> None:
        """Draw how long ago things were as of now."""
        self._redraw()

    def notify_style_update(self) -> None:
        self._styles.clear()
        self._rows.forget()
        super().notify_style_update()

    def watch_selected(self, selected: str | None) -> None:
        self._trace()
        self._redraw()
        node = self.selected_node
        if node is not None:
            self.post_message(self.Selected(self, node))

    def action_walk(self, direction: Direction) -> None:
        number, layout = self._find_number(), self._layout
        if layout is None:
            return
        if number is None:
            self.action_select_end(-1)
            return
        here = self._graph.nodes[number].id
        preferred = self._numbers.get(self._trail.find(here, direction) or "")
        target = find_next(layout, number, direction, preferred)
        if target is not None:
            self._trail.note(here, self._graph.nodes[target].id, direction)
            self.select(self._graph.nodes[target].id)

    def action_select_in_column(self, is_last: bool) -> None:
        number = self._find_number()
        if number is not None and self._layout is not None:
            self.select(self._graph.nodes[find_end(self._layout, number, is_last=is_last)].id)

    def action_select_end(self, index: int) -> None:
        if self._graph.nodes:
            self.select(self._graph.nodes[index].id)

    def action_zoom(self, step: int) -> None:
        place = SIZES.index(self._wanted.size) + step
        if 0 <= place < len(SIZES):
            self._want(replace(self._wanted, size=SIZES[place]))

    def action_centre(self) -> None:
        place = self._find_place()
        number = self._find_number()
        if place is not None and number is not None and self._layout is not None:
            box, room = self._layout.boxes[number], self.scrollable_size
            x, y = place.x + box.width // 2 - room.width // 2, box.middle - room.height // 2
            self.scroll_to(x, y, animate=False, force=True)

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
        near = find_near(layout, number)
        if near is not None:
            self.selected = self._graph.nodes[near].id
        self._use_lens(replace(self.lens, hidden=self.lens.hidden | {hidden}))

    def action_show_all(self) -> None:
        self._use_lens(replace(NOTHING_HIDDEN, scopes=self.lens.scopes))

    def action_trace(self) -> None:
        self._lights.turn()
        self._trace()
        self._redraw()

    def action_join(self) -> None:
        """Keep the selected node: from now on the ways between it and the cursor are lit. Again, end it."""
        self._lights.toggle_anchor(self.selected)
        self._trace()
        self._redraw()
        self.post_message(self.Narrowed(self))

    def action_toggle_map(self) -> None:
        self._corner.is_wanted = self._find_map(self.scrollable_size) is None
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

    @on(LaidOut)
    def _take_picture(self, event: LaidOut) -> None:
        self._requests.take(event, self._picture)
        if event.error is not None:
            self.post_message(self.Failed(event.picture.order, event.error))

    def _use_lens(self, lens: Lens) -> None:
        if lens != self.lens:
            self._want(replace(self._wanted, lens=lens))

    def _want(self, order: Order) -> None:
        self._requests.wanted = order
        self._requests.request(self._picture)

    def _adopt(self, picture: Picture) -> None:
        """Take a picture over; what was selected stays at its place on the screen."""
        before, drawn = self._find_place(), self._picture
        near = self._list_near()
        self._picture = picture
        layout = picture.layout
        self._numbers = {node.id: number for number, node in enumerate(picture.graph.nodes)}
        self.virtual_size = Size(layout.width, layout.height) if layout else Size(0, 0)
        if before is not None and self._find_number() is None:
            drawn_now = [*near, *self._numbers]  # keys act on what is selected: that must be seen
            self.selected = next((id for id in drawn_now if id in self._numbers), self.selected)
        after = self._find_place()
        if before is not None and after is not None and before != after:
            self.scroll_relative(*(after - before), animate=False, force=True, immediate=True)
            self.reveal_selected()
        elif before is None and after is not None:
            self.reveal_selected()
        elif after is None and layout is not None and drawn.layout is None:
            self._reveal_beginning(layout)
        self._trace()
        self._redraw()
        if not (drawn.order.is_plain and picture.order.is_plain):
            self.post_message(self.Narrowed(self))

    def _list_near(self) -> list[str]:
        """Return the nodes around the selected one, to go to should it not be drawn any more."""
        number, layout = self._find_number(), self._layout
        if number is None or layout is None:
            return []
        return [self._graph.nodes[near].id for near in iter_near(layout, number)]

    def _find_place(self) -> Offset | None:
        number = self._find_number()
        if number is None or self._layout is None:
            return None
        return Offset(self._layout.boxes[number].x, self._layout.boxes[number].y)

    def _find_number(self) -> int | None:
        return None if self.selected is None else self._numbers.get(self.selected)

    def _trace(self) -> None:
        self._lights.trace(self._layout, self._find_number(), self._numbers)

    def _find_map(self, room: Size) -> GraphMap | None:
        """Return the map if it is to be drawn in this room."""
        found = self._picture.map
        return found if found is not None and self._corner.has_room(room, self.virtual_size) else None

    def _put_map(self, strip: Strip, y: int, room: Size) -> Strip:
        found = self._find_map(room)
        if found is None:
            return strip
        number = self._find_number()
        box = self._layout.boxes[number] if number is not None and self._layout is not None else None
        line = self._corner.draw_line(found, y, self.scroll_offset, room, box)
        if line is None:
            return strip
        left = room.width - MAP_WIDTH
        return Strip.join([strip.crop(0, left), build_strip(line, self._find_style, MAP_WIDTH)])

    def _draw_message(self, y: int, room: Size) -> Line:
        title, hint = self._empty
        if self.is_laying_out:
            title, hint = f"Laying out {len(self._wanted.graph.nodes):,} nodes…", ""
        elif self._requests.has_failed:
            title, hint = "The lineage cannot be drawn", "All else goes on as before."
        elif self._wanted.graph.nodes:
            title, hint = (
                "Nothing of the lineage is left",
                f"esc takes the filter back, {name_key(self, 'lineage.show')} shows all of it",
            )
        return draw_message_row(y, title, hint, *room)

    def _draw_piece(self, row: int, left: int) -> Strip:
        assert self._layout is not None
        nodes, lit = self._graph.nodes, self._lights.highlight
        line, skipped = draw_row(self._layout, nodes, row, left, PIECE, lit, self._now(), self._progress)
        return build_strip(line, self._find_style, skipped + PIECE).crop(skipped, skipped + PIECE)

    def _forget_old_ages(self) -> None:
        minute = int(self._now().timestamp() // 60)
        if minute != self._drawn_minute:
            self._drawn_minute = minute
            self._rows.forget()

    def _redraw(self) -> None:
        """Draw everything anew: other cards, other lights, another cursor."""
        self._rows.forget()
        self.refresh()

    def _find_style(self, role: str) -> Style:
        style = self._styles.get(role)
        if style is None:
            style = self.get_component_rich_style(role if role in BOX_CLASSES else f"ink--{role}")
            self._styles[role] = style
        return style
