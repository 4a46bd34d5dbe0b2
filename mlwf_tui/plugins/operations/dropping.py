"""drop_objects and nms: leave objects out by what they are, by their number, or by what covers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.keypoints import find_extent
from mlwf_tui.entities.measures import measure_object
from mlwf_tui.entities.pairing import measure_iou
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.parse import Condition, parse_object_condition
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.labels import ObjectOperation
from mlwf_tui.plugins.operations.names import check_classes


@dataclass(frozen=True, slots=True)
class DropObjectsParams:
    where: str = param("", "drop those that meet this: class == cat and (area < 100 or confidence < 0.3)")
    min_area_px: float = param(0.0, "drop those with less area, in square pixels", low=0, high=1e9)
    min_side_px: float = param(0.0, "drop those whose box has a shorter side", low=0, high=100_000)
    max_count: int | None = param(
        None, "keep so many of an image, the largest", low=0, high=100_000, unset="none"
    )
    max_covered: float | None = param(
        None,
        "drop those of whose box more than this share lies in that of a larger one",
        low=0,
        high=1,
        unset="none",
    )
    classes: tuple[str, ...] = param((), "look at objects of these classes alone; empty takes all")


def make_drop_objects() -> ObjectOperation:
    """Return the operation that drops objects; whatever is given drops on its own."""
    return ObjectOperation(
        name="drop_objects",
        summary="drop objects by a condition, area, size, number or overlap",
        version=2,
        params_type=DropObjectsParams,
        change=_drop,
        check=_check_drop,
    )


def _check_drop(schema: LabelSchema, params: DropObjectsParams) -> None:
    check_classes(schema, params.classes)
    if params.where:
        read_object_condition(params.where).check_classes(schema)
    is_given = params.where or params.min_area_px or params.min_side_px
    if not is_given and params.max_count is None and params.max_covered is None:
        raise InvalidParameter(
            "It is not said which objects to drop.", hint='Give one, for example -p where="area < 100".'
        )


@lru_cache(maxsize=16)  # asked for every item
def read_object_condition(text: str) -> Condition:
    """Return a parsed condition on objects; raises InvalidParameter with the place."""
    return parse_object_condition(text)


def _drop(item: Item, _: LabelSchema, params: DropObjectsParams) -> Sequence[AnnotatedObject]:
    objects = item.annotation.objects
    meant = [at for at, o in enumerate(objects) if not params.classes or o.class_name in params.classes]
    kept = [at for at in meant if not _is_dropped(objects[at], item, params)]
    if params.max_covered is not None or params.max_count is not None:
        kept.sort(key=lambda at: (-measure_object(objects[at]), at))
    if params.max_covered is not None:
        kept = _drop_covered([(at, find_extent(objects[at])) for at in kept], params.max_covered)
    if params.max_count is not None:
        kept = kept[: params.max_count]
    stays = set(kept) | (set(range(len(objects))) - set(meant))
    return objects if len(stays) == len(objects) else [o for at, o in enumerate(objects) if at in stays]


def _is_dropped(labelled: AnnotatedObject, item: Item, params: DropObjectsParams) -> bool:
    bounds = find_extent(labelled)
    if params.min_side_px and min(bounds.width_px, bounds.height_px) < params.min_side_px:
        return True
    if params.min_area_px and measure_object(labelled) < params.min_area_px:
        return True
    return bool(params.where) and read_object_condition(params.where).matches(item, labelled)


def _drop_covered(boxes: Sequence[tuple[int, Bounds]], most: float) -> list[int]:
    """Return the places of boxes, largest first, that no kept one before covers by more than a share."""
    kept: list[tuple[int, Bounds]] = []
    for at, bounds in boxes:
        if not any(_measure_covered(bounds, other) > most for _, other in kept):
            kept.append((at, bounds))
    return [at for at, _ in kept]


def _measure_covered(bounds: Bounds, other: Bounds) -> float:
    """Return the share of a box that lies in another one."""
    across = min(bounds.right, other.right) - max(bounds.left, other.left)
    down = min(bounds.bottom, other.bottom) - max(bounds.top, other.top)
    area = bounds.width_px * bounds.height_px
    return across * down / area if across > 0 and down > 0 and area > 0 else 0.0


@dataclass(frozen=True, slots=True)
class NmsParams:
    iou: float = param(0.5, "drop a box that overlaps a better one by more than this", low=0, high=1)
    per_class: bool = param(True, "compare boxes of the same class only")
    classes: tuple[str, ...] = param((), "classes that are looked at; empty takes all")


def make_nms() -> ObjectOperation:
    """Return non-maximum suppression: of overlapping objects the surest stays, one drawn by hand before all.

    Source: Rosenfeld and Thurston, Edge and curve detection for visual scene analysis, 1971.
    """
    return ObjectOperation(
        name="nms",
        summary="of overlapping objects keep the most confident (non-maximum suppression)",
        version=2,
        params_type=NmsParams,
        change=_suppress,
        check=lambda schema, params: check_classes(schema, params.classes),
    )


def _suppress(item: Item, _: LabelSchema, params: NmsParams) -> Sequence[AnnotatedObject]:
    objects = item.annotation.objects

    def rank(at: int) -> tuple[float, float, int]:
        confidence = objects[at].confidence
        return (-(2.0 if confidence is None else confidence), -measure_object(objects[at]), at)

    dropped: set[int] = set()
    kept: list[AnnotatedObject] = []
    for at in sorted(range(len(objects)), key=rank):
        labelled = objects[at]
        if params.classes and labelled.class_name not in params.classes:
            continue
        rivals = (k for k in kept if not params.per_class or k.class_name == labelled.class_name)
        if any(measure_iou(find_extent(labelled), find_extent(k)) > params.iou for k in rivals):
            dropped.add(at)
        else:
            kept.append(labelled)
    return [labelled for at, labelled in enumerate(objects) if at not in dropped]
