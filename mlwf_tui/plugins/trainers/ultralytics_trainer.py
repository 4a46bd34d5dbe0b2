"""The library's detection trainer, with checkpoints from which a fit goes on as if it had never stopped.

To be imported after `prepare_library`.
"""

from __future__ import annotations

import csv
from typing import Any

from ultralytics.models.yolo.detect import DetectionTrainer

from mlwf_tui.plugins.trainers.ultralytics_checkpoints import keep_best, save_safely
from mlwf_tui.plugins.trainers.ultralytics_state import (
    drop_old_states,
    load_state,
    restore_data,
    restore_moment,
    restore_weights,
    save_state,
    watch_order,
)

BEFORE_SAVE = "before_save"  # a callback of ours: an epoch is measured, its checkpoint not yet written
_NEVER = 1 << 62  # batches


class ResumableTrainer(DetectionTrainer):  # type: ignore[misc]  # untyped base
    """Trains as its base does, to the same numbers; told to resume, it goes on from the exact state."""

    _order: Any = None
    _pending = 0  # batches whose gradients wait for a step of the optimizer
    _state: dict[str, Any] | None = None  # to go on from, until the first batch
    _held: int | None = None  # how many batches a step takes, while the first one after a resume is not due
    accumulate: int  # the library's: batches a step

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

    def save_model(self) -> bool:
        self.run_callbacks(BEFORE_SAVE)
        save_state(self.wdir, self, self._order, self._pending)
        is_saved = save_safely(self.wdir, super().save_model)
        drop_old_states(self.wdir, self.epoch)
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
