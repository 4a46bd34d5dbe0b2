"""What differs between two states in a few lines: items by kind, then classes, datasets and splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from mlwf_tui.entities.change import ChangeKind, ClassChange, DatasetChange, Diff, SplitChange, TagChange
from mlwf_tui.entities.item import Split
from mlwf_tui.tui.widgets.drawing import shorten

SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.RENAMED: "→", ChangeKind.CHANGED: "~"}
STYLES = {
    ChangeKind.ADDED: "$success",
    ChangeKind.REMOVED: "$error",
    ChangeKind.RENAMED: "$secondary",
    ChangeKind.CHANGED: "$warning",
}
LABEL_WIDTH = 9
LEAST_NAME = 12  # cells, however little room the counts leave
Count = tuple[str, int, str]
"""A sign, a number, a colour."""


def draw_summary(diff: Diff, width: int) -> Content:
    """Return the summary, each subject on a line of its own; lines without anything are left out.

    Names that leave no room for the counts in a line of `width` cells are shortened.
    """
    counts = [
        Content.styled(f"{SIGNS[kind]}{diff.count(kind):,} {kind.value}", STYLES[kind])
        for kind in ChangeKind
        if diff.count(kind)
    ]
    told = Content("   ").join(counts or [Content.styled(_describe_none(diff), "$text-muted")])
    room = max(LEAST_NAME, (width - told.cell_length - 6) // 2)  # beside the arrow and the gap
    before, after = shorten(diff.before or "nothing", room), shorten(diff.after, room)
    title = Content.assemble((before, "bold"), (" → ", "$text-muted"), (after, "bold"))
    lines = [Content("   ").join([title, told])]
    lines += _draw_line("classes", (_draw_class(change) for change in diff.classes))
    lines += _draw_line("tags", (_draw_tag(change) for change in diff.tags))
    lines += _draw_line("datasets", (_draw_dataset(change) for change in diff.datasets))
    lines += _draw_line("splits", (_draw_split(change) for change in diff.splits))
    return Content("\n").join(lines)


def _describe_none(diff: Diff) -> str:
    if diff.is_class_order_changed and not diff.classes:
        return "no item differs; the classes stand in another order"
    return "nothing differs" if diff.is_same else "no item differs"


def _draw_line(label: str, parts: Iterable[Content]) -> list[Content]:
    drawn = list(parts)
    if not drawn:
        return []
    head = Content.styled(f"{label:<{LABEL_WIDTH}}", "$text-muted")
    return [Content.assemble(head, Content.styled("  ·  ", "$text-disabled").join(drawn))]


def _draw_counts(name: Content, counts: Sequence[Count]) -> Content:
    parts = [Content.styled(f" {sign}{count:,}", style) for sign, count, style in counts if count]
    return Content("").join([name, *parts])


def _draw_class(change: ClassChange) -> Content:
    style = STYLES[change.kind] if change.kind is not ChangeKind.CHANGED else ""
    sign = SIGNS[change.kind] if style else ""
    counts = (
        ("+", change.objects_added, "$success"),
        ("-", change.objects_removed, "$error"),
        ("↔", change.objects_moved, "$warning"),
        ("≠", change.objects_relabelled_in + change.objects_relabelled_out, "$secondary"),
        ("~", change.objects_changed, "$primary"),
    )
    return _draw_counts(Content.styled(f"{sign}{change.name}", style), counts)


def _draw_tag(change: TagChange) -> Content:
    return Content.styled(f"{SIGNS[change.kind]}{change.name}", STYLES[change.kind])


def _draw_dataset(change: DatasetChange) -> Content:
    counts = (
        ("+", change.items_added, "$success"),
        ("-", change.items_removed, "$error"),
        ("→", change.items_renamed, "$secondary"),
        ("~", change.items_changed, "$warning"),
    )
    return _draw_counts(Content(change.name), counts)


def _draw_split(change: SplitChange) -> Content:
    match change.before, change.after:
        case None, Split() as after:
            return _draw_counts(Content(after.value), [("+", change.count, "$success")])
        case Split() as before, None:
            return _draw_counts(Content(before.value), [("-", change.count, "$error")])
        case before, after:
            return _draw_counts(Content(f"{before}→{after}"), [("", change.count, "$warning")])
