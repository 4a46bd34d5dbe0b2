"""Compares keypoints by OKS: how near each lies, for the size of its object and how sharply it can be placed.

Source: COCO's keypoint evaluation (pycocotools' `computeOks`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, GeometryKind, Visibility
from mlwf_tui.entities.keypoints import list_visibility, read_keypoint_box
from mlwf_tui.evaluation.columns import Bools, Floats
from mlwf_tui.evaluation.shapes import Compared

COCO_SIGMAS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float64
) / 1000  # fmt: skip
"""How far people's own marks scatter, for the 17 points of a person, as a share of the object's size."""
BOX_SHARE = 0.53
"""How much of its box an object fills, instead of COCO's area of its outline; as Ultralytics has it."""
MAX_DETECTIONS = 20  # of one class on one image, as COCO has it


class KeypointKind:
    """Keypoints that are labelled on the truth; where a model puts the others does not count."""

    wanted = "keypoints"

    def is_truth(self, labelled: AnnotatedObject) -> bool:
        return labelled.geometry.kind is GeometryKind.KEYPOINTS

    def compare(
        self,
        found: Sequence[AnnotatedObject],
        truths: Sequence[AnnotatedObject],
        width_px: int,
        height_px: int,
    ) -> Compared:
        """Return the areas, of truths 0 where no point is labelled, and each pair's OKS."""
        areas = np.array([_measure(Bounds(*_find_bounds(one))) for one in found], np.float64)
        truth_areas = np.array([measure_truth(one) for one in truths], np.float64)
        similarity = np.zeros((len(found), len(truths)))
        for column, truth in enumerate(truths):
            if truth_areas[column] > 0:
                similarity[:, column] = _find_oks(found, truth, float(truth_areas[column]))
        return Compared(areas, truth_areas, similarity)


def choose_sigmas(count: int) -> Floats:
    """Return COCO's for 17 points, else one divided by their number for each, as Ultralytics takes them."""
    return COCO_SIGMAS if count == len(COCO_SIGMAS) else np.full(count, 1 / max(count, 1))


def measure_truth(labelled: AnnotatedObject) -> float:
    """Return 53 % of the box that stands beside keypoints, or else of theirs; 0 where none is labelled."""
    if not list_labelled(labelled).any():
        return 0.0
    bounds = read_keypoint_box(labelled) or Bounds(*_find_bounds(labelled))
    return max(_measure(bounds), 1.0) * BOX_SHARE  # points on a line have some size as well


def list_labelled(labelled: AnnotatedObject) -> Bools:
    """Return (K,) which keypoints are labelled, in sight or not."""
    visibility = list_visibility(labelled.geometry)
    return np.array([seen is not Visibility.MISSING for seen in visibility], np.bool_)


def _find_oks(found: Sequence[AnnotatedObject], truth: AnnotatedObject, area: float) -> Floats:
    """Return (N,) the similarity of each to a truth; 0 where it has another number of points."""
    points = np.array(truth.geometry.points, np.float64)  # (K, 2)
    chosen = list_labelled(truth)
    variance = (2 * choose_sigmas(len(points))) ** 2  # (K,)
    similarity = np.zeros(len(found))
    for row, one in enumerate(found):
        if len(one.geometry.points) == len(points):
            distance = ((np.array(one.geometry.points, np.float64) - points) ** 2).sum(axis=1)
            error = distance / variance / (area + np.spacing(1)) / 2
            similarity[row] = float(np.exp(-error[chosen]).mean())
    return similarity


def _find_bounds(labelled: AnnotatedObject) -> tuple[float, ...]:
    points = np.array(labelled.geometry.points, np.float64).reshape(-1, 2)
    chosen = points[list_labelled(labelled)]
    if not len(chosen):
        return (0.0, 0.0, 0.0, 0.0)
    return (*chosen.min(axis=0).tolist(), *chosen.max(axis=0).tolist())


def _measure(bounds: Bounds) -> float:
    return max(bounds.width_px, 0.0) * max(bounds.height_px, 0.0)
