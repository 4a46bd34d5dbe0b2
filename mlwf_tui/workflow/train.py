"""train: fit a model to a version, in a worker process of its own."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Checkpoint, ModelFile
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import ParamSpec, build_params, describe_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitRequest, FitResult, Trainer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.cards.keeping import keep_model_files
from mlwf_tui.workflow.exporting.exports import export_manifest
from mlwf_tui.workflow.names import choose_model_name, find_free
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.retry import FIT_FOLDER
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

TRAINER = "ultralytics"
OWN_PARAMS = ("data", "model", "name")  # of the run, beside what the trainer takes
DEFAULT_ARCHITECTURE = "yolov10n"


def list_architectures(workspace: Workspace) -> tuple[str, ...]:
    """Return the architectures that can be trained, those of the trainer first that takes files as well."""
    return tuple(name for trainer in _iter_trainers(workspace) for name in trainer.list_architectures())


def find_trainer(workspace: Workspace, model: str) -> Trainer:
    """Return the trainer that knows an architecture, or the one that takes files."""
    trainers = tuple(_iter_trainers(workspace))
    return next((trainer for trainer in trainers if model in trainer.list_architectures()), trainers[0])


def _iter_trainers(workspace: Workspace) -> Iterator[Trainer]:
    others = (name for name in workspace.registry.list_names("trainers") if name != TRAINER)
    return (workspace.registry.get_trainer(name) for name in (TRAINER, *others))


def list_params(workspace: Workspace) -> tuple[ParamSpec, ...]:
    """Return the declared training parameters; others go to the library as they are."""
    return describe_params(workspace.registry.get_trainer(TRAINER).params_type)


def submit_train(
    workspace: Workspace,
    ref: str,
    *,
    model: str = DEFAULT_ARCHITECTURE,
    params: Mapping[str, Any],
    seed: int = 0,
    name: str = "",
    terms: Terms | None = None,
) -> Run:
    """Pin the data and queue the run, which starts when there is room; return at once.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: the architecture is not known, or a parameter does not fit.
        InvalidInput: the version has no training or no validation items, or no objects.
        Conflict: there is a model of that name, or a training that will make one.
    """
    architecture, shown = check_training(workspace, model, params)
    project = _check_data(workspace, ref)
    device = str(params.get("device", "auto"))
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=device)
    with workspace.catalog.transaction():
        chosen = choose_model_name(workspace, name, f"{Path(architecture).stem}-{project.name}")
        facts = {"data": ref, "model": architecture, "name": chosen}
        recorder = queue_run(workspace, "train", {**shown, **facts}, seed, terms=agreed)
        recorder.read_version(ref)
    return start_queued(workspace, recorder.run)


def check_training(workspace: Workspace, model: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the architecture and all parameters as a run of them is listed, whatever the data are.

    Raises:
        InvalidParameter: the architecture is not known, or a parameter does not fit.
    """
    trainer = find_trainer(workspace, model)
    architecture = _check_architecture(trainer, model)
    _refuse_own(params)
    declared, extra = _split_params(trainer, params)
    built = build_params(trainer.params_type, declared)
    trainer.check_settings(built, extra)
    return architecture, {key: value for key, value in asdict(built).items() if value is not None} | extra


def perform_train(recorder: Recorder, version: Version, observer: Observer) -> None:
    """Do a queued training, from the checkpoint that an earlier job of the run has left; for the worker."""
    workspace, run = recorder.workspace, recorder.run
    trainer = find_trainer(workspace, run.params["model"])
    given = {key: value for key, value in run.params.items() if key not in OWN_PARAMS}
    declared, extra = _split_params(trainer, given)
    if "device" in declared:
        declared["device"] = find_device(declared["device"], os.environ)
    data = export_manifest(workspace, version.manifest, trainer.data_format, observer)
    folder = workspace.run_folder(run.id) / FIT_FOLDER
    is_resumed = trainer.can_resume(folder)
    if not is_resumed:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    result = trainer.fit(
        FitRequest(
            architecture=run.params["model"],
            data=data.folder,
            class_names=read_summary(workspace.store, version.manifest).schema.class_names,
            folder=folder,
            params=build_params(trainer.params_type, declared),
            extra=extra,
            seed=run.seed or 0,
            is_resumed=is_resumed,
        ),
        observer,
    )
    recorder.is_stopped = result.is_stopped
    names = read_summary(workspace.store, version.manifest).schema.class_names
    device = str(declared.get("device", "auto"))
    files = keep_model_files(
        recorder, version, trainer, result, names, run.environment, observer, device=device
    )
    _keep_model(recorder, version, trainer, result, files)
    shutil.rmtree(folder)


