"""What differs between two project states, and the journal of what was changed by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, ClassDefinition, Tag, TagDefinition
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.pairing import LabelledBox, pair_by_key, pair_by_overlap

MAX_DETAILS = 6  # words on one item; the rest is counted


class ChangeKind(StrEnum):
    """How an item, a class or a tag differs between two states; only items are found renamed."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


class ObjectChangeKind(StrEnum):
    """How an object differs; the first that fits, in the order moved, relabelled, retagged, changed."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"  # same class, other geometry, IoU of the bounds at least one half
    RELABELLED = "relabelled"  # other class, same geometry or IoU of the bounds at least one half
    RETAGGED = "retagged"  # same class and geometry, other tags
    CHANGED = "changed"  # same class, geometry and tags; other confidence, author or custom values


class Aspect(StrEnum):
    """One side of an item that can differ."""

    PIXELS = "pixels"
    SIZE = "size"
    SPLIT = "split"
    TAGS = "tags"
    CUSTOM = "custom"
    OBJECTS = "objects"


class ObjectChange(msgspec.Struct, frozen=True):
    """One object that differs; `before` is None where it was added, `after` where it was removed."""

    kind: ObjectChangeKind
    before: AnnotatedObject | None
    after: AnnotatedObject | None
    iou: float  # of the bounds; 1 for equal geometry, 0 where one side is missing

    @property
    def is_reshaped(self) -> bool:
        """Whether it counts as moved and has become another kind of shape."""
        return self.kind is ObjectChangeKind.MOVED and len(self._shapes) > 1

    @property
    def word(self) -> str:
        """The kind, or `reshaped`."""
        return "reshaped" if self.is_reshaped else self.kind.value

    @property
    def title(self) -> str:
        """The kind and the class: `moved car`, `relabelled dog→cat`, `reshaped car polygon → rectangle`."""
        names = dict.fromkeys(side.class_name for side in (self.before, self.after) if side is not None)
        shapes = f" {' → '.join(self._shapes).replace('_', ' ')}" if self.is_reshaped else ""
        return f"{self.word} {'→'.join(names)}{shapes}"

    @property
    def _shapes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(side.geometry.kind.value for side in (self.before, self.after) if side))


def compare_objects(
    before: Sequence[AnnotatedObject], after: Sequence[AnnotatedObject]
) -> tuple[ObjectChange, ...]:
    """Return how objects became others, those of `before` in their order, then the added in theirs.

    Equal objects are passed over, wherever they stand. The rest is paired by class and geometry, by
    geometry, and last by IoU of the bounds, a pair of one class before one of two.
    """
    if not before or not after:  # most items of a large diff are new
        removed = [ObjectChange(ObjectChangeKind.REMOVED, labelled, None, 0.0) for labelled in before]
        return (*removed, *(ObjectChange(ObjectChangeKind.ADDED, None, labelled, 0.0) for labelled in after))
    _, old, new = pair_by_key(list(enumerate(before)), list(enumerate(after)), _identify)
    unmoved, old, new = pair_by_key(old, new, lambda entry: (entry[1].class_name, entry[1].geometry))
    covering, old, new = pair_by_key(old, new, lambda entry: entry[1].geometry)
    pairs = [(left, right, 1.0) for (left, _), (right, _) in (*unmoved, *covering)]
    pairs += pair_by_overlap(_list_boxes(old), _list_boxes(new))
    come = {right for right, _ in new} - {right for _, right, _ in pairs}
    changes = {left: ObjectChange(ObjectChangeKind.REMOVED, entry, None, 0.0) for left, entry in old}
    changes |= {left: _compare_pair(before[left], after[right], iou) for left, right, iou in pairs}
    ordered = [changes[left] for left in sorted(changes)]
    added = [ObjectChange(ObjectChangeKind.ADDED, None, after[right], 0.0) for right in sorted(come)]
    return (*ordered, *added)


def _identify(entry: tuple[int, AnnotatedObject]) -> tuple[object, ...]:
    """Return what two objects have in common if and only if they are equal, and can be hashed."""
    _, labelled = entry
    custom = tuple(sorted(labelled.custom.items()))
    return labelled.class_name, labelled.geometry, labelled.confidence, labelled.author, labelled.tags, custom


def _list_boxes(entries: Iterable[tuple[int, AnnotatedObject]]) -> list[LabelledBox]:
    return [
        (place, labelled.class_name, labelled.geometry.bounds)
        for place, labelled in entries
        if labelled.geometry.points
    ]


def _compare_pair(before: AnnotatedObject, after: AnnotatedObject, iou: float) -> ObjectChange:
    kind = ObjectChangeKind.CHANGED
    if before.class_name != after.class_name:
        kind = ObjectChangeKind.RELABELLED
    elif before.geometry != after.geometry:
        kind = ObjectChangeKind.MOVED
    elif before.tags != after.tags:
        kind = ObjectChangeKind.RETAGGED
    return ObjectChange(kind, before, after, iou)


class ItemChange(msgspec.Struct, frozen=True):
    """One item that differs; `before` is None where it was added, `after` where it was removed.

    A renamed item has the same blob under another key: `key` is the new one, `before.key` the old.
    """

    kind: ChangeKind
    key: str
    before: Item | None
    after: Item | None

    @property
    def renamed_from(self) -> str | None:
        """The old key of a renamed item."""
        return self.before.key if self.kind is ChangeKind.RENAMED and self.before else None

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """The sides that differ, where the item is on both sides."""
        if self.before is None or self.after is None:
            return ()
        return tuple(aspect for aspect in Aspect if _differs(aspect, self.before, self.after))

    @property
    def detail(self) -> str:
        """What differs, in a few words: `split train → val, moved car (IoU 0.81), relabelled dog→cat`."""
        if self.before is None or self.after is None:
            present = self.after or self.before
            count = len(present.annotation.objects) if present else 0
            return f"{count} object{'' if count == 1 else 's'}"
        parts = [_describe_aspect(aspect, self.before, self.after) for aspect in self.aspects]
        if Aspect.OBJECTS in self.aspects:
            parts[-1:] = _describe_objects(self.compare_objects())
        hidden = len(parts) - MAX_DETAILS
        return ", ".join(parts if hidden <= 0 else [*parts[:MAX_DETAILS], f"{hidden} more"])

    def compare_objects(self) -> tuple[ObjectChange, ...]:
        """Return how its objects differ; all of them are added or removed where the item is."""
        before = self.before.annotation.objects if self.before else ()
        after = self.after.annotation.objects if self.after else ()
        return compare_objects(before, after)


def _differs(aspect: Aspect, before: Item, after: Item) -> bool:
    match aspect:
        case Aspect.PIXELS:
            return before.blob != after.blob
        case Aspect.SIZE:
            return (before.width_px, before.height_px) != (after.width_px, after.height_px)
        case Aspect.SPLIT:
            return before.split != after.split
        case Aspect.TAGS:
            return before.annotation.tags != after.annotation.tags
        case Aspect.CUSTOM:
            return before.annotation.custom != after.annotation.custom
        case Aspect.OBJECTS:
            return before.annotation.objects != after.annotation.objects


def _describe_aspect(aspect: Aspect, before: Item, after: Item) -> str:
    match aspect:
        case Aspect.SIZE:
            return f"{before.width_px}×{before.height_px} → {after.width_px}×{after.height_px} px"
        case Aspect.SPLIT:
            return f"split {before.split} → {after.split}"
        case Aspect.TAGS:
            return f"tags {describe_tags(before.annotation.tags, after.annotation.tags)}"
        case Aspect.CUSTOM:
            return f"custom {describe_custom(before.annotation.custom, after.annotation.custom)}"
        case Aspect.PIXELS | Aspect.OBJECTS:
            return str(aspect)


def describe_tags(before: Sequence[Tag], after: Sequence[Tag]) -> str:
    """Return which tags went and came: `-day +night`."""
    _, gone, come = pair_by_key(before, after, lambda tag: tag)
    words = [f"-{_describe_tag(tag)}" for tag in gone] + [f"+{_describe_tag(tag)}" for tag in come]
    return " ".join(words) or "in another order"


def describe_custom(before: Mapping[str, str | float | bool], after: Mapping[str, str | float | bool]) -> str:
    """Return which custom values went and came: `-lens=3 +lens=4`."""
    return describe_tags(
        [Tag(key, _to_word(before[key])) for key in sorted(before)],
        [Tag(key, _to_word(after[key])) for key in sorted(after)],
    )


def _to_word(value: str | float | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe_class(definition: ClassDefinition) -> str:
    """Return colour, shape and skeleton of a class: `#ff0000, keypoints, nodes nose eye, edges nose-eye`."""
    words = [definition.color, definition.geometry or "any shape"]
    if definition.nodes or definition.edges:
        edges = " ".join("-".join(edge) for edge in definition.edges)
        words.append(f"nodes {' '.join(definition.nodes)}, edges {edges or 'none'}")
    return ", ".join(words)


def describe_tag_definition(definition: TagDefinition) -> str:
    """Return what a tag may be: `choice of red, blue; for objects; #ff0000`."""
    words = [definition.value_type]
    if definition.values:
        words[0] += f" of {', '.join(definition.values)}"
    if definition.target != "any":
        words.append(f"for {definition.target}")
    return "; ".join([*words, *([definition.color] if definition.color else [])])


def _describe_tag(tag: Tag) -> str:
    return tag.name if tag.value is None else f"{tag.name}={tag.value}"


def _describe_objects(changes: Sequence[ObjectChange]) -> list[str]:
    """Return one part for each kind and class: `moved car ×3 (IoU 0.62-0.97)`."""
    groups: dict[str, list[ObjectChange]] = {}
    for change in changes:
        groups.setdefault(change.title, []).append(change)
    parts = [_describe_group(title, group) for title, group in groups.items()]
    return parts or ["objects in another order"]


def _describe_group(title: str, group: Sequence[ObjectChange]) -> str:
    times = f" ×{len(group)}" if len(group) > 1 else ""
    lowest, highest = min(c.iou for c in group), max(c.iou for c in group)
    match group[0].kind:
        case ObjectChangeKind.MOVED:
            spread = f"{lowest:.2f}" if f"{lowest:.2f}" == f"{highest:.2f}" else f"{lowest:.2f}-{highest:.2f}"
            return f"{title}{times} (IoU {spread})"
        case ObjectChangeKind.RETAGGED if len(group) == 1 and group[0].before and group[0].after:
            return f"{title} ({describe_tags(group[0].before.tags, group[0].after.tags)})"
        case _:
            return f"{title}{times}"


class ClassChange(msgspec.Struct, frozen=True):
    """One class whose definition differs, or whose objects do; counted over the differing items."""

    name: str
    kind: ChangeKind  # of the definition; CHANGED too where only objects differ
    objects_added: int = 0
    objects_removed: int = 0
    objects_moved: int = 0
    objects_relabelled_in: int = 0  # that had another class before
    objects_relabelled_out: int = 0  # that have another class now
    objects_changed: int = 0  # retagged, or other confidence, author or custom values
    objects_reshaped: int = 0  # of those moved: that are another kind of shape now
    before: ClassDefinition | None = None
    after: ClassDefinition | None = None


class TagChange(msgspec.Struct, frozen=True):
    """One tag whose definition differs."""

    name: str
    kind: ChangeKind
    before: TagDefinition | None
    after: TagDefinition | None


class DatasetChange(msgspec.Struct, frozen=True):
    """How many items of one dataset differ; a renamed item counts where it is now."""

    name: str
    items_added: int
    items_removed: int
    items_renamed: int
    items_changed: int


class SplitChange(msgspec.Struct, frozen=True):
    """How many items went from one split to another; None where they were added or removed."""

    before: Split | None
    after: Split | None
    count: int


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between two states; `items` in key order, the renamed at their new keys."""

    before: str  # the refs as given; empty for the state before the first
    after: str
    items: tuple[ItemChange, ...]  # all, or the first ones where only so many were wanted
    classes: tuple[ClassChange, ...]
    tags: tuple[TagChange, ...] = ()
    datasets: tuple[DatasetChange, ...] = ()
    splits: tuple[SplitChange, ...] = ()
    aspects: Mapping[Aspect, int] = {}  # how many changed items differ in each
    left_out: Mapping[ChangeKind, int] = {}  # what is not in `items`, counted
    is_class_order_changed: bool = False  # classes that both have stand in another order

    @property
    def is_same(self) -> bool:
        """Whether nothing differs at all."""
        differing = (self.items, self.left_out, self.classes, self.tags, self.is_class_order_changed)
        return not any(differing)

    def count(self, kind: ChangeKind) -> int:
        """Return how many items differ in that way, whether they are listed or not."""
        return sum(change.kind == kind for change in self.items) + self.left_out.get(kind, 0)


class JournalEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One committed change; `sequence` grows without gaps that matter, so a reader can follow."""

    sequence: int
    at: datetime
    kind: str  # project.created, head.moved, version.created, run.started, run.finished, …
    subject: str  # the id of what changed
    author: str
    payload: Mapping[str, str]
