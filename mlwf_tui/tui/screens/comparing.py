"""The view of what differs between two states: a summary, the changed items, and each before and after."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.change import ChangeKind, Diff, ItemChange, ObjectChange
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.pages import RowKeys
from mlwf_tui.tui.screens.pictures import Order, Pictures
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.change_preview import ChangePreview, describe_item_change
from mlwf_tui.tui.widgets.diff_summary import SIGNS, STYLES, draw_summary
from mlwf_tui.tui.widgets.lazy import LazySequence
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable
from mlwf_tui.workspace import Workspace

PADDING = 2  # cells around the head
SAME = ("The items are the same", "Both states hold the same images and annotations.")
NO_MATCH = ("No change matches", "esc shows all of them again.")


class ChangeRows(LazySequence[Sequence[Cell]]):
    """The rows of a table of changes, each drawn when it is seen."""

    def __init__(self, changes: Sequence[ItemChange], styles: dict[ChangeKind, Style]) -> None:
        self.changes = changes
        self._styles = styles

    def __len__(self) -> int:
        return len(self.changes)

    def make(self, place: int) -> Sequence[Cell]:
        """Return the cells of one row."""
        change = self.changes[place]
        sign = Text(SIGNS[change.kind], self._styles[change.kind])
        return sign, change.key, describe_item_change(change)


class DiffPane(Vertical):
    """Draws a Diff; the list of changed items takes the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,j,down", "step(1)", "next change", id="diff.next"),
        Binding("N,k,up", "step(-1)", "change before", show=False, id="diff.before"),
        Binding("f", "next_kind", "kind", id="diff.kind"),
        Binding("w", "flip", "before/after", id="diff.flip"),
        Binding("slash", "filter", "filter", id="diff.filter"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"diff--{kind.value}" for kind in ChangeKind}
    DEFAULT_CSS = (
        "\n".join(f"DiffPane > .diff--{kind.value} {{ color: {STYLES[kind]}; }}" for kind in ChangeKind)
        + """
    DiffPane {
        & > #diff-head {
            height: auto; max-height: 6; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
        }
        & > #diff-filter { height: 1; padding: 0 1; }
        & > Horizontal { height: 1fr; }
        & #diff-items { width: 44%; max-width: 50; border-right: solid $border; }
        & > Horizontal > ChangePreview { width: 1fr; height: 1fr; }
        &.-bare #diff-items { display: none; }
        &.-same ChangePreview { display: none; }
        &.-same #diff-items { width: 1fr; max-width: 100%; border-right: none; }
    }
    """
    )

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._work = work
        self._diff: Diff | None = None
        self._head = Static(id="diff-head")
        self._filter_line = Static(id="diff-filter")
        self._table = EntityTable(
            Column("", 1), Column("item", flex=3, cut="start"), Column("what", flex=2),
            empty=SAME, is_lazy=True, id="diff-items",
        )  # fmt: skip
        self._preview = ChangePreview()
        self._pictures = {
            side: Pictures(workspace, work, on_drawn=view.show, on_broken=partial(self._say_broken, view))
            for side, view in self._preview.pictures.items()
        }
        self._rows = ChangeRows((), {})
        self._kind: ChangeKind | None = None
        self._query = ""
        self._shown_count = 0  # of diffs, for what is drawn of one is not of another

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._filter_line
        with Horizontal():
            yield self._table
            yield self._preview

    def notify_style_update(self) -> None:
        """Draw the rows in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._diff is not None and self.is_mounted:
            self._show_rows()
            self._order_pictures()

    def on_resize(self) -> None:
        self._draw_head()

    def _draw_head(self) -> None:
        if self._diff is not None:
            self._head.update(draw_summary(self._diff, self.size.width - PADDING))

    def show(self, diff: Diff) -> None:
        """Draw everything between two states."""
        self._kind, self._query = None, ""
        self._take(diff)
        self._table.cursor = 0
        self._show_rows()
        self.go_large(False)

    def renew(self, diff: Diff) -> None:
        """Draw what differs between the two states by now; the cursor stays on its item, or where it was."""
        row = self._table.cursor
        key = self._rows.changes[row].key if row < len(self._rows) else ""
        self._take(diff)
        if self._kind is not None and not diff.count(self._kind):
            self._kind = None
        self._show_rows()
        changes = self._rows.changes
        self._table.cursor = next((n for n, c in enumerate(changes) if c.key == key), row)
        if not diff.items:
            self.go_large(False)

    def _take(self, diff: Diff) -> None:
        self._diff = diff
        self._shown_count += 1
        self._draw_head()
        self._preview.set_refs(diff.before, diff.after)
        self.set_class(not diff.items, "-same")

    def go_back(self) -> bool:
        """Undo what hides a part: the large pictures, the filters. False where nothing does."""
        if self.has_class("-bare"):
            self.go_large(False)
        elif self._kind is not None or self._query:
            self._kind, self._query = None, ""
            self._show_rows()
        else:
            return False
        return True

    def go_large(self, is_large: bool) -> None:
        """Give the pictures all the room, or share it again; the keys go on moving through the changes."""
        self.set_class(is_large, "-bare")
        self._preview.set_class(is_large, "-bare")
        if self.has_focus_within and is_large:
            self._preview.focus_picture()
        elif self.has_focus_within:
            self._table.focus()

    # --- keys ----------------------------------------------------------------------------------

    def action_step(self, rows: int) -> None:
        self._table.cursor += rows

    def action_flip(self) -> None:
        self._preview.flip()

    def action_next_kind(self) -> None:
        """Show the changes of one kind, then of the next that there is, at last all again."""
        if self._diff is not None:
            kinds = [None, *(kind for kind in ChangeKind if self._diff.count(kind))]
            self._kind = kinds[(kinds.index(self._kind) + 1) % len(kinds)]
            self._show_rows()

    def action_filter(self) -> None:
        prompt = Prompt("Filter the changes", value=self._query, help="A part of a name.", can_be_empty=True)
        self.app.push_screen(prompt, lambda text: self._filter(text) if text is not None else None)

    @on(EntityTable.RowSelected, "#diff-items")
    def _on_change_opened(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self.go_large(True)

    # --- what is listed ------------------------------------------------------------------------

    def _filter(self, query: str) -> None:
        self._query = query
        self._show_rows()

    def _show_rows(self) -> None:
        assert self._diff is not None
        wanted = self._query.casefold()
        changes: Sequence[ItemChange] = self._diff.items
        if self._kind is not None or wanted:
            kinds = (self._kind,) if self._kind is not None else tuple(ChangeKind)
            changes = [c for c in changes if c.kind in kinds and wanted in c.key.casefold()]
        styles = {k: self.get_component_rich_style(f"diff--{k.value}", partial=True) for k in ChangeKind}
        self._rows = ChangeRows(changes, styles)
        self._table.say_empty(*(SAME if self._diff.is_same else NO_MATCH))
        self._table.show_rows(self._rows, RowKeys(self._rows))
        self._draw_filter()
        self._show_current()

    def _draw_filter(self) -> None:
        assert self._diff is not None
        parts = []
        if self._kind is not None:
            parts.append(Content.styled(f"{SIGNS[self._kind]} {self._kind.value} only", STYLES[self._kind]))
        if self._query:
            parts.append(Content.styled(f"/{self._query}", "$accent"))
        if self._diff.left_out:
            left_out = sum(self._diff.left_out.values())
            parts.append(Content.styled(f"{left_out:,} more are counted but not listed", "$text-muted"))
        self._filter_line.display = bool(parts)
        self._filter_line.update(Content("   ").join(parts))

    @on(EntityTable.RowHighlighted, "#diff-items")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._show_current()

    # --- the change under the cursor -----------------------------------------------------------

    def _show_current(self) -> None:
        row = self._table.cursor
        change = self._rows.changes[row] if row < len(self._rows) else None
        if change is None:
            self._preview.show_change(None, ())
        elif change is not self._preview.change:
            self._work.start("objects", change.compare_objects, partial(self._show_change, change))

    def _show_change(self, change: ItemChange, objects: tuple[ObjectChange, ...]) -> None:
        """Show a change once its objects are compared, unless the cursor has moved on."""
        row = self._table.cursor
        if row < len(self._rows) and self._rows.changes[row] is change:
            self._preview.show_change(change, objects)

    @on(ChangePreview.Outdated)
    def _order_pictures(self) -> None:
        for side, item in self._preview.list_sides():
            view = self._preview.pictures[side]
            columns, rows = view.room
            change = (self._shown_count, id(self._preview.change))
            key = (side, item.key, item.blob, change, self._preview.selected, columns, rows)
            outlines = self._preview.list_outlines(side, item)
            self._pictures[side].want(Order((*key, self.app.theme), item, outlines, columns, rows))

    def _say_broken(self, view: PictureView, error: MlwfError) -> None:
        view.say(error.message, error.hint)
