"""Trains a model of any task: from a definition, from weights, or from where a fit has left off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mlwf_tui.errors import InvalidInput, PluginError
from mlwf_tui.formats.class_folders import name_class_folder
from mlwf_tui.plugins.trainers.ultralytics.architectures import find_definition
from mlwf_tui.plugins.trainers.ultralytics.checkpoints import (
    list_checkpoints,
    list_periodic,
    prepare_resume,
)
from mlwf_tui.plugins.trainers.ultralytics.continuing import keep_state, prepare_continuing
from mlwf_tui.plugins.trainers.ultralytics.library import (
    choose_device,
    describe_environment,
    is_gpu,
    is_out_of_memory,
    load_weights,
    prepare_library,
    read_checkpoint,
    report_failure,
)
from mlwf_tui.plugins.trainers.ultralytics.metrics import read_metrics
from mlwf_tui.plugins.trainers.ultralytics.params import (
    TrainParams,
    build_settings,
    check_extra,
    check_freeze,
)
from mlwf_tui.plugins.trainers.ultralytics.usable import (
    is_without_images,
    list_left_out,
    name_undecodable,
    watch_scan,
)
from mlwf_tui.plugins.trainers.ultralytics.watcher import Watcher
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitRequest, FitResult

_SPLITS = ("train", "val")


def fit(request: FitRequest, observer: Observer) -> FitResult:
    """Train as the request says; see the contract `Trainer.fit`."""
    check_data(request.data, request.task)
    prepare_library(request.folder)
    params: TrainParams = request.params
    device = choose_device(params.device)
    settings = _build_settings(request, params, device)
    checkpoint = _find_checkpoint(request, settings)
    if checkpoint is None:
        model = _load_start(request, params)
        check_freeze(params, len(model.model.model))
    else:
        model = load_weights(checkpoint)
        settings |= {"resume": str(checkpoint), "save_dir": str(checkpoint.parents[1])}
    architecture = name_architecture(request.architecture, model)
    from mlwf_tui.plugins.trainers.ultralytics.ranks import attach_council, is_first

    attach_council(model)  # it goes before the watcher, which looks at what was agreed on
    watcher = Watcher(observer, request.task)
    watcher.attach(model)
    watch_scan()
    if request.task == "classify":
        model.add_callback("on_pretrain_routine_end", partial(_name_classes, request.class_names))
    stop_reason = _train(model, settings, request, watcher)
    trainer = model.trainer
    return FitResult(
        checkpoints=_list_checkpoints(trainer, is_state_kept=params.keep_state and is_first()),
        architecture=architecture,
        task=request.task,
        image_size_px=int(trainer.args.imgsz),
        metrics=read_metrics(trainer.metrics, request.task),
        environment=describe_environment(device),
        is_stopped=watcher.is_stopped or bool(stop_reason),
        stop_reason=stop_reason,
        notes=tuple(watcher.notes),
        problems=tuple(list_left_out(trainer, request.data, request.files)),
        class_names=_list_classes(request, trainer),
    )


def _train(model: Any, settings: dict[str, Any], request: FitRequest, watcher: Watcher) -> str:
    """Train to the end, with smaller batches where memory runs out before the first epoch is done.

    Returns why it ended before its time, in a sentence, with the best checkpoint measured; mostly nothing.
    """
    from mlwf_tui.plugins.trainers.ultralytics.ranks import distribute, is_rank
    from mlwf_tui.plugins.trainers.ultralytics.trainer import Diverged, choose_trainer

    kind = choose_trainer(request.task, model)
    kind.kept_periodic = request.params.keep
    if is_rank():
        kind = distribute(kind)
    while True:
        try:
            with name_undecodable(request.data, request.files), report_failure("train"):
                model.train(kind, **settings)
            watcher.tell_early_end(model.trainer)
            return ""
        except Diverged as error:
            return _end_diverged(model.trainer, watcher, error)
        except PluginError as error:
            _check_readable(error)
            smaller = _halve(model, watcher, error)
        settings = {**settings, "batch": smaller}


def _check_readable(error: PluginError) -> None:
    """Raise InvalidInput where the library has found no image that it can use."""
    if is_without_images(error):
        raise InvalidInput(
            "None of the images can be read.", hint="Look at them: mlwf check PROJECT tells what is damaged."
        ) from error


def _halve(model: Any, watcher: Watcher, error: PluginError) -> int:
    """Return half of the batch that did not fit into memory; the library does the same, but on CUDA alone."""
    from mlwf_tui.plugins.trainers.ultralytics.ranks import is_rank

    if not is_out_of_memory(error.__cause__):
        raise error
    batch = int(model.trainer.args.batch) if model.trainer is not None else 0
    if batch <= 1 or watcher.epochs_done or is_rank():  # the others know nothing of it
        raise InvalidInput(
            f"The memory does not hold a batch of {max(batch, 1)} images.",
            hint="Give a smaller batch or imgsz, or a smaller architecture.",
        ) from error
    watcher.note(f"The batch was made {batch // 2} images instead of {batch}: the memory does not hold more.")
    return batch // 2


def _end_diverged(trainer: Any, watcher: Watcher, error: Exception) -> str:
    """Measure the best checkpoint of a fit whose loss is no number any more; refuse where there is none."""
    hint = "Give a smaller lr0 or -p amp=false, and look for odd labels with `mlwf check`."
    if not trainer.best.exists():
        raise InvalidInput(
            "The loss became NaN in the first epoch, so nothing was learned.", hint=hint
        ) from error
    reason = (
        f"The loss became NaN in epoch {trainer.epoch + 1} and stayed so; "
        f"the best checkpoint of the {watcher.epochs_done} epochs before it is kept. {hint}"
    )
    watcher.note(reason)
    with report_failure("measure the best checkpoint"):
        trainer.final_eval()
    return reason


def _find_checkpoint(request: FitRequest, settings: Mapping[str, Any]) -> Path | None:
    """Return what to go on from: of an interrupted fit the last checkpoint after which an epoch is due."""
    if not request.is_resumed and request.continues is not None:
        return prepare_continuing(request, settings)
    for path in list_checkpoints(request.folder) if request.is_resumed else ():
        saved = read_checkpoint(path)
        if not _is_last(saved):
            return prepare_resume(path, is_best=saved["best_fitness"] == saved["train_metrics"]["fitness"])
    return None


def _is_last(saved: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is that of the last epoch, which is done again: the library resumes no such one.

    In a finished one it writes -1 for the epoch.
    """
    epochs_done, settings = saved.get("epoch", -1) + 1, saved["train_args"]
    best_epoch, patience = (saved.get("stopper") or {}).get("best_epoch", 0), settings.get("patience")
    is_impatient = bool(patience) and epochs_done - best_epoch >= patience
    return epochs_done == 0 or epochs_done >= settings["epochs"] or is_impatient


