"""What measured sets say beyond their figures: how sure, which errors, how well calibrated, what differs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from mlwf_tui.errors import InvalidParameter

PAIRED_NAMES: Mapping[str, str] = {
    "map": "mAP", "map50": "mAP50", "map75": "mAP75", "map_small": "mAP small", "map_medium": "mAP medium",
    "map_large": "mAP large", "ar100": "AR100", "precision": "precision", "recall": "recall", "f1": "F1",
    "mean_iou": "mean IoU", "class_accuracy": "classification accuracy",
    "confidence": "operating confidence", "truth_count": "truths", "prediction_count": "predictions",
    "image_count": "images",
}  # fmt: skip
"""How the metrics of objects that are paired with truths are called where people read them."""

METRIC_NAMES: Mapping[str, str] = {
    **PAIRED_NAMES,
    "boundary_iou": "boundary IoU", "box_map": "box mAP", "box_map50": "box mAP50",
    "top1": "top 1", "top5": "top 5", "macro_f1": "macro F1", "auc": "AUC", "ece": "ECE", "mce": "MCE",
    "macro_precision": "macro precision", "macro_recall": "macro recall",
    "miou": "mean IoU", "pixel_accuracy": "pixel accuracy", "mean_accuracy": "mean accuracy",
    "miou_with_background": "mean IoU with background",
}  # fmt: skip
"""How the metrics of all evaluators of mlwf's own are called; a report has those of a stranger's in it."""


def choose_main(names: Iterable[str]) -> str:
    """Return which of a report's figures says most: mAP50, or the first where there is none; "" of none."""
    known = list(names)
    return "map50" if "map50" in known else known[0] if known else ""


def choose_two(names: Iterable[str]) -> tuple[str, ...]:
    """Return the figures that stand in a list of models: mAP and mAP50, or the first two."""
    known = [name for name in names if name not in COUNT_NAMES]
    return ("map", "map50") if "map50" in known else tuple(known[:2])


COUNT_NAMES = frozenset({"truth_count", "prediction_count", "image_count"})
"""Metrics that are counts."""


class Thresholds(msgspec.Struct, frozen=True):
    """From which confidence a detection stands, and from which IoU with a truth it is a hit."""

    confidence: float  # 0–1
    hit_iou: float = 0.5  # 0.5, 0.55, … 0.95

    def step_confidence(self, by: int) -> Thresholds:
        """Return the next multiple of 0.05, up or down; it stays within 0 and 1."""
        place = self.confidence * 20
        near = round(place)
        if abs(place - near) > 1e-6:  # between two multiples: to the one on that side
            near = math.floor(place) if by > 0 else math.ceil(place)
        return Thresholds(min(20, max(0, near + by)) / 20, self.hit_iou)

    def step_iou(self, by: int) -> Thresholds:
        """Return the next IoU that hits are known at, up or down."""
        return Thresholds(self.confidence, min(19, max(10, round(self.hit_iou * 20) + by)) / 20)


def check_confidence(confidence: float) -> None:
    """Raise InvalidParameter for what is no confidence."""
    if not 0 <= confidence <= 1:  # NaN is neither
        raise InvalidParameter(
            f"{confidence:g} is no confidence: it is a number from 0 to 1.", hint="Give one, such as 0.4."
        )


class Interval(msgspec.Struct, frozen=True):
    """Between what a figure lies, 95 times of 100, were other items drawn from the same source."""

    low: float
    high: float


class ErrorKind(StrEnum):
    """What is wrong with a detection that is no hit, or with a truth that was not found (TIDE)."""

    CLASSIFICATION = "classification"  # right place, wrong class
    LOCALISATION = "localisation"  # right class, place not near enough
    BOTH = "both"  # neither is right, but a truth is near
    DUPLICATE = "duplicate"  # of a truth that a better one has found
    BACKGROUND = "background"  # nothing is there
    MISSED = "missed"  # a truth that no detection comes near


class PixelErrorKind(StrEnum):
    """Where pixels of a class are wrong; see docs/evaluators.md."""

    BOUNDARY = "boundary"  # in a seam along what is right
    EXTENT = "extent"  # a part of a piece that is right elsewhere
    SEGMENT = "segment"  # a whole piece that is wrong


class PixelErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How many pixels of a class are wrong on an image, made up or missed."""

    key: str
    class_name: str
    counts: tuple[int, int, int]  # boundary, extent, segment


class ErrorShare(msgspec.Struct, frozen=True, kw_only=True):
    """How often an error was made, and how much of mAP50 its mending alone would give back."""

    kind: ErrorKind
    count: int  # at the operating confidence; of truths where they are missed
    map50_lost: float  # over all confidences, as mAP50 is


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Detections of about one confidence, and how many of them are right."""

    low: float
    high: float
    count: int
    confidence: float  # mean, 0 where there are none
    precision: float  # share of hits at IoU 0.5, 0 where there are none


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a confidence of 0.8 is right eight times in ten."""

    bins: tuple[CalibrationBin, ...]
    ece: float  # expected calibration error: the mean gap, weighed by count
    mce: float  # the largest gap of a bin
    temperature: float  # by which logits are best divided; 1 for what is calibrated already
    ece_scaled: float  # with a temperature that was found on the other half of the items
    mce_scaled: float


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the items or of the objects, and how it fares beside the rest."""

    group: str  # "brightness", "object size", "tag", …
    name: str  # "dark", "small", …
    item_count: int
    truth_count: int
    metric: str  # what `value` is: map50 for items, recall for objects
    value: float
    interval: Interval
    rest: float | None  # the same of all others; None where there are none
    p: float  # that the two do not differ, corrected for the number of slices

    @property
    def is_worse(self) -> bool:
        """Whether it is measurably below the rest."""
        return self.rest is not None and self.value < self.rest and self.p < 0.05


