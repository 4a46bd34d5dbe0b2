"""train: fit a model to a version, in a worker process of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.model import Checkpoint, Model, ModelFile
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, describe_left_out
from mlwf_tui.errors import Cancelled, InvalidInput, InvalidParameter
from mlwf_tui.params import ParamSpec, build_params, describe_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitRequest, FitResult, Trainer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.benchmarking.after_training import Coming, plan_own, queue_planned
from mlwf_tui.workflow.cards.keeping import keep_model_files
from mlwf_tui.workflow.exporting.exports import export_manifest
from mlwf_tui.workflow.names import choose_model_name, find_free
from mlwf_tui.workflow.refs import by_name, resolve_manifest
from mlwf_tui.workflow.retry import FIT_FOLDER
from mlwf_tui.workflow.running.ends import look_at_file, note_file
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued, tend
from mlwf_tui.workflow.running.leases import find_devices
from mlwf_tui.workflow.running.recorder import Recorder, pin_version
from mlwf_tui.workflow.training.ending import ENDING, Ending, is_ending
from mlwf_tui.workflow.training.exported import keep_exported
from mlwf_tui.workflow.training.records import copy_code, digest_splits, keep_code
from mlwf_tui.workflow.training.starts import (
    DEFAULT_ARCHITECTURE,
    OWN_PARAMS,
    Start,
    check_params,
    check_weights,
    find_changed_file,
    find_start,
    iter_trainers,
    read_continued,
    read_params_text,
    split_params,
    start_from,
)
from mlwf_tui.workflow.training.tasks import check_task_data, read_task_data
from mlwf_tui.workspace import Workspace

MAX_PARAMS_BYTES = 1 << 20


def list_architectures(workspace: Workspace) -> tuple[str, ...]:
    """Return the architectures that can be trained, those of the trainer first that takes files as well."""
    return tuple(name for trainer in iter_trainers(workspace) for name in trainer.list_architectures())


def list_params(workspace: Workspace, model: str = DEFAULT_ARCHITECTURE) -> tuple[ParamSpec, ...]:
    """Return what a training of an architecture, file or model can be told.

    Raises:
        InvalidParameter: there is none of that name.
        InvalidInput: the file cannot be used.
    """
    start = find_start(workspace, model)
    return describe_params(workspace.registry.get_trainer(start.trainer).params_type)


def submit_train(
    workspace: Workspace,
    ref: str,
    *,
    model: str = DEFAULT_ARCHITECTURE,
    params: Mapping[str, Any],
    params_file: Path | None = None,
    seed: int = 0,
    name: str = "",
    terms: Terms | None = None,
    parent: RunId | None = None,
    is_benchmarked: bool | None = None,
) -> Run:
    """Pin the data and queue the run, which starts when there is room; return at once.

    Once it is done the model is measured by a run of its own, unless `is_benchmarked` or, where that says
    nothing, a setting says not. What has a parent leaves that to it.

    `model` is an architecture, a file, or a model of this home to start from. `params_file` is YAML; its text
    is kept as an input of the run, and what `params` says goes before it.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: the architecture is not known, or a parameter does not fit.
        InvalidInput: the data does not hold what the task learns from, or a file cannot be used.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
        Conflict: there is a model of that name, or a training that will make one.
    """
    given = read_params(params_file, params)
    start, shown = check_training(workspace, model, given)
    check_weights(workspace, start, is_trusted=bool(shown.get("trust_weights")))
    project, manifest = resolve_manifest(workspace, ref)
    named = by_name(workspace, ref)
    check_task_data(read_task_data(workspace, manifest, start.task), start.task, named)
    stem = f"{Path(start.architecture).stem}-{project.name}"
    facts: dict[str, Any] = {"data": named, "model": start.model.name if start.model else start.architecture}
    facts |= _note_switch(workspace, is_benchmarked)
    kept = (params_file.name, _read_file(params_file)) if params_file is not None else None
    return _queue(
        workspace, start, ref, {**shown, **facts}, seed, name, stem, terms, params_text=kept, parent=parent
    )


def submit_continued(
    workspace: Workspace,
    ref: str,
    *,
    params: Mapping[str, Any],
    name: str = "",
    terms: Terms | None = None,
    is_benchmarked: bool | None = None,
) -> Run:
    """Queue a run that goes on with a finished training for more epochs, `epochs=+20`; return at once.

    It is a new run on the same version with the old one's model as an input, and makes a model of its own.

    Raises:
        NotFound: there is no such run, or its version was deleted.
        InvalidParameter: how many epochs is not said, or a parameter cannot change now.
        InvalidInput: the run is no training that can be gone on with.
    """
    found = read_continued(workspace, ref, params)
    facts = {
        "data": found.version.ref,
        "model": found.model.name,
        "continues": found.run.id,
        "more_epochs": found.more_epochs,
        **_note_switch(workspace, is_benchmarked),
    }
    stem = f"{Path(found.start.architecture).stem}-{found.version.project_name}"
    params, seed = {**found.params, **facts}, found.run.seed or 0
    return _queue(workspace, found.start, found.version.full_ref, params, seed, name, stem, terms)


def _note_switch(workspace: Workspace, is_benchmarked: bool | None) -> dict[str, Any]:
    """Return what the run notes of its benchmark: nothing where there is to be one."""
    is_on = workspace.settings.benchmark_after_training if is_benchmarked is None else is_benchmarked
    return {} if is_on else {"benchmark": False}


def check_training(
    workspace: Workspace, model: str, params: Mapping[str, Any]
) -> tuple[Start, dict[str, Any]]:
    """Return what a training starts from, and all its parameters as a run of them is listed.

    Raises:
        InvalidParameter: the architecture is not known, or a parameter does not fit.
        InvalidInput: a file cannot be used.
    """
    start = find_start(workspace, model)
    return start, check_params(workspace, start, params)


def read_params(path: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a YAML file, where there is one, and over them those that are given.

    Raises:
        InvalidParameter: it cannot be read, or is too large for one.
        InvalidInput: it does not hold parameters.
    """
    return {**(read_params_text(_read_file(path), str(path)) if path is not None else {}), **given}


