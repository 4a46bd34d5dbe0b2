"""Pixels by their class, whichever object they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class SemanticEvaluator:
    """Maps of classes, painted of objects."""

    name = "semantic"
    summary = "pixels by class: IoU, boundary IoU, accuracy, errors split by where they lie"
    tasks: tuple[str, ...] = ("semantic", "segment", "detect", "obb")
    metric_names: Mapping[str, str] = {
        "miou": "mean IoU", "pixel_accuracy": "pixel accuracy", "boundary_iou": "boundary IoU",
        "macro_f1": "mean F1", "mean_accuracy": "mean accuracy",
        "miou_with_background": "mean IoU with background", "confidence": "confidence",
        "image_count": "images",
    }  # fmt: skip

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Paint truths and predictions, and count pixels.

        Raises:
            InvalidInput: there are no truths with an area, or what was predicted is no prediction.
        """
        from mlwf_tui.evaluation.pixels import paint_items  # numpy, which only what measures needs

        observer.progress(0, None, "counting pixels")
        return paint_items(request, observer.check_cancelled)
