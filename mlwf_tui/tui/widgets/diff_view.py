"""What differs between two states: counts, classes, and the items one by one."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.change import ChangeKind, ClassChange, Diff
from mlwf_tui.tui.widgets.formats import format_count
from mlwf_tui.tui.widgets.table import Column, EntityTable

SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}
STYLES = {ChangeKind.ADDED: "$success", ChangeKind.REMOVED: "$error", ChangeKind.CHANGED: "$warning"}
MAX_CLASSES_SHOWN = 8
NAME_WIDTH = 18


class DiffView(Vertical):
    """Draws a Diff; the table of items takes the keys."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"diff--added", "diff--removed", "diff--changed"}
    DEFAULT_CSS = """
    DiffView {
        & > .diff--added { color: $success; }
        & > .diff--removed { color: $error; }
        & > .diff--changed { color: $warning; }
        & > #diff-head { height: auto; padding: 0 1 1 1; }
        & > EntityTable { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._diff: Diff | None = None
        self._head = Static(id="diff-head")
        self.items = EntityTable(
            Column("", 1),
            Column("item", flex=3),
            Column("what", flex=2),
            empty=("The items are the same", "Both states hold the same images and annotations."),
            id="diff-items",
        )

    def notify_style_update(self) -> None:
        """Draw the rows in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._diff is not None:
            self.show_diff(self._diff)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.items

    def show_diff(self, diff: Diff) -> None:
        """Draw everything between two states."""
        self._diff = diff
        self._head.update(_draw_head(diff))
        styles = {kind: self.get_component_rich_style(f"diff--{kind}", partial=True) for kind in ChangeKind}
        rows = [
            (Text(SIGNS[change.kind], styles[change.kind]), change.key, change.detail)
            for change in diff.items
        ]
        self.items.show_rows(rows, [change.key for change in diff.items])


def _draw_head(diff: Diff) -> Content:
    title = Content.assemble((diff.before, "bold"), (" → ", "$text-muted"), (diff.after, "bold"))
    counts = [
        Content.styled(f"{SIGNS[kind]}{diff.count(kind):,} {kind.value}", STYLES[kind])
        for kind in ChangeKind
        if diff.count(kind)
    ]
    if not counts:
        counts = [Content.styled("no item differs", "$text-muted")]
    lines = [Content("   ").join([title, *counts])]
    lines.extend(_draw_class(change) for change in diff.classes[:MAX_CLASSES_SHOWN])
    hidden = len(diff.classes) - MAX_CLASSES_SHOWN
    if hidden > 0:
        lines.append(Content.styled(f"… and {hidden} classes more", "$text-muted"))
    return Content("\n").join(lines)


def _draw_class(change: ClassChange) -> Content:
    parts = [
        Content.styled(f"{SIGNS[change.kind]} ", STYLES[change.kind]),
        Content.styled(
            f"{change.name:<{NAME_WIDTH}}", "$text-muted" if change.kind is ChangeKind.CHANGED else ""
        ),
    ]
    if change.objects_added:
        parts.append(Content.styled(f" +{format_count(change.objects_added, 'object')}", "$success"))
    if change.objects_removed:
        parts.append(Content.styled(f" -{format_count(change.objects_removed, 'object')}", "$error"))
    return Content("").join(parts)
