"""Imports Datumaro's own format: annotations/SUBSET.json, images below images/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import msgspec

from mlwf_tui.entities.annotation import (
    CLASS_COLORS,
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
)
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.plugins.importers.coco_documents import MAX_JSON_BYTES, read_head
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_class_name,
    has_images,
    iter_numbered,
    read_bytes,
    read_size,
    report_faults,
    show_path,
    tell_images,
)
from mlwf_tui.plugins.importers.objects import (
    draw_ellipse,
    make_box,
    make_shape,
    make_tags,
    place_keypoints,
)
from mlwf_tui.plugins.importers.tables import Entry, OfManyImages, Table
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"images"})

_LOOKED_AT = 20
_MARKS: Final = (b'"dm_format_version"', b'"categories"', b'"items"')


class _Label(msgspec.Struct):
    name: str
    parent: str = ""


class _Item(msgspec.Struct):
    id: str
    annotations: list[msgspec.Raw] = []
    image: Any = None
    attr: Any = None


class _Document(msgspec.Struct):
    items: list[msgspec.Raw]
    categories: dict[str, Any] = {}


class _Object(msgspec.Struct):
    type: str
    label_id: int | None = None
    bbox: list[float] = []
    points: list[float] = []
    visibility: list[int] = []
    rle: Any = None
    attributes: Any = None
    group: int | None = 0
    object_id: int | None = -1
    caption: str = ""
    z_order: int | None = 0


class DatumaroImporter(OfManyImages):
    """Labels, boxes, polygons, polylines, points, masks, ellipses and captions of Datumaro's JSON."""

    name = "datumaro_json"
    summary = "Datumaro: annotations/SUBSET.json with every kind of annotation, images/"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a JSON file begins like Datumaro's, and there are images."""
        source = next(iter(_choose_sources(folder)), None)
        if source is None or not has_images(folder):
            return None
        return Detection(0.96, f"{source.relative} is Datumaro's JSON, {tell_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the labels of all files in their order, with skeletons and colours."""
        found: dict[str, ClassDefinition] = {}
        for source in _choose_sources(folder):
            with suppress(InvalidInput):  # iter_items reports it
                for definition in _define_classes(_decode(source).categories):
                    found.setdefault(definition.name, definition)
        return LabelSchema(tuple(found.values()))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order.

        Raises:
            InvalidInput: there is no Datumaro JSON that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".json"}, report)
        table = Table.of(folder)

        def read(source: FoundFile) -> None:
            _read_source(source, table, report)

        table.read_all(_choose_sources(folder), read, report, what="Datumaro JSON")
        yield from table.iter_items(LAYOUT, report)


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    files = islice((file for _, file in iter_numbered(folder, {".json"})), _LOOKED_AT)
    return [file for file in files if _is_datumaro(read_head(file.path))]


def _is_datumaro(head: bytes) -> bool:
    return head.lstrip()[:1] == b"{" and (
        _MARKS[0] in head or (all(mark in head for mark in _MARKS[1:]) and b'"label"' in head)
    )


def _decode(source: FoundFile) -> _Document:
    content = read_bytes(source.location, MAX_JSON_BYTES)
    try:
        return msgspec.json.decode(content, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not Datumaro's JSON: {tell_json_fault(error, content)}") from error


def _define_classes(categories: Mapping[str, Any]) -> list[ClassDefinition]:
    """Return the classes by their index.

    Raises:
        InvalidInput: the labels are not as Datumaro has them.
    """
    try:
        labels = msgspec.convert((categories.get("label") or {}).get("labels", []), list[_Label])
        colors = (categories.get("mask") or {}).get("colormap", [])
        by_label = {c["label_id"]: "#{r:02x}{g:02x}{b:02x}".format(**c) for c in colors}
        skeletons = {s["label_id"]: s for s in (categories.get("points") or {}).get("items", [])}
        return [
            _define_class(index, label, by_label.get(index), skeletons.get(index))
            for index, label in enumerate(labels)
        ]
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"has categories that are not as Datumaro has them: {error}") from error


def _define_class(
    index: int, label: _Label, color: str | None, skeleton: Mapping[str, Any] | None
) -> ClassDefinition:
    nodes = tuple(map(str, skeleton["labels"])) if skeleton else ()
    joints = skeleton.get("joints", []) if skeleton else []
    edges = tuple(
        (nodes[a - 1], nodes[b - 1]) for a, b in joints if 1 <= a <= len(nodes) and 1 <= b <= len(nodes)
    )
    shown = color or CLASS_COLORS[index % len(CLASS_COLORS)]
    return ClassDefinition(check_class_name(label.name), shown, None, nodes, edges)


