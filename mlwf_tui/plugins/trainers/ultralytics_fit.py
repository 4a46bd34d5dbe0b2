"""Trains a YOLO model and tells the observer how it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlwf_tui.errors import Cancelled, InvalidInput, Paused
from mlwf_tui.plugins.trainers.ultralytics_architectures import find_definition
from mlwf_tui.plugins.trainers.ultralytics_checkpoints import (
    list_checkpoints,
    prepare_resume,
)
from mlwf_tui.plugins.trainers.ultralytics_library import (
    choose_device,
    describe_environment,
    load_weights,
    prepare_library,
    read_checkpoint,
    report_failure,
    use_all_threads,
)
from mlwf_tui.plugins.trainers.ultralytics_params import TrainParams, build_settings, check_extra
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitRequest, FitResult

BATCH_METRIC_INTERVAL_S = 0.1
METRIC_KEYS = {
    "map": "metrics/mAP50-95(B)",
    "map50": "metrics/mAP50(B)",
    "precision": "metrics/precision(B)",
    "recall": "metrics/recall(B)",
}


def fit(request: FitRequest, observer: Observer) -> FitResult:
    """Train as the request says; see the contract `Trainer.fit`."""
    _check_data(request.data)
    prepare_library(request.folder)
    from mlwf_tui.plugins.trainers.ultralytics_trainer import ResumableTrainer

    params: TrainParams = request.params
    device = choose_device(params.device)
    settings = _build_settings(request, params, device)
    checkpoint = _find_checkpoint(request)
    if checkpoint is None:
        model = _load_start(request, params)
    else:
        model = load_weights(checkpoint)
        settings |= {"resume": str(checkpoint), "save_dir": str(checkpoint.parents[1])}
    watcher = _Watcher(observer)
    watcher.attach(model)
    with report_failure("train"):
        model.train(ResumableTrainer, **settings)
    return FitResult(
        checkpoints=_list_checkpoints(model.trainer),
        architecture=request.architecture,
        task="detect",
        image_size_px=int(model.trainer.args.imgsz),
        metrics=read_metrics(model.trainer.metrics),
        environment=describe_environment(device),
        is_stopped=watcher.is_stopped,
    )


def _find_checkpoint(request: FitRequest) -> Path | None:
    """Return what to go on from: of an interrupted fit the last checkpoint after which an epoch is due."""
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


def read_metrics(results: dict[str, Any]) -> dict[str, float]:
    """Return the library's own figures under our names."""
    return {ours: float(results[theirs]) for ours, theirs in METRIC_KEYS.items() if theirs in results}


class _Watcher:
    """The callbacks of one training: progress and metrics out, a request to stop in."""

    def __init__(self, observer: Observer) -> None:
        self.is_stopped = False
        self._is_pausing = False
        self._observer = observer
        self._batches_done = 0
        self._trained_epoch = self._told_epoch = -1
        self._told_at_s = 0.0
        self._quality = ""  # what the last validation found, for the progress line

    def attach(self, model: Any) -> None:
        model.add_callback("on_pretrain_routine_end", self._begin)
        model.add_callback("on_train_start", use_all_threads)
        model.add_callback("on_train_batch_end", self._on_batch_end)
        model.add_callback("on_train_epoch_end", self._on_epoch_trained)
        model.add_callback("before_save", self.tell_epoch)  # of ResumableTrainer
        model.add_callback("on_fit_epoch_end", self._on_epoch_measured)

    def _begin(self, trainer: Any) -> None:
        """Count on from where a resumed fit begins."""
        self._batches_done = trainer.start_epoch * len(trainer.train_loader)
        self._check_stop(trainer)

    def _check_stop(self, trainer: Any) -> None:
        """Pass a request to stop on; the library then measures and saves before it ends.

        Raises:
            Paused: it is urgent; else the fit goes on to the end of its epoch.
        """
        try:
            self._observer.check_cancelled()
        except Paused as pause:
            if pause.is_urgent:
                raise
            self._is_pausing = True
        except Cancelled:
            self.is_stopped = True
        if self.is_stopped:
            trainer.stop = True

    def _on_batch_end(self, trainer: Any) -> None:
        self._batches_done += 1
        batches = len(trainer.train_loader)
        losses = {key: float(value) for key, value in trainer.tloss.items()}
        first = ", ".join(f"{key.removesuffix('_loss')} {value:.3g}" for key, value in losses.items())
        message = f"epoch {trainer.epoch + 1}/{trainer.epochs}, {first}{self._quality}"
        self._observer.progress(self._batches_done, batches * trainer.epochs, message)
        now_s = time.monotonic()
        if now_s - self._told_at_s >= BATCH_METRIC_INTERVAL_S:
            self._told_at_s = now_s
            loss = sum(float(value) for value in trainer.loss_items.values())
            self._observer.metric("batch/loss", loss, self._batches_done)
        self._check_stop(trainer)

    def _on_epoch_trained(self, trainer: Any) -> None:
        self._trained_epoch = trainer.epoch

    def tell_epoch(self, trainer: Any) -> None:
        """Tell what an epoch has come to, once, and have it written.

        It comes before the epoch's checkpoint: after a kill between the two the epoch is done and told again,
        where the other way round its points would be missing for ever.
        """
        if trainer.epoch == self._told_epoch:
            return
        self._told_epoch = trainer.epoch
        step = trainer.epoch + 1
        values = {**trainer.label_loss_items(trainer.tloss, prefix="train"), **trainer.metrics}
        for key, value in values.items():
            self._observer.metric(key.removesuffix("(B)"), float(value), step)
        if METRIC_KEYS["map50"] in values:
            self._quality = f", mAP50 {float(values[METRIC_KEYS['map50']]):.3f}"
        self._observer.metric("lr", float(next(iter(trainer.lr.values()))), step)
        self._observer.metric("epoch", step, self._batches_done)  # tells where on the batches' axis it ended
        with suppress(Paused, Cancelled):  # a wish stands, and is heard when the checkpoint is there
            self._observer.check_cancelled()

    def _on_epoch_measured(self, trainer: Any) -> None:
        if trainer.epoch != self._trained_epoch:
            return  # the last look at the best checkpoint, which belongs to no epoch
        self.tell_epoch(trainer)  # where the library saves nothing
        self._check_stop(trainer)
        if self._is_pausing and not trainer.stop:  # its checkpoint was written just now
            raise Paused(f"The training has paused after epoch {trainer.epoch + 1}.", is_urgent=True)


