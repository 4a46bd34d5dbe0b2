"""The images behind the numbers of a report, and what became of each of their objects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec.structs import replace

from mlwf_tui.entities.annotation import Geometry, GeometryKind, LabelSchema
from mlwf_tui.entities.evidence import ItemEvidence, ObjectEvidence, Pick
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measurement import Thresholds, check_confidence
from mlwf_tui.entities.model import Evaluation, Report, ReportKind
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.protocols.observer import SILENT
from mlwf_tui.store.manifests import find_item, read_summary
from mlwf_tui.workflow.measuring import (
    Kept,
    make_request_of,
    measure_by_evaluator,
    measure_report,
    read_item_facts,
    read_kept,
)
from mlwf_tui.workflow.reporting.words import write_table
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.columns import Bools, FoundTruths, Objects
    from mlwf_tui.evaluation.slices import ItemFacts


PIXELS = "semantic"
"""The evaluator that counts pixels."""


class Looker(Protocol):
    """Looks behind the numbers of one report, at any thresholds."""

    @property
    def own(self) -> Thresholds:
        """The report's own."""

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""

    def list_items(self, pick: Pick, at: Thresholds) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts something of."""

    def look(self, key: str, pick: Pick, at: Thresholds) -> tuple[ObjectEvidence, ...]:
        """Return what became of an image's objects, those that the number counts first."""


@runtime_checkable
class TruthsLooker(Looker, Protocol):
    """One of truths that are found or not, one by one."""

    def read_truths(self) -> FoundTruths:
        """Return all truths, and which of them were found at the report's own thresholds."""

    def find_members(self, wanted: tuple[str, str]) -> Bools:
        """Return (M,): which truths belong to a slice, given by group and name."""