def _read_file(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MAX_PARAMS_BYTES + 1)  # no more: it may be of any size, or without an end
        if len(data) > MAX_PARAMS_BYTES:
            raise InvalidParameter(f"{path} is too large for a file of parameters.", hint="Give another.")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{path} cannot be read: {error}.", hint="Give a YAML file.") from error


def _queue(
    workspace: Workspace,
    start: Start,
    ref: str,
    params: Mapping[str, Any],
    seed: int,
    name: str,
    stem: str,
    terms: Terms | None,
    *,
    params_text: tuple[str, str] | None = None,
    parent: RunId | None = None,
) -> Run:
    """Enter the run with all that it reads, and let it start where there is room."""
    device = str(params.get("device", "auto"))
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=device)
    file = look_at_file(str(start.file), is_hashed=True) if start.file is not None else None
    with workspace.store.hold_shared():
        if parent is None:
            code = keep_code(workspace, Path.cwd())
        else:  # a worker asks, whose folder is the run's
            code = copy_code(workspace.catalog.runs.get(parent).environment)
        with workspace.catalog.transaction():
            chosen = choose_model_name(workspace, name, stem)
            version = pin_version(workspace, ref, verb="train")  # a commit comes before
            asked = {**params, "task": start.task, "name": chosen}
            recorder = queue_run(workspace, "train", asked, seed, terms=agreed, parent=parent)
            workspace.catalog.runs.set_environment(recorder.run_id, {**recorder.run.environment, **code})
            recorder.read_artifact(ArtifactRef(ArtifactKind.VERSION, version.id, version.ref))
            if start.model is not None:
                recorder.read_model(start.model.id)
            if file is not None:
                noted = note_file(workspace, file, is_weights=start.is_of_weights, is_output=False)
                recorder.read_artifact(noted)
            if params_text is not None:
                title, text = params_text
                digest = compute_digest(text.encode())
                recorder.read_recipe(workspace.catalog.recipes.keep(title, text, digest))
    return start_queued(workspace, recorder.run)


def perform_train(
    recorder: Recorder, version: Version, observer: Observer, *, model: Model | None = None
) -> None:
    """Do a queued training, from the checkpoint that an earlier job of the run has left; for the worker.

    `model` is the one that it starts from, or that of the training it goes on with.
    """
    workspace, run = recorder.workspace, recorder.run
    start = start_from(model) if model is not None else find_start(workspace, run.params["model"])
    trainer = workspace.registry.get_trainer(start.trainer)
    environment = {**run.environment, "manifest": version.manifest}
    environment |= digest_splits(workspace, version.manifest)
    workspace.catalog.runs.set_environment(run.id, environment)
    folder = workspace.run_folder(run.id) / FIT_FOLDER
    request = _make_request(recorder, version, start, trainer, folder, observer)
    if is_ending(run) and not request.is_resumed:
        raise Cancelled("The training was stopped before it had learned anything.")
    observer.progress(0, None, "loading the model")
    result = trainer.fit(request, Ending(observer) if is_ending(run) else observer)
    recorder.is_stopped, recorder.stop_reason = result.is_stopped, result.stop_reason
    device = str(getattr(request.params, "device", "auto"))
    names = result.class_names or request.class_names
    version = workspace.catalog.versions.find_any(version.id) or version  # it may be called otherwise by now
    files = keep_model_files(recorder, version, trainer, result, names, environment, observer, device=device)
    exported, notes = keep_exported(recorder, version, trainer, result, names, observer)
    left_out = (describe_left_out(result.problems),) if result.problems else ()
    result = msgspec.structs.replace(result, notes=(*left_out, *result.notes, *notes))
    _keep_model(recorder, version, trainer, result, environment, (*files, *exported))
    shutil.rmtree(folder)
    tend(workspace)


