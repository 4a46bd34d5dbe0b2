"""What a report was worked out from, read again: another figure needs no second inference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.model import Evaluation, Report
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest, Measurement
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.benchmarking.commanding import write_benchmark
from mlwf_tui.workflow.benchmarking.parts import select_items
from mlwf_tui.workflow.benchmarking.rules import FIRST, apply_rules, read_rules
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.measured import Measured
    from mlwf_tui.evaluation.slices import ItemFacts

RESAMPLED = "resampling the items"


def keep_predictions(writer: StoreWriter, predictions: Sequence[ItemPrediction]) -> Digest:
    """Store what a model said of every item, and return its digest."""
    return writer.put(msgspec.msgpack.encode(predictions))


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a report was worked out from: the items that were measured, and what the model said of them."""

    report: Report
    items: tuple[Item, ...]  # in key order, as its rules see them, without classes that were not measured
    predictions: tuple[ItemPrediction, ...]

    @property
    def sizes_px(self) -> dict[str, tuple[int, int]]:
        """Width and height of the images, by item key."""
        return {item.key: (item.width_px, item.height_px) for item in self.items}

    @property
    def truths(self) -> dict[str, Annotation]:
        """The annotations, by item key."""
        return {item.key: item.annotation for item in self.items}

    @property
    def objects(self) -> dict[str, tuple[AnnotatedObject, ...]]:
        """What the model said of classes that were measured, by item key."""
        return _choose_objects(self.predictions, self.report)


def read_kept(workspace: Workspace, report: Report, items: tuple[Item, ...] | None = None) -> Kept:
    """Read what a report was worked out from, once for all that asks for it.

    Items whose images could not be read when it was measured are left out, as they were then; `items` are
    those of another report of the same data, whatever has become of the version.

    Raises:
        InvalidInput: the report is of a time when predictions were not kept.
        NotFound: its version was deleted.
        CorruptData: the stored bytes are damaged.
    """
    check_kept(report)
    predictions = decode_predictions(workspace, report)
    if items is not None:
        return Kept(report=report, items=items, predictions=predictions)
    version = workspace.catalog.versions.get_by_id(report.version_id)
    said = {found.key for found in predictions}
    is_noted = bool(report.settings.get("measured"))
    items = tuple(
        item
        for item in select_items(workspace, version.manifest, report.part)
        if not is_noted or item.key in said
    )
    return Kept(report=report, items=apply_rules(items, read_rules(report)), predictions=predictions)


def read_predictions(workspace: Workspace, report: Report) -> dict[str, tuple[AnnotatedObject, ...]]:
    """Return what the model said, by item key.

    Raises:
        InvalidInput: the report is of a time when predictions were not kept.
        CorruptData: the stored bytes are damaged.
    """
    check_kept(report)
    return _choose_objects(decode_predictions(workspace, report), report)


def _choose_objects(
    predictions: Iterable[ItemPrediction], report: Report
) -> dict[str, tuple[AnnotatedObject, ...]]:
    classes = frozenset(report.part.classes)
    return {
        said.key: tuple(o for o in said.objects if not classes or o.class_name in classes)
        for said in predictions
    }


def check_kept(report: Report) -> None:
    """Raise InvalidInput for a report of a time when predictions were not kept."""
    if report.predictions is None:
        command = write_benchmark(report.model_name, report.version_ref, report.part)
        raise InvalidInput(
            f"The predictions behind the report {report.name} were not kept.",
            hint=f"Measure again: {command}",
        )


def decode_predictions(workspace: Workspace, report: Report) -> tuple[ItemPrediction, ...]:
    """Return all that was kept of what the model said; nothing where it was not kept.

    Raises:
        CorruptData: the stored bytes are damaged.
    """
    if report.predictions is None:
        return ()
    try:
        return msgspec.msgpack.decode(
            workspace.store.read(report.predictions), type=tuple[ItemPrediction, ...]
        )
    except msgspec.MsgspecError as error:
        raise CorruptData(
            f"The predictions of {report.name} cannot be read: {error}.", hint="Run the benchmark again."
        ) from error