def describe_slice(of: Slice) -> str:
    """Return in one sentence how a part fares beside the rest."""
    figure = METRIC_NAMES[of.metric]
    said = f"{of.group} {of.name}: {figure} {of.value:.3f}"
    if of.rest is None:
        return said
    gap = of.value - of.rest
    side = "below" if gap < 0 else "above"
    sure = f"p {of.p:.3f}" if of.p < 0.05 else "no measurable difference"
    return f"{said}, {abs(gap):.3f} {side} the rest ({sure})"


class ClassCount(msgspec.Struct, frozen=True, kw_only=True):
    """One class at the thresholds: its objects, what stands of its detections, and how many are right."""

    name: str
    truth_count: int
    prediction_count: int
    hit_count: int


class ThresholdFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is worth at a confidence and an IoU (of each class its own where asked)."""

    confidence: float
    precision: float
    recall: float
    f1: float
    mean_iou: float  # of the hits, 0 without one
    classes: tuple[ClassCount, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the newer less that of the older, measured on the same items."""

    value: float
    low: float
    high: float
    p: float  # corrected where several of its kind were looked at together

    @property
    def is_measurable(self) -> bool:
        """Whether the interval leaves out 0 and the p-value lies below 0.05."""
        return self.p < 0.05 and not self.low <= 0 <= self.high


def subtract_iou(now: float | None, before: float | None) -> float:
    """Return by how much an IoU rose; None is that of what is neither there nor found, which is right."""
    return (1.0 if now is None else now) - (1.0 if before is None else before)


class ClassDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in one class."""

    name: str
    truth_count: int
    map50: Difference | None  # None where the class has no truth, and of pixels
    fixed: int
    broken: int
    iou: float | None = None  # of pixels: over all images, None where the newer finds none and none is there
    iou_before: float | None = None

    @property
    def iou_change(self) -> float:
        """By how much the IoU rose; what is neither there nor found is right."""
        return subtract_iou(self.iou, self.iou_before)


class ItemDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item's objects: mistakes are truths not found and detections of nothing.

    Of pixels, mistakes are pixels, and the image as a whole is fixed or broken: its IoU rose or fell.
    """

    key: str
    fixed: int  # truths that the newer finds and the older did not
    broken: int
    mistakes_before: int
    mistakes_now: int
    iou: float | None = None  # of pixels, None where the newer finds nothing and nothing is there
    iou_before: float | None = None

    @property
    def is_of_pixels(self) -> bool:
        """Whether it was won or lost by its IoU."""
        return self.iou is not None or self.iou_before is not None

    @property
    def iou_change(self) -> float:
        """By how much the IoU rose; what is neither there nor found is right."""
        return subtract_iou(self.iou, self.iou_before)

    @property
    def is_worse(self) -> bool:
        """Whether the newer model has become worse on it."""
        return self.broken > 0 if self.is_of_pixels else self.mistakes_now > self.mistakes_before


class SliceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in a part of the items or of the objects; see `Slice`."""

    group: str
    name: str
    item_count: int  # those with a truth
    truth_count: int
    metric: str  # map50 of items, recall of objects
    difference: Difference  # p corrected for the number of parts
    fixed: int
    broken: int


IMAGES = "images"
"""What a comparison of pixels counts: by their IoU they are won, lost, or as they were."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models, or one on two states of a set, over the same items."""

    differences: Mapping[str, Difference]
    classes: tuple[ClassDifference, ...]
    items: tuple[ItemDifference, ...]  # those where something differs, the most broken first
    truths_both_found: int
    truths_fixed: int
    truths_broken: int
    truths_both_missed: int
    item_count: int
    slices: tuple[SliceDifference, ...] = ()  # the losses first; none in what an older program wrote
    counted: str = "objects"  # what was fixed, broken, found by both or neither; of pixels IMAGES


class ComparedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One of the models side by side, as its report has measured it."""

    report: str  # id
    report_name: str
    model: str
    architecture: str
    version: str  # project@number
    split: str
    metrics: Mapping[str, float]
    speed: Mapping[str, float]
    size_bytes: int
    is_on_front: bool  # no other is at once more accurate, faster and smaller


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Something that differs in how two models were made."""

    kind: str  # parameter, data, environment
    name: str
    before: Any
    after: Any


class ComparedPair(msgspec.Struct, frozen=True, kw_only=True):
    """A newer model beside the last one that was named."""

    new: str  # names of models
    old: str
    comparison: Comparison
    causes: tuple[Cause, ...]


class ComparisonReport(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a report that compares: all models, and each beside the last."""

    schema: int = 1
    models: tuple[ComparedModel, ...]
    pairs: tuple[ComparedPair, ...]
    one_sided_classes: tuple[str, ...] = ()  # that not every model knows; to it they are all missed
    evaluator: str = ""  # that has measured all; older programs did not say