def prepare_checkpoint(request: FitRequest) -> Path | None:
    """Put the checkpoint to go on from into its place, before several processes look for it at once."""
    prepare_library(request.folder)
    params: TrainParams = request.params
    settings = _build_settings(request, params, choose_device(params.device))
    return _find_checkpoint(request, settings)


def check_data(data: Path, task: str) -> None:
    """Raise InvalidInput where a folder lacks what a fit of the task reads."""
    is_of_classes = task == "classify"
    if not is_of_classes and not (data / "data.yaml").is_file():
        raise InvalidInput(f"{data} has no data.yaml.", hint="Export the project in the yolo format.")
    for split in _SPLITS:
        folder = data / split if is_of_classes else data / "images" / split
        if not folder.is_dir() or not any(folder.iterdir()):
            raise InvalidInput(
                f"There is no item in the split {split}.",
                hint="Give items a split with `mlwf transform split PROJECT --to PROJECT`.",
            )


def _build_settings(request: FitRequest, params: TrainParams, device: str) -> dict[str, Any]:
    from ultralytics.cfg import DEFAULT_CFG_DICT

    check_extra(request.extra, DEFAULT_CFG_DICT)
    data = request.data if request.task == "classify" else request.data / "data.yaml"
    fixed = {
        "data": str(data.absolute()),
        "project": str(request.folder.absolute()),  # a relative one would land in the library's own folder
        "name": "train",
        "exist_ok": True,
        "seed": request.seed,
        "device": device,
        "augmentations": [],  # else blur and grey join in silently where albumentations is installed
    }
    quiet = {"plots": False, "deterministic": True, "amp": _choose_precision(device)}
    chosen = build_settings(params, request.extra, has_gpu=is_gpu(device), task=request.task)
    return {**quiet, **chosen, **fixed}


