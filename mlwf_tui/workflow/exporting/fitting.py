"""Makes items fit a format: what it cannot hold is converted or left out, and counted; not a verb.

The one place that does both, so that what a dry run announces is what the exporter gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, Loss, Unit, Values
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.ignored import CROWD, is_crowd
from mlwf_tui.entities.item import SPLIT_WORDS, Item, Split
from mlwf_tui.entities.keypoints import KEYPOINT_BOX, list_visibility
from mlwf_tui.media.conversions import (
    clip_geometry,
    convert_geometry,
    cover_masks,
    draw_geometry,
    join_holes,
)

_PLURALS = {
    GeometryKind.RECTANGLE: "rectangles",
    GeometryKind.POLYGON: "polygons",
    GeometryKind.MASK: "masks",
    GeometryKind.POLYLINE: "polylines",
    GeometryKind.POINT: "points",
    GeometryKind.KEYPOINTS: "keypoints",
    GeometryKind.ORIENTED_BOX: "oriented boxes",
}
_MISSING = ((0.0, 0.0), Visibility.MISSING)
Custom = Mapping[str, str | float | bool]
_Loses = Literal["whole", "part", "form"]


@dataclass(slots=True)
class _Count:
    count: int = 0
    item_count: int = 0
    last_item: int = 0


@dataclass(slots=True)
class Fitter:
    """Fits items to one format, and remembers what that cost. `schema` is the one they are written with."""

    abilities: Abilities
    schema: LabelSchema
    item_count: int = 0  # of those that fit
    object_count: int = 0
    used_classes: set[str] = field(default_factory=set)  # of what fits
    _seen: int = 0
    _counts: dict[tuple[str, Unit, _Loses], _Count] = field(default_factory=dict)
    _classes: dict[str, ClassDefinition] = field(init=False)
    _node_count: int = field(init=False)  # of keypoints, where all classes have the same number

    def __post_init__(self) -> None:
        self._classes = {definition.name: definition for definition in self.schema.classes}
        counts = [len(definition.nodes) for definition in self.schema.classes]
        self._node_count = max(counts, default=0)

    def has_place(self, item: Item) -> bool:
        """Say whether `fit` will return an item; nothing is counted."""
        splits = self.abilities.splits
        if item.split not in splits and Split.NONE not in splits:
            return False
        return not self.abilities.needs_class or self._find_class(item.annotation) is not None

    def fit(self, item: Item) -> Item | None:
        """Return an item as the format holds it, or None where it has no place in it."""
        self._seen += 1
        split = self._fit_split(item.split)
        if split is None:
            return None
        tags = self._fit_item_tags(item.annotation)
        if self.abilities.needs_class and not tags:
            self._drop("items without a tag that is a class", "item")
            return None
        objects = tuple(filter(None, (self._fit_object(o, item) for o in item.annotation.objects)))
        if self.abilities.is_flat:
            objects = self._flatten(objects, item)
        custom = item.annotation.custom
        if custom and not self.abilities.has_item_custom:
            self._lose("custom data of items", "item")
            custom = {}
        if not self.abilities.has_datasets and item.dataset != "main":
            self._change("dataset → part of the file's name", "item")
        if self.abilities.split_folders != "none" and self._is_read_as_split(item):
            self._change("dataset called like a split → read as that split", "item")
        self._check_suffix(item.name)
        self.item_count += 1
        self.object_count += len(objects)
        self.used_classes.update([labelled.class_name for labelled in objects])
        if self.abilities.needs_class:
            self.used_classes.add(tags[0].name)
        return replace(item, split=split, annotation=Annotation(objects, tags, custom))

    def list_losses(self) -> tuple[Loss, ...]:
        """Return what was lost so far: first what is gone, then what is written otherwise."""
        losses = [
            Loss(
                what=what,
                count=counted.count,
                unit=unit,
                item_count=counted.item_count,
                is_left_out=loses != "form",
                is_whole=loses == "whole",
            )
            for (what, unit, loses), counted in self._counts.items()
        ]
        return tuple(sorted(losses, key=lambda loss: (not loss.is_left_out, loss.what)))

    # --- items ---------------------------------------------------------------------------------

    def _check_suffix(self, name: str) -> None:
        known, suffix = self.abilities.image_suffixes, Path(name).suffix.lower()
        if known is not None and suffix not in known:
            self._change(f"{suffix or 'image without a suffix'} → PNG of its first picture", "item")

    def _is_read_as_split(self, item: Item) -> bool:
        top, folders = item.dataset.partition("/")[0].lower(), self.abilities.split_folders
        return top in SPLIT_WORDS and (folders == "any" or item.split is Split.NONE)

    def _fit_split(self, split: Split) -> Split | None:
        if split in self.abilities.splits:
            return split
        if Split.NONE in self.abilities.splits:
            self._lose("splits", "item")
            return Split.NONE
        self._drop(f"items of split {split}" if split is not Split.NONE else "items without a split", "item")
        return None

    def _fit_item_tags(self, annotation: Annotation) -> tuple[Tag, ...]:
        abilities = self.abilities
        if not abilities.needs_class:
            return self._fit_tags(annotation.tags, abilities.item_tags, abilities.item_values, "items")
        found = self._find_class(annotation)
        if found is None:
            return ()
        if len(annotation.tags) > 1:
            self._lose("tags of items", "tag", len(annotation.tags) - 1)
        return (Tag(found.name),)

    def _find_class(self, annotation: Annotation) -> Tag | None:
        """Return the first tag of an item that is a class."""
        return next((tag for tag in annotation.tags if tag.name in self._classes), None)

    def _fit_tags(
        self, tags: tuple[Tag, ...], names: tuple[str, ...], values: Values, of_what: str
    ) -> tuple[Tag, ...]:
        if not tags:
            return ()
        kept = tags if names == ANY_TAG else tuple(tag for tag in tags if tag.name in names)
        if len(kept) < len(tags):
            self._lose(f"tags of {of_what}", "tag", len(tags) - len(kept))
        return tuple(self._fit_value(tag, values, of_what) for tag in kept)

    def _fit_value(self, tag: Tag, values: Values, of_what: str) -> Tag:
        if tag.value is None or values == "typed":
            return tag
        if values == "text":
            if not isinstance(tag.value, str):
                self._change(f"numbers in tags of {of_what} → text", "tag")
            return Tag(tag.name, str(tag.value))
        if of_what == "objects" and tag.name in self.abilities.valued_tags and _is_usual(tag):
            return tag
        self._lose(f"values of tags of {of_what}", "tag")
        return Tag(tag.name)

    # --- objects -------------------------------------------------------------------------------

    def _fit_object(self, labelled: AnnotatedObject, item: Item) -> AnnotatedObject | None:
        abilities = self.abilities
        if abilities.is_closed and labelled.class_name not in self._classes:
            self._drop("objects of classes that the project lacks", "object")
            return None
        if is_crowd(labelled) and abilities.object_tags != ANY_TAG and CROWD not in abilities.object_tags:
            self._drop("crowds (iscrowd)", "object")
            return None
        geometry = self._fit_geometry(labelled, item)
        if geometry is None:
            return None
        confidence, author, custom = labelled.confidence, labelled.author, labelled.custom
        if confidence is not None and not abilities.has_confidence:
            self._lose("confidence", "object")
            confidence = None
        if author and not abilities.has_author:
            self._lose("authors", "object")
            author = ""
        if custom and not abilities.has_custom:
            custom = self._fit_custom(custom, geometry)
        tags = self._fit_tags(labelled.tags, abilities.object_tags, abilities.object_values, "objects")
        return AnnotatedObject(labelled.class_name, geometry, confidence, author, tags, custom)

    def _fit_custom(self, custom: Custom, geometry: Geometry) -> Custom:
        is_boxed = self.abilities.has_keypoint_boxes and geometry.kind is GeometryKind.KEYPOINTS
        texts = self.abilities.custom_texts
        kept = {
            name: value
            for name, value in custom.items()
            if (is_boxed and name in KEYPOINT_BOX) or (name in texts and isinstance(value, str))
        }
        if len(kept) < len(custom):
            self._lose("custom data of objects", "object")
        return kept

    def _fit_geometry(self, labelled: AnnotatedObject, item: Item) -> Geometry | None:
        kind = labelled.geometry.kind
        target = self.abilities.geometries.get(kind)
        if target is None:
            self._drop(f"objects that are {_PLURALS[kind]}", "object")
            return None
        geometry = labelled.geometry
        if kind is GeometryKind.KEYPOINTS:
            fitted = self._fit_keypoints(labelled)
            if fitted is None:
                return None
            geometry = fitted
        if target is not kind:
            if target is GeometryKind.MASK:
                return self._draw(geometry, item)
            self._change(f"{kind} → {target}".replace("_", " "), "object")
            geometry = convert_geometry(geometry, target)
        if geometry.holes and not self.abilities.has_holes:
            self._change("polygon with holes → one outline around them", "object")
            geometry = join_holes(geometry)
        return self._clip(geometry, item) if self.abilities.is_clipped else geometry

    def _fit_keypoints(self, labelled: AnnotatedObject) -> Geometry | None:
        if not self.abilities.has_free_keypoints:
            geometry = self._arrange(labelled)
        elif not self.abilities.has_keypoint_names:
            geometry = self._keep_labelled(labelled.geometry)
        else:
            return labelled.geometry
        if not any(list_visibility(geometry)):
            self._drop("keypoints of which none is labelled", "object")
            return None
        return geometry

    def _draw(self, geometry: Geometry, item: Item) -> Geometry | None:
        mask = draw_geometry(geometry, item.width_px, item.height_px)
        if mask is None:
            self._drop("objects that cover no pixel", "object")
        else:
            self._change(f"{geometry.kind} → mask".replace("_", " "), "object")
        return mask

    def _flatten(self, objects: tuple[AnnotatedObject, ...], item: Item) -> tuple[AnnotatedObject, ...]:
        """Return objects that are masks without what later ones cover of them."""
        kept = []
        masks = [labelled.geometry for labelled in objects]
        for labelled, mask in zip(objects, cover_masks(masks, item.width_px, item.height_px), strict=True):
            if mask is None:
                self._drop("objects that others cover", "object")
                continue
            if mask != labelled.geometry:
                self._change("masks that others cover → what is left of them", "object")
            kept.append(replace(labelled, geometry=mask))
        return tuple(kept)

    def _clip(self, geometry: Geometry, item: Item) -> Geometry | None:
        clipped = clip_geometry(geometry, item.width_px, item.height_px)
        if clipped is None:
            self._drop("objects outside of their image", "object")
        elif clipped != geometry:
            self._change("objects that leave their image → cut at its border", "object")
        return clipped

    def _arrange(self, labelled: AnnotatedObject) -> Geometry:
        """Return keypoints in the order of their class's skeleton, one for each node."""
        geometry = labelled.geometry
        definition = self._classes.get(labelled.class_name)
        nodes = definition.nodes if definition else ()
        is_in_order = not any(geometry.names) and len(geometry.points) == len(nodes)
        names = nodes if is_in_order else name_keypoints(geometry)
        found = dict(zip(names, zip(geometry.points, list_visibility(geometry), strict=True), strict=True))
        unknown = len(geometry.points) - sum(node in found for node in nodes)
        if unknown:
            self._lose("keypoints that the skeleton lacks", "keypoint", unknown)
        if not self.abilities.has_several_skeletons:
            nodes = (*nodes, *(str(number) for number in range(len(nodes) + 1, self._node_count + 1)))
        ordered = [found.get(node, _MISSING) for node in nodes]
        visibility = tuple(seen for _, seen in ordered)
        if set(visibility) == {Visibility.VISIBLE} and not geometry.visibility:
            visibility = ()
        if visibility and not self.abilities.has_visibility:
            self._lose("visibility of keypoints", "object")
            visibility = ()
        points = tuple(point for point, _ in ordered)
        return Geometry(GeometryKind.KEYPOINTS, points, names=nodes, visibility=visibility)

    def _keep_labelled(self, geometry: Geometry) -> Geometry:
        """Return the keypoints that are labelled, without what is said of them."""
        visibility = list_visibility(geometry)
        labelled = [at for at, seen in enumerate(visibility) if seen is not Visibility.MISSING]
        if missing := len(visibility) - len(labelled):
            self._lose("keypoints that are missing", "keypoint", missing)
        if any(visibility[at] is not Visibility.VISIBLE for at in labelled):
            self._lose("visibility of keypoints", "object")
        if any(geometry.names):
            self._lose("names of keypoints", "object")
        return Geometry(GeometryKind.KEYPOINTS, tuple(geometry.points[at] for at in labelled))

    # --- counting ------------------------------------------------------------------------------

    def _drop(self, what: str, unit: Unit) -> None:
        self._add(what, unit, "whole", 1)

    def _lose(self, what: str, unit: Unit, count: int = 1) -> None:
        self._add(what, unit, "part", count)

    def _change(self, what: str, unit: Unit) -> None:
        self._add(what, unit, "form", 1)

    def _add(self, what: str, unit: Unit, loses: _Loses, count: int) -> None:
        entry = self._counts.setdefault((what, unit, loses), _Count())
        entry.count += count
        entry.item_count += entry.last_item != self._seen
        entry.last_item = self._seen


