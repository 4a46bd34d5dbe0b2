"""convert_shapes, simplify, clip: objects in other shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Geometry, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.keypoints import find_extent, list_visibility
from mlwf_tui.entities.measures import measure_geometry, measure_length
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.media.conversions import convert_object
from mlwf_tui.media.filling import simplify_ring
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.labels import ObjectOperation, allow_shapes
from mlwf_tui.plugins.operations.names import check_classes
from mlwf_tui.plugins.operations.shapes import read_shape, write_objects

KINDS: Final = tuple(kind.value for kind in GeometryKind)


@dataclass(frozen=True, slots=True)
class ConvertShapesParams:
    to: str = param(
        "rectangle", "the kind that shapes become", choices=tuple(k for k in KINDS if k != "keypoints")
    )
    classes: tuple[str, ...] = param((), "classes whose objects are converted; empty converts all")
    kinds: tuple[str, ...] = param((), f"kinds that are converted, of {', '.join(KINDS)}; empty takes all")
    line_width_px: float = param(
        3.0, "width of the pen that gives lines and points an area", low=0, high=1000
    )
    epsilon_px: float = param(0.0, "how far an outline may be off to save points", low=0, high=1000)
    keep_failed: bool = param(False, "keep objects that cannot be converted, as they are")


def make_convert_shapes() -> ObjectOperation:
    """Return the operation that makes boxes, outlines, masks, lines or points of other shapes."""
    return ObjectOperation(
        name="convert_shapes",
        summary="turn shapes into boxes, polygons, masks, lines, points or oriented boxes",
        version=2,
        params_type=ConvertShapesParams,
        change=_convert_objects,
        check=_check,
        change_schema=_convert_schema,
    )


def _check(schema: LabelSchema, params: ConvertShapesParams) -> None:
    check_classes(schema, params.classes)
    check_kinds(params.kinds)


def _convert_objects(
    item: Item, schema: LabelSchema, params: ConvertShapesParams
) -> Iterator[AnnotatedObject]:
    for labelled in item.annotation.objects:
        if not _is_meant(labelled, params):
            yield labelled
            continue
        converted = convert_object(labelled, GeometryKind(params.to), line_width_px=params.line_width_px)
        if converted is not None:
            simple = simplify_geometry(converted.geometry, params.epsilon_px)
            yield from clip_object(structs.replace(converted, geometry=simple), item)
        elif params.keep_failed:
            yield labelled


def _is_meant(labelled: AnnotatedObject, params: ConvertShapesParams) -> bool:
    is_of_class = not params.classes or labelled.class_name in params.classes
    return is_of_class and (not params.kinds or labelled.geometry.kind in params.kinds)


def _convert_schema(schema: LabelSchema, params: ConvertShapesParams) -> LabelSchema:
    if params.kinds or params.keep_failed:
        return allow_shapes(schema, params.classes)
    target = GeometryKind(params.to)
    classes = tuple(
        replace(c, geometry=target) if not params.classes or c.name in params.classes else c
        for c in schema.classes
    )
    return replace(schema, classes=classes)


@dataclass(frozen=True, slots=True)
class SimplifyParams:
    epsilon_px: float = param(1.0, "how far an outline or line may be off", low=0, high=1000)
    classes: tuple[str, ...] = param((), "classes whose objects are simplified; empty takes all")


def make_simplify() -> ObjectOperation:
    """Return the operation that takes points out of outlines and lines that hardly change them."""
    return ObjectOperation(
        name="simplify",
        summary="take out points of polygons and lines that hardly change them",
        params_type=SimplifyParams,
        change=lambda item, _, params: [
            structs.replace(o, geometry=simplify_geometry(o.geometry, params.epsilon_px))
            if not params.classes or o.class_name in params.classes
            else o
            for o in item.annotation.objects
        ],
        check=lambda schema, params: check_classes(schema, params.classes),
    )


def simplify_geometry(geometry: Geometry, epsilon_px: float) -> Geometry:
    """Return a polygon or line with fewer points; others, and what would lose its area, as they are."""
    if epsilon_px <= 0 or geometry.kind not in (GeometryKind.POLYGON, GeometryKind.POLYLINE):
        return geometry
    is_closed = geometry.kind is GeometryKind.POLYGON
    points = simplify_ring(geometry.points, epsilon_px, is_closed=is_closed)
    holes = tuple(simplify_ring(hole, epsilon_px, is_closed=True) for hole in geometry.holes)
    simple = structs.replace(geometry, points=points, holes=tuple(hole for hole in holes if len(hole) > 2))
    return simple if not is_closed or measure_geometry(simple) > 0 else geometry


@dataclass(frozen=True, slots=True)
class ClipParams:
    min_visible: float = param(0.0, "share of an object that must lie on its image", low=0, high=1)


def make_clip() -> ObjectOperation:
    """Return the operation that cuts objects at the border of their image."""
    return ObjectOperation(
        name="clip",
        summary="cut objects at the border of their image, drop those beside it",
        version=2,
        params_type=ClipParams,
        change=_clip_objects,
    )


def _clip_objects(item: Item, _: LabelSchema, params: ClipParams) -> Iterator[AnnotatedObject]:
    for labelled in item.annotation.objects:
        yield from clip_object(labelled, item, min_visible=params.min_visible)


def clip_object(
    labelled: AnnotatedObject, item: Item, *, min_visible: float = 0.0
) -> tuple[AnnotatedObject, ...]:
    """Return what of an object lies on its image, of a line its pieces; nothing below the share.

    One that does not leave the image stays as it is.
    """
    if _lies_on(labelled.geometry.bounds, item) and _lies_on(find_extent(labelled), item):
        return (labelled,)
    shape = read_shape(labelled, item.width_px, item.height_px)  # cut, and its share counts from there
    written = write_objects(shape, 0.0)
    before = _measure(labelled)
    return written if before <= 0 or sum(map(_measure, written)) >= min_visible * before else ()


def _lies_on(bounds: Bounds, item: Item) -> bool:
    is_low = bounds.right <= item.width_px and bounds.bottom <= item.height_px
    return is_low and min(bounds.left, bounds.top) >= 0


def _measure(labelled: AnnotatedObject) -> float:
    """Return how much there is of an object: its area, of a line the length, of keypoints how many."""
    geometry = labelled.geometry
    match geometry.kind:
        case GeometryKind.POLYLINE:
            return measure_length(geometry)
        case GeometryKind.KEYPOINTS:
            return sum(map(bool, list_visibility(geometry)))
        case _:
            return measure_geometry(geometry)


def check_kinds(names: Sequence[str]) -> None:
    """Raise InvalidParameter where a name is not a kind of shape."""
    for name in names:
        if name not in KINDS:
            raise InvalidParameter(f"There is no kind of shape {name!r}.", hint=suggest_name(name, KINDS))
