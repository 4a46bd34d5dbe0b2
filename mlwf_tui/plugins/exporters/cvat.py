"""Writes CVAT's "for images 1.1": annotations.xml with all shapes, and the images below images/."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlwf_tui.entities.abilities import ANY_TAG, Abilities, keep
from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Point,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.keypoints import list_visibility
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.files import (
    Folders,
    escape_xml,
    format_value,
    is_whole_number,
    quote_xml,
    require_items,
)
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

_INPUT_TYPES = {"none": "checkbox", "number": "number", "choice": "select"}
_SKEW_PX = 1e-3  # how far a box's corner may lie from where a rectangle has it


class CvatExporter:
    """Shapes with attributes and groups, skeletons, and tags of images."""

    name = "cvat"
    summary = "CVAT for images 1.1: annotations.xml with all shapes, attributes, tags and skeletons"
    abilities = Abilities(
        geometries=keep(*GeometryKind),
        has_visibility=True,
        object_tags=ANY_TAG,
        object_values="typed",
        item_tags=ANY_TAG,
        has_unused_classes=True,
        has_class_colors=True,
        has_choices=True,
        has_datasets=True,
        split_folders="any",
        precision="exact; corners of oriented boxes to a millionth of a pixel",
    )

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; an oriented box that is no rectangle goes out as a polygon and is reported.

        Raises:
            InvalidInput: there are no items.
        """
        folders, files, problems = Folders(folder), dict[str, str](), list[Problem]()
        with (folder / "annotations.xml").open("x", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
            file.writelines(_iter_meta(schema))
            for exported in items:
                observer.check_cancelled()
                path = f"images/{exported.item.key}"
                folders.place(exported, path)
                file.writelines(_iter_image(exported.item, len(files), problems))
                files[path] = exported.item.key
            file.write("</annotations>\n")
        require_items(len(files))
        return ExportSummary(files=files, problems=tuple(problems))


def _iter_meta(schema: LabelSchema) -> Iterator[str]:
    yield "  <meta><task><name>mlwf</name><labels>\n"
    of_objects = [tag for tag in schema.tags if tag.target != "items" and tag.name not in schema.class_names]
    for definition in schema.classes:
        yield from _iter_label(definition, of_objects)
    for tag in schema.tags:
        if tag.target != "objects" and tag.name not in schema.class_names:
            yield f"    <label><name>{escape_xml(tag.name)}</name><type>tag</type>"
            yield "<attributes></attributes></label>\n"
    yield "  </labels></task></meta>\n"


def _iter_label(definition: ClassDefinition, tags: list[TagDefinition]) -> Iterator[str]:
    kind = "skeleton" if definition.nodes else "any"
    yield f"    <label><name>{escape_xml(definition.name)}</name>"
    yield f"<color>{escape_xml(definition.color)}</color><type>{kind}</type><attributes>"
    for tag in tags:
        values = "\n".join(tag.values) if tag.value_type == "choice" else ""
        yield f"<attribute><name>{escape_xml(tag.name)}</name><mutable>False</mutable>"
        yield f"<input_type>{_INPUT_TYPES.get(tag.value_type, 'text')}</input_type>"
        yield f"<default_value></default_value><values>{escape_xml(values)}</values></attribute>"
    yield "</attributes></label>\n"
    for node in definition.nodes:
        yield f"    <label><name>{escape_xml(node)}</name><type>points</type><attributes></attributes>"
        yield f"<parent>{escape_xml(definition.name)}</parent></label>\n"


def _iter_image(item: Item, number: int, problems: list[Problem]) -> Iterator[str]:
    subset = "" if item.split is Split.NONE else f" subset={quote_xml(item.split)}"
    size = f'width="{item.width_px}" height="{item.height_px}"'
    yield f'  <image id="{number}" name={quote_xml(item.key)}{subset} {size}>\n'
    for tag in item.annotation.tags:
        yield f'    <tag label={quote_xml(tag.name)} source="manual"></tag>\n'
    for place, labelled in enumerate(item.annotation.objects, start=1):
        if labelled.geometry.kind is GeometryKind.ORIENTED_BOX and measure_box(labelled.geometry) is None:
            title = f"object {place} ({labelled.class_name})"
            problems.append(Problem(item.key, f"{title} has no right angles and was written as a polygon"))
        yield from _iter_shape(labelled)
    yield "  </image>\n"


def _iter_shape(labelled: AnnotatedObject) -> Iterator[str]:
    element, facts, inside = _describe_geometry(labelled.geometry)
    groups = [t for t in labelled.tags if t.name == "group" and is_whole_number(t.value) and t.value]
    is_occluded = Tag("occluded") in labelled.tags
    words = [element, f"label={quote_xml(labelled.class_name)}", 'source="manual"']
    words += [f'occluded="{int(is_occluded)}"', *(f"{name}={quote_xml(value)}" for name, value in facts)]
    words += [f"group_id={quote_xml(tag.value)}" for tag in groups[:1]]
    yield f'    <{" ".join(words)} z_order="0">{inside}'
    for tag in labelled.tags:
        if tag != Tag("occluded") and tag not in groups[:1]:
            value = True if tag.value is None else tag.value
            yield f"<attribute name={quote_xml(tag.name)}>{escape_xml(value)}</attribute>"
    yield f"</{element}>\n"


def _describe_geometry(geometry: Geometry) -> tuple[str, list[tuple[str, object]], str]:
    """Return an element's name, its attributes, and what stands inside of it."""
    left, top, right, bottom = geometry.bounds
    edges: list[tuple[str, object]] = [("xtl", left), ("ytl", top), ("xbr", right), ("ybr", bottom)]
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            return "box", edges, ""
        case GeometryKind.ORIENTED_BOX:
            turned = measure_box(geometry)
            return ("box", turned, "") if turned else ("polygon", _list_points(geometry.points), "")
        case GeometryKind.MASK:
            rle = ",".join(map(str, geometry.runs))
            place = (("left", left), ("top", top), ("width", right - left), ("height", bottom - top))
            return "mask", [("rle", rle), *place], ""
        case GeometryKind.KEYPOINTS:
            return "skeleton", [], "".join(_iter_nodes(geometry))
        case GeometryKind.POINT:
            return "points", _list_points(geometry.points), ""
        case _:
            return geometry.kind.value, _list_points(geometry.points), ""


def measure_box(geometry: Geometry) -> list[tuple[str, object]] | None:
    """Return the edges of an oriented box before it is turned and its rotation in degrees.

    None where the corners are no rectangle, or go round counter-clockwise. A box that is not turned gets
    360 degrees: with none it would come back as a plain box.
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = geometry.points
    width, height = math.hypot(x1 - x0, y1 - y0), math.hypot(x3 - x0, y3 - y0)
    if width == 0 or height == 0:
        return None
    cosine, sine = (x1 - x0) / width, (y1 - y0) / width
    expected = (x0 - sine * height, y0 + cosine * height)
    opposite = (x1 + expected[0] - x0, y1 + expected[1] - y0)
    if max(math.dist(expected, (x3, y3)), math.dist(opposite, (x2, y2))) > _SKEW_PX:
        return None
    x, y = (x0 + x1 + x2 + x3) / 4, (y0 + y1 + y2 + y3) / 4
    degrees = math.degrees(math.atan2(sine, cosine)) % 360 or 360.0
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return [*zip(("xtl", "ytl", "xbr", "ybr"), edges, strict=True), ("rotation", degrees)]


def _list_points(points: Iterable[Point]) -> list[tuple[str, object]]:
    return [("points", ";".join(f"{format_value(x)},{format_value(y)}" for x, y in points))]


def _iter_nodes(geometry: Geometry) -> Iterator[str]:
    for name, point, seen in zip(geometry.names, geometry.points, list_visibility(geometry), strict=True):
        flags = f'outside="{int(seen is Visibility.MISSING)}" occluded="{int(seen is Visibility.HIDDEN)}"'
        ((_, place),) = _list_points([point])
        yield f'<points label={quote_xml(name)} source="manual" {flags} points={quote_xml(place)}></points>'
