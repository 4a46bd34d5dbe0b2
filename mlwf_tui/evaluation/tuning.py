"""The figures of a report at other confidences: what does not depend on it is not worked out again."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from mlwf_tui.entities.model import ClassMetrics, Evaluation
from mlwf_tui.evaluation.confusion import build_confusion
from mlwf_tui.evaluation.curves import build_iou_histogram
from mlwf_tui.evaluation.errors import count_errors, find_errors
from mlwf_tui.evaluation.evaluate import count_metrics, list_outcomes
from mlwf_tui.evaluation.measured import Measured


class Tuner:
    """Holds what was paired behind a report; used by one thread at a time."""

    def __init__(self, measured: Measured, evaluation: Evaluation) -> None:
        self._measured = measured
        self._evaluation = evaluation
        self._errors = find_errors(measured)

    def tune(self, confidence: float) -> Evaluation:
        """Return the report with all that is counted at the operating confidence counted at this one.

        mAP and the curves stay; intervals of what is counted are left out, for they are not known here.
        """
        before = self._measured
        at = Measured(before.keys, before.names, before.truths, before.detections, before.matches, confidence)
        counted = count_metrics(at)
        confusion = build_confusion(at.truths, at.detections, at.matches.truth, at.kept, len(at.names))
        return replace(
            self._evaluation,
            metrics={**self._evaluation.metrics, **counted},
            intervals={
                name: found for name, found in self._evaluation.intervals.items() if name not in counted
            },
            classes=self._count_classes(at),
            confusion=confusion,
            iou_histogram=build_iou_histogram(at.matches.iou[at.kept & at.is_hit]),
            items=list_outcomes(at),
            errors=tuple(
                replace(share, count=count_errors(at, self._errors, share.kind))
                for share in self._evaluation.errors
            ),
        )

    def _count_classes(self, at: Measured) -> tuple[ClassMetrics, ...]:
        size = len(at.names)
        truths = np.bincount(at.truths.label, minlength=size).tolist()
        kept = np.bincount(at.detections.label[at.kept], minlength=size).tolist()
        true = np.bincount(at.detections.label[at.kept & at.is_hit], minlength=size).tolist()
        return tuple(
            replace(
                before,
                prediction_count=found,
                precision=hits / found if found else None,
                recall=hits / total if total else None,
                f1=2 * hits / (found + total) if found + total else None,
            )
            for before, total, found, hits in zip(self._evaluation.classes, truths, kept, true, strict=True)
        )