def _read_source(source: FoundFile, table: Table, report: Report) -> None:
    document = _decode(source)
    classes = _define_classes(document.categories)
    split = SPLIT_WORDS.get(source.stem.lower(), Split.NONE)
    for number, raw in enumerate(document.items, start=1):
        try:
            item = msgspec.json.decode(raw, type=_Item)
            path = item.image.get("path") if isinstance(item.image, dict) else None
            entry = _enter(table, source, item.id, path, split)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            report(Problem(source.relative, f"item {number} is not as Datumaro has it: {error}"))
            continue
        except InvalidInput as error:
            report(Problem(source.relative, f"item {number}: {error.message}"))
            continue
        match item.image:
            case {"size": [height_px, width_px]}:
                entry.told_size_px = read_size(width_px, height_px)
        if isinstance(item.attr, dict):
            entry.custom |= {k: v for k, v in item.attr.items() if isinstance(v, str | bool | int | float)}
        for at, annotation in enumerate(item.annotations, start=1):
            try:
                _enter_object(entry, annotation, classes)
            except InvalidInput as error:
                report(Problem(source.relative, f"{show_path(item.id)}, annotation {at} {error.message}"))


def _enter(table: Table, source: FoundFile, id: str, path: object, split: Split) -> Entry:
    """Return the entry of an item's image, which is named by a path below images/ or by the item's id.

    Raises:
        InvalidInput: there is no such image, or it was described before.
    """

    def fits(image: FoundFile) -> bool:
        return source.stem in image.folders

    if isinstance(path, str) and path:
        position = table.index.find(source, path, fits)
    else:
        position = table.index.find_stem(source, id)
    if position in table.entries:
        raise InvalidInput(f"{show_path(id)} is described already")
    return table.enter(position, source, split)


def _enter_object(entry: Entry, raw: msgspec.Raw, classes: Sequence[ClassDefinition]) -> None:
    try:
        found = msgspec.json.decode(raw, type=_Object)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not as Datumaro has it: {error}") from error
    if found.type == "caption":
        captions = [name for name in entry.custom if name.startswith("caption")]
        entry.custom[f"caption {len(captions) + 1}" if captions else "caption"] = found.caption
        return
    if found.label_id is None or not 0 <= found.label_id < len(classes):
        raise InvalidInput(f"has label {found.label_id}, which has no name")
    definition = classes[found.label_id]
    attributes = found.attributes if isinstance(found.attributes, dict) else {}
    if found.type == "label":
        entry.tags.append(Tag(definition.name))
        entry.tags += make_tags(attributes)
        return
    tags, custom = make_tags(attributes, besides=("is_crowd",)), {}
    if attributes.get("is_crowd"):
        tags += (Tag("iscrowd"),)
    if found.group:
        tags += (Tag("group", float(found.group)),)
    if found.z_order:
        custom["z_order"] = float(found.z_order)
    geometry, told = _read_geometry(found, definition)
    entry.objects.append(AnnotatedObject(definition.name, geometry, tags=tags, custom={**custom, **told}))


def _read_geometry(
    found: _Object, definition: ClassDefinition
) -> tuple[Geometry, dict[str, str | float | bool]]:
    pairs = list(zip(found.points[::2], found.points[1::2], strict=False))
    match found.type:
        case "bbox" if len(found.bbox) == 4:
            left, top, width, height = found.bbox
            return make_box(left, top, left + width, top + height), {}
        case "polygon":
            return make_shape(GeometryKind.POLYGON, pairs), {}
        case "polyline":
            return make_shape(GeometryKind.POLYLINE, pairs), {}
        case "points" if len(pairs) == 1 and not definition.nodes:
            return make_shape(GeometryKind.POINT, pairs), {}
        case "points" if pairs:
            told = found.visibility or [2] * len(pairs)
            if len(told) != len(pairs) or (definition.nodes and len(definition.nodes) != len(pairs)):
                raise InvalidInput("has points that do not fit their visibility or skeleton")
            xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
            return place_keypoints(xs, ys, told, definition.nodes), {}
        case "mask":
            return _read_mask(found.rle), {}
        case "ellipse" if len(pairs) == 2:
            (left, top), (right, bottom) = pairs
            x, y, radius_x, radius_y = (
                (left + right) / 2,
                (top + bottom) / 2,
                (right - left) / 2,
                (bottom - top) / 2,
            )
            custom: dict[str, str | float | bool] = {
                "shape": "ellipse", "x": x, "y": y, "radius_x": radius_x, "radius_y": radius_y,
            }  # fmt: skip
            return draw_ellipse(x, y, radius_x, radius_y), custom
    raise InvalidInput(f"is a {show_path(found.type[:40])}, which is not known or not whole")


def _read_mask(rle: object) -> Geometry:
    from mlwf_tui.plugins.importers import coco_masks  # numpy

    match rle:
        case {"counts": str() as text, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(coco_masks.decompress(text), width_px, height_px)
        case {"counts": list() as counts, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(counts, width_px, height_px)
    raise InvalidInput("has a mask of an unknown form")
