"""The library's trainers of all tasks, with checkpoints from which a fit goes on as if it had never stopped.

To be imported after `prepare_library`.
"""

from __future__ import annotations

import csv
import math
from typing import Any, Final

from ultralytics.models.rtdetr.train import RTDETRTrainer
from ultralytics.models.yolo.classify import ClassificationTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.models.yolo.obb import OBBTrainer
from ultralytics.models.yolo.pose import PoseTrainer
from ultralytics.models.yolo.segment import SegmentationTrainer

from mlwf_tui.plugins.trainers.ultralytics.checkpoints import drop_old_periodic, keep_best, save_safely
from mlwf_tui.plugins.trainers.ultralytics.state import (
    drop_old_states,
    load_state,
    restore_data,
    restore_moment,
    restore_weights,
    save_state,
    watch_order,
)

BEFORE_SAVE = "before_save"  # a callback of ours: an epoch is measured, its checkpoint not yet written
BATCH_HALVED = "batch_halved"  # another: the library has found too little memory, and begins the epoch anew
EPOCH_AGAIN = "epoch_again"  # another: the loss was no number, and the epoch is done again
_NEVER = 1 << 62  # batches
_Base: Any = object  # what one of the library's trainers stands for, behind a Resumable


class Diverged(Exception):
    """The loss, or what is measured, is no number any more, and going back to the checkpoint did not help."""


class Resumable(_Base):  # type: ignore[misc]
    """Goes before one of the library's trainers: trains as that does, to the same numbers.

    Told to resume, it goes on from the exact state.
    """

    kept_periodic: int = 3  # of the checkpoints that are written every so many epochs, how many stay
    _order: Any = None
    _pending = 0  # batches whose gradients wait for a step of the optimizer
    _state: dict[str, Any] | None = None  # to go on from, until the first batch
    _held: int | None = None  # how many batches a step takes, while the first one after a resume is not due
    accumulate: int  # the library's: batches a step

    def _build_train_pipeline(self) -> None:
        is_again = self._order is not None
        super()._build_train_pipeline()
        if is_again:  # with a smaller batch
            self._pending = 0
            self.run_callbacks(BATCH_HALVED)

    def get_dataloader(self, *arguments: Any, **options: Any) -> Any:
        loader = super().get_dataloader(*arguments, **options)
        if options.get("mode", "train") == "train":
            self._order = watch_order(loader)
        return loader

    def resume_training(self, ckpt: Any) -> None:
        super().resume_training(ckpt)
        if self.start_epoch:
            self._trim_results()
            self._state = load_state(self.wdir, self.start_epoch - 1)
        if self._state is not None:
            restore_weights(self, self._state)
            restore_data(self, self._state, self._order)

    def _trim_results(self) -> None:
        """Take from results.csv what comes after the checkpoint, which will be written again."""
        if self.csv.exists():
            lines = self.csv.read_text("utf-8").splitlines(keepends=True)
            self.csv.write_text("".join(lines[: self.start_epoch + 1]), "utf-8")

    def _model_train(self) -> None:  # the last call of the base before an epoch's first batch
        super()._model_train()
        if self._state is not None:
            state, self._state = self._state, None
            restore_moment(self, state)
            self._pending = state["pending"]
            self._held = self.accumulate

    def preprocess_batch(self, batch: dict[str, Any]) -> Any:
        self._pending += 1
        if self._held is not None:
            self._hold_step()
        return super().preprocess_batch(batch)

    def _hold_step(self) -> None:
        """Put off the step that the library makes after the first batch of a resumed fit.

        In the warm-up it has just set `accumulate` anew; later it is what it was.
        """
        wanted = self._held if self._held is not None and self.accumulate == _NEVER else self.accumulate
        is_due = self._pending >= wanted
        self.accumulate, self._held = (wanted, None) if is_due else (_NEVER, wanted)

    def optimizer_step(self) -> None:
        super().optimizer_step()
        self._pending = 0

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Let the library go back to its checkpoint, at most three times; it cannot in the first epoch.

        Raises:
            Diverged: that is of no use, or there is none.
        """
        is_finite = bool(self.loss.isfinite()) and math.isfinite(self.fitness or 0.0)
        if epoch == self.start_epoch and not is_finite:
            raise Diverged
        try:
            is_again = bool(super()._handle_nan_recovery(epoch))
        except RuntimeError as error:
            raise Diverged from error
        if is_again:
            self._pending = 0
            self.run_callbacks(EPOCH_AGAIN)
        return is_again

    def save_model(self) -> bool:
        self.run_callbacks(BEFORE_SAVE)
        save_state(self.wdir, self, self._order, self._pending)
        is_saved = save_safely(self.wdir, super().save_model)
        drop_old_states(self.wdir, self.epoch)
        drop_old_periodic(self.wdir, self.kept_periodic)
        return is_saved

    def read_results_csv(self) -> dict[str, list[float]]:
        """Return the curves that go into each checkpoint; the base imports polars for that."""
        if not self.csv.exists():
            return {}
        with self.csv.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        return {key: [float(row[place]) for row in rows] for place, key in enumerate(header)}

    def final_eval(self) -> None:
        keep_best(self.wdir)  # the library now rewrites it in place
        super().final_eval()


# Classes of this module, and not made when they are needed: processes on several GPUs import them by name.
class Detection(Resumable, DetectionTrainer):  # type: ignore[misc]  # untyped base
    """Boxes."""


class Segmentation(Resumable, SegmentationTrainer):  # type: ignore[misc]
    """Outlines."""


class Pose(Resumable, PoseTrainer):  # type: ignore[misc]
    """Keypoints."""


class OrientedBoxes(Resumable, OBBTrainer):  # type: ignore[misc]
    """Turned boxes."""


class Classification(Resumable, ClassificationTrainer):  # type: ignore[misc]
    """A class for the whole image."""


class Transformer(Resumable, RTDETRTrainer):  # type: ignore[misc]
    """Boxes, by RT-DETR."""


TRAINERS: Final[dict[str, type[Any]]] = {
    "detect": Detection,
    "segment": Segmentation,
    "pose": Pose,
    "obb": OrientedBoxes,
    "classify": Classification,
}


def choose_trainer(task: str, model: Any) -> type[Any]:
    """Return the class that trains one of the library's models."""
    is_transformer = "RTDETR" in type(model.model.model[-1]).__name__
    return Transformer if is_transformer else TRAINERS[task]
