"""Trained models and the reports that measure them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from mlwf_tui.entities.ids import Digest, ModelId, ReportId, RunId, VersionId
from mlwf_tui.entities.measurement import (
    METRIC_NAMES,
    Calibration,
    ErrorShare,
    Interval,
    PixelErrors,
    Slice,
    choose_main,
)
from mlwf_tui.entities.part import Part, read_part
from mlwf_tui.entities.section import Curve as Curve
from mlwf_tui.entities.section import Section
from mlwf_tui.entities.speed import Speed

TASKS = ("detect", "segment", "pose", "obb", "classify")


class Checkpoint(msgspec.Struct, frozen=True):
    """One weight file of a model, kept in the store."""

    name: str
    blob: Digest
    size_bytes: int


class FileRole(StrEnum):
    """What a file beside a model's weights is for."""

    CARD = "card"  # what the model is and where it fails, in Markdown
    PICTURE = "picture"  # predictions beside the truth, as PNG
    CONFUSION = "confusion"  # classes against classes, as CSV
    PACKAGE = "package"  # the model in another format


class ModelFile(msgspec.Struct, frozen=True):
    """A file that belongs to a model and is no checkpoint of it, kept in the store."""

    name: str
    blob: Digest
    size_bytes: int
    role: FileRole


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Trained weights with all that is needed to use them."""

    id: ModelId
    name: str
    description: str
    architecture: str
    task: str  # one of TASKS
    trainer: str  # the plug-in that made it and can run it
    class_names: tuple[str, ...]
    image_size_px: int
    checkpoints: tuple[Checkpoint, ...]  # the first is the one to use
    metrics: Mapping[str, float]
    run_id: RunId
    created_at: datetime
    files: tuple[ModelFile, ...] = ()
    is_starred: bool = False  # somebody wants to find it again

    def find_files(self, role: FileRole) -> tuple[ModelFile, ...]:
        """Return the files of a role, in the order in which they were made."""
        return tuple(file for file in self.files if file.role is role)


class ClassMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """How a model does on one class; None where the class has no truth, or no prediction."""

    name: str
    truth_count: int
    prediction_count: int  # at the operating confidence
    map: float | None
    map50: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    others: Mapping[str, float | None] = {}  # by the name of the figure: what the task alone has


class ItemOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item's truths and predictions at the operating confidence."""

    key: str
    true_positives: int
    false_positives: int
    false_negatives: int


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The measured part of a report: everything that follows from truths, predictions and settings."""

    metrics: Mapping[str, float]  # map, map50, map75, precision, recall, f1, mean_iou, confidence, …
    classes: tuple[ClassMetrics, ...] = ()
    pr_curves: tuple[Curve, ...] = ()  # precision over recall at IoU 0.5; first "all", then each class
    confidence_curves: tuple[Curve, ...] = ()  # precision, recall, f1 over the confidence threshold
    confusion: tuple[tuple[int, ...], ...] = ()  # rows predicted, columns truth; last of each is "none"
    confidence_histogram: tuple[Curve, ...] = ()  # true and false positives over 20 bins of confidence
    iou_histogram: Curve = Curve(name="", x=(), y=())  # matched pairs over bins of IoU from 0.5 to 1
    items: tuple[ItemOutcome, ...] = ()
    schema: int = 1  # 2 has all that follows; what an older program wrote has not
    intervals: Mapping[str, Interval] = {}  # of the metrics, by resampling the items
    class_intervals: Mapping[str, Interval] = {}  # of each class's map50
    errors: tuple[ErrorShare, ...] = ()
    calibration: Calibration | None = None
    slices: tuple[Slice, ...] = ()  # parts of the set, those furthest below the rest first
    part: Part | None = None  # from schema 3 on: what was measured
    measured: str = ""  # digest of its images and truths
    notes: tuple[str, ...] = ()  # what a reader must know, each in a sentence
    speed: Speed | None = None
    evaluator: str = "detect"  # the plug-in that has measured; from schema 4 on
    metric_names: Mapping[str, str] = {}  # how its metrics are called, the headline first; empty of boxes
    similarity: str = "IoU"  # what pairs predictions with truths
    sections: tuple[Section, ...] = ()  # what the evaluator says beyond all that
    pixel_errors: tuple[PixelErrors, ...] = ()  # of pixels: by image and class, where there are any


class ReportKind(StrEnum):
    """What a report is of."""

    BENCHMARK = "benchmark"
    COMPARISON = "comparison"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One model measured on one version, or set beside others; the body lies in the store."""

    id: ReportId
    name: str
    description: str
    model_id: ModelId
    model_name: str
    version_id: VersionId
    version_ref: str  # project@number
    split: str
    metrics: Mapping[str, float]
    speed: Mapping[str, float]  # preprocess_ms, inference_ms, postprocess_ms, images_per_second
    evaluation: Digest  # blob: the Evaluation, or the Comparisons, as JSON
    run_id: RunId
    created_at: datetime
    settings: Mapping[str, float | str] = {}
    kind: ReportKind = ReportKind.BENCHMARK
    predictions: Digest | None = None  # blob: what the model said of every item; see workflow/measuring.py

    @property
    def evaluator(self) -> str:
        """The plug-in that has measured; reports of before there were several are of boxes."""
        return str(self.settings.get("evaluator", "detect"))

    @property
    def part(self) -> Part:
        """What of the version was measured; the split alone where an older program wrote the report."""
        return read_part(self.settings, self.split)

    def write_figure(self, name: str) -> str:
        """Return a metric with three decimals, a difference with its sign; "" where there is none."""
        if name not in self.metrics:
            return ""
        sign = "+" if self.kind is ReportKind.COMPARISON else ""
        return f"{self.metrics[name]:{sign}.3f}"


def describe_benchmark(model_name: str, version_ref: str, part: Part, evaluation: Evaluation) -> str:
    """Return in one line what was measured on what, and the figure that says most with its interval."""
    subject = f"{model_name} on {version_ref}, {part.describe()}"
    name = choose_main(evaluation.metrics)
    if not name:
        return subject
    title = evaluation.metric_names.get(name) or METRIC_NAMES.get(name, name)
    found = evaluation.intervals.get(name)
    interval = "" if found is None else f" (95 % interval {found.low:.3f} to {found.high:.3f})"
    return f"{subject}: {title} {evaluation.metrics[name]:.3f}{interval}"
