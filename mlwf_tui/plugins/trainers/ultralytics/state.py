"""What the library's checkpoint leaves out, so that a resumed fit goes on as if it had never stopped.

The library saves the averaged weights and the optimizer in half precision, and neither the live weights nor
any random state: a fit that it resumes goes on from rounded averages, draws its first epoch's images again,
and an Adam whose small second moments have become 0 takes steps that are too large.

With images read in the fit's own process, as on every CPU, a resumed fit is the same to the last bit. Where
other processes read them, their random numbers and mosaics are new ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlwf_tui.plugins.trainers.tensor_file import read_tensors, write_tensors

KEPT_STATES = 2  # that of last.pt and that of before.pt


class DataOrder:
    """Stands before the sampler of a data loader, notes its random state at each epoch, and sets it anew.

    `sampler` yields lists of places in the data set, one a batch, and draws from `generator`.
    """

    def __init__(self, sampler: Any, generator: torch.Generator) -> None:
        self.sampler = sampler
        self.generator = generator
        self.begun: torch.Tensor | None = None  # the state in which the latest epoch began
        self._done: torch.Tensor | None = None  # that of an epoch that is over: the next one comes after it

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[int]]:
        if self._done is not None:
            self.generator.set_state(self._done)
            self._done = None
            for _ in self.sampler:  # draws what that epoch drew, to the end
                pass
        self.begun = self.generator.get_state()
        yield from self.sampler

    def go_on(self, begun: torch.Tensor, now: torch.Tensor, *, is_reset: bool) -> None:
        """Go on after the epoch that began at `begun` and had come to `now` when its last batch was read.

        `is_reset` where the library begins a new round of the loader at this point in any case.
        """
        self.generator.set_state(now)
        if not is_reset:  # else a number that the round draws for itself would come in between
            self._done = begun


def watch_order(loader: Any) -> DataOrder:
    """Put a DataOrder into one of the library's endless loaders, and return it."""
    repeating = loader.batch_sampler
    repeating.sampler = DataOrder(repeating.sampler, loader.generator)
    order: DataOrder = repeating.sampler
    return order


def save_state(folder: Path, trainer: Any, order: DataOrder, pending: int) -> None:
    """Write the state at the end of an epoch, whole or not at all.

    `pending` is how many batches have added their gradients since the optimizer's last step.

    Raises:
        OSError: it cannot be written.
    """
    write_tensors(_name(folder, trainer.epoch), _read_state(trainer, order, pending))


def drop_old_states(folder: Path, epoch: int) -> None:
    """Take away the states of epochs that no checkpoint is of any more."""
    kept = {_name(folder, epoch - back) for back in range(KEPT_STATES)}
    for path in folder.glob("state-*"):
        if path not in kept:
            path.unlink()


def load_state(folder: Path, epoch: int) -> dict[str, Any] | None:
    """Return the state at the end of an epoch, or None where there is none that is whole."""
    state: dict[str, Any] | None = read_tensors(_name(folder, epoch))
    return state


def restore_weights(trainer: Any, state: dict[str, Any]) -> None:
    """Give the model, its average and the optimizer back what the library has rounded."""
    trainer.model.load_state_dict(state["model"])
    trainer.ema.ema.load_state_dict(state["ema"])
    for saved, group in zip(state["optimizer"]["param_groups"], trainer.optimizer.param_groups, strict=True):
        saved["fused"] = group.get("fused")  # the device of today decides
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.metrics, trainer.fitness = state["metrics"], state["fitness"]


def restore_data(trainer: Any, state: dict[str, Any], order: DataOrder) -> None:
    """Let the data loader go on where it was, with the images that mosaics are made of."""
    first_plain = trainer.epochs - trainer.args.close_mosaic if trainer.args.close_mosaic else -1
    order.go_on(*state["order"], is_reset=trainer.start_epoch == first_plain)
    dataset = trainer.train_loader.dataset
    if trainer.train_loader.num_workers == 0:
        for place in state["buffer"]:
            dataset.load_image(place)  # puts it into the buffer, as it did the first time


def restore_moment(trainer: Any, state: dict[str, Any]) -> None:
    """Bring back random numbers and gradients: the last thing before the first batch."""
    for parameter, gradient in zip(trainer.model.parameters(), state["gradients"], strict=False):
        parameter.grad = None if gradient is None else gradient.to(parameter.device)
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    devices = state["cuda"]
    if devices and torch.cuda.is_available() and len(devices) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(devices)


def _read_state(trainer: Any, order: DataOrder, pending: int) -> dict[str, Any]:
    dataset = trainer.train_loader.dataset
    return {
        "model": trainer.model.state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "metrics": trainer.metrics,
        "fitness": trainer.fitness,
        "saved": _read_saved(trainer),
        "pending": pending,
        "gradients": _read_gradients(trainer) if pending else (),
        "order": (order.begun, order.generator.get_state()),
        "buffer": [] if getattr(dataset, "cache", "ram") == "ram" else list(dataset.buffer),
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if trainer.device.type == "cuda" else [],
    }


def _read_saved(trainer: Any) -> dict[str, Any]:
    """Return what the library strips from the checkpoints of a fit that is over, for one that goes on."""
    stopper = trainer.stopper
    return {
        "epoch": trainer.epoch,
        "best_fitness": trainer.best_fitness,
        "stopper": {"best_fitness": stopper.best_fitness, "best_epoch": stopper.best_epoch},
        "updates": trainer.ema.updates,
        "scaler": trainer.scaler.state_dict(),
    }


def _read_gradients(trainer: Any) -> Sequence[torch.Tensor | None]:
    return [parameter.grad for parameter in trainer.model.parameters()]


def _name(folder: Path, epoch: int) -> Path:
    return folder / f"state-{epoch}.bin"
