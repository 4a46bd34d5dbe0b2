"""Three-way merging of items: what two sides made of one base, down to the single object; pure.

What only one side changed is taken from it, what both changed alike is taken once. The rest is a
conflict, which the caller's `decide` settles for one side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.change import ChangeKind, ItemChange, compare_objects
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.threeway import REMOVED, Decide, MergeConflict, Side, merge_maps

T = TypeVar("T")
Fates = Sequence[AnnotatedObject | None]
"""What became of each object of the base, in its order; None where it was removed."""

Arrival = tuple[Item | None, Item]
"""An item as it was in the base, and under the key that it came to."""

OBJECT_FIELDS = AnnotatedObject.__struct_fields__


def merge_items(base: Item | None, ours: Item | None, theirs: Item | None, decide: Decide) -> Item | None:
    """Return what an item becomes: place, pixels, split, tags, custom values and objects, each for itself.

    None stands for an item that is not there. Its key is part of it: one side may rename an item that
    the other annotates. Objects are of the pixels that they were drawn on: two images that came under
    one name are one conflict, and where both sides changed the pixels the objects go with those chosen.
    """
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if ours is not None and theirs is not None and (base is not None or ours.blob == theirs.blob):
        return _ItemMerge(base, ours, theirs, decide).merge()
    key = next(item.key for item in (base, ours, theirs) if item is not None)
    conflict = MergeConflict(
        key=key, item=key, what="item", ours=_tell_item(base, ours), theirs=_tell_item(base, theirs)
    )
    return ours if decide(conflict) is Side.OURS else theirs


def settle_key(ours: Arrival, theirs: Arrival, decide: Decide) -> Side:
    """Decide which of two items, one of either side, gets the key that both came under.

    Two that are the same are no conflict.
    """
    key = ours[1].key
    if ours[1] == theirs[1]:
        return Side.OURS
    words = _tell_arrival(ours, theirs), _tell_arrival(theirs, ours)
    return decide(MergeConflict(key=key, item=key, what="item", ours=words[0], theirs=words[1]))


class _ItemMerge:
    """One item that both sides have, and changed, or added, differently."""

    def __init__(self, base: Item | None, ours: Item, theirs: Item, decide: Decide) -> None:
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self.key = (base or ours).key
        self._decide = decide
        self._object_conflicts = 0

    def merge(self) -> Item:
        dataset, name = self._merge_aspect("name", lambda item: (item.dataset, item.name), "/".join)
        pictured, objects = self._merge_picture()
        return Item(
            dataset=dataset,
            name=name,
            blob=pictured.blob,
            size_bytes=pictured.size_bytes,
            width_px=pictured.width_px,
            height_px=pictured.height_px,
            split=self._merge_aspect("split", lambda item: item.split, str),
            annotation=Annotation(objects, self._merge_tags(), self._merge_custom()),
            origins=pictured.origins,
        )

    def _merge_picture(self) -> tuple[Item, tuple[AnnotatedObject, ...]]:
        """Return the side that the pixels are taken from, and the objects on them."""
        before = None if self.base is None else self.base.blob
        is_one_frame = _read_size(self.ours) == _read_size(self.theirs)
        if self.ours.blob == self.theirs.blob or (is_one_frame and self.theirs.blob == before):
            return self.ours, self._merge_objects()
        if is_one_frame and self.ours.blob == before:
            return self.theirs, self._merge_objects()
        blob, objects = self._merge_aspect(
            "pixels",
            lambda item: (item.blob, item.annotation.objects),
            lambda picture: _tell_picture(self.ours if picture[0] == self.ours.blob else self.theirs),
        )
        return self.ours if blob == self.ours.blob else self.theirs, objects

    def _merge_aspect(self, what: str, read: Callable[[Item], T], tell: Callable[[T], str]) -> T:
        mine, other = read(self.ours), read(self.theirs)
        before = None if self.base is None else read(self.base)
        if mine in (other, before):
            return other
        if other == before or self._settle(what, tell(mine), tell(other)) is Side.OURS:
            return mine
        return other

    def _merge_tags(self) -> tuple[Tag, ...]:
        def settle(name: str, mine: tuple[Tag, ...] | None, other: tuple[Tag, ...] | None) -> Side:
            return self._settle(f"tag {name}", _tell_tags(mine), _tell_tags(other))

        sides = [_group_tags(item) for item in (self.base, self.ours, self.theirs)]
        merged = merge_maps(sides[0], sides[1], sides[2], settle)
        return tuple(tag for tags in merged.values() for tag in tags)

    def _merge_custom(self) -> dict[str, str | float | bool]:
        def settle(key: str, mine: str | float | bool | None, other: str | float | bool | None) -> Side:
            return self._settle(f"custom {key}", _tell_custom(mine), _tell_custom(other))

        sides = [item.annotation.custom if item else {} for item in (self.base, self.ours, self.theirs)]
        return merge_maps(sides[0], sides[1], sides[2], settle)

    def _merge_objects(self) -> tuple[AnnotatedObject, ...]:
        """Merge what became of each object of the base, then what each side added, ours first."""
        ours, theirs = self.ours.annotation.objects, self.theirs.annotation.objects
        before = self.base.annotation.objects if self.base else ()
        if ours == theirs or theirs == before:
            return ours
        if ours == before:
            return theirs
        our_fates, our_new = _trace(before, ours)
        their_fates, their_new = _trace(before, theirs)
        doubles, their_own = _trace(our_new, their_new)
        merged: list[AnnotatedObject | None] = [
            self._merge_object(*fates) for fates in zip(before, our_fates, their_fates, strict=True)
        ]
        merged += [
            mine if other is None else self._merge_object(None, mine, other)
            for mine, other in zip(our_new, doubles, strict=True)
        ]
        return tuple(labelled for labelled in (*merged, *their_own) if labelled is not None)

    def _merge_object(
        self, before: AnnotatedObject | None, mine: AnnotatedObject | None, other: AnnotatedObject | None
    ) -> AnnotatedObject | None:
        if mine == other or other == before:
            return mine
        if mine == before:
            return other
        if before is not None and mine is not None and other is not None:
            merged = _merge_fields(before, mine, other)
            if merged is not None:
                return merged
        self._object_conflicts += 1
        what = f"object {self._object_conflicts}"
        return mine if self._settle(what, _tell_object(mine), _tell_object(other)) is Side.OURS else other

    def _settle(self, what: str, mine: str, other: str) -> Side:
        key = f"{self.key}#{what.replace(' ', '-')}"
        return self._decide(MergeConflict(key=key, item=self.key, what=what, ours=mine, theirs=other))


def _trace(
    before: Sequence[AnnotatedObject], after: Sequence[AnnotatedObject]
) -> tuple[Fates, list[AnnotatedObject]]:
    """Return what became of each object, and which were added."""
    fates: list[AnnotatedObject | None] = list(before)
    places: defaultdict[int, list[int]] = defaultdict(list)  # equal objects may be one and the same
    for place, labelled in enumerate(before):
        places[id(labelled)].append(place)
    added: list[AnnotatedObject] = []
    for change in compare_objects(before, after):
        if change.before is not None:
            fates[places[id(change.before)].pop()] = change.after
        elif change.after is not None:
            added.append(change.after)
    return fates, added


def _merge_fields(
    before: AnnotatedObject, mine: AnnotatedObject, other: AnnotatedObject
) -> AnnotatedObject | None:
    """Return the object with what each side changed of it, or None where both changed the same field."""
    merged = {}
    for name in OBJECT_FIELDS:
        old, my_value, other_value = (getattr(side, name) for side in (before, mine, other))
        if my_value != other_value and old not in (my_value, other_value):
            return None
        merged[name] = other_value if my_value == old else my_value
    return AnnotatedObject(**merged)


def _group_tags(item: Item | None) -> dict[str, tuple[Tag, ...]]:
    grouped: dict[str, tuple[Tag, ...]] = {}
    for tag in item.annotation.tags if item else ():
        grouped[tag.name] = (*grouped.get(tag.name, ()), tag)
    return grouped


def _read_size(item: Item) -> tuple[int, int]:
    return item.width_px, item.height_px


def _tell_picture(item: Item) -> str:
    count = len(item.annotation.objects)
    objects = f"{count:,} object{'' if count == 1 else 's'}"
    return f"{item.width_px}×{item.height_px} px, {item.size_bytes:,} bytes, {item.blob[:8]}, {objects}"


def _tell_item(base: Item | None, item: Item | None) -> str:
    if item is None:
        return REMOVED
    if base is None:
        return f"added, {_tell_picture(item)}"
    change = ItemChange(ChangeKind.CHANGED, item.key, base, item)
    is_renamed = base is not None and base.key != item.key
    words = [f"renamed to {item.key}"] if is_renamed else []
    return ", ".join([*words, *([change.detail] if change.detail else [])])


def _tell_arrival(arrival: Arrival, other: Arrival) -> str:
    """Return how an item came under its key, and what becomes of the other where it gets it."""
    came = _tell_item(None, arrival[1]) if arrival[0] is None else f"renamed from {arrival[0].key}"
    return f"{came}; {f'{other[0].key} keeps its name' if other[0] else 'the new one goes'}"


def _tell_tags(tags: tuple[Tag, ...] | None) -> str:
    if tags is None:
        return REMOVED
    return ", ".join(tag.name if tag.value is None else f"{tag.name}={tag.value}" for tag in tags)


def _tell_custom(value: str | float | bool | None) -> str:
    return REMOVED if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _tell_object(labelled: AnnotatedObject | None) -> str:
    if labelled is None:
        return REMOVED
    place = ""
    if labelled.geometry.points:
        left, top, right, bottom = labelled.geometry.bounds
        place = f" at {left:g},{top:g} to {right:g},{bottom:g}"
    return f"{labelled.class_name} {labelled.geometry.kind.replace('_', ' ')}{place}"
