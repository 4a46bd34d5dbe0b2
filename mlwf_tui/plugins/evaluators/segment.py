"""Masks of single objects: COCO's average precision by pixels, boundaries, and where pixels go wrong."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.plugins.evaluators.names import HEADLINE, METRIC_NAMES
from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class SegmentEvaluator:
    """Objects by their masks."""

    name = "segment"
    summary = "masks: COCO's mask mAP by class and size, boundary IoU, errors split by where they lie"
    tasks: tuple[str, ...] = ("segment",)
    metric_names: Mapping[str, str] = {
        **{name: METRIC_NAMES[name] for name in HEADLINE},
        "boundary_iou": "boundary IoU", "box_map": "box mAP", "box_map50": "box mAP50", **METRIC_NAMES,
    }  # fmt: skip

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Pair masks.

        Raises:
            InvalidInput: there are no truths with an area, or what was predicted is no prediction.
        """
        from mlwf_tui.plugins.evaluators.segment_figures import measure_masks

        observer.progress(0, None, "comparing masks")
        return measure_masks(request, observer.check_cancelled)
