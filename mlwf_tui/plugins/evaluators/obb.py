"""Oriented boxes: COCO's average precision by the area that turned boxes share."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.plugins.evaluators.names import METRIC_NAMES
from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class ObbEvaluator:
    """Objects by the turned boxes around them."""

    name = "obb"
    summary = "oriented boxes: mAP by rotated IoU, and all that boxes have"
    tasks: tuple[str, ...] = ("obb",)
    metric_names: Mapping[str, str] = METRIC_NAMES

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Pair turned boxes.

        Raises:
            InvalidInput: there are no truths with an area, or what was predicted is no prediction.
        """
        from mlwf_tui.evaluation.shapes import measure_shapes
        from mlwf_tui.evaluation.turned import TurnedKind
        from mlwf_tui.plugins.evaluators.paired import ShapedMeasurement

        shaped = measure_shapes(request, TurnedKind(), check=observer.check_cancelled)
        return ShapedMeasurement(shaped, "rotated IoU")
