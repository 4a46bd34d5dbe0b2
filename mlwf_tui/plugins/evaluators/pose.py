"""Keypoints: COCO's average precision by OKS, and how far each point lies from where it belongs."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.plugins.evaluators.names import METRIC_NAMES
from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class PoseEvaluator:
    """Objects by their keypoints."""

    name = "pose"
    summary = "keypoints: mAP by OKS (COCO's tolerances for 17 points, else one for all), errors by point"
    tasks: tuple[str, ...] = ("pose",)
    metric_names: Mapping[str, str] = {**METRIC_NAMES, "mean_iou": "mean OKS", "ar100": "AR20"}

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Pair keypoints.

        Raises:
            InvalidInput: no keypoint is labelled, or what was predicted is no prediction.
        """
        from mlwf_tui.plugins.evaluators.pose_figures import measure_keypoints

        return measure_keypoints(request, observer.check_cancelled)
