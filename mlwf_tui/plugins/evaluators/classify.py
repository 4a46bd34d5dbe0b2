"""Classes of whole images: what is right, by class and over thresholds, and calibration."""

from __future__ import annotations

from collections.abc import Mapping

from mlwf_tui.protocols.evaluators import EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer


class ClassifyEvaluator:
    """Images by their class."""

    name = "classify"
    summary = "classes of images: top 1 and 5, F1 by class, ROC and its area, confusion, calibration"
    tasks: tuple[str, ...] = ("classify",)
    metric_names: Mapping[str, str] = {
        "top1": "top 1", "top5": "top 5", "macro_f1": "macro F1", "auc": "AUC",
        "macro_precision": "macro precision", "macro_recall": "macro recall", "ece": "ECE", "mce": "MCE",
        "truth_count": "images with a class", "image_count": "images",
    }  # fmt: skip

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Read classes and what was said of them.

        Raises:
            InvalidInput: no image has a class, or a probability is no number from 0 to 1.
        """
        from mlwf_tui.evaluation.classifying import classify  # numpy, which only what measures needs

        return classify(request)