class Evidence:
    """What stands behind the numbers of one report; opened once, asked often, by any thread."""

    def __init__(self, workspace: Workspace, report: Report, manifest: Digest, looker: Looker) -> None:
        self._workspace = workspace
        self._manifest = manifest
        self.looker = looker
        self._lock = threading.Lock()  # pictures are asked for while the list of another number is made
        self.report = report

    @property
    def own(self) -> Thresholds:
        """The thresholds that the report was made at."""
        return self.looker.own

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""
        return self.looker.has_thresholds

    @property
    def is_of_pixels(self) -> bool:
        """Whether pixels are counted, not objects or images."""
        return self.report.evaluator == PIXELS

    def choose(self, confidence: float | None, hit_iou: float | None) -> Thresholds:
        """Return the thresholds that a person asks for, the report's own where None.

        Raises:
            InvalidParameter: the confidence is no number from 0 to 1, or thresholds change nothing here.
        """
        own = self.own
        if confidence is None and hit_iou is None:
            return own
        if not self.has_thresholds:
            raise InvalidParameter(
                f"{self.report.name} is counted at its own thresholds alone: its predictions are no objects.",
                hint="Leave out --confidence and --iou.",
            )
        at = Thresholds(
            own.confidence if confidence is None else confidence, own.hit_iou if hit_iou is None else hit_iou
        )
        check_confidence(at.confidence)
        return at

    def describe(self, at: Thresholds) -> str:
        """Return in words at which thresholds numbers hold; "" where there are none."""
        if not self.has_thresholds:
            return ""
        return f"confidence {at.confidence:.3f} and IoU {at.hit_iou:.2f}"

    @property
    def schema(self) -> LabelSchema:
        """The classes of the version that was measured on."""
        return read_summary(self._workspace.store, self._manifest).schema

    def list_items(self, pick: Pick, at: Thresholds | None = None) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts something of; without thresholds at the report's own.

        Raises:
            InvalidInput: hits are not known at that IoU, or the report has no such class or number.
            NotFound: there is no such item or slice.
        """
        with self._lock:
            return self.looker.list_items(pick, at or self.own)

    def get_item(self, key: str) -> Item:
        """Return an image of the version that was measured on.

        Raises:
            NotFound: the version has no such image.
        """
        found = find_item(self._workspace.store, self._manifest, key)
        if found is None:
            raise NotFound(f"{key!r} is not in {self.report.version_ref}.", hint="See mlwf show.")
        return found

    def look(
        self, key: str, pick: Pick, at: Thresholds | None = None
    ) -> tuple[Item, tuple[ObjectEvidence, ...]]:
        """Return an image and what became of its objects, those that the number counts first.

        Masks come as their borders, which can be drawn in dashes; regions of pixels stay masks.

        Raises:
            NotFound: the image was not measured.
        """
        found = self.get_item(key)
        with self._lock:
            seen = self.looker.look(key, pick, at or self.own)
        return found, tuple(trace_masks(one) for one in seen)


def trace_masks(one: ObjectEvidence) -> ObjectEvidence:
    """Return it with the borders of whole masks in their place."""
    return replace(one, truth=_trace_mask(one.truth), predicted=_trace_mask(one.predicted))


def _trace_mask(geometry: Geometry | None) -> Geometry | None:
    from mlwf_tui.media.outlines import outline_mask  # numpy

    if geometry is None or geometry.kind is not GeometryKind.MASK:
        return geometry
    return outline_mask(geometry)


def open_evidence(workspace: Workspace, report: Report, evaluation: Evaluation) -> Evidence:
    """Return what looks behind the numbers of a report, whose body is `evaluation`.

    Raises:
        InvalidParameter: it is a comparison.
        InvalidInput: its predictions were not kept, or its evaluator counts neither objects nor images.
        NotFound: its version was deleted, or its evaluator is not installed.
        CorruptData: the stored bytes are damaged.
    """
    if report.kind is not ReportKind.BENCHMARK:
        raise InvalidParameter(
            f"The report {report.name} compares models.", hint="Ask for the report of one of them."
        )
    version = workspace.catalog.versions.get_by_id(report.version_id)
    looker = _open_looker(workspace, read_kept(workspace, report), evaluation)
    return Evidence(workspace, report, version.manifest, looker)


def _open_looker(workspace: Workspace, kept: Kept, evaluation: Evaluation) -> Looker:
    from mlwf_tui.evaluation.answers import AnswersEvidence
    from mlwf_tui.evaluation.class_maps import read_maps
    from mlwf_tui.evaluation.classifying import Classified
    from mlwf_tui.evaluation.evidence import ObjectsEvidence
    from mlwf_tui.evaluation.pixel_evidence import PixelsEvidence
    from mlwf_tui.evaluation.shapes import Shaped

    def read_facts() -> Sequence[ItemFacts]:
        facts = read_item_facts(workspace, kept.items, SILENT)
        return [facts[item.key] for item in kept.items]

    names = [of.name for of in evaluation.classes]
    if kept.report.evaluator == "detect":
        measured = measure_report(workspace, kept, names)
        return ObjectsEvidence(measured, _read_boxes(kept, measured.names), read_facts)
    if kept.report.evaluator == PIXELS:  # the figures take far longer than painting
        return PixelsEvidence(read_maps(make_request_of(kept, names)), evaluation.pixel_errors)
    measurement = measure_by_evaluator(workspace, kept, names)
    shaped = getattr(measurement, "shaped", None)
    if isinstance(shaped, Shaped):
        return ObjectsEvidence(shaped.measured, shaped.list_objects, read_facts)
    if isinstance(measurement, Classified):
        return AnswersEvidence(measurement)
    raise InvalidInput(
        f"The report {kept.report.name} counts no single objects: there are no images behind its numbers.",
        hint="Measure with an evaluator of objects: mlwf benchmark MODEL REF -p evaluator=segment.",
    )


def _read_boxes(kept: Kept, names: Sequence[str]) -> Callable[[str], Objects]:
    """Return what takes an item's key and returns its objects in the order of the measured rows."""
    from mlwf_tui.evaluation.evidence import order_boxes

    truths, said = kept.truths, kept.objects
    return lambda key: order_boxes(truths[key].objects, said.get(key, ()), names)


def write_item_table(items: Sequence[ItemEvidence]) -> str:
    """Return the images as CSV: what became of the objects of each, and how many are meant.

    Of pixels the IoU of each as well.
    """
    header: tuple[str, ...] = ("item", "found", "missed", "false", "confused", "count")
    rows: list[tuple[str | float | None, ...]] = [
        (of.key, of.found, of.missed, of.false, of.confused, of.count) for of in items
    ]
    if any(of.iou is not None for of in items):
        header, rows = (*header, "iou"), [(*row, of.iou) for row, of in zip(rows, items, strict=True)]
    return write_table(header, rows)
