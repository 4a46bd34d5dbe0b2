"""Says what a training would do and take before it is asked for; nothing is recorded."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.abilities import Loss
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.queue import Terms
from mlwf_tui.errors import MlwfError
from mlwf_tui.params import build_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.exporting.exports import find_export
from mlwf_tui.workflow.exporting.fitting import make_fitter
from mlwf_tui.workflow.machine import read_gpus
from mlwf_tui.workflow.names import choose_model_name
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.running.jobs import check_terms
from mlwf_tui.workflow.training.earlier import find_took
from mlwf_tui.workflow.training.starts import (
    Start,
    check_params,
    check_weights,
    find_start,
    read_continued,
    split_params,
)
from mlwf_tui.workflow.training.tasks import SPLITS, TaskData, check_task_data, list_warnings, read_task_data
from mlwf_tui.workflow.training.trial import Measured, Trial, measure_trial
from mlwf_tui.workspace import Workspace

COPIES = 3  # of the checkpoints: in the run's folder, those put aside there, and in the store
MEMORY_SHARE = 0.9  # of what is free: beyond it a training does not fit


class TimeEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a training takes at most: early stopping ends it sooner. `basis` says how that is known."""

    seconds: float
    epoch_s: float
    basis: str


class TrainPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a training would do and take. What could not be found out is None."""

    ref: str
    manifest: Digest
    model: str
    task: str
    data_format: str
    splits: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]]
    settings: Mapping[str, Any]  # epochs, batch, imgsz, … with all presets resolved
    losses: tuple[Loss, ...]
    warnings: tuple[str, ...]
    disk_bytes: int  # that it writes: the data, where it is not there yet, and its checkpoints, where known
    checkpoint_bytes: int | None  # of those that it keeps, once
    disk_free_bytes: int
    memory_bytes: int | None
    memory_free_bytes: int | None
    time: TimeEstimate | None


def plan_train(
    workspace: Workspace,
    ref: str,
    *,
    model: str,
    params: Mapping[str, Any],
    name: str = "",
    terms: Terms | None = None,
    is_measured: bool | None = None,
    observer: Observer,
) -> TrainPlan:
    """Check a training and estimate what it takes, from earlier ones or from a few batches.

    `is_measured` None measures where no earlier training tells the time; measuring takes half a minute.

    Raises:
        NotFound: there is no such project or version, or no run that it is to come after.
        InvalidParameter: the architecture is not known, a parameter does not fit, or the machine has not
            what is wanted.
        InvalidInput: the data does not hold what the task learns from, or a file cannot be used.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
        Conflict: the name is taken.
    """
    start = find_start(workspace, model)
    given = check_params(workspace, start, params)
    check_weights(workspace, start, is_trusted=bool(given.get("trust_weights")))
    _check_asked(workspace, given, name, terms)
    _, manifest = resolve_manifest(workspace, ref)
    return _plan(workspace, ref, manifest, start, given, is_measured=is_measured, observer=observer)


def plan_continued(
    workspace: Workspace,
    ref: str,
    *,
    params: Mapping[str, Any],
    name: str = "",
    terms: Terms | None = None,
    is_measured: bool | None = None,
    observer: Observer,
) -> TrainPlan:
    """Check how a finished training goes on, and estimate what its further epochs take, as `plan_train` does.

    Raises:
        NotFound: there is no such run, or its version was deleted.
        InvalidParameter: how many epochs is not said, a parameter cannot change now, or the machine has not
            what is wanted.
        InvalidInput: the run is no training that can be gone on with.
        Conflict: the name is taken.
    """
    found = read_continued(workspace, ref, params)
    version, given = found.version, {**found.params, "epochs": found.more_epochs}
    _check_asked(workspace, given, name, terms)
    return _plan(
        workspace, version.ref, version.manifest, found.start, given,
        is_measured=is_measured, observer=observer,
    )  # fmt: skip


def _check_asked(workspace: Workspace, given: Mapping[str, Any], name: str, terms: Terms | None) -> None:
    """Refuse what queueing the training would refuse."""
    check_terms(workspace, terms or Terms(), uses_gpu=True, device=str(given.get("device", "auto")))
    if name:
        choose_model_name(workspace, name, "")


def _plan(
    workspace: Workspace,
    ref: str,
    manifest: Digest,
    start: Start,
    given: Mapping[str, Any],
    *,
    is_measured: bool | None,
    observer: Observer,
) -> TrainPlan:
    trainer = workspace.registry.get_trainer(start.trainer)
    data = read_task_data(workspace, manifest, start.task)
    check_task_data(data, start.task, ref)
    declared, extra = split_params(trainer, given)
    has_gpu = str(given.get("device", "auto")) not in ("cpu", "mps") and bool(read_gpus(workspace))
    built = build_params(trainer.params_type, declared)
    settings = trainer.resolve_settings(built, extra, task=start.task, has_gpu=has_gpu)
    name = start.model.name if start.model else start.architecture
    least_side_px = int(getattr(trainer, "least_side_px", 0))
    losses, size_bytes, small_count = _look_through(
        workspace, manifest, trainer.data_formats[start.task], least_side_px, observer
    )
    odd = list_warnings(data, start.task)
    if small_count:
        many = f"{small_count:,} images have" if small_count > 1 else "1 image has"
        odd += (f"{many} a side under {least_side_px} pixels, and will be left out.",)
    alike = {name, start.architecture}  # what it begins with does not change how long an epoch takes
    estimate = None if is_measured else _learn_from_earlier(workspace, alike, settings, data, has_gpu)
    measured = None
    if is_measured or (estimate is None and is_measured is None):
        observer.progress(0, None, "measuring a few batches")
        measured = _measure(workspace, start, manifest, declared, extra, settings)
        estimate = _estimate(measured, settings, data)
    is_there = find_export(workspace, manifest, trainer.data_formats[start.task]) is not None
    if measured is not None and not measured.problem:
        checkpoint_bytes: int | None = measured.checkpoint_bytes
    else:
        checkpoint_bytes = _find_checkpoint_bytes(workspace, name)
    plan = TrainPlan(
        ref=ref,
        manifest=manifest,
        model=name,
        task=start.task,
        data_format=trainer.data_formats[start.task],
        splits=dict(data.item_counts),
        classes={name: dict(counts) for name, counts in data.classes.items()},
        settings=settings,
        losses=losses,
        warnings=odd,
        disk_bytes=(0 if is_there else size_bytes) + COPIES * (checkpoint_bytes or 0),
        checkpoint_bytes=checkpoint_bytes,
        disk_free_bytes=shutil.disk_usage(workspace.home).free,
        memory_bytes=_find_memory(measured, has_gpu=has_gpu),
        memory_free_bytes=_find_free_memory(workspace, has_gpu=has_gpu),
        time=estimate,
    )
    return msgspec.structs.replace(plan, warnings=(*plan.warnings, *_warn(plan, measured)))


def _look_through(
    workspace: Workspace, manifest: Digest, format: str, least_side_px: int, observer: Observer
) -> tuple[tuple[Loss, ...], int, int]:
    """Return what the trainer's format cannot hold, how many bytes its images are, and how many too small.

    Only images of what is trained and validated on count as too small.
    """
    exporter = workspace.registry.get_exporter(format)
    summary = read_summary(workspace.store, manifest)
    fitter = make_fitter(exporter.abilities, summary.schema, partial(iter_items, workspace.store, manifest))
    size_bytes = small_count = 0
    for count, item in enumerate(iter_items(workspace.store, manifest), start=1):
        observer.check_cancelled()
        observer.progress(count, summary.item_count, "looking at the data")
        if fitter.fit(item) is not None:
            size_bytes += item.size_bytes
            is_small = min(item.width_px, item.height_px) < least_side_px
            small_count += is_small and item.split in SPLITS
    return fitter.list_losses(), size_bytes, small_count


def _measure(
    workspace: Workspace,
    start: Start,
    manifest: Digest,
    declared: Mapping[str, Any],
    extra: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Measured:
    """Try a few batches of it; what goes wrong is told, and is no reason to say nothing else."""
    once = {"epochs": 1, "save_period": -1, "patience": 0, "warmup_epochs": 0, "pretrained": False}
    known = {field for field in once if field in declared or field in settings}
    params = {**declared, **{name: once[name] for name in known}}
    trial = Trial(
        manifest=manifest,
        trainer=start.trainer,
        architecture=start.architecture,
        task=start.task,
        params=params,
        extra=extra,
        batch=int(settings.get("batch", 16)),
    )
    try:
        return measure_trial(workspace.home, trial)
    except MlwfError as error:
        return Measured(problem=f"{error.message} {error.hint}".strip())


def _estimate(measured: Measured, settings: Mapping[str, Any], data: TaskData) -> TimeEstimate | None:
    if measured.problem:
        return None
    train, val = (data.item_counts[split] for split in SPLITS)
    epoch_s = train * measured.image_s + val * measured.val_image_s
    seconds = measured.before_s + epoch_s * int(settings.get("epochs", 1)) + val * measured.val_image_s
    basis = f"measured just now on {measured.batches} batches"
    return TimeEstimate(seconds=seconds, epoch_s=epoch_s, basis=basis)


def _learn_from_earlier(
    workspace: Workspace, models: Collection[str], settings: Mapping[str, Any], data: TaskData, has_gpu: bool
) -> TimeEstimate | None:
    """Return how long it takes by what earlier trainings of these models with such images took."""
    took = find_took(workspace, models, settings, has_gpu=has_gpu)
    if took is None:
        return None
    epoch_s = took.item_epoch_s * sum(data.item_counts[split] for split in SPLITS)
    seconds = took.around_s + epoch_s * int(settings.get("epochs", 1))
    some = "an earlier training" if took.count == 1 else f"{took.count} earlier trainings"
    return TimeEstimate(seconds=seconds, epoch_s=epoch_s, basis=f"from {some} in this home")


def _find_checkpoint_bytes(workspace: Workspace, name: str) -> int | None:
    """Return how large the checkpoints of an architecture's newest model are, None where there is none."""
    for model in workspace.catalog.models.list():
        if name in (model.architecture, model.name):
            return sum(checkpoint.size_bytes for checkpoint in model.checkpoints)
    return None