def list_class_names(workspace: Workspace, manifest: Digest, *others: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of a state in its order, then those that only the others have."""
    schema = read_summary(workspace.store, manifest).schema
    return tuple(dict.fromkeys((*schema.class_names, *(name for names in others for name in names))))


def measure_report(workspace: Workspace, kept: Kept, class_names: Sequence[str]) -> Measured:
    """Pair the kept predictions of a report with truths, as its benchmark has paired them.

    Raises:
        InvalidInput: predictions do not belong to these items, or are no objects.
        NotFound: its evaluator is not installed.
    """
    from mlwf_tui.evaluation.measured import Measured

    measured = measure_again(workspace, kept, class_names)
    if not isinstance(measured, Measured):
        raise InvalidInput(
            f"The report {kept.report.name} measures no single objects.",
            hint="Thresholds can be changed where objects are found: in reports of boxes, masks and points.",
        )
    return measured


def measure_again(workspace: Workspace, kept: Kept, class_names: Sequence[str]) -> Measured | Measurement:
    """Measure what a report has measured, by its own evaluator and at its own operating confidence.

    Paired objects where they are, else what the evaluator gives.

    Raises:
        InvalidInput: predictions do not belong to these items.
        NotFound: its evaluator is not installed.
    """
    from mlwf_tui.evaluation.measured import measure

    if kept.report.evaluator == "detect":  # boxes of older rules have no other sizes
        confidence = kept.report.metrics.get("confidence")
        sizes_px = kept.sizes_px if read_rules(kept.report) > FIRST else None
        return measure(kept.truths, kept.objects, class_names, confidence=confidence, sizes_px=sizes_px)
    measurement = measure_by_evaluator(workspace, kept, class_names)
    return find_measured(measurement) or measurement


def measure_by_evaluator(workspace: Workspace, kept: Kept, class_names: Sequence[str]) -> Measurement:
    """Return what a report's own evaluator makes of the kept predictions.

    Raises:
        InvalidInput: predictions do not belong to these items.
        NotFound: its evaluator is not installed.
    """
    evaluator = workspace.registry.get_evaluator(kept.report.evaluator)
    return evaluator.measure(make_request_of(kept, class_names), _Nobody())


class _Nobody:
    """Watches nothing: this is done in a moment, whoever waits for it."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        pass

    def metric(self, key: str, value: float, step: int) -> None:
        pass

    def check_cancelled(self) -> None:
        pass


def make_request_of(kept: Kept, class_names: Sequence[str]) -> EvaluationRequest:
    """Put what a report was worked out from side by side, to be measured as its benchmark has done it."""
    return make_request(
        kept.items,
        kept.predictions,
        class_names,
        classes=kept.report.part.classes,
        confidence=kept.report.metrics.get("confidence"),
    )


def make_request(
    items: Sequence[Item],
    predictions: Iterable[ItemPrediction],
    class_names: Sequence[str],
    *,
    classes: Sequence[str] = (),
    confidence: float | None = None,
) -> EvaluationRequest:
    """Put truths and predictions side by side; objects of other classes than `classes` are left out."""
    said = {prediction.key: prediction for prediction in predictions}
    wanted = set(classes)
    evaluated = []
    for item in items:
        of = said.get(item.key) or ItemPrediction(key=item.key)
        evaluated.append(
            EvaluatedItem(
                key=item.key,
                width_px=item.width_px,
                height_px=item.height_px,
                truth=item.annotation,
                objects=tuple(o for o in of.objects if not wanted or o.class_name in wanted),
                tags=of.tags,
            )
        )
    return EvaluationRequest(items=tuple(evaluated), class_names=tuple(class_names), confidence=confidence)


def find_measured(measurement: Measurement) -> Measured | None:
    """Return the objects that a measurement has paired, None where it is of something else."""
    from mlwf_tui.evaluation.measured import Measured

    found = getattr(measurement, "measured", None)
    return found if isinstance(found, Measured) else None


def read_item_facts(workspace: Workspace, items: Sequence[Item], observer: Observer) -> dict[str, ItemFacts]:
    """Return what items are told apart by, by item key; images are decoded once, ever."""
    from mlwf_tui.evaluation.slices import ItemFacts
    from mlwf_tui.media.looks import read_look
    from mlwf_tui.workflow.sights import LOOKS, make_sights, read_sights

    digests = list(dict.fromkeys(item.blob for item in items))
    known = read_sights(workspace, digests, sight=LOOKS)
    missing = [digest for digest in digests if digest not in known]
    if missing:
        known |= make_sights(workspace, missing, observer, sight=LOOKS)
    facts = {}
    for item in items:
        made = known.get(item.blob)
        look = read_look(made) if made else None
        facts[item.key] = ItemFacts(
            dataset=item.dataset,
            tags=frozenset(tag.name for tag in item.annotation.tags),
            brightness=look.brightness if look else None,
            sharpness=look.sharpness if look else None,
        )
    return facts


def complete(
    measured: Measured, evaluation: Evaluation, facts: Mapping[str, ItemFacts], observer: Observer
) -> Evaluation:
    """Add how sure an evaluation is, which errors were made, how calibrated confidences are, and slices."""
    from mlwf_tui.evaluation.calibration import calibrate
    from mlwf_tui.evaluation.errors import share_errors
    from mlwf_tui.evaluation.resampling import draw_weights, find_interval, weigh
    from mlwf_tui.evaluation.slices import slice_measured

    evaluation = msgspec.structs.replace(
        evaluation, schema=2, errors=share_errors(measured), calibration=calibrate(measured)
    )
    if len(measured.keys) < 2:  # drawn anew, one item is always the same: that is not being sure
        return evaluation
    observer.progress(0, None, RESAMPLED)
    drawn = weigh(measured, draw_weights(len(measured.keys)), check=observer.check_cancelled)
    intervals = {name: find_interval(values) for name, values in drawn.metrics.items()}
    classes = {name: find_interval(drawn.class_map50[:, label]) for label, name in enumerate(measured.names)}
    return msgspec.structs.replace(
        evaluation,
        intervals={name: found for name, found in intervals.items() if found is not None},
        class_intervals={name: found for name, found in classes.items() if found is not None},
        slices=slice_measured(measured, facts, check=observer.check_cancelled),
    )
