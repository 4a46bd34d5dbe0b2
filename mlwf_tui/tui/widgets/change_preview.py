"""One item before and after a change: both pictures with what differs outlined, and the list of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.change import Aspect, ItemChange, ObjectChange, ObjectChangeKind
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Outline, Rgb, parse_color
from mlwf_tui.tui.widgets.item_preview import describe_shape, describe_tags
from mlwf_tui.tui.widgets.objects_preview import ObjectsPreview
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable

MIN_BOTH_COLUMNS = 64  # below this the two pictures are shown one at a time
FAINT = 0.4  # how much is seen of the outlines of what has not changed
SAME = ("The objects are the same", "")
NOT_READ = ("", "")  # until they are, nothing is said of them
OBJECT_SIGNS = {
    ObjectChangeKind.ADDED: "+",
    ObjectChangeKind.REMOVED: "-",
    ObjectChangeKind.MOVED: "↔",
    ObjectChangeKind.RELABELLED: "≠",
    ObjectChangeKind.RETAGGED: "#",
    ObjectChangeKind.CHANGED: "~",
}
OBJECT_COLORS = {
    ObjectChangeKind.ADDED: "success",
    ObjectChangeKind.REMOVED: "error",
    ObjectChangeKind.MOVED: "warning",
    ObjectChangeKind.RELABELLED: "secondary",
    ObjectChangeKind.RETAGGED: "primary",
    ObjectChangeKind.CHANGED: "primary",
}
"""Colours of the theme by the kind of change; in lists the sign says the same."""


class Side(StrEnum):
    """Which of the two pictures is seen."""

    BOTH = "both"
    BEFORE = "before"
    AFTER = "after"


class ChangePreview(ObjectsPreview):
    """Draws one item's change; the pictures are made by others, for `list_sides`."""

    DEFAULT_CSS = """
    ChangePreview {
        & > Horizontal { height: 1fr; }
        & .side { width: 1fr; height: 1fr; }
        & .side > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & .side > PictureView { height: 1fr; margin: 0 1; }
        & > #change-facts { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > EntityTable { height: 30%; min-height: 4; }
        &.-bare > EntityTable { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pictures = {Side.BEFORE: PictureView(id="before"), Side.AFTER: PictureView(id="after")}
        self._captions = {side: Static() for side in self.pictures}
        self._boxes = {
            side: Vertical(self._captions[side], picture, classes="side")
            for side, picture in self.pictures.items()
        }
        self._facts = Static(id="change-facts")
        self.objects = EntityTable(
            Column("", 1),
            Column("object", flex=2),
            Column("what", 10),
            Column("IoU", 4, align="right"),
            Column("shape", flex=2),
            empty=NOT_READ,
            id="change-objects",
        )
        self.change: ItemChange | None = None
        self._objects: tuple[ObjectChange, ...] = ()
        self._refs = ("", "")
        self._wanted = Side.BOTH

    def compose(self) -> ComposeResult:
        yield Horizontal(*self._boxes.values())
        yield self._facts
        yield self.objects

    def set_refs(self, before: str, after: str) -> None:
        """Call the two sides so from now on."""
        self._refs = (before, after)

    def show_change(self, change: ItemChange | None, objects: Sequence[ObjectChange]) -> None:
        """Say what differs of one item; the pictures follow."""
        self.change, self._objects = change, tuple(objects)
        rows = [self._make_row(difference) for difference in objects]
        self.objects.say_empty(*_find_empty(change))
        self.objects.show_rows(rows, [str(number) for number in range(len(rows))])
        self._facts.update(_draw_facts(change) if change is not None else "")
        for caption, ref, item in zip(self._captions.values(), self._refs, self._items, strict=True):
            name = item.key if item is not None else ""
            caption.update(Content.assemble((ref, "bold"), "  ", (name, "$text-muted")))
        self._arrange()

    def flip(self) -> None:
        """Show the other side, or both again where there is room for them."""
        sides = [*Side] if self.size.width >= MIN_BOTH_COLUMNS else [Side.AFTER, Side.BEFORE]
        place = sides.index(self._wanted) if self._wanted in sides else 0
        self._wanted = sides[(place + 1) % len(sides)]
        self._arrange()

    def focus_picture(self) -> None:
        """Give the keys to a picture that is seen: the one that has them, or the first."""
        seen = [picture for side, picture in self.pictures.items() if self._boxes[side].display]
        if not any(picture.has_focus for picture in seen):
            seen[0].focus()

    def list_sides(self) -> list[tuple[Side, Item]]:
        """Return the sides that are seen now, with their items."""
        sides = zip((Side.BEFORE, Side.AFTER), self._items, strict=True)
        return [(side, item) for side, item in sides if item is not None and self._boxes[side].display]

    def list_outlines(self, side: Side, item: Item) -> list[Outline]:
        """Return what to draw over one side, what differs last; unchanged objects are faint."""
        colors = self.app.theme_variables
        faint = parse_color(colors["foreground"])
        pairs = [
            (difference.before if side is Side.BEFORE else difference.after, difference.kind)
            for difference in self._objects
        ]
        changed = [
            Outline(annotated.geometry, parse_color(colors[OBJECT_COLORS[kind]]))
            for annotated, kind in pairs
            if annotated is not None
        ]
        known = {id(annotated) for annotated, _ in pairs}
        same = [Outline(o.geometry, faint, FAINT) for o in item.annotation.objects if id(o) not in known]
        selected = self._find_selected(side)
        strong = [Outline(selected.geometry, self._find_foreground())] if selected is not None else []
        return [*same, *changed, *strong]

    @property
    def _items(self) -> tuple[Item | None, Item | None]:
        return (self.change.before, self.change.after) if self.change is not None else (None, None)

    def _find_selected(self, side: Side) -> AnnotatedObject | None:
        if not 0 <= self.selected < len(self._objects):
            return None
        difference = self._objects[self.selected]
        return difference.before if side is Side.BEFORE else difference.after

    def _find_foreground(self) -> Rgb:
        return parse_color(self.app.theme_variables["foreground"])

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Show both sides or one: what is there, what was asked for, what there is room for."""
        before, after = self._items
        side = self._wanted
        if side is Side.BOTH and self.size.width < MIN_BOTH_COLUMNS:
            side = Side.AFTER
        if before is None or after is None:
            side = Side.AFTER if before is None else Side.BEFORE
        is_in_pictures = any(picture.has_focus for picture in self.pictures.values())
        self._boxes[Side.BEFORE].display = side is not Side.AFTER
        self._boxes[Side.AFTER].display = side is not Side.BEFORE
        if is_in_pictures:
            self.focus_picture()
        self.post_message(self.Outdated())

    def _make_row(self, difference: ObjectChange) -> tuple[Cell, ...]:
        color = self.app.theme_variables[OBJECT_COLORS[difference.kind]]
        present = difference.after or difference.before
        assert present is not None
        iou = "" if difference.before is None or difference.after is None else f"{difference.iou:.2f}"
        name = difference.title.partition(" ")[2] + describe_tags(present.tags)
        sign = Text(OBJECT_SIGNS[difference.kind], Style(color=color))
        what = Text(difference.word, Style(color=color))
        return sign, name, what, iou, describe_shape(present)


def describe_item_change(change: ItemChange) -> str:
    """Return what differs, in a few words that take no comparing of objects."""
    if change.before is None or change.after is None:
        present = change.after or change.before
        count = len(present.annotation.objects) if present else 0
        return f"{count:,} object{'' if count == 1 else 's'}"
    words = [f"was {change.before.key}"] if change.renamed_from else []
    return ", ".join(
        words + [_describe_aspect(aspect, change.before, change.after) for aspect in change.aspects]
    )


def _describe_aspect(aspect: Aspect, before: Item, after: Item) -> str:
    match aspect:
        case Aspect.SPLIT:
            return f"{before.split}→{after.split}"
        case Aspect.OBJECTS:
            old, new = len(before.annotation.objects), len(after.annotation.objects)
            return f"objects {old:,}→{new:,}" if old != new else "objects"
        case _:
            return str(aspect)


def _find_empty(change: ItemChange | None) -> tuple[str, str]:
    if change is None:
        return NOT_READ
    return ("No objects", "") if change.before is None or change.after is None else SAME


def _draw_facts(change: ItemChange) -> Content:
    return Content.assemble((change.kind.value, "bold"), "  ", (describe_item_change(change), "$text-muted"))