def _find_memory(measured: Measured | None, *, has_gpu: bool) -> int | None:
    if measured is None or measured.problem:
        return None
    return measured.gpu_memory_bytes if has_gpu else measured.memory_bytes


def _find_free_memory(workspace: Workspace, *, has_gpu: bool) -> int | None:
    """Return what is free of the largest GPU, or of the machine."""
    if has_gpu:
        rooms = [
            gpu.memory_total_bytes - (gpu.memory_used_bytes or 0)
            for gpu in read_gpus(workspace)
            if gpu.memory_total_bytes is not None
        ]
        return max(rooms, default=None)
    from mlwf_tui.host import HostReader  # psutil's 20 ms

    host = HostReader(Path(workspace.home)).read()
    return host.memory_total_bytes - host.memory_used_bytes


def _warn(plan: TrainPlan, measured: Measured | None) -> Iterator[str]:
    if measured is not None and measured.problem:
        yield f"A few batches could not be tried: {measured.problem}"
    if measured is not None and measured.left_out:
        yield f"When a few batches were tried, {measured.left_out}"
    if plan.disk_bytes > plan.disk_free_bytes:
        yield "The disk does not hold what it writes."
    memory, free = plan.memory_bytes, plan.memory_free_bytes
    if memory is not None and free is not None and memory > MEMORY_SHARE * free:
        yield "It takes nearly all of the memory that is free: give a smaller batch or imgsz."
