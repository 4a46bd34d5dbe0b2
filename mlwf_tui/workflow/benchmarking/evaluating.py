"""Chooses who measures a model, and makes of truths and predictions the measured part of a report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measurement import COUNT_NAMES, PAIRED_NAMES, Interval
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.protocols.evaluators import EvaluationRequest, Evaluator, Measurement
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.measuring import RESAMPLED, complete, find_measured, read_item_facts
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    pass


def choose_evaluator(workspace: Workspace, task: str, name: str = "") -> Evaluator:
    """Return who measures models of a task, or the one that is asked for.

    Raises:
        InvalidInput: nobody measures models of this task.
        InvalidParameter: the one that is asked for does not.
    """
    known = workspace.registry.list_names("evaluators")
    if not name and task not in known:
        raise InvalidInput(
            f"Models for the task {task} cannot be measured.",
            hint=f"There are evaluators for: {', '.join(known)}.",
        )
    if name and name not in known:
        raise InvalidParameter(f"There is no evaluator {name!r}.", hint=f"There are: {', '.join(known)}.")
    evaluator = workspace.registry.get_evaluator(name or task)
    if task not in evaluator.tasks:
        raise InvalidParameter(
            f"The evaluator {evaluator.name} does not measure models for the task {task}.",
            hint=f"It measures models for: {', '.join(evaluator.tasks)}.",
        )
    return evaluator


def find_lack(items: Sequence[Item], task: str, class_names: Sequence[str]) -> str:
    """Return what a task is measured with, where no item has it; empty where one has."""
    known = set(class_names)
    if task == "classify":
        has = any(tag.name in known for item in items for tag in item.annotation.tags)
        return "" if has else "images with a tag that is the name of a class"
    kinds = (GeometryKind.KEYPOINTS,) if task == "pose" else tuple(GeometryKind)
    has = any(o.geometry.kind in kinds for item in items for o in item.annotation.objects)
    return "" if has else "annotated keypoints" if task == "pose" else "annotated objects"


def evaluate_items(
    workspace: Workspace,
    evaluator: Evaluator,
    request: EvaluationRequest,
    items: Sequence[Item],
    observer: Observer,
) -> Evaluation:
    """Measure, and add how sure the figures are; of paired objects also errors, calibration and slices.

    Raises:
        InvalidInput: nothing can be measured.
    """
    measurement = evaluator.measure(request, observer)
    evaluation = measurement.summarize()
    notes, measured = evaluation.notes, find_measured(measurement)
    if measured is not None:
        evaluation = complete(measured, evaluation, read_item_facts(workspace, items, observer), observer)
    known = PAIRED_NAMES if measured is not None else COUNT_NAMES
    missing = {name for name in evaluation.metrics if name not in known}
    if missing:
        found = _draw_intervals(measurement, missing, observer)
        evaluation = replace(evaluation, intervals={**evaluation.intervals, **found})
    return replace(
        evaluation, evaluator=evaluator.name, metric_names=dict(evaluator.metric_names), notes=notes
    )


def _draw_intervals(
    measurement: Measurement, wanted: Collection[str], observer: Observer
) -> Mapping[str, Interval]:
    from mlwf_tui.evaluation.resampling import draw_weights, find_interval

    count = len(measurement.keys)
    if count < 2:  # drawn anew, one item is always the same: that is not being sure
        return {}
    observer.progress(0, None, RESAMPLED)
    drawn = measurement.weigh(draw_weights(count), observer.check_cancelled)
    intervals = {name: find_interval(values) for name, values in drawn.items() if name in wanted}
    return {name: found for name, found in intervals.items() if found is not None}
