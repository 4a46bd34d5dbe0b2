"""The door of this room: truths and predictions in, the whole measured part of a report out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.entities.ignored import describe_ignored
from mlwf_tui.entities.model import ClassMetrics, Evaluation, ItemOutcome
from mlwf_tui.evaluation.average_precision import PrecisionArrays, build_arrays
from mlwf_tui.evaluation.columns import Bools, Floats
from mlwf_tui.evaluation.confusion import build_confusion, measure_naming
from mlwf_tui.evaluation.curves import (
    build_confidence_curves,
    build_confidence_histogram,
    build_iou_histogram,
    build_pr_curves,
)
from mlwf_tui.evaluation.measured import Measured, measure


def evaluate(
    truths: Mapping[str, Annotation],
    predictions: Mapping[str, Sequence[AnnotatedObject]],
    class_names: Sequence[str],
) -> Evaluation:
    """Measure predictions of boxes against truths, both by item key; other areas count by their bounds.

    `map`, `map50`, `map75`, `map_small`, `map_medium`, `map_large` and `ar100` are COCO's, to the
    last bit; a size that no truth has is left out of the metrics. `precision`, `recall`, `f1` and
    `mean_iou` hold for all classes together at IoU 0.5 and `confidence`, the threshold where that F1
    is largest; so do `class_accuracy`, the share of the objects found that have the right class, the
    per-class figures, the confusion and the items. An item without predictions has none. Classes that
    `class_names` lacks are put after it, in order of their names. Nothing depends on the order of the
    mappings.

    Raises:
        InvalidInput: there is no truth at all, or a prediction for an item without a truth entry.
    """
    return summarize(measure(truths, predictions, class_names))


def summarize(at: Measured) -> Evaluation:
    """Return the measured part of a report of what was paired."""
    truths, detections, matches = at.truths, at.detections, at.matches
    arrays = build_arrays(truths, detections, matches, len(at.names))
    truth_count = len(truths.image)
    confusion = build_confusion(truths, detections, matches.truth, at.kept, len(at.names))
    counted = count_metrics(at) | measure_naming(confusion)
    score, is_hit = read_counted(at)
    return Evaluation(
        metrics={**_read_coco(arrays), **counted, "image_count": float(len(at.keys))},
        classes=_measure_classes(arrays, at),
        pr_curves=build_pr_curves(arrays, at.names),
        confidence_curves=build_confidence_curves(score, is_hit, truth_count),
        confusion=confusion,
        confidence_histogram=build_confidence_histogram(score, is_hit),
        iou_histogram=build_iou_histogram(matches.iou[at.kept & at.is_hit]),
        items=list_outcomes(at),
        notes=tuple(_list_notes(at)),
    )


def read_counted(at: Measured) -> tuple[Floats, Bools]:
    """Return the scores (n,) of the detections that count, and which of them are hits (n,)."""
    counted = at.is_counted
    return at.detections.score[counted], at.is_hit[counted]


def _list_notes(at: Measured) -> Iterator[str]:
    crowds = int(np.count_nonzero(at.ignored.duties.is_crowd))
    told = describe_ignored(crowds, len(at.ignored.image) - crowds)
    if told:
        spared = np.count_nonzero(~at.is_counted & (at.detections.score >= at.confidence))
        on_them = (
            "the prediction on them counts" if spared == 1 else f"the {spared:,} predictions on them count"
        )
        yield f"{told} ignored: nobody has to find them, and {on_them} as neither right nor wrong."


def _read_coco(arrays: PrecisionArrays) -> dict[str, float]:
    values = {
        "map": arrays.average(),
        "map50": arrays.average(iou=0.5),
        "map75": arrays.average(iou=0.75),
        "map_small": arrays.average(area="small"),
        "map_medium": arrays.average(area="medium"),
        "map_large": arrays.average(area="large"),
        "ar100": arrays.average_recall(),
    }
    return {key: value for key, value in values.items() if value is not None}


def count_metrics(at: Measured) -> dict[str, float]:
    """Return what is counted of all classes together at the operating confidence."""
    true = int(np.count_nonzero(at.kept & at.is_hit))
    kept, truth_count = int(np.count_nonzero(at.kept)), len(at.truths.image)
    return {
        "precision": true / kept if kept else 0.0,
        "recall": true / truth_count,
        "f1": 2 * true / (kept + truth_count),
        "mean_iou": float(at.matches.iou[at.kept & at.is_hit].mean()) if true else 0.0,
        "confidence": at.confidence,
        "truth_count": float(truth_count),
        "prediction_count": float(kept),
    }


def _measure_classes(arrays: PrecisionArrays, at: Measured) -> tuple[ClassMetrics, ...]:
    names, labels = at.names, at.detections.label
    truth_counts = np.bincount(at.truths.label, minlength=len(names))
    kept_counts = np.bincount(labels[at.kept], minlength=len(names))
    true_counts = np.bincount(labels[at.kept & at.is_hit], minlength=len(names))
    return tuple(
        _measure_class(arrays, label, name, int(truths), int(kept), int(true))
        for label, (name, truths, kept, true) in enumerate(
            zip(names, truth_counts, kept_counts, true_counts, strict=True)
        )
    )


def _measure_class(
    arrays: PrecisionArrays, label: int, name: str, truths: int, kept: int, true: int
) -> ClassMetrics:
    return ClassMetrics(
        name=name,
        truth_count=truths,
        prediction_count=kept,
        map=arrays.average_class(label),
        map50=arrays.average_class(label, iou=0.5),
        precision=true / kept if kept else None,
        recall=true / truths if truths else None,
        f1=2 * true / (kept + truths) if kept + truths else None,
    )


def list_outcomes(at: Measured) -> tuple[ItemOutcome, ...]:
    """Return what became of each item's truths and detections, by item key ascending."""
    keys = at.keys
    images = at.detections.image
    truths = np.bincount(at.truths.image, minlength=len(keys))
    true = np.bincount(images[at.kept & at.is_hit], minlength=len(keys))
    false = np.bincount(images[at.kept & ~at.is_hit], minlength=len(keys))
    return tuple(
        ItemOutcome(key=key, true_positives=hits, false_positives=wrong, false_negatives=total - hits)
        for key, hits, wrong, total in zip(keys, true.tolist(), false.tolist(), truths.tolist(), strict=True)
    )
