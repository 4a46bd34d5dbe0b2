"""What a dataset format can hold of an item, and what is lost of one that says more; no conversion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.item import Split

ANY_TAG = ("*",)
"""Every tag, whatever its name."""

CLASS_TAG = ("class",)
"""The first tag that is the name of a class, and no other."""

ALL_SPLITS = frozenset(Split)
SPLITS = frozenset({Split.TRAIN, Split.VAL, Split.TEST})

Values = Literal["none", "text", "typed"]
SplitFolders = Literal["none", "without", "any"]
Unit = Literal["item", "object", "tag", "keypoint", "class"]


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an exporter's format holds; nothing, unless it is said.

    `geometries` says as what each kind of shape is written: as itself, or converted; a kind that is
    missing is left out. Tags are ANY_TAG, CLASS_TAG, or names; with CLASS_TAG an item without such a
    tag is left out. A split that is not in `splits` becomes none; where none is missing as well, its
    items are left out. A dataset that is called like a split is taken for one by those who read the
    folder where `split_folders` says so: of items without a split, or of any. `precision` says how exactly
    coordinates come back.
    """

    geometries: Mapping[GeometryKind, GeometryKind]
    has_holes: bool = False  # in polygons; they are joined with the outline otherwise
    has_free_keypoints: bool = False  # each object its own; otherwise as the skeleton of the class
    has_keypoint_names: bool = True  # False: keypoints are points alone, those that are labelled
    has_several_skeletons: bool = True  # False: all classes share the number of keypoints
    has_visibility: bool = False  # of keypoints
    has_keypoint_boxes: bool = False  # the custom facts of keypoints.KEYPOINT_BOX
    is_clipped: bool = False  # nothing may lie outside of the image
    is_flat: bool = False  # a pixel belongs to one object: later ones cover earlier ones
    is_closed: bool = False  # objects of classes that the schema lacks have no place
    object_tags: tuple[str, ...] = ()
    object_values: Values = "none"
    valued_tags: tuple[str, ...] = ()  # of objects: those whose value is kept where others' are not
    item_tags: tuple[str, ...] = ()
    item_values: Values = "none"
    has_confidence: bool = False
    has_author: bool = False
    has_custom: bool = False  # of objects
    custom_texts: tuple[str, ...] = ()  # the texts of objects' custom data that are kept where others are not
    has_item_custom: bool = False
    has_unused_classes: bool = False  # False: classes are those of the objects
    has_class_colors: bool = False
    has_class_shapes: bool = False  # which kind of shape a class is for
    has_edges: bool = False  # of skeletons
    has_choices: bool = False  # the texts that a tag of objects may have
    has_tag_colors: bool = False
    splits: frozenset[Split] = ALL_SPLITS
    has_datasets: bool = False  # False: they become a part of the file's name
    split_folders: SplitFolders = "none"
    image_suffixes: frozenset[str] | None = None  # others are converted to PNG; None holds any
    precision: str = "exact"

    @property
    def needs_class(self) -> bool:
        """Whether an item without a class of its own has no place."""
        return self.item_tags == CLASS_TAG

    @property
    def has_keypoints(self) -> bool:
        return GeometryKind.KEYPOINTS in self.geometries


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a format cannot hold as it is: how often, and in how many items."""

    what: str  # "mask → rectangle", "tags of objects"
    count: int
    unit: Unit
    item_count: int  # 0 where it is of a definition
    is_left_out: bool  # it is gone; otherwise it is written in another form
    is_whole: bool = False  # whole items or objects are gone, not something that is said of them

    def __str__(self) -> str:
        verb = " left out" if self.is_left_out else ""
        plural = "es" if self.unit == "class" else "s"
        counted = f"{self.count:,} {self.unit}{plural * (self.count != 1)}"
        where = (
            ""
            if self.unit == "item" or not self.item_count
            else f" in {self.item_count:,} item{'s' * (self.item_count != 1)}"
        )
        return f"{self.what}{verb}: {counted}{where}"


EVERYTHING = Abilities(
    geometries={kind: kind for kind in GeometryKind},
    has_holes=True,
    has_free_keypoints=True,
    has_visibility=True,
    object_tags=ANY_TAG,
    object_values="typed",
    item_tags=ANY_TAG,
    item_values="typed",
    has_confidence=True,
    has_author=True,
    has_custom=True,
    has_item_custom=True,
    has_unused_classes=True,
    has_class_colors=True,
    has_class_shapes=True,
    has_edges=True,
    has_choices=True,
    has_tag_colors=True,
    has_datasets=True,
)
"""Nothing is lost."""


def keep(*kinds: GeometryKind) -> dict[GeometryKind, GeometryKind]:
    """Return the geometries of a format that holds these kinds, each as it is."""
    return {kind: kind for kind in kinds}
