"""What is put right without a person's eye: objects of an item, and copies of images."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from mlwf_tui.checks.objects import find_repeated
from mlwf_tui.checks.shapes import clip, has_area, is_inside
from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.finding import FindingKind
from mlwf_tui.entities.item import Item, Split

COPIES: Final = frozenset({FindingKind.LEAK, FindingKind.DUPLICATE_IMAGE})


def fix_objects(item: Item, kinds: Collection[FindingKind]) -> Item:
    """Return the item with its objects put right; the very same one where there is nothing to do."""
    objects: list[AnnotatedObject] = list(item.annotation.objects)
    if FindingKind.OUTSIDE in kinds:
        clipped = (_clip(labelled, item.width_px, item.height_px) for labelled in objects)
        objects = [labelled for labelled in clipped if labelled is not None]
    if FindingKind.NO_AREA in kinds:
        objects = [labelled for labelled in objects if has_area(labelled.geometry)]
    if FindingKind.DUPLICATE_OBJECT in kinds and len(objects) > 1:
        repeated = find_repeated(objects)
        objects = [labelled for number, labelled in enumerate(objects, start=1) if number not in repeated]
    if tuple(objects) == item.annotation.objects:
        return item
    return replace(item, annotation=replace(item.annotation, objects=tuple(objects)))


def _clip(labelled: AnnotatedObject, width_px: int, height_px: int) -> AnnotatedObject | None:
    geometry = labelled.geometry
    if not geometry.points or is_inside(geometry.bounds, width_px, height_px) or not has_area(geometry):
        return labelled
    clipped = clip(geometry, width_px, height_px)
    if clipped is geometry:
        return labelled
    return None if clipped is None else replace(labelled, geometry=clipped)


def choose_kept(copies: Sequence[Item]) -> Item:
    """Return which of several items of the same bytes to keep: one with labels, of these one in train."""
    return min(
        copies, key=lambda item: (not item.annotation.objects, item.split is not Split.TRAIN, item.key)
    )


def list_droppable(copies: Sequence[Item], kept: Item) -> list[Item]:
    """Return the copies that say nothing but what the kept one says: its labels, or none."""
    return [
        item
        for item in copies
        if item.key != kept.key and (not item.annotation.objects or is_labelled_alike(item, kept))
    ]


def is_labelled_alike(item: Item, other: Item) -> bool:
    """Say whether two items have the same objects, in whatever order."""
    return len(item.annotation.objects) == len(other.annotation.objects) and all(
        labelled in other.annotation.objects for labelled in item.annotation.objects
    )


def is_leaking(splits: Collection[Split]) -> bool:
    """Say whether copies of one image stand in several of train, val and test."""
    return len(set(splits) - {Split.NONE}) > 1
