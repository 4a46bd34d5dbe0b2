"""Boxes: COCO's average precision, and all that follows from which box found which."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.plugins.evaluators.names import METRIC_NAMES
from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class DetectEvaluator:
    """Objects by the boxes around them."""

    name = "detect"
    summary = "boxes: COCO's mAP by class and size, precision, recall, F1, confusion, errors, calibration"
    tasks: tuple[str, ...] = ("detect", "segment", "obb")
    metric_names: Mapping[str, str] = METRIC_NAMES

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Pair boxes.

        Raises:
            InvalidInput: there are no truths, or what was predicted is no prediction.
        """
        from mlwf_tui.evaluation.measured import measure  # numpy, which only what measures needs
        from mlwf_tui.plugins.evaluators.paired import PairedMeasurement

        truths = {item.key: item.truth for item in request.items}
        found = {item.key: item.objects for item in request.items}
        sizes = {item.key: (item.width_px, item.height_px) for item in request.items}
        return PairedMeasurement(
            measure(truths, found, request.class_names, confidence=request.confidence, sizes_px=sizes)
        )
