"""split_masks, merge_masks, background, prepare: masks taken apart, put together, and made for a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from msgspec import structs
from msgspec.structs import replace
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
)
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measures import measure_geometry, measure_object
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.media.conversions import convert_object
from mlwf_tui.media.filling import fill_geometry, read_mask
from mlwf_tui.media.label_pictures import paint_masks
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.labels import ObjectOperation
from mlwf_tui.plugins.operations.names import check_classes, check_new_class
from mlwf_tui.plugins.operations.shaping import clip_object

Pixels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SplitMasksParams:
    classes: tuple[str, ...] = param((), "classes whose masks are taken apart; empty takes all")
    min_area_px: int = param(1, "leave out parts with fewer pixels", low=1, high=1_000_000_000)
    corners: bool = param(True, "pixels that touch at a corner belong together")


def make_split_masks() -> ObjectOperation:
    """Return the operation that makes an object of every connected part of a mask."""
    return ObjectOperation(
        name="split_masks",
        summary="make an object of every connected part of a mask",
        params_type=SplitMasksParams,
        change=_split_masks,
        check=lambda schema, params: check_classes(schema, params.classes),
    )


def _split_masks(item: Item, _: LabelSchema, params: SplitMasksParams) -> Iterator[AnnotatedObject]:
    for labelled in item.annotation.objects:
        is_meant = not params.classes or labelled.class_name in params.classes
        if labelled.geometry.kind is not GeometryKind.MASK or not is_meant:
            yield labelled
            continue
        left, top = (int(edge) for edge in labelled.geometry.points[0])
        pixels = fill_geometry(labelled.geometry, item.width_px, item.height_px)  # (H, W)
        pixels = pixels[max(top, 0) :, max(left, 0) :]
        count, labels = cv2.connectedComponents(
            pixels.astype(np.uint8), connectivity=8 if params.corners else 4
        )
        for part in range(1, count):
            inside = np.asarray(labels == part)
            mask = read_mask(inside, max(left, 0), max(top, 0))
            if mask is not None and measure_geometry(mask) >= params.min_area_px:
                yield structs.replace(labelled, geometry=mask)


@dataclass(frozen=True, slots=True)
class MergeMasksParams:
    classes: tuple[str, ...] = param((), "classes whose masks are joined, each by itself; empty takes all")


def make_merge_masks() -> ObjectOperation:
    """Return the operation that joins an image's masks of a class; what is said of the first one stays."""
    return ObjectOperation(
        name="merge_masks",
        summary="join all masks of a class on an image to one",
        params_type=MergeMasksParams,
        change=_merge_masks,
        check=lambda schema, params: check_classes(schema, params.classes),
    )


def _merge_masks(item: Item, _: LabelSchema, params: MergeMasksParams) -> Sequence[AnnotatedObject]:
    first: dict[str, int] = {}
    pixels: dict[str, Pixels] = {}
    result: list[AnnotatedObject] = []
    for labelled in item.annotation.objects:
        name = labelled.class_name
        if labelled.geometry.kind is not GeometryKind.MASK or (params.classes and name not in params.classes):
            result.append(labelled)
            continue
        drawn = fill_geometry(labelled.geometry, item.width_px, item.height_px)
        if name not in first:
            first[name] = len(result)
            result.append(labelled)
            pixels[name] = drawn
        else:
            pixels[name] |= drawn
    for name, at in first.items():
        mask = read_mask(pixels[name])
        if mask is not None:
            result[at] = structs.replace(result[at], geometry=mask)
    return result


@dataclass(frozen=True, slots=True)
class BackgroundParams:
    name: str = param("background", "class of what no object covers")
    line_width_px: float = param(3.0, "width of the pen with which lines and points cover", low=0, high=1000)


def make_background() -> ObjectOperation:
    """Return the operation that adds a mask of all pixels that no object covers."""
    return ObjectOperation(
        name="background",
        summary="add a mask of what no object covers",
        params_type=BackgroundParams,
        change=_add_background,
        check=lambda schema, params: check_new_class(params.name),
        change_schema=lambda schema, params: _add_class(schema, params.name),
    )


def _add_background(item: Item, _: LabelSchema, params: BackgroundParams) -> Sequence[AnnotatedObject]:
    covered = np.zeros((item.height_px, item.width_px), np.bool_)  # (H, W)
    objects = [o for o in item.annotation.objects if o.class_name != params.name]
    for labelled in objects:
        covered |= fill_geometry(
            labelled.geometry, item.width_px, item.height_px, line_width_px=params.line_width_px
        )
    mask = read_mask(~covered)
    return objects if mask is None else [*objects, AnnotatedObject(params.name, mask)]