def _make_request(
    recorder: Recorder,
    version: Version,
    start: Start,
    trainer: Trainer,
    folder: Path,
    observer: Observer,
) -> FitRequest:
    """Put into files what the trainer reads, and return what it is to do."""
    workspace, run = recorder.workspace, recorder.run
    given = {key: value for key, value in run.params.items() if key not in OWN_PARAMS}
    declared, extra = split_params(trainer, given)
    if "device" in declared:
        declared["device"] = find_devices(declared["device"], os.environ)
    data = export_manifest(workspace, version.manifest, trainer.data_formats[start.task], observer)
    is_resumed = trainer.can_resume(folder)
    if not is_resumed:
        _check_unchanged(workspace, run)
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    is_continued = "continues" in run.params
    begun = _write_weights(workspace, start.model, folder / "start", is_continued) if start.model else None
    return FitRequest(
        architecture=start.architecture,
        data=data.folder,
        class_names=read_summary(workspace.store, version.manifest).schema.class_names,
        folder=folder,
        params=build_params(trainer.params_type, declared),
        extra=extra,
        seed=run.seed or 0,
        is_resumed=is_resumed,
        task=start.task,
        weights=None if is_continued else begun,
        continues=begun if is_continued else None,
        more_epochs=int(run.params.get("more_epochs", 0)),
        files=data.files,
    )


def _check_unchanged(workspace: Workspace, run: Run) -> None:
    """Raise InvalidInput where the file that a training begins with is not that of when it was queued."""
    path = find_changed_file(workspace, run)
    if path:
        raise InvalidInput(
            f"{path} holds something else than when the training was queued.", hint="Queue a new training."
        )


def _write_weights(workspace: Workspace, model: Model, folder: Path, are_all: bool) -> Path:
    """Write the checkpoints of a model, their digests verified; return the first, or the folder of all."""
    folder.mkdir(exist_ok=True)
    wanted = model.checkpoints if are_all else model.checkpoints[:1]
    for checkpoint in wanted:
        path = folder / checkpoint.name
        path.unlink(missing_ok=True)
        workspace.store.write_file(checkpoint.blob, path)
    return folder if are_all else folder / wanted[0].name


def _keep_model(
    recorder: Recorder,
    version: Version,
    trainer: Trainer,
    result: FitResult,
    environment: Mapping[str, str],
    files: tuple[ModelFile, ...],
) -> None:
    """Store the weights, then enter the model and close the run in one transaction."""
    workspace = recorder.workspace
    with recorder.writer() as writer:
        checkpoints = tuple(_keep_checkpoint(writer.put_file(path), path) for path in result.checkpoints)
    name = recorder.run.params["name"]
    schema = read_summary(workspace.store, version.manifest).schema
    class_names = result.class_names or schema.class_names
    coming = Coming(name=name, task=result.task, class_names=class_names)
    planned = plan_own(workspace, recorder.run, version, coming, is_stopped=recorder.is_stopped)
    with recorder.finishing():
        version = workspace.catalog.versions.find_any(version.id) or version  # by its present name
        workspace.catalog.runs.set_environment(recorder.run_id, {**environment, **result.environment})
        taken = {model.name for model in workspace.catalog.models.list()}
        free = find_free(name, taken) if name in taken else name  # renamed so meanwhile: keep the work
        renamed = [] if free == name else [f"Another model is named {name} by now: this one is {free}."]
        model = recorder.write_model(
            name=free,
            description=f"trained on {version.ref}",
            architecture=result.architecture,
            task=result.task,
            trainer=trainer.name,
            class_names=class_names,
            image_size_px=result.image_size_px,
            checkpoints=checkpoints,
            metrics=result.metrics,
            files=files,
        )
        noted = dict(workspace.catalog.runs.get(recorder.run_id).result)  # why a search has stopped it
        noted.pop(ENDING, None)
        measured = {} if planned is None else queue_planned(workspace, planned, model.id)
        summary = ", ".join([result.architecture, *_tell_quality(result.metrics)])
        recorder.result = {
            **noted,
            "model": model.name,
            "model_id": model.id,
            "metrics": dict(result.metrics),
            "notes": [*result.notes, *renamed],
            **({"problems": msgspec.to_builtins(result.problems)} if result.problems else {}),
            **({"benchmark": measured} if measured else {}),
            "summary": " · ".join(filter(None, (noted.get("summary"), summary))),
        }


def _tell_quality(metrics: Mapping[str, float]) -> list[str]:
    """Return the figure that a model of any task is known by."""
    shown = {"map50": "mAP50", "top1": "top1"}
    return [f"{title} {metrics[key]:.3f}" for key, title in shown.items() if key in metrics]


def _keep_checkpoint(stored: tuple[Any, int], path: Path) -> Checkpoint:
    digest, size_bytes = stored
    return Checkpoint(path.name, digest, size_bytes)
