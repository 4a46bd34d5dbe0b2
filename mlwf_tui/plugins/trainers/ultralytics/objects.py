"""What a result of the library says of an image: objects of any task, and a classifier's tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Point, Tag, Visibility
from mlwf_tui.media.filling import read_mask
from mlwf_tui.protocols.trainers import ItemPrediction

SURE_OF_KEYPOINT: Final = 0.5  # below it a keypoint counts as hidden
MAX_TAGS: Final = 5
ALL_TAGS: Final = 100
"""Of an image that is measured: ROC curves want every class, and nobody looks at more."""


def read_prediction(
    key: str, result: Any, model: Any, min_confidence: float, *, max_tags: int = MAX_TAGS
) -> ItemPrediction:
    """Return what a result of a model says of the item with this key; of a classifier so many classes."""
    if result.probs is not None:
        return ItemPrediction(key=key, tags=read_tags(result, min_confidence, max_tags))
    return ItemPrediction(key=key, objects=read_objects(result, getattr(model.model, "kpt_names", None)))


def read_objects(result: Any, kpt_names: Mapping[int, Any] | None = None) -> tuple[AnnotatedObject, ...]:
    """Return the objects of one image, best first: boxes, masks, keypoints or oriented boxes.

    Masks must be of the image's own size (`retina_masks`). `kpt_names` are those of the model's data.
    """
    names: dict[int, str] = result.names
    if result.obb is not None:
        corners = result.obb.xyxyxyxy.cpu().numpy().astype(np.float64)  # (N, 4, 2) pixels
        found = [
            (Geometry(GeometryKind.ORIENTED_BOX, _to_points(four)), confidence, label)
            for four, confidence, label in zip(corners, *_list_sure(result.obb), strict=True)
        ]
    elif result.masks is not None:
        masks = result.masks.data.cpu().numpy() > 0.5  # (N, H, W) bool
        shapes = [read_mask(np.ascontiguousarray(mask)) for mask in masks]
        found = [
            (shape, confidence, label)
            for shape, confidence, label in zip(shapes, *_list_sure(result.boxes), strict=True)
            if shape is not None  # no pixel of it is on the image
        ]
    elif result.keypoints is not None:
        points = result.keypoints.data.cpu().numpy().astype(np.float64)  # (N, K, 2 or 3) pixels, confidence
        found = [
            (_to_keypoints(of_one, (kpt_names or {}).get(label)), confidence, label)
            for of_one, confidence, label in zip(points, *_list_sure(result.boxes), strict=True)
        ]
    else:
        found = list(_read_boxes(result.boxes))
    found.sort(key=lambda one: -one[1])
    return tuple(AnnotatedObject(names[label], geometry, confidence) for geometry, confidence, label in found)


def read_tags(result: Any, min_confidence: float, max_tags: int = MAX_TAGS) -> tuple[Tag, ...]:
    """Return the classes that a classifier is this sure of, best first, and the best one in any case."""
    sure = result.probs.data.cpu().numpy().astype(np.float64)  # (classes,)
    best = np.argsort(-sure, kind="stable")[:max_tags].tolist()
    kept = [index for place, index in enumerate(best) if place == 0 or sure[index] >= min_confidence]
    return tuple(Tag(result.names[index], float(sure[index])) for index in kept)


def _list_sure(boxes: Any) -> tuple[list[float], list[int]]:
    """Return the confidences and the classes of N objects."""
    return boxes.conf.cpu().numpy().astype(np.float64).tolist(), [int(label) for label in boxes.cls.tolist()]


def _read_boxes(boxes: Any) -> list[tuple[Geometry, float, int]]:
    rows = boxes.data.cpu().numpy().astype(np.float64).tolist()  # (N, 6)
    return [
        (Geometry.rectangle(left, top, right, bottom), confidence, int(label))
        for left, top, right, bottom, confidence, label in rows
        if right > left and bottom > top
    ]


def _to_points(pairs: Any) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in pairs.tolist())


def _to_keypoints(points: Any, names: Any) -> Geometry:
    """Return keypoints (K, 2 or 3); those that the model is not sure of count as hidden."""
    count = len(points)
    known = tuple(map(str, names)) if names is not None and len(names) == count else ()
    sure = (points[:, 2] >= SURE_OF_KEYPOINT).tolist() if points.shape[1] > 2 else [True] * count
    return Geometry(
        GeometryKind.KEYPOINTS,
        _to_points(points[:, :2]),
        names=known or tuple(str(number) for number in range(1, count + 1)),
        visibility=tuple(
            Visibility.VISIBLE if one >= SURE_OF_KEYPOINT else Visibility.HIDDEN for one in sure
        ),
    )