def _add_class(schema: LabelSchema, name: str) -> LabelSchema:
    return schema.merge(LabelSchema((ClassDefinition(name, "#000000", GeometryKind.MASK),)))


# --- prepare -------------------------------------------------------------------------------------

_TASK_KINDS: Final = {
    "detect": GeometryKind.RECTANGLE,
    "oriented": GeometryKind.ORIENTED_BOX,
    "segment": GeometryKind.POLYGON,
    "semantic": GeometryKind.MASK,
    "pose": GeometryKind.KEYPOINTS,
}


@dataclass(frozen=True, slots=True)
class PrepareParams:
    task: str = param(
        "detect",
        "boxes, turned boxes, outlines, one map of classes, or keypoints",
        choices=tuple(_TASK_KINDS),
    )
    classes: tuple[str, ...] = param((), "classes to train on; empty takes all")
    background: str = param("", "semantic: class of what no object covers; empty leaves it out")
    line_width_px: float = param(3.0, "width of the pen for lines and points", low=0, high=1000)
    min_area_px: float = param(0.0, "leave out objects with less area", low=0, high=1e9)


def make_prepare() -> ObjectOperation:
    """Return the operation that makes training data for a task; what the task cannot use is dropped."""
    return ObjectOperation(
        name="prepare",
        summary="make training data for a task: boxes, outlines, class maps or keypoints",
        version=2,
        params_type=PrepareParams,
        change=_prepare,
        check=_check_prepare,
        change_schema=_prepare_schema,
    )


def _check_prepare(schema: LabelSchema, params: PrepareParams) -> None:
    check_classes(schema, params.classes)
    if params.background:
        check_new_class(params.background)
        if params.task != "semantic":
            raise InvalidParameter(
                f"A background belongs to task=semantic, not to task={params.task}.",
                hint="Leave background out.",
            )


def _prepare(item: Item, schema: LabelSchema, params: PrepareParams) -> Sequence[AnnotatedObject]:
    meant = [o for o in item.annotation.objects if not params.classes or o.class_name in params.classes]
    if params.task == "semantic":
        return _draw_map(item, meant, params)
    prepared = []
    for labelled in meant:
        converted = convert_object(labelled, _TASK_KINDS[params.task], line_width_px=params.line_width_px)
        clipped = clip_object(converted, item) if converted else ()
        prepared += [one for one in clipped if _is_large(one, params)]
    return prepared


def _is_large(labelled: AnnotatedObject, params: PrepareParams) -> bool:
    area = measure_object(labelled)
    return area >= params.min_area_px if params.task == "pose" else area > params.min_area_px


def _draw_map(
    item: Item, objects: Sequence[AnnotatedObject], params: PrepareParams
) -> Sequence[AnnotatedObject]:
    """Return a mask for each class, none over another: where objects overlap the smaller one is on top."""
    names = sorted({labelled.class_name for labelled in objects})
    drawn: list[tuple[int, Geometry]] = []  # by number of the class; as runs: an image may have thousands
    for labelled in objects:
        pixels = fill_geometry(
            labelled.geometry, item.width_px, item.height_px, line_width_px=params.line_width_px
        )
        mask = read_mask(pixels)
        if mask is not None and measure_geometry(mask) >= params.min_area_px:
            drawn.append((names.index(labelled.class_name) + 1, mask))
    drawn.sort(key=lambda pair: -measure_geometry(pair[1]))
    owners = paint_masks(drawn, item.width_px, item.height_px)  # (H, W), 0 where nothing is
    masks = [(name, read_mask(np.asarray(owners == number))) for number, name in enumerate(names, start=1)]
    if params.background:
        masks.append((params.background, read_mask(np.asarray(owners == 0))))
    return [AnnotatedObject(name, mask) for name, mask in masks if mask is not None]


def _prepare_schema(schema: LabelSchema, params: PrepareParams) -> LabelSchema:
    kept = [c for c in schema.classes if not params.classes or c.name in params.classes]
    kind = _TASK_KINDS[params.task]
    prepared = replace(schema, classes=tuple(replace(c, geometry=kind) for c in kept))
    return _add_class(prepared, params.background) if params.background else prepared