def _check_data(data: Path) -> None:
    if not (data / "data.yaml").is_file():
        raise InvalidInput(f"{data} has no data.yaml.", hint="Export the project in the yolo format.")
    for split in ("train", "val"):
        folder = data / "images" / split
        if not folder.is_dir() or not any(folder.iterdir()):
            raise InvalidInput(
                f"There is no item in the split {split}.",
                hint="Give items a split with `mlwf transform split PROJECT --to PROJECT`.",
            )


def _build_settings(request: FitRequest, params: TrainParams, device: str) -> dict[str, Any]:
    from ultralytics.cfg import DEFAULT_CFG_DICT

    check_extra(request.extra, DEFAULT_CFG_DICT)
    fixed = {
        "data": str((request.data / "data.yaml").absolute()),
        "project": str(request.folder.absolute()),  # a relative one would land in the library's own folder
        "name": "train",
        "exist_ok": True,
        "seed": request.seed,
        "device": device,
        "augmentations": [],  # else blur and grey join in silently where albumentations is installed
    }
    quiet = {"plots": False, "deterministic": True, "amp": _choose_precision(device)}
    return {**quiet, **build_settings(params, request.extra, has_gpu=device.isdecimal()), **fixed}


def _choose_precision(device: str) -> str | bool:
    """Return bf16 where the GPU has it; plain AMP would download a model to test itself with."""
    import torch

    return "bf16" if device.isdecimal() and torch.cuda.is_bf16_supported() else False


def _load_start(request: FitRequest, params: TrainParams) -> Any:
    """Return the model to train: an architecture by name or YAML file, or weights."""
    from ultralytics import YOLO

    path = Path(request.architecture)
    if path.suffix == ".pt":
        return load_weights(path, is_trusted=params.trust_weights)
    definition = str(path) if path.suffix == ".yaml" and path.is_file() else find_definition(str(path))
    if not params.pretrained:
        return YOLO(definition, task="detect")
    return _load_pretrained(request.architecture, request.folder / f"{request.architecture}.pt")


def _load_pretrained(architecture: str, path: Path) -> Any:
    from ultralytics import YOLO

    try:
        return YOLO(str(path), task="detect")  # downloads to this path
    except (OSError, RuntimeError) as error:
        raise InvalidInput(
            f"The pretrained weights of {architecture} could not be downloaded.",
            hint="Train without pretrained=true, or fetch them and give their path.",
        ) from error


def _list_checkpoints(trainer: Any) -> tuple[Path, ...]:
    return tuple(Path(path) for path in (trainer.best, trainer.last) if Path(path).exists())
