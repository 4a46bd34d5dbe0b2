"""The callbacks of one training: progress and metrics out, a request to stop in."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import Any

from mlwf_tui.errors import Cancelled, Paused
from mlwf_tui.plugins.trainers.patience import describe_early_end
from mlwf_tui.plugins.trainers.ultralytics.library import use_all_threads
from mlwf_tui.plugins.trainers.ultralytics.metrics import name_curve, read_metrics
from mlwf_tui.protocols.observer import Observer

logger = logging.getLogger(__name__)
BATCH_METRIC_INTERVAL_S = 0.1


class Watcher:
    """Tells an observer of a training, and the training what the observer wants."""

    def __init__(self, observer: Observer, task: str) -> None:
        self.is_stopped = False
        self.notes: list[str] = []  # what went otherwise than asked
        self.epochs_done = 0
        self._is_pausing = False
        self._observer = observer
        self._task = task
        self._batches_done = 0
        self._batch_size = 0
        self._trained_epoch = self._told_epoch = -1
        self._told_at_s = 0.0
        self._quality = ""  # what the last validation found, for the progress line

    def attach(self, model: Any) -> None:
        model.add_callback("on_pretrain_routine_end", self._begin)
        model.add_callback("on_train_start", use_all_threads)
        model.add_callback("on_train_batch_end", self._on_batch_end)
        model.add_callback("on_train_epoch_end", self._on_epoch_trained)
        model.add_callback("on_fit_epoch_end", self._on_epoch_measured)
        for event, heard in (  # those of Resumable
            ("before_save", self.tell_epoch),
            ("batch_halved", self._on_batch_halved),
            ("epoch_again", self._on_epoch_again),
        ):
            model.add_callback(event, heard)

    def note(self, text: str) -> None:
        """Keep a sentence for the result, and say it in the log."""
        logger.warning("%s", text)
        self.notes.append(text)

    def tell_early_end(self, trainer: Any) -> None:
        """Say that patience has ended the fit, if it has."""
        patience, best_epoch = trainer.stopper.patience, trainer.stopper.best_epoch
        is_early = self.epochs_done < trainer.epochs and not self.is_stopped
        if not is_early or self.epochs_done - best_epoch < patience:
            return
        self.note(describe_early_end(self.epochs_done, trainer.epochs, best_epoch, patience))
        message = f"epoch {self.epochs_done}/{trainer.epochs}, stopped early{self._quality}"
        self._observer.progress(self._batches_done, self._batches_done, message)

    def _begin(self, trainer: Any) -> None:
        """Count on from where a resumed fit begins."""
        self._batches_done = trainer.start_epoch * len(trainer.train_loader)
        self._batch_size = trainer.batch_size
        self._check_stop(trainer)

    def _on_batch_halved(self, trainer: Any) -> None:
        self.note(
            f"The batch was made {trainer.batch_size} images instead of {self._batch_size}: "
            "the memory does not hold more."
        )
        self._batch_size = trainer.batch_size
        self._batches_done = trainer.start_epoch * len(trainer.train_loader)

    def _on_epoch_again(self, trainer: Any) -> None:
        self.note(f"The loss was no number in epoch {trainer.epoch + 1}, which was done again.")
        self._batches_done = trainer.epoch * len(trainer.train_loader)

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
        self._tell_progress(trainer)
        now_s = time.monotonic()
        if now_s - self._told_at_s >= BATCH_METRIC_INTERVAL_S:
            self._told_at_s = now_s
            loss = sum(float(value) for value in trainer.loss_items.values())
            self._observer.metric("batch/loss", loss, self._batches_done)
        self._check_stop(trainer)

    def _tell_progress(self, trainer: Any) -> None:
        losses = {key: float(value) for key, value in trainer.tloss.items()}
        first = ", ".join(f"{key.removesuffix('_loss')} {value:.3g}" for key, value in losses.items())
        message = f"epoch {trainer.epoch + 1}/{trainer.epochs}, {first}{self._quality}"
        self._observer.progress(self._batches_done, len(trainer.train_loader) * trainer.epochs, message)

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
        step = self.epochs_done = trainer.epoch + 1
        values = {**trainer.label_loss_items(trainer.tloss, prefix="train"), **trainer.metrics}
        for key, value in values.items():
            self._observer.metric(name_curve(key, self._task), float(value), step)
        found = read_metrics(values, self._task)
        for key, shown in (("map50", "mAP50"), ("top1", "top1")):
            if key in found:
                self._quality = f", {shown} {found[key]:.3f}"
        self._tell_progress(trainer)
        self._observer.metric("lr", float(next(iter(trainer.lr.values()))), step)
        if trainer.device.type == "cuda":
            self._observer.metric("gpu_memory_gib", float(trainer._get_memory()), step)
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
