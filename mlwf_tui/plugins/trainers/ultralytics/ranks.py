"""What a trainer does otherwise where it is one of several processes.

To be imported after `prepare_library`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
import torch
from torch import distributed

GROUP_TIMEOUT = timedelta(hours=3)  # as the library's: one process may read data for long
_joined: list[Any] = []  # the council of this process, where it is one of several


class Speaker(Protocol):
    """What is needed of the process's observer."""

    def ask(self) -> int:
        """Return what a person wants."""

    def agree(self, wanted: int) -> None:
        """Note what all processes will do."""


class Council:
    """Lets all processes know after each batch what the first one was told; the GPU is not waited for."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._group: Any = None

    def open(self) -> None:
        """Begin, once the processes can reach each other."""
        self._group = distributed.new_group(backend="gloo")

    def meet(self, _: object = None) -> None:
        """Agree on what to do; every process calls it after the same batches. A callback of the library."""
        wanted = torch.zeros(1, dtype=torch.int64)
        if distributed.get_rank() == 0:
            wanted[0] = self._speaker.ask()
        distributed.broadcast(wanted, src=0, group=self._group)
        self._speaker.agree(int(wanted))

    def is_any(self, is_so: bool) -> bool:
        """Whether something is so for any of the processes, all of which ask."""
        found = torch.tensor([int(is_so)])
        distributed.all_reduce(found, op=distributed.ReduceOp.MAX, group=self._group)
        return bool(found)


def join_ranks(speaker: Speaker) -> None:
    """Say that this process is one of several, before it fits."""
    _joined.append(Council(speaker))
    if os.environ["MLWF_RANKS_ON"] == "cpu":
        _stay_on_processors()


def is_rank() -> bool:
    """Whether this process is one of several that train together."""
    return bool(_joined)


def is_first() -> bool:
    """Whether this process is alone, or the first of several: the one that writes files."""
    return not _joined or distributed.get_rank() == 0


def attach_council(model: Any) -> None:
    """Let the processes, where there are several, meet before other callbacks look at what is wanted."""
    if not _joined:
        return
    for event in ("on_pretrain_routine_end", "on_train_batch_end", "on_fit_epoch_end"):
        model.add_callback(event, _joined[0].meet)


def distribute(trainer_class: type[Any]) -> type[Any]:
    """Return a trainer class that trains as one of several processes, made of one that trains alone."""
    return type(f"Distributed{trainer_class.__name__}", (_Distributed, trainer_class), {})


def _stay_on_processors() -> None:
    """Let the library do without a GPU where it is sure that every process has one."""
    from ultralytics.engine import validator

    backend = validator.AutoBackend

    def load(*arguments: Any, device: torch.device, **options: Any) -> Any:
        return backend(*arguments, device=torch.device("cpu"), **options)

    torch.nn.parallel.DistributedDataParallel = _OnProcessors  # type: ignore[assignment, misc]
    validator.AutoBackend = load
    validator.get_torch_device_backend = lambda _: _Processors


class _Processors:
    """Stands in for torch.cuda where it is asked for its present device."""

    @staticmethod
    def current_device() -> int:
        return 0


class _OnProcessors(torch.nn.parallel.DistributedDataParallel):
    """The library always names a GPU, and of a model on the processor none may be named."""

    def __init__(self, module: torch.nn.Module, device_ids: object = None, **options: Any) -> None:
        super().__init__(module, **options)


class _Distributed:
    """Goes before a trainer class."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.world_size = int(os.environ["WORLD_SIZE"])  # on processors the library thinks that it is alone

    def _setup_ddp(self) -> None:
        if self.device.type == "cpu":  # type: ignore[attr-defined]
            distributed.init_process_group("gloo", timeout=GROUP_TIMEOUT)
        else:
            super()._setup_ddp()  # type: ignore[misc]
        _joined[0].open()

    def validate(self) -> tuple[Any, Any]:
        """Measure; only the first process gets to know what."""
        metrics, fitness = super().validate()  # type: ignore[misc]
        return metrics or {}, fitness

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Let all processes see a loss that is no number where one of them has it."""
        losses = (*self.tloss.values(), self.loss)  # type: ignore[has-type]
        if _joined[0].is_any(not all(torch.isfinite(torch.as_tensor(loss)).all() for loss in losses)):
            self.loss = torch.full_like(self.loss, torch.nan)  # type: ignore[has-type]
            self.tloss = dict.fromkeys(self.tloss, torch.tensor(torch.nan))  # type: ignore[has-type]
        return bool(super()._handle_nan_recovery(epoch))  # type: ignore[misc]

    def _trim_results(self) -> None:
        if is_first():
            super()._trim_results()  # type: ignore[misc]

    def _model_train(self) -> None:
        """Begin an epoch; after a resume not with the first process's random numbers, which the state has."""
        is_resumed = getattr(self, "_state", None) is not None
        super()._model_train()  # type: ignore[misc]
        if is_resumed and not is_first():
            seed = (int(torch.randint(1 << 31, (1,))) + distributed.get_rank()) % (1 << 31)
            seeding: tuple[Callable[[int], object], ...] = (random.seed, np.random.seed, torch.manual_seed)
            for plant in seeding:
                plant(seed)
