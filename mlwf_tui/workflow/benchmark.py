"""benchmark: measure a model on one split of a version, in a worker process."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Evaluation, Model, Report
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import EvaluateRequest, EvaluateResult
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.exporting.exports import export_manifest
from mlwf_tui.workflow.measuring import (
    complete,
    keep_predictions,
    list_class_names,
    read_item_facts,
    read_truths,
)
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.using.trust import check_model
from mlwf_tui.workspace import Workspace

TASKS = ("detect",)


def submit_benchmark(
    workspace: Workspace,
    model_ref: str,
    ref: str,
    *,
    split: str = "val",
    device: str = "auto",
    is_trusted: bool = False,
    terms: Terms | None = None,
) -> Run:
    """Pin the data and queue the run, which starts when there is room; return at once.

    The model may be one that a training will make which the run is to come after.

    Raises:
        NotFound: there is no such model, project or version.
        InvalidParameter: there is no such split.
        InvalidInput: the model's task or classes do not fit the data, or the split is empty.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
    """
    if split not in tuple(Split):
        raise InvalidParameter(f"There is no split {split!r}.", hint=f"Choose from {', '.join(Split)}.")
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=device)
    model = find_model(workspace, model_ref, agreed)
    if model is not None:
        _check_fit(workspace, model, ref, Split(split))
        check_model(workspace, model, is_trusted=is_trusted)
    else:
        resolve_manifest(workspace, ref)
    params = {
        "model": model_ref if model is None else model.name,
        "data": ref,
        "split": split,
        "device": device,
        **({"is_trusted": True} if is_trusted else {}),
    }
    with workspace.catalog.transaction():
        recorder = queue_run(workspace, "benchmark", params, 0, terms=agreed)
        if model is not None:
            recorder.read_model(model.id)
        recorder.read_version(ref)
    return start_queued(workspace, recorder.run)


def find_model(workspace: Workspace, ref: str, terms: Terms) -> Model | None:
    """Return a model, or None where a training will make it which the run is to come after.

    That one goes by the model's name, or by the training's own id.

    Raises:
        NotFound: there is no such model, and there will be none.
    """
    for earlier_id in terms.after:
        earlier = workspace.catalog.runs.get(earlier_id)
        is_meant = ref == earlier.params.get("name") or (len(ref) > 3 and earlier.id.startswith(ref))
        if earlier.verb == "train" and not earlier.state.is_finished and is_meant:
            return None
    return workspace.catalog.models.get(ref)


def perform_benchmark(recorder: Recorder, version: Version, model: Model, observer: Observer) -> None:
    """Do a queued benchmark: called by the worker."""
    split = Split(recorder.run.params["split"])
    _check_fit(recorder.workspace, model, version.ref, split)
    result = _predict_split(recorder, version, model, split, observer)
    keep_benchmark(recorder, version, model, split, result, observer)


def keep_benchmark(
    recorder: Recorder,
    version: Version,
    model: Model,
    split: Split,
    result: EvaluateResult,
    observer: Observer,
) -> Report:
    """Measure what the model said, keep it and the report, and close the run in one transaction."""
    workspace = recorder.workspace
    evaluation = _evaluate(workspace, version, split, model, result, observer)
    with recorder.writer() as writer:
        blob = writer.put(msgspec.json.encode(evaluation))
        predictions = keep_predictions(writer, result.predictions)
    with recorder.finishing():
        taken = {report.name for report in workspace.catalog.reports.list()}
        report = recorder.write_report(
            name=find_free(f"{model.name}-on-{version.project_name}", taken),
            model_id=model.id,
            version_id=version.id,
            split=split.value,
            metrics=evaluation.metrics,
            speed=result.speed,
            evaluation=blob,
            predictions=predictions,
            settings={f"library_{key}": value for key, value in result.library_metrics.items()},
        )
        recorder.result = {
            "report": report.name,
            "report_id": report.id,
            "model": model.name,
            "version": version.number,
            "split": split.value,
            "metrics": dict(evaluation.metrics),
            "speed": dict(result.speed),
            "summary": f"mAP50 {evaluation.metrics['map50']:.3f} on {split.value}",
        }
    return report


@contextmanager
def open_weights(workspace: Workspace, model: Model, run_id: RunId) -> Iterator[tuple[Path, Path]]:
    """Give the model's first checkpoint as a file, its digest verified, and a scratch folder beside it.

    Both are gone afterwards.
    """
    scratch = workspace.run_folder(run_id) / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    weights = scratch / model.checkpoints[0].name
    try:
        workspace.store.write_file(model.checkpoints[0].blob, weights)
        yield weights, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_task(model: Model) -> None:
    """Raise InvalidInput where the model does not find objects."""
    if model.task not in TASKS:
        raise InvalidInput(
            f"The model {model.name} is for the task {model.task}.",
            hint=f"Choose a model for {', '.join(TASKS)}.",
        )


def _predict_split(
    recorder: Recorder, version: Version, model: Model, split: Split, observer: Observer
) -> EvaluateResult:
    workspace = recorder.workspace
    trainer = workspace.registry.get_trainer(model.trainer)
    data = export_manifest(workspace, version.manifest, trainer.data_formats[model.task], observer)
    with open_weights(workspace, model, recorder.run_id) as (weights, scratch):
        request = EvaluateRequest(
            weights=weights,
            data=data.folder,
            files=data.files,
            split=split,
            folder=scratch,
            image_size_px=model.image_size_px,
            device=find_device(recorder.run.params["device"], os.environ),
            is_trusted=bool(recorder.run.params.get("is_trusted")),
        )
        return trainer.evaluate(request, observer)


def _evaluate(
    workspace: Workspace,
    version: Version,
    split: Split,
    model: Model,
    result: EvaluateResult,
    observer: Observer,
) -> Evaluation:
    from mlwf_tui.evaluation.evaluate import summarize  # numpy, which only the worker needs
    from mlwf_tui.evaluation.measured import measure

    predictions = {prediction.key: prediction.objects for prediction in result.predictions}
    names = list_class_names(workspace, version.manifest, model.class_names)
    measured = measure(read_truths(workspace, version.manifest, split), predictions, names)
    facts = read_item_facts(workspace, version.manifest, split, observer)
    return complete(measured, summarize(measured), facts, observer)


def _check_fit(workspace: Workspace, model: Model, ref: str, split: Split) -> None:
    check_task(model)
    _, manifest = resolve_manifest(workspace, ref)
    schema = read_summary(workspace.store, manifest).schema
    if not set(schema.class_names) & set(model.class_names):
        raise InvalidInput(
            f"The model {model.name} and {ref} have no class in common.",
            hint=f"The model knows {', '.join(model.class_names)}.",
        )
    items = [(item.split, len(item.annotation.objects)) for item in iter_items(workspace.store, manifest)]
    counts = Counter(of for of, _ in items)
    if counts[split] and not any(count for of, count in items if of is split):
        raise InvalidInput(
            f"The {split} split of {ref} has no annotated objects.", hint="There is nothing to measure with."
        )
    if not counts[split]:
        found = ", ".join(f"{name} ({count})" for name, count in counts.items())
        raise InvalidInput(f"{ref} has no items in the {split} split.", hint=f"It has {found}.")
