"""The tree of a home: workspaces, projects, versions, models, reports and runs; it draws, others read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text, TextType
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from mlwf_tui.entities.lines import first_line
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.widgets.drawing import fit, fit_middle
from mlwf_tui.tui.widgets.entry import Branch, Entry, EntryKind
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS

PLACEHOLDER = Entry(kind=EntryKind.SECTION, key="placeholder:", ref="", title="reading…")
RIGHT_BUTTON = 3
HEADINGS = (EntryKind.SECTION, EntryKind.WORKSPACE)
BRANCH_WAIT_S = 1.0  # of keys for what is read below a branch; then they mean what is there
NO_LABEL = Text()
TOGGLE = Style.from_meta({"toggle": True})  # what Tree looks for where a click opens or closes


class _Place(NamedTuple):
    """Where a person is: the entry under the cursor, and whether branches are open, by their keys."""

    entry: Entry | None
    opened: Mapping[str, bool]


class ProjectTree(Tree[Entry], inherit_bindings=False):
    """Draws branches; keeps selection, scroll and what is open when they are shown anew."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", show=False, id="tree.open"),
        Binding("j,down", "cursor_down", "down", show=False, id="tree.down"),
        Binding("k,up", "cursor_up", "up", show=False, id="tree.up"),
        Binding("pagedown,ctrl+f", "page_down", "a page down", show=False, id="tree.page_down"),
        Binding("pageup,ctrl+b", "page_up", "a page up", show=False, id="tree.page_up"),
        Binding("l,right", "expand", "open the branch", show=False, id="tree.expand"),
        Binding(
            "h,left", "collapse", "close the branch, or go to its parent", show=False, id="tree.collapse"
        ),
        Binding("g,home", "first", "first", show=False, id="tree.first"),
        Binding("G,end", "last", "last", show=False, id="tree.last"),
        Binding("ctrl+d", "half_page(1)", "half a page down", show=False, id="tree.half_down"),
        Binding("ctrl+u", "half_page(-1)", "half a page up", show=False, id="tree.half_up"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "project-tree--note",
        "project-tree--section",
        "project-tree--mark",
        "project-tree--active",
        "project-tree--good",
        "project-tree--bad",
        "project-tree--uncertain",
    }
    DEFAULT_CSS = """
    ProjectTree {
        background: $background; overflow-x: hidden;
        &:focus { background-tint: $background 0%; }
        & > .project-tree--note { color: $text-muted; }
        & > .project-tree--section { color: $secondary; text-style: bold; }
        & > .project-tree--mark { color: $accent; text-style: bold; }
        & > .project-tree--active { color: $accent; }
        & > .project-tree--good { color: $success; }
        & > .project-tree--bad { color: $error; }
        & > .project-tree--uncertain { color: $warning; }
    }
    """

    _is_filling = False  # of the class: the tree asks for it before it is made

    class Highlighted(Message):
        """The cursor stands on `entry` now."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    class Opened(Message):
        """A person asked to see `entry`."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    class ChildrenWanted(Message):
        """The branch of `entry` was opened, but what lies below it was not read yet."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    class MenuRequested(Message):
        """A person asked for the actions of `entry`; `at` is where on the screen."""

        def __init__(self, entry: Entry, at: Offset) -> None:
            super().__init__()
            self.entry = entry
            self.at = at

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("home", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = False
        self._marked: frozenset[str] = frozenset()
        self._progress: Mapping[str, Progress] = {}
        self._by_key: dict[str, TreeNode[Entry]] = {}
        self._remembered: Mapping[str, bool] = {}  # which branches were open in an earlier sitting
        self._unfiltered: _Place | None = None  # how it was before a filter hid a part of it
        self._awaited = ""  # the key of the branch that a person opened and that is still being read
        self._is_read = asyncio.Event()

    @property
    def entry(self) -> Entry | None:
        """What the cursor stands on."""
        node = self.cursor_node
        return node.data if node is not None else None

    # --- showing -------------------------------------------------------------------------------

    def show(self, branches: tuple[Branch, ...], *, is_filtered: bool = False) -> None:
        """Draw `branches` in place of what stands there, touching only what differs.

        After those that a filter leaves all are open again that were open before it.
        """
        if is_filtered and self._unfiltered is None:
            self._unfiltered = self._note_place()
        selected = self.entry or (self._unfiltered.entry if self._unfiltered is not None else None)
        top, line = self.scroll_offset.y, self.cursor_line
        self._is_filling = True
        self._update(self.root, branches)
        if self._unfiltered is not None and not is_filtered:
            self._bring_back(self._unfiltered.opened)
        self._is_filling = False
        self._invalidate()
        self._is_read.set()
        if self._unfiltered is not None and not is_filtered:
            self._unfiltered = None
            if selected is not None and self.select(selected.key):
                return
        if selected is None:
            self.action_first()
            return
        node = self._by_key.get(selected.key) or self.get_node_at_line(min(line, self.last_line))
        if node is not None and node is not self.cursor_node:
            self._place_cursor(node)
            self.scroll_to(y=top, animate=False, immediate=True)

    def select(self, key: str) -> bool:
        """Put the cursor on the entry with this key, opening what hides it; False if it is not there."""
        node = self._by_key.get(key)
        if node is None:
            return False
        parent = node.parent
        while parent is not None:
            parent.expand()
            parent = parent.parent
        self._place_cursor(node)
        return True

    def go_on(self) -> None:
        """Go to the next entry beside this one; from the last one nowhere."""
        after = self.cursor_node.next_sibling if self.cursor_node is not None else None
        if after is not None and after.data is not None and after.data.kind not in HEADINGS:
            self._place_cursor(after)

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key, if the tree has it."""
        node = self._by_key.get(key)
        return node.data if node is not None else None

    def remember(self, open_by_key: Mapping[str, bool]) -> None:
        """Open or leave closed, as they first appear, the branches with these keys."""
        self._remembered = open_by_key

    def list_open(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the keys of the branches that are open, and of sections and workspaces that are not."""
        branches = [(key, node) for key, node in self._by_key.items() if node.allow_expand]
        closed = [
            key for key, n in branches if not n.is_expanded and n.data is not None and n.data.kind in HEADINGS
        ]
        return tuple(key for key, node in branches if node.is_expanded), tuple(closed)

    def toggle_branch(self) -> None:
        """Open or close the branch under the cursor."""
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.toggle()

    def find_cursor(self) -> Offset:
        """Return where on the screen the menu of the selected line belongs."""
        row = self.cursor_line - self.scroll_offset.y + 1
        return self.content_region.offset + Offset(4, row)

    def show_marks(self, keys: Iterable[str]) -> None:
        """Draw marks on these entries only."""
        before, self._marked = self._marked, frozenset(keys)
        self._redraw(*(before ^ self._marked))

    def show_progress(self, progress: Mapping[str, Progress]) -> None:
        """Draw how far runs have come, by entry key."""
        before, self._progress = self._progress, dict(progress)
        changed = [key for key in {*before, *progress} if before.get(key) != progress.get(key)]
        self._redraw(*changed)

    async def wait_for_branch(self) -> None:
        """Wait until what lies below the branch that was opened last is there, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BRANCH_WAIT_S):
                while (node := self._by_key.get(self._awaited)) is not None and _is_promise(node):
                    self._is_read.clear()
                    await self._is_read.wait()
        self._awaited = ""

    def _note_place(self) -> _Place:
        opened = {key: node.is_expanded for key, node in self._by_key.items() if node.allow_expand}
        return _Place(self.entry, opened)

    def _bring_back(self, opened: Mapping[str, bool]) -> None:
        """Open and close branches as they were."""
        for key, is_open in opened.items():
            node = self._by_key.get(key)
            if node is not None and node.allow_expand and node.is_expanded != is_open:
                node.toggle()

    def _update(self, node: TreeNode[Entry], branches: tuple[Branch, ...]) -> None:
        present = [child.data.key for child in node.children if child.data is not None]
        if present == [branch.entry.key for branch in branches]:
            for child, branch in zip(node.children, branches, strict=True):
                self._renew(child, branch)
            return
        known = dict(self._iter_known(node))
        was_open = {key: child.is_expanded for key, child in known.items() if child.allow_expand}
        for key in known:
            self._by_key.pop(key, None)
        node.remove_children()
        for branch in branches:
            self._add(node, branch, was_open)

    def _renew(self, child: TreeNode[Entry], branch: Branch) -> None:
        if child.data != branch.entry:
            child.data = branch.entry
            child.refresh()
        if not branch.is_loaded:
            self._promise(child)
        elif branch.children is not None:
            self._open_first(child, branch)
            self._update(child, branch.children)

    def _promise(self, child: TreeNode[Entry]) -> None:
        """Let a person open a branch that was a leaf: there is something to read below it now."""
        if not child.children:
            child.allow_expand = True
            child.add_leaf("", PLACEHOLDER)
            child.refresh()

    def _open_first(self, child: TreeNode[Entry], branch: Branch) -> None:
        """Take a branch from empty to full, or back; it opens by itself when it first holds something."""
        if branch.children and not child.allow_expand and branch.is_open:
            child.expand()
        child.allow_expand = bool(branch.children)

    def _add(self, node: TreeNode[Entry], branch: Branch, was_open: Mapping[str, bool]) -> None:
        can_open = branch.children is not None and (bool(branch.children) or not branch.is_loaded)
        key = branch.entry.key
        is_open = was_open.get(key, self._remembered.get(key, branch.is_open)) and can_open
        child = node.add("", branch.entry, expand=is_open, allow_expand=can_open)
        self._by_key[key] = child
        if not branch.is_loaded:
            child.add_leaf("", PLACEHOLDER)
            if is_open:
                self.post_message(self.ChildrenWanted(branch.entry))
        for below in branch.children or ():
            self._add(child, below, was_open)

    def _iter_known(self, node: TreeNode[Entry]) -> Iterator[tuple[str, TreeNode[Entry]]]:
        for child in node.children:
            if child.data is not None and child.data is not PLACEHOLDER:
                yield child.data.key, child
            yield from self._iter_known(child)

    def _redraw(self, *keys: str) -> None:
        for key in keys:
            if key in self._by_key:
                self._by_key[key].refresh()

    def _place_cursor(self, node: TreeNode[Entry]) -> None:
        _ = self.last_line  # builds the lines anew: before that, a new node has no line number
        self.cursor_line = -1  # or the cursor would keep a removed node that stood on the same line
        self.move_cursor(node, animate=False)

    def _invalidate(self) -> None:
        """Count the lines anew; where 4,000 nodes are added at once, after the last, in half the time."""
        if not self._is_filling:
            super()._invalidate()

    # --- drawing -------------------------------------------------------------------------------

    def process_label(self, label: TextType) -> Text:
        """Return no label: what is drawn is made of the node's entry, when it is seen."""
        return NO_LABEL

    def render_label(self, node: TreeNode[Entry], base_style: Style, style: Style) -> Text:
        """Draw arrow, glyph, title and note; the selected line keeps one colour all along."""
        entry = node.data
        if entry is None:
            return Text("", style)
        is_selected = node is self.cursor_node
        label = Text(style=style, no_wrap=True)
        label.append(self._find_arrow(node), TOGGLE)
        if entry.key in self._marked:
            label.append("◆ ", self._find_style("mark", is_selected))
        if entry.state:
            label.append(f"{STATE_GLYPHS[entry.state]} ", self._find_style(_tone(entry.state), is_selected))
        part = "section" if entry.kind in (EntryKind.SECTION, EntryKind.WORKSPACE) else ""
        part = "note" if entry is PLACEHOLDER else part
        room = self._measure_room(node) - label.cell_len
        title, note = share_room(entry.title, self._format_progress(entry.key) or entry.note, room)
        label.append(title, self._find_style(part, is_selected))
        note = f" {note}" if note else ""
        label.append(" " * (room - cell_len(title) - cell_len(note)))
        label.append(note, self._find_style("note", is_selected))
        return label

    def get_label_width(self, node: TreeNode[Entry]) -> int:
        """Return next to nothing: labels fill the pane, and to draw 4,000 to measure them costs 0.2 s."""
        return 1

    def _measure_room(self, node: TreeNode[Entry]) -> int:
        depth = -1 if self.show_root else -2
        above: TreeNode[Entry] | None = node
        while above is not None:
            above, depth = above.parent, depth + 1
        return max(8, self.scrollable_content_region.width - depth * self.guide_depth)

    def _find_arrow(self, node: TreeNode[Entry]) -> str:
        if not node.allow_expand:
            return ""
        return "▾ " if node.is_expanded else "▸ "

    def _format_progress(self, key: str) -> str:
        progress = self._progress.get(key)
        if progress is None or not progress.total:
            return ""
        return f"{progress.step / progress.total:.0%}"

    def _find_style(self, part: str, is_selected: bool) -> Style:
        if is_selected or not part:
            return Style.null()
        return self.get_component_rich_style(f"project-tree--{part}", partial=True)

    # --- moving --------------------------------------------------------------------------------

    def action_open(self) -> None:
        if self.entry is not None and self.entry is not PLACEHOLDER:
            self.post_message(self.Opened(self.entry))

    def action_expand(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.allow_expand and not node.is_expanded:
            node.expand()
            self._awaited = node.data.key if node.data is not None else ""
        elif node.children:
            self.action_cursor_down()

    def action_collapse(self) -> None:
        node = self.cursor_node
        if node is not None and node.is_expanded and node.allow_expand:
            node.collapse()
        else:
            self.action_cursor_parent()

    def action_select_cursor(self) -> None:
        """Do nothing: a click only moves the cursor, a second one and ⏎ open."""

    def action_first(self) -> None:
        self._go_to_line(0)

    def action_last(self) -> None:
        self._go_to_line(self.last_line)

    def action_half_page(self, direction: int) -> None:
        step = max(1, self.scrollable_content_region.height // 2) * direction
        self._go_to_line(max(0, min(self.last_line, self.cursor_line + step)))

    def _go_to_line(self, line: int) -> None:
        self.cursor_line = line
        self.scroll_to_line(line, animate=False)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Entry]) -> None:
        event.stop()
        if event.node.data is not None and event.node.data is not PLACEHOLDER:
            self.post_message(self.Highlighted(event.node.data))

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        event.stop()
        node = event.node
        if node.data is not None and _is_promise(node):
            self.post_message(self.ChildrenWanted(node.data))

    def on_resize(self) -> None:
        self._clear_line_cache()  # labels are as wide as the pane
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and event.button != RIGHT_BUTTON:
            self.action_open()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        line = event.style.meta.get("line", -1)
        if event.button != RIGHT_BUTTON or line < 0:
            return
        event.stop()
        self.cursor_line = line
        if self.entry is not None:
            self.post_message(self.MenuRequested(self.entry, event.screen_offset))


def _is_promise(node: TreeNode[Entry]) -> bool:
    """Whether what lies below is still to be read."""
    return any(child.data is PLACEHOLDER for child in node.children)


def _tone(state: str) -> str:
    match state:
        case "running" | "claimed":
            return "active"
        case "done":
            return "good"
        case "failed":
            return "bad"
        case "lost" | "stopping" | "pausing" | "paused":
            return "uncertain"
        case _:
            return "note"


def share_room(title: str, note: str, room: int) -> tuple[str, str]:
    """Return title and note as far as both fit into `room` cells, a blank between; a title's ends stay."""
    title, note = first_line(title), first_line(note)
    most = max(1, room // 3, room - cell_len(title) - 1)
    note = note if cell_len(note) <= most else fit(note, most)
    rest = max(1, room - cell_len(note) - bool(note))
    return title if cell_len(title) <= rest else fit_middle(title, rest), note