def _choose_precision(device: str) -> str | bool:
    """Return bf16 where the GPU has it; plain AMP would download a model to test itself with."""
    import torch

    return "bf16" if is_gpu(device) and torch.cuda.is_bf16_supported() else False


def _load_start(request: FitRequest, params: TrainParams) -> Any:
    """Return the model to train: weights of this home or of a file, or an architecture by name or file."""
    from ultralytics import YOLO

    if request.weights is not None:
        return load_weights(request.weights, task=request.task, is_trusted=params.trust_weights)
    path = Path(request.architecture)
    if path.suffix == ".pt":
        return load_weights(path, task=request.task, is_trusted=params.trust_weights)
    definition = str(path) if path.suffix == ".yaml" and path.is_file() else find_definition(str(path))
    if not params.pretrained:
        return YOLO(definition, task=request.task)
    return _load_pretrained(request.architecture, request.folder / f"{request.architecture}.pt", request.task)


def name_architecture(given: str, model: Any) -> str:
    """Return the name of a loaded model's architecture; of one that a file has led to, as it says itself."""
    path = Path(given)
    if not path.is_absolute():
        return given
    definition = getattr(model.model, "yaml", None) or {}
    return Path(str(definition.get("yaml_file") or path)).stem


def _load_pretrained(architecture: str, path: Path, task: str) -> Any:
    from ultralytics import YOLO

    try:
        return YOLO(str(path), task=task)  # downloads to this path
    except (OSError, RuntimeError) as error:
        raise InvalidInput(
            f"The pretrained weights of {architecture} could not be downloaded.",
            hint="Train without pretrained=true, or fetch them and give their path.",
        ) from error


def _list_checkpoints(trainer: Any, *, is_state_kept: bool) -> tuple[Path, ...]:
    """Return the best, the last, those of every so many epochs, and what a continued fit goes on from."""
    from ultralytics.utils.torch_utils import strip_optimizer

    periodic = list_periodic(trainer.wdir)
    for path in periodic:
        strip_optimizer(path)
    found = [*map(Path, (trainer.best, trainer.last)), *reversed(periodic)]
    state = keep_state(trainer.wdir, trainer.epoch) if is_state_kept else None
    return (*(path for path in found if path.exists()), *([state] if state else []))


def _name_classes(class_names: Sequence[str], trainer: Any) -> None:
    """Give a classifier the classes' own names: the library calls them by their folders."""
    names = {name_class_folder(name): name for name in class_names}
    trainer.data["names"] = {index: names.get(name, name) for index, name in trainer.data["names"].items()}
    trainer.model.names = trainer.ema.ema.names = trainer.data["names"]


def _list_classes(request: FitRequest, trainer: Any) -> tuple[str, ...]:
    """Return the classes that the model knows; of a classifier those that have images to learn from."""
    if request.task != "classify":
        return request.class_names
    return tuple(trainer.data["names"][index] for index in sorted(trainer.data["names"]))
