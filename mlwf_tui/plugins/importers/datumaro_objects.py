"""Datumaro's annotations as ours, to the hundredths of a pixel that it keeps; others are refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlwf_tui.entities.annotation import (
    CLASS_COLORS,
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    Tag,
)
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import Report, check_class_name
from mlwf_tui.plugins.importers.objects import (
    draw_ellipse,
    make_box,
    make_shape,
    make_tags,
    place_keypoints,
    turn_box,
)

Custom = dict[str, str | float | bool]


def define_classes_of(categories: Mapping[Any, Any]) -> tuple[ClassDefinition, ...]:
    """Return the classes of a dataset by label, with the colours of its masks and skeletons of its points."""
    by_name = {kind.name: value for kind, value in categories.items()}
    labels = by_name.get("label")
    colors = by_name["mask"].colormap if "mask" in by_name else {}
    skeletons = by_name["points"].items if "points" in by_name else {}
    found = []
    for index, label in enumerate(labels.items if labels else ()):
        color = CLASS_COLORS[index % len(CLASS_COLORS)]
        if index in colors:
            color = "#{:02x}{:02x}{:02x}".format(*(int(part) for part in colors[index][:3]))
        nodes = tuple(map(str, skeletons[index].labels)) if index in skeletons else ()
        joints = sorted(skeletons[index].joints) if index in skeletons else ()
        edges = tuple(
            (nodes[a - 1], nodes[b - 1]) for a, b in joints if 0 < a <= len(nodes) and 0 < b <= len(nodes)
        )
        found.append(ClassDefinition(check_class_name(str(label.name)), color, None, nodes, edges))
    return tuple(found)


def turn_item(item: Any, classes: tuple[ClassDefinition, ...], path: str, report: Report) -> Annotation:
    """Return the annotation of one of Datumaro's items; what cannot be used is reported."""
    objects: list[AnnotatedObject] = []
    tags: list[Tag] = []
    custom: Custom = {
        str(name): value
        for name, value in item.attributes.items()
        if isinstance(value, str | bool | int | float)
    }
    for number, annotation in enumerate(item.annotations, start=1):
        try:
            kind = annotation.type.name
            if kind == "caption":
                count = sum(name.startswith("caption") for name in custom)
                custom[f"caption {count + 1}" if count else "caption"] = str(annotation.caption)
                continue
            definition = _find_class(annotation, classes)
            if kind == "label":
                tags += [Tag(definition.name), *make_tags(annotation.attributes)]
            else:
                objects.append(_turn_object(annotation, kind, definition))
        except InvalidInput as error:
            report(Problem(path, f"annotation {number} {error.message}"))
    return Annotation(tuple(objects), tuple(tags), custom)


def centre_box(annotation: Any) -> Any:
    """Return one of Datumaro's boxes, whose corner is where its centre should be, at its place."""
    if annotation.type.name != "bbox":
        return annotation
    return annotation.wrap(x=annotation.x - annotation.w / 2, y=annotation.y - annotation.h / 2)


def _find_class(annotation: Any, classes: tuple[ClassDefinition, ...]) -> ClassDefinition:
    index: int | None = getattr(annotation, "label", None)
    if index is None or not 0 <= index < len(classes):
        raise InvalidInput(f"({annotation.type.name}) has label {index}, which has no name")
    return classes[index]


def _turn_object(annotation: Any, kind: str, definition: ClassDefinition) -> AnnotatedObject:
    geometry, custom = _turn_geometry(annotation, kind, definition)
    attributes = dict(annotation.attributes)
    tags = make_tags(attributes, besides=("is_crowd", "score"))
    if attributes.get("is_crowd"):
        tags += (Tag("iscrowd"),)
    if annotation.group:
        tags += (Tag("group", float(annotation.group)),)
    if getattr(annotation, "z_order", 0):
        custom["z_order"] = float(annotation.z_order)
    score = attributes.get("score")
    is_score = isinstance(score, int | float) and math.isfinite(score)
    confidence = min(max(float(score), 0.0), 1.0) if is_score and score is not None else None
    return AnnotatedObject(definition.name, geometry, confidence, tags=tags, custom=custom)


def _turn_geometry(annotation: Any, kind: str, definition: ClassDefinition) -> tuple[Geometry, Custom]:
    if kind == "mask":
        from mlwf_tui.plugins.importers.label_maps import make_mask  # numpy

        return make_mask(annotation.image.astype(bool)), {}
    # Datumaro rounds to hundredths and keeps these as 32 bit floats: 4.38 comes back as 4.380000114.
    numbers = [round(float(number), 2) for number in annotation.points] if kind != "cuboid_2d" else []
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    match kind:
        case "bbox":
            return make_box(*numbers[:4]), {}
        case "polygon":
            return make_shape(GeometryKind.POLYGON, pairs), {}
        case "polyline":
            return make_shape(GeometryKind.POLYLINE, pairs), {}
        case "points" if len(pairs) == 1 and not definition.nodes:
            return make_shape(GeometryKind.POINT, pairs), {}
        case "points":
            names = definition.nodes if len(definition.nodes) == len(pairs) else ()
            told = [int(value) for value in annotation.visibility]
            return place_keypoints(numbers[::2], numbers[1::2], told, names), {}
        case "rotated_bbox":
            x, y, width, height, degrees = numbers
            return turn_box(x, y, width, height, math.radians(degrees)), {}
        case "ellipse":
            left, top, right, bottom = numbers
            x, y = (left + right) / 2, (top + bottom) / 2
            radius_x, radius_y = (right - left) / 2, (bottom - top) / 2
            told_ellipse: Custom = {
                "shape": "ellipse",
                "x": x,
                "y": y,
                "radius_x": radius_x,
                "radius_y": radius_y,
            }
            return draw_ellipse(x, y, radius_x, radius_y), told_ellipse
    raise InvalidInput(f"is a {kind}, for which there is no shape")
