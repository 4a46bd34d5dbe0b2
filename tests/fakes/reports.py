"""A report with an evaluation of any number of classes, made of plain formulas."""

from __future__ import annotations

from datetime import UTC, datetime

from mlwf_tui.entities.ids import Digest, ModelId, ReportId, RunId, VersionId
from mlwf_tui.entities.model import ClassMetrics, Curve, Evaluation, ItemOutcome, Report

METRICS = {
    "map": 0.598, "map50": 0.871, "map75": 0.655, "precision": 0.86, "recall": 0.79, "f1": 0.823,
    "mean_iou": 0.814, "confidence": 0.412,
}  # fmt: skip
GRID = tuple(step / 100 for step in range(101))


def make_report(description: str = "after ten epochs") -> Report:
    return Report(
        id=ReportId("4e01c9aa77b2"),
        name="yolov10n on cells@1",
        description=description,
        model_id=ModelId("77aa10ff31d0"),
        model_name="yolov10n-cells",
        version_id=VersionId("0d5be0a7c1f2"),
        version_ref="cells@1",
        split="val",
        metrics=METRICS,
        speed={"preprocess_ms": 0.6, "inference_ms": 3.2, "postprocess_ms": 0.9, "images_per_second": 212.0},
        evaluation=Digest("0" * 64),
        run_id=RunId("9c0d31aa5e10"),
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def make_evaluation(class_count: int = 3) -> Evaluation:
    names = ("RBC", "WBC", "Platelets", *(f"class {number}" for number in range(3, class_count)))[
        :class_count
    ]
    bins = tuple(0.025 + 0.05 * number for number in range(20))
    return Evaluation(
        metrics=METRICS,
        classes=tuple(
            ClassMetrics(
                name=name,
                truth_count=800 // (number + 1),
                prediction_count=760 // (number + 1),
                map=0.7 - 0.1 * (number % 5),
                map50=0.93,
                precision=0.88,
                recall=0.8,
                f1=None if number == 2 else 0.83,
            )
            for number, name in enumerate(names)
        ),
        pr_curves=tuple(_make_curve(name, 6 - number % 4) for number, name in enumerate(("all", *names))),
        confidence_curves=tuple(_make_curve(name, 3) for name in ("precision", "recall", "f1")),
        confusion=tuple(
            tuple(
                700 // (row + 1) if row == column and row < class_count else (row * 7 + column * 3) % 11
                for column in range(class_count + 1)
            )
            for row in range(class_count + 1)
        ),
        confidence_histogram=(
            Curve(name="true positives", x=bins, y=tuple(float(n * n) for n in range(20))),
            Curve(name="false positives", x=bins, y=tuple(float((19 - n) ** 2) for n in range(20))),
        ),
        iou_histogram=Curve(name="matched", x=tuple(0.525 + 0.05 * n for n in range(10)), y=(3.0,) * 10),
        items=tuple(
            ItemOutcome(key=f"cells/{number}.jpg", true_positives=9, false_positives=1, false_negatives=0)
            for number in range(72)
        ),
    )


def _make_curve(name: str, power: int) -> Curve:
    return Curve(name=name, x=GRID, y=tuple(1 - x**power for x in GRID))
