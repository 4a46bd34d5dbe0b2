"""Asks a model about the items of a benchmark, but for those of which it has spoken before.

What a kept report knows is taken from there; what an interrupted run was told is noted batch by batch
(decision 064) and taken from the cache.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.part import ALL, Part
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, MlwfError, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import EvaluateRequest, EvaluateResult, ItemPrediction
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.exporting.exports import export_manifest
from mlwf_tui.workflow.measuring import decode_predictions
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.transforming.finished_predictions import FinishedPredictions, forget_predictions
from mlwf_tui.workflow.using.weights import open_weights
from mlwf_tui.workspace import Workspace

NOT_TAKEN = "The trainer did not take the image and gives no reason, so it was not measured."
_SETTINGS = {"path": "validator", "confidence": 0.001, "boxes": 300, "version": 1}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the model said of each item that could be looked at, and how much of it was known before."""

    result: EvaluateResult
    problems: tuple[Problem, ...] = ()
    known_count: int = 0


def digest_inference(model: Model) -> Digest:
    """Return a digest of all that decides what a model says of an image in a benchmark."""
    decides = [model.checkpoints[0].blob, model.trainer, model.task, model.image_size_px, _SETTINGS]
    return compute_digest(json.dumps(decides, sort_keys=True).encode())


def ask_model(
    recorder: Recorder,
    version: Version,
    model: Model,
    part: Part,
    items: Sequence[Item],
    observer: Observer,
    *,
    is_again: bool = False,
) -> Said:
    """Return what a model says of items of a version.

    Raises:
        InvalidInput: none of the images can be read.
    """
    workspace, recipe = recorder.workspace, digest_inference(model)
    if is_again:
        forget_predictions(workspace.home, recipe)
    reported = {} if is_again else _read_reported(workspace, model, version, items, recipe)
    with closing(FinishedPredictions(workspace.home, recipe)) as finished:
        known = dict(reported)
        for item in items:
            noted = None if item.key in known else finished.find([item])
            if noted is not None:
                known[item.key] = noted[0]
        left = [item for item in items if item.key not in known]
        result = _ask(recorder, version, model, part, left, finished, observer)
    fresh = {prediction.key: prediction for prediction in result.predictions}
    said = known | fresh
    good = [said[item.key] for item in items if item.key in said and not said[item.key].problem]
    problems = tuple(_list_problems(items, said))
    if not good:
        raise InvalidInput(
            f"None of the {len(items):,} images could be measured. The first, "
            f"{problems[0].path}: {problems[0].reason}",
            hint="mlwf verify looks for damaged images.",
        )
    if known:  # the library has seen only a part
        result = replace(result, library_metrics={})
    return Said(
        result=replace(result, predictions=tuple(good)), problems=problems, known_count=len(items) - len(left)
    )


def forget(workspace: Workspace, model: Model) -> None:
    """Let go of what was noted batch by batch: a report has it now."""
    forget_predictions(workspace.home, digest_inference(model))


def _list_problems(items: Sequence[Item], said: dict[str, ItemPrediction]) -> Iterator[Problem]:
    for item in items:
        if item.key not in said:
            yield Problem(item.key, NOT_TAKEN)
        elif said[item.key].problem:
            yield Problem(item.key, said[item.key].problem)


def _read_reported(
    workspace: Workspace, model: Model, version: Version, items: Sequence[Item], recipe: Digest
) -> dict[str, ItemPrediction]:
    """Return what kept reports know of these items, by key: of the same key and image."""
    known: dict[str, ItemPrediction] = {}
    for report in workspace.catalog.reports.list(model_id=model.id):
        left = {item.key: item.blob for item in items if item.key not in known}
        if not left:
            break
        if report.settings.get("inference") != recipe or report.predictions is None:
            continue
        try:
            known |= _read_same(workspace, report, version, left)
        except MlwfError:  # what cannot be read is asked again
            continue
    return known


def _read_same(
    workspace: Workspace, report: Report, version: Version, wanted: dict[str, Digest]
) -> dict[str, ItemPrediction]:
    said = {found.key: found for found in decode_predictions(workspace, report) if found.key in wanted}
    if not said or report.version_id == version.id:
        return said
    try:
        of = workspace.catalog.versions.get_by_id(report.version_id)
    except NotFound:
        return {}
    same = {
        item.key for item in iter_items(workspace.store, of.manifest) if wanted.get(item.key) == item.blob
    }
    return {key: found for key, found in said.items() if key in same}


def _ask(
    recorder: Recorder,
    version: Version,
    model: Model,
    part: Part,
    items: Sequence[Item],
    finished: FinishedPredictions,
    observer: Observer,
) -> EvaluateResult:
    """Ask the trainer about items, noting each batch; it is not even loaded where nothing is to be asked."""
    workspace = recorder.workspace
    if not items:
        return EvaluateResult(predictions=(), speed={})
    by_key = {item.key: item for item in items}
    trainer = workspace.registry.get_trainer(model.trainer)
    is_without_split = any(item.split is Split.NONE for item in items)
    data = export_manifest(
        workspace, version.manifest, trainer.data_formats[model.task], observer,
        unsplit_as=Split.VAL if is_without_split else Split.NONE,
    )  # fmt: skip
    paths = tuple(path for path, key in data.files.items() if key in by_key)
    if not paths:
        return EvaluateResult(predictions=(), speed={})

    def note(said: Sequence[ItemPrediction]) -> None:
        for prediction in said:
            if prediction.key in by_key:
                finished.note([by_key[prediction.key]], [prediction])

    with open_weights(workspace, model, recorder.run_id) as (weights, scratch):
        request = EvaluateRequest(
            weights=weights,
            data=data.folder,
            files=data.files,
            split=Split.VAL if part.split in (ALL, Split.NONE) else Split(part.split),
            folder=scratch,
            image_size_px=model.image_size_px,
            device=find_device(recorder.run.params["device"], os.environ),
            is_trusted=bool(recorder.run.params.get("is_trusted")),
            paths=paths,
            note=note,
        )
        return trainer.evaluate(request, observer)