def _is_usual(tag: Tag) -> bool:
    """Say whether a tag has the kind of value that its name asks for: groups and tracks are numbered."""
    if tag.name in ("group", "track"):
        return isinstance(tag.value, int | float) and float(tag.value).is_integer()
    return isinstance(tag.value, str)


def make_fitter(
    abilities: Abilities, schema: LabelSchema, iter_items: Callable[[], Iterable[Item]]
) -> Fitter:
    """Return what fits items to a format.

    The items are read once for it where the format begins with what the schema may lack.
    """
    if abilities.has_keypoints and not abilities.has_free_keypoints:
        schema = complete_schema(schema, iter_items())
    return Fitter(abilities, schema)


def complete_schema(schema: LabelSchema, items: Iterable[Item]) -> LabelSchema:
    """Return the schema with what it does not declare and items have, for formats that begin with it.

    Classes without a skeleton get the nodes of their objects' keypoints; tags that are not declared are
    appended, with the values and the target that they were seen with. A declared one that items might have
    and none has is one of objects: formats write tags of items beside the classes, as which they come back.
    """
    nodes: dict[str, dict[str, None]] = {c.name: {} for c in schema.classes if not c.nodes}
    known = {definition.name for definition in schema.tags}
    found: dict[str, TagDefinition] = {}
    of_items: set[str] = set()
    for item in items:
        for tag in item.annotation.tags:
            of_items.add(tag.name)
            if tag.name not in known:
                _note_tag(found, tag, "items")
        for labelled in item.annotation.objects:
            if labelled.geometry.kind is GeometryKind.KEYPOINTS and labelled.class_name in nodes:
                nodes[labelled.class_name].update(dict.fromkeys(name_keypoints(labelled.geometry)))
            for tag in labelled.tags:
                if tag.name not in known:
                    _note_tag(found, tag, "objects")
    classes = tuple(replace(c, nodes=tuple(nodes.get(c.name) or c.nodes)) for c in schema.classes)
    declared = (
        replace(tag, target="objects") if tag.target == "any" and tag.name not in of_items else tag
        for tag in schema.tags
    )
    return LabelSchema(classes, (*declared, *found.values()))


def _note_tag(found: dict[str, TagDefinition], tag: Tag, target: str) -> None:
    kind = "none" if tag.value is None else "text" if isinstance(tag.value, str) else "number"
    before = found.get(tag.name)
    if before is not None:
        kinds = {kind, before.value_type} - {"none"}
        kind = kinds.pop() if len(kinds) == 1 else "text" if kinds else "none"
        target = target if before.target == target else "any"
    found[tag.name] = TagDefinition(tag.name, kind, target=target)


def name_keypoints(geometry: Geometry) -> tuple[str, ...]:
    """Return a name for each keypoint: its own, or its number from 1 on."""
    numbered = tuple(str(number) for number in range(1, len(geometry.points) + 1))
    if len(geometry.names) != len(geometry.points):
        return numbered
    return tuple(name or number for name, number in zip(geometry.names, numbered, strict=True))
