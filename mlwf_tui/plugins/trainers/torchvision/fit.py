"""Trains a classifier of torchvision in a plain loop, and tells the observer how it goes."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from mlwf_tui.errors import Cancelled, InvalidInput, InvalidParameter, Paused
from mlwf_tui.plugins.trainers.patience import describe_early_end
from mlwf_tui.plugins.trainers.threads import count_threads
from mlwf_tui.plugins.trainers.torchvision import ARCHITECTURES
from mlwf_tui.plugins.trainers.torchvision.data import (
    Images,
    count_batches,
    list_samples,
    load_batches,
    order_epoch,
    order_plain,
)
from mlwf_tui.plugins.trainers.torchvision.library import (
    be_deterministic,
    build_network,
    choose_device,
    describe_environment,
    load_fitting,
    load_pretrained,
    report_failure,
)
from mlwf_tui.plugins.trainers.torchvision.params import ClassifierParams
from mlwf_tui.plugins.trainers.torchvision.weights import (
    BEST,
    LAST,
    SUFFIX,
    Classifier,
    keep_fit_state,
    read_fit_state,
    read_kept_state,
    read_saved,
    save_classifier,
    write_fit_state,
)
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import STATE_NAME, FitRequest, FitResult

logger = logging.getLogger(__name__)
BATCH_METRIC_INTERVAL_S = 0.1
MOST_WORKERS = 8
SETTLED_STEPS = 1000  # from which on the running means of batch norms can be relied on
MOST_NORM_BATCHES = 32


def fit(request: FitRequest, observer: Observer) -> FitResult:
    """Train as the request says; see the contract `Trainer.fit`."""
    request.folder.mkdir(parents=True, exist_ok=True)
    device = choose_device(request.params.device)
    train = list_samples(request.data, "train", request.class_names)
    val = list_samples(request.data, "val", request.class_names)
    be_deterministic()
    with report_failure("train"):
        fitting = _Fitting(request, observer, device, (train, val))
        fitting.go_on()
        fitting.run()
    if request.params.keep_state:
        keep_fit_state(request.folder)
    kept = (BEST, LAST, *([STATE_NAME] if request.params.keep_state else []))
    return FitResult(
        checkpoints=tuple(path for name in kept if (path := request.folder / name).exists()),
        architecture=fitting.classifier.architecture,
        task="classify",
        image_size_px=request.params.imgsz,
        metrics=fitting.best,
        environment=describe_environment(device),
        is_stopped=fitting.is_stopped,
        notes=tuple(fitting.notes),
    )


class _Fitting:
    """One training from its beginning, or from the state that it was left in, to its end."""

    def __init__(
        self, request: FitRequest, observer: Observer, device: torch.device, samples: tuple[Any, Any]
    ) -> None:
        params: ClassifierParams = request.params
        self._request, self._params, self._observer, self._device = request, params, observer, device
        self._train, self._val = (Images(of, params.imgsz, params, request.seed) for of in samples)
        self._train_count, self._val_count = (len(of) for of in samples)
        self._batch_count = count_batches(self._train_count, params.batch)
        torch.manual_seed(request.seed)
        self.classifier = _make_classifier(request)
        self._network = self.classifier.network.to(device, memory_format=torch.channels_last)
        self._optimizer = _make_optimizer(self._network, params)
        self._precision = _choose_precision(device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._precision is torch.float16)
        self._workers = _count_workers(params, device)
        self._epoch, self._epochs = 0, params.epochs  # the one to be done next, and how many there are
        self.best: dict[str, float] = {}  # metrics of the best epoch
        self._best_epoch = 0
        self.notes: list[str] = []  # what went otherwise than asked
        self._is_pausing = self.is_stopped = False
        self._told_at_s = 0.0
        self._quality = ""

    def go_on(self) -> None:
        """Go on from where this fit was interrupted, else from where the finished one has ended, if any."""
        request = self._request
        finished = read_kept_state(request.continues) if request.continues is not None else None
        if finished is not None:
            self._epochs = finished["epoch"] + request.more_epochs
        interrupted = read_fit_state(request.folder) if request.is_resumed else None
        if interrupted is not None:
            self._take(interrupted)
        elif finished is not None and request.continues is not None:
            self._take({**finished, "best_epoch": finished["epoch"]})  # patience counts from here
            if (request.continues / BEST).exists():
                shutil.copyfile(request.continues / BEST, request.folder / BEST)

    def _take(self, state: Mapping[str, Any]) -> None:
        decays = [group["weight_decay"] for group in self._optimizer.param_groups]
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        for group, decay in zip(self._optimizer.param_groups, decays, strict=True):
            group["weight_decay"] = decay  # as is asked now
        self._epoch, self.best, self._best_epoch = state["epoch"], dict(state["best"]), state["best_epoch"]

    def run(self) -> None:
        """Do the epochs that are left; one that a stop cuts short is measured like the others."""
        self._look()
        while self._epoch < self._epochs and not self._is_impatient() and not self.is_stopped:
            train_loss = self._learn()
            self._settle_norms()
            self._finish_epoch({"train/loss": train_loss, **self._measure()})
        if self._epoch < self._epochs and not self.is_stopped:
            self._tell_early_end()
        save_classifier(self._request.folder / LAST, self.classifier)

    def _tell_early_end(self) -> None:
        note = describe_early_end(self._epoch, self._epochs, self._best_epoch, self._params.patience)
        logger.warning("%s", note)
        self.notes.append(note)
        steps = self._epoch * self._batch_count
        self._observer.progress(
            steps, steps, f"epoch {self._epoch}/{self._epochs}, stopped early{self._quality}"
        )

    def _is_impatient(self) -> bool:
        patience = self._params.patience
        return bool(patience) and bool(self._epoch) and self._epoch - self._best_epoch >= patience

    def _learn(self) -> float:
        """Do one epoch's batches, and return their mean loss."""
        epoch, params = self._epoch, self._params
        torch.manual_seed(_mix(self._request.seed, epoch))  # of dropout; data draw for themselves
        order = order_epoch(self._train_count, params.batch, seed=self._request.seed, epoch=epoch)
        self._network.train()
        total, done = 0.0, 0
        for number, (pixels, labels) in enumerate(self._load(self._train, order)):
            step = epoch * self._batch_count + number
            loss = self._step(pixels, labels, step)
            total, done = total + loss, done + 1
            self._tell_progress(step + 1, total / done)
            self._tell_batch(loss, step + 1)
            self._look()
            if self.is_stopped:
                break
        return total / max(1, done)

    def _tell_progress(self, step: int, loss: float) -> None:
        message = f"epoch {self._epoch + 1}/{self._epochs}, loss {loss:.3g}{self._quality}"
        self._observer.progress(step, self._batch_count * self._epochs, message)

    @torch.no_grad()
    def _settle_norms(self) -> None:
        """Take the means of batch norms anew, while the training is too young for running ones.

        They follow the weights by a tenth a step: after 40 steps a network that is right on 95 %
        of the images by the means of the batch was right on 35 % by the running ones.
        """
        norms = [one for one in self._network.modules() if isinstance(one, torch.nn.BatchNorm2d)]
        if not norms or self._epoch * self._batch_count >= SETTLED_STEPS:
            return
        order = order_epoch(self._train_count, self._params.batch, seed=self._request.seed, epoch=self._epoch)
        momenta = [one.momentum for one in norms]
        for one in norms:
            one.reset_running_stats()
            one.momentum = None  # the mean of all that comes now
        self._network.train()
        for pixels, _ in self._load(self._train, order[:MOST_NORM_BATCHES]):
            with self._casting():
                self._network(pixels)
        for one, momentum in zip(norms, momenta, strict=True):
            one.momentum = momentum

    def _step(self, pixels: torch.Tensor, labels: torch.Tensor, step: int) -> float:
        self._set_lr(step)
        self._optimizer.zero_grad(set_to_none=True)
        with self._casting():
            scores = self._network(pixels)  # (N, classes)
            loss = cross_entropy(scores.float(), labels, label_smoothing=self._params.label_smoothing)
        scaled: Any = self._scaler.scale(loss)
        scaled.backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InvalidInput(
                f"The loss is {value} after {step + 1} steps: the training has failed.",
                hint=f"Take a smaller learning rate than lr0={self._params.lr0:g}.",
            )
        return value

    def _set_lr(self, step: int) -> None:
        """Set the rate by the step alone: up in the warm-up, then down along a cosine."""
        steps = self._batch_count * self._epochs
        warmup = min(steps / 2, self._params.warmup_epochs * self._batch_count)
        if step < warmup:
            share = (step + 1) / (warmup + 1)
        else:
            fall = (1 + math.cos(math.pi * (step - warmup) / max(1.0, steps - warmup))) / 2
            share = self._params.lrf + (1 - self._params.lrf) * fall
        for group in self._optimizer.param_groups:
            group["lr"] = self._params.lr0 * share

    @torch.no_grad()
    def _measure(self) -> dict[str, float]:
        """Return loss, top1 and top5 on the validation images."""
        self._network.eval()
        loss, top1, top5 = 0.0, 0, 0
        most = min(5, len(self.classifier.class_names))
        for pixels, labels in self._load(self._val, order_plain(self._val_count, self._params.batch)):
            with self._casting():
                scores = self._network(pixels).float()  # (N, classes)
            loss += float(cross_entropy(scores, labels, reduction="sum"))
            hits = scores.topk(most, dim=1).indices == labels[:, None]  # (N, most)
            top1, top5 = top1 + int(hits[:, 0].sum()), top5 + int(hits.sum())
        count = self._val_count
        return {"val/loss": loss / count, "metrics/top1": top1 / count, "metrics/top5": top5 / count}

    def _finish_epoch(self, values: Mapping[str, float]) -> None:
        """Tell what an epoch came to, then keep it: after a kill between the two it is told once more."""
        step = self._epoch + 1
        for key, value in values.items():
            self._observer.metric(key, value, step)
        self._observer.metric("lr", self._optimizer.param_groups[0]["lr"], step)
        self._observer.metric("epoch", step, step * self._batch_count)
        self._quality = f", top1 {values['metrics/top1']:.3f}"
        self._tell_progress(step * self._batch_count, values["train/loss"])
        with suppress(Paused, Cancelled):  # has what was told written; a wish stands, and is heard below
            self._observer.check_cancelled()
        self._epoch += 1
        self._keep(values)
        if not self.is_stopped:
            self._look()
        if self._is_pausing and not self.is_stopped and self._epoch < self._epochs:
            raise Paused(f"The training has paused after epoch {self._epoch}.", is_urgent=True)

    def _keep(self, values: Mapping[str, float]) -> None:
        found = {"top1": values["metrics/top1"], "top5": values["metrics/top5"], "loss": values["val/loss"]}
        folder = self._request.folder
        if not self.best or (found["top1"], -found["loss"]) > (self.best["top1"], -self.best["loss"]):
            self.best, self._best_epoch = found, self._epoch
            save_classifier(folder / BEST, self.classifier)
        state = {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "epoch": self._epoch,
            "best": self.best,
            "best_epoch": self._best_epoch,
        }
        write_fit_state(folder, state)

    def _look(self) -> None:
        """Look whether a stop or a pause is wished for; one that is urgent is let out at once."""
        try:
            self._observer.check_cancelled()
        except Paused as pause:
            if pause.is_urgent:
                raise
            self._is_pausing = True
        except Cancelled:
            self.is_stopped = True

    def _load(self, images: Images, order: list[list[Any]]) -> Any:
        on_gpu = self._device.type == "cuda"
        for pixels, labels in load_batches(images, order, workers=self._workers, is_pinned=on_gpu):
            moved = pixels.to(self._device, memory_format=torch.channels_last, non_blocking=on_gpu)
            yield moved, labels.to(self._device, non_blocking=on_gpu)

    def _casting(self) -> torch.autocast:
        is_mixed = self._precision is not torch.float32
        return torch.autocast(self._device.type, self._precision if is_mixed else None, enabled=is_mixed)

    def _tell_batch(self, loss: float, step: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s >= BATCH_METRIC_INTERVAL_S:
            self._told_at_s = now_s
            self._observer.metric("batch/loss", loss, step)


def _make_classifier(request: FitRequest) -> Classifier:
    """Return what is to be trained: an architecture by name, or weights of ours for these classes."""
    architecture, names = request.architecture, request.class_names
    if len(names) < 2:
        raise InvalidInput("A classifier needs two classes at least.", hint="Tag items with other classes.")
    if request.continues is not None:
        network = build_network(architecture, len(names))  # its weights are in the state
    elif request.weights is not None:
        network = _load_start(read_saved(request.weights), names)
    elif architecture in ARCHITECTURES:
        is_trained = request.params.pretrained
        network = (
            load_pretrained(architecture, len(names), request.folder / "pretrained")
            if is_trained
            else build_network(architecture, len(names))
        )
    elif architecture.endswith(SUFFIX):
        saved = read_saved(Path(architecture))
        architecture, network = saved["architecture"], _load_start(saved, names)
    else:
        raise InvalidParameter(
            f"There is no architecture {architecture!r}.", hint=f"Choose from {', '.join(ARCHITECTURES)}."
        )
    return Classifier(
        architecture=architecture, class_names=names, image_size_px=request.params.imgsz, network=network
    )


def _load_start(saved: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the network of a file of ours, with a new last layer where it knows other classes."""
    network = build_network(saved["architecture"], len(names))
    is_same = saved["class_names"] == list(names)
    load_fitting(network, saved["weights"] if is_same else _without_head(saved["weights"]))
    return network


def _without_head(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out the last layer: other classes, also where they are as many, mean other scores."""
    head = list(weights)[-1].rpartition(".")[0]
    return {key: value for key, value in weights.items() if key.rpartition(".")[0] != head}


def _make_optimizer(network: Any, params: ClassifierParams) -> torch.optim.Optimizer:
    """Return the optimizer; norms and biases are not drawn to zero."""
    weights = [one for one in network.parameters() if one.ndim > 1]
    others = [one for one in network.parameters() if one.ndim <= 1]
    decay = params.weight_decay
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    if params.optimizer == "SGD":
        return torch.optim.SGD(groups, lr=params.lr0, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=params.lr0)


def _choose_precision(device: torch.device) -> torch.dtype:
    """Return what a step is computed in: half precision on a GPU alone."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _count_workers(params: ClassifierParams, device: torch.device) -> int:
    if params.workers is not None:
        return params.workers
    return min(MOST_WORKERS, count_threads()) if device.type == "cuda" else 0


def _mix(seed: int, epoch: int) -> int:
    return (seed * 1_000_003 + epoch) % (1 << 63)