def _keep_model(
    recorder: Recorder, version: Version, trainer: Trainer, result: FitResult, files: tuple[ModelFile, ...]
) -> None:
    """Store the weights, then enter the model and close the run in one transaction."""
    workspace = recorder.workspace
    with recorder.writer() as writer:
        checkpoints = tuple(_keep_checkpoint(writer.put_file(path), path) for path in result.checkpoints)
    schema = read_summary(workspace.store, version.manifest).schema
    with recorder.finishing():
        environment = {**recorder.run.environment, **result.environment}
        workspace.catalog.runs.set_environment(recorder.run_id, environment)
        name = recorder.run.params["name"]
        taken = {model.name for model in workspace.catalog.models.list()}
        model = recorder.write_model(
            name=find_free(name, taken) if name in taken else name,  # renamed so meanwhile: keep the work
            description=f"trained on {version.ref}",
            architecture=result.architecture,
            task=result.task,
            trainer=trainer.name,
            class_names=schema.class_names,
            image_size_px=result.image_size_px,
            checkpoints=checkpoints,
            metrics=result.metrics,
            files=files,
        )
        recorder.result = {
            "model": model.name,
            "model_id": model.id,
            "metrics": dict(result.metrics),
            "summary": f"{result.architecture}, mAP50 {result.metrics.get('map50', 0):.3f}",
        }


def _keep_checkpoint(stored: tuple[Any, int], path: Path) -> Checkpoint:
    digest, size_bytes = stored
    return Checkpoint(path.name, digest, size_bytes)


def _check_architecture(trainer: Trainer, architecture: str) -> str:
    """Return the architecture as a worker elsewhere will find it: a known name, or an absolute path."""
    if architecture in trainer.list_architectures():
        return architecture
    path = expand_path(Path(architecture))
    if path.suffix in (".pt", ".yaml") and path.is_file():
        return str(path)
    known = ", ".join(trainer.list_architectures()[:8])
    raise InvalidParameter(
        f"There is no architecture or file {architecture!r}.", hint=f"Try one of {known}, …"
    )


def _refuse_own(params: Mapping[str, Any]) -> None:
    for key in OWN_PARAMS:
        if key in params:
            raise InvalidParameter(
                f"The parameter {key!r} is the run's own.",
                hint="Give data, --model and --name apart from -p.",
            )


def _split_params(trainer: Trainer, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters that the trainer declares, and those it hands on to its library."""
    names = {declared.name for declared in fields(trainer.params_type)}
    declared = {key: value for key, value in params.items() if key in names}
    return declared, {key: value for key, value in params.items() if key not in names}


def _check_data(workspace: Workspace, ref: str) -> Project:
    """Raise where a training would fail or measure nothing; cheaper to say now than in the worker."""
    project, manifest = resolve_manifest(workspace, ref)
    if read_summary(workspace.store, manifest).object_count == 0:
        raise InvalidInput(
            f"{ref} has no annotated objects to learn from.",
            hint="Import annotations, or choose another version.",
        )
    counts = Counter(item.split for item in iter_items(workspace.store, manifest))
    for split in (Split.TRAIN, Split.VAL):
        if not counts[split]:
            raise InvalidInput(
                f"{ref} has no items in the {split} split.",
                hint=f"Make splits: mlwf transform split {project.name} --to {project.name}",
            )
    return project
