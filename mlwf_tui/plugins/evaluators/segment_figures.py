"""What a report says of paired masks beyond what it says of boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.model import Evaluation
from mlwf_tui.evaluation.columns import Floats, Ints
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.masks import MaskKind, find_boundary_iou
from mlwf_tui.evaluation.measured import measure
from mlwf_tui.evaluation.pixels import list_error_sections, paint_items
from mlwf_tui.evaluation.shapes import Shaped, measure_shapes
from mlwf_tui.plugins.evaluators.paired import ShapedMeasurement
from mlwf_tui.protocols.evaluators import EvaluationRequest


def measure_masks(request: EvaluationRequest, check: Callable[[], None]) -> SegmentMeasurement:
    """Pair masks; see the contract `Evaluator.measure`."""
    return SegmentMeasurement(measure_shapes(request, MaskKind(), check=check), request, check)


class SegmentMeasurement(ShapedMeasurement):
    """Paired masks, with the IoU of the boundaries of each pair."""

    def __init__(self, shaped: Shaped, request: EvaluationRequest, check: Callable[[], None]) -> None:
        super().__init__(shaped, "mask IoU")
        self._request = request
        self._check = check
        self._image, self._boundary_iou = _measure_boundaries(shaped, check)

    def summarize(self) -> Evaluation:
        """Return the measured part of a report."""
        at, request = self.measured, self._request
        truths = {item.key: item.truth for item in request.items}
        found = {item.key: item.objects for item in request.items}
        boxes = summarize(measure(truths, found, request.class_names)).metrics
        painted = paint_items(replace(request, confidence=at.confidence), self._check)
        evaluation = super().summarize()
        border = float(self._boundary_iou.mean()) if len(self._boundary_iou) else 0.0
        metrics = {
            **evaluation.metrics,
            "boundary_iou": border,
            **{f"box_{name}": boxes[name] for name in ("map", "map50")},
        }
        return replace(
            evaluation, metrics=metrics, sections=tuple(list_error_sections(painted.names, painted.counts))
        )

    def weigh(self, batches: Iterator[Floats], check: Callable[[], None]) -> Mapping[str, Floats]:
        """Return the metrics of each weighting; those of boxes are not weighed."""
        kept = list(batches)
        metrics = dict(super().weigh(iter(kept), check))
        metrics["boundary_iou"] = np.concatenate([self._weigh_boundaries(weights) for weights in kept])
        return metrics

    def _weigh_boundaries(self, weights: Floats) -> Floats:
        size = weights.shape[1]
        pairs = weights @ np.bincount(self._image, minlength=size)
        total = weights @ np.bincount(self._image, self._boundary_iou, minlength=size)
        mean: Floats = np.where(pairs > 0, total / np.maximum(pairs, 1e-300), 0.0)
        return mean


def _measure_boundaries(shaped: Shaped, check: Callable[[], None]) -> tuple[Ints, Floats]:
    """Return the image of each pair at the operating confidence (P,), and the IoU of its boundaries (P,)."""
    at = shaped.measured
    rows = np.flatnonzero(at.kept & at.is_hit)
    values = []
    for row in rows.tolist():
        check()
        item = shaped.items[int(at.detections.image[row])]
        truth = shaped.truths[int(at.matches.truth[row])]
        values.append(
            find_boundary_iou(shaped.found[row].geometry, truth.geometry, item.width_px, item.height_px)
        )
    return at.detections.image[rows], np.array(values, np.float64)
