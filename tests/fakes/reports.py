"""A report with an evaluation of any number of classes, made of plain formulas."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import structs

from mlwf_tui.entities.ids import Digest, ModelId, ReportId, RunId, VersionId
from mlwf_tui.entities.measurement import (
    Calibration,
    CalibrationBin,
    Cause,
    ClassDifference,
    ComparedModel,
    ComparedPair,
    Comparison,
    ComparisonReport,
    Difference,
    ErrorKind,
    ErrorShare,
    Interval,
    ItemDifference,
)
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
        schema=2,
        intervals={name: Interval(value - 0.03, value + 0.02) for name, value in METRICS.items()},
        errors=tuple(
            ErrorShare(kind=kind, count=900 // (place + 1), map50_lost=0.11 / (place + 1))
            for place, kind in enumerate(ErrorKind)
        ),
        calibration=make_calibration(),
        items=tuple(
            ItemOutcome(key=f"cells/{number}.jpg", true_positives=9, false_positives=1, false_negatives=0)
            for number in range(72)
        ),
    )


def _make_curve(name: str, power: int) -> Curve:
    return Curve(name=name, x=GRID, y=tuple(1 - x**power for x in GRID))


def make_calibration() -> Calibration:
    bins = tuple(
        CalibrationBin(low=n / 10, high=(n + 1) / 10, count=n * 9, confidence=n / 10 + 0.05, precision=n / 11)
        for n in range(10)
    )
    return Calibration(bins=bins, ece=0.071, mce=0.132, temperature=1.4, ece_scaled=0.03, mce_scaled=0.08)


def make_comparison(class_count: int = 3, item_count: int = 5) -> ComparisonReport:
    """Return a comparison in which recall is surely better, precision surely worse, and the rest open."""
    model = ComparedModel(
        report="4e01c9aa77b2",
        report_name="new-on-cells-1",
        model="new",
        architecture="yolov10n",
        version="cells@1",
        split="val",
        metrics=METRICS,
        speed={"images_per_second": 1212.0},
        size_bytes=5_480_000,
        is_on_front=True,
    )
    unsure = Difference(value=0.012, low=-0.01, high=0.034, p=0.31)
    comparison = Comparison(
        differences={
            "map": unsure,
            "map50": unsure,
            "recall": Difference(value=0.08, low=0.05, high=0.11, p=0.002),
            "precision": Difference(value=-0.06, low=-0.1, high=-0.02, p=0.004),
        },
        classes=tuple(
            ClassDifference(
                name=f"class {n}", truth_count=9 * n, map50=unsure if n else None, fixed=n, broken=1
            )
            for n in range(class_count)
        ),
        items=tuple(
            ItemDifference(key=f"cells/{n}.jpg", fixed=1, broken=n, mistakes_before=2, mistakes_now=1 + n)
            for n in reversed(range(item_count))
        ),
        truths_both_found=510,
        truths_fixed=31,
        truths_broken=12,
        truths_both_missed=44,
        item_count=72,
    )
    causes = (Cause(kind="parameter", name="epochs", before=20, after=40),)
    return ComparisonReport(
        models=(model, structs.replace(model, model="old", is_on_front=False)),
        pairs=(ComparedPair(new="new", old="old", comparison=comparison, causes=causes),),
        one_sided_classes=("Platelets",),
    )
