"""The conflicts of a merge, one a line, each to be settled for one of the two sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.table import Column, EntityTable

OTHER = {Side.OURS: Side.THEIRS, Side.THEIRS: Side.OURS}
MARKS = {Side.OURS: "◀ ours", Side.THEIRS: "theirs ▶"}


class ConflictChooser(Dialog[dict[str, Side] | None]):
    """Returns the chosen side of every conflict by its key; None where nothing is to be merged."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "choose('ours')", "ours", id="conflicts.ours"),
        Binding("t", "choose('theirs')", "theirs", id="conflicts.theirs"),
        Binding("O", "choose_all('ours')", "all ours", id="conflicts.all_ours"),
        Binding("T", "choose_all('theirs')", "all theirs", id="conflicts.all_theirs"),
        Binding("n", "next_open", "next open one", id="conflicts.next"),
        Binding("a,ctrl+g", "apply", "merge", id="conflicts.apply"),
        Binding("escape,q", "close", "cancel", show=False, id="conflicts.close"),
    ]
    DEFAULT_CSS = """
    ConflictChooser {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 96%; max-width: 130; height: 80%; min-height: 14;
            background: $background; border: round $warning; padding: 0 1;
        }
        & EntityTable { height: 1fr; }
        & #conflict-whole { height: 5; border-top: solid $border; }
        & #conflict-keys { height: 1; }
    }
    """

    def __init__(self, ours: str, theirs: str, conflicts: Sequence[MergeConflict]) -> None:
        super().__init__()
        self._names = {Side.OURS: ours, Side.THEIRS: theirs}
        self._conflicts = {conflict.key: conflict for conflict in conflicts}
        self.choices: dict[str, Side] = {}
        self._table = EntityTable(
            Column("take", 8),
            Column("item", flex=3, cut="start"),
            Column("what", 10),
            Column(f"ours: {ours}", flex=3),
            Column(f"theirs: {theirs}", flex=3),
            id="conflict-table",
        )
        self._whole = Static(id="conflict-whole")
        self._keys = Static(id="conflict-keys")

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"Merge {self._names[Side.THEIRS]} into {self._names[Side.OURS]}"
            box.border_subtitle = "esc cancel, nothing is changed"
            yield self._table
            yield self._whole
            yield self._keys

    def on_mount(self) -> None:
        self._table.focus()
        self._draw()

    def action_choose(self, side: str) -> None:
        """Settle the conflict under the cursor and go on to the next."""
        key = self._table.cursor_key
        if key is not None:
            self.choices[key] = Side(side)
            self._table.cursor += 1
            self._draw()

    def action_choose_all(self, side: str) -> None:
        """Settle all that are still open."""
        for key in self._conflicts:
            self.choices.setdefault(key, Side(side))
        self._draw()

    def action_next_open(self) -> None:
        """Go to a conflict that is still open."""
        still_open = next((key for key in self._conflicts if key not in self.choices), None)
        if still_open is not None:
            self._table.move_to_key(still_open)

    def action_apply(self) -> None:
        """Return the choices once there is one for every conflict."""
        if len(self.choices) < len(self._conflicts):
            self.action_next_open()
            self.notify("Choose for every conflict first: o ours, t theirs.", severity="warning", timeout=4)
        else:
            self.dismiss(self.choices)

    def action_close(self) -> None:
        self.dismiss(None)

    @on(EntityTable.RowSelected)
    def _on_toggled(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self.choices[event.key] = OTHER[self.choices.get(event.key, Side.THEIRS)]
        self._draw()

    @on(EntityTable.RowHighlighted)
    def _on_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._draw_whole(self._conflicts[event.key])

    @on(EntityTable.MenuRequested)
    def _on_menu(self, event: EntityTable.MenuRequested) -> None:
        event.stop()

    def _draw(self) -> None:
        rows = [self._make_row(conflict) for conflict in self._conflicts.values()]
        self._table.show_rows(rows, list(self._conflicts))
        left = len(self._conflicts) - len(self.choices)
        state = f"{left:,} to settle" if left else "all settled"
        keys = (("o", "ours"), ("t", "theirs"), ("O/T", "all others"), ("n", "next open"), ("a", "merge"))
        hints = [Content.assemble((key, "$accent bold"), " ", (text, "$text-muted")) for key, text in keys]
        style = "$warning" if left else "$success"
        self._keys.update(Content("  ").join([*hints, Content.styled(state, style)]))

    def _make_row(self, conflict: MergeConflict) -> tuple[str, ...]:
        choice = self.choices.get(conflict.key)
        mark = MARKS[choice] if choice is not None else "—"
        return mark, conflict.item or conflict.key, conflict.what, conflict.ours, conflict.theirs

    def _draw_whole(self, conflict: MergeConflict) -> None:
        lines = [Content.assemble((conflict.key, "bold"), "  ", (conflict.what, "$text-muted"))]
        for side, text in ((Side.OURS, conflict.ours), (Side.THEIRS, conflict.theirs)):
            lines.append(Content.assemble((f"{side.value:<7}", "$accent"), text))
        self._whole.update(Content("\n").join(lines))
