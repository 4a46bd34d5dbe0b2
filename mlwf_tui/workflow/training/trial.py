"""Measures a few batches of a training before it is asked for: in a hand, since a face loads no library.

Both sides of it: what asks the hand, and what a hand does. Not a verb.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import describe_left_out
from mlwf_tui.errors import InvalidInput, MlwfError
from mlwf_tui.params import build_params
from mlwf_tui.protocols.exporters import ExportedItem
from mlwf_tui.protocols.trainers import FitRequest
from mlwf_tui.registry import Registry
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.exporting.fitting import make_fitter
from mlwf_tui.workflow.messages import Work

BATCHES = 4  # the first of which is not counted: it loads and allocates
MOST_IMAGES = 256


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried: a training on a few images of a manifest, for one epoch."""

    manifest: Digest
    trainer: str
    architecture: str
    task: str
    params: Mapping[str, Any]
    extra: Mapping[str, Any]
    batch: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial came to; `problem` says why it came to nothing."""

    problem: str = ""
    before_s: float = 0.0  # until the first batch
    image_s: float = 0.0  # of training, an image
    val_image_s: float = 0.0  # of measuring, an image
    batches: int = 0
    memory_bytes: int = 0  # at most, of the process
    gpu_memory_bytes: int = 0
    checkpoint_bytes: int = 0
    left_out: str = ""  # which of the images that it was tried on could not be used, as a sentence


def measure_trial(home: Path, trial: Trial) -> Measured:
    """Let a hand train for a few batches, and return what that took.

    Raises:
        StorageFailed: the hand died, as when memory runs out.
    """
    from mlwf_tui.workflow.hands import open_hands  # which a hand does not need

    with open_hands(home, "try", msgspec.json.encode(trial), count=1) as hands:
        (answer,) = hands.map([b"begin"])
    return msgspec.json.decode(answer, type=Measured)


@contextmanager
def open_trying(home: Path, setup: bytes) -> Iterator[Work]:
    """Be a hand that tries a training out."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.pop(name, None)  # a hand is there for one core, a training for all
    trial = msgspec.json.decode(setup, type=Trial)

    def measure(_: bytes) -> bytes:
        try:
            with tempfile.TemporaryDirectory(prefix="trial-", dir=home) as scratch, _silenced():
                return msgspec.json.encode(_try(home, trial, Path(scratch)))
        except MlwfError as error:
            return msgspec.json.encode(Measured(problem=f"{error.message} {error.hint}".strip()))

    yield measure


@contextmanager
def _silenced() -> Iterator[None]:
    """Drop what a library prints: the person has asked what it will take, and not for its log."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, file in zip((1, 2), kept, strict=True):
            os.dup2(file, number)
            os.close(file)
        os.close(nowhere)


class _Clock:
    """An observer that notes when batches end."""

    def __init__(self) -> None:
        self.begun_s = time.monotonic()
        self.batch_ends_s: list[float] = []
        self.epoch_end_s = 0.0
        self.gpu_memory_bytes = 0

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Note the end of a batch."""
        if self.epoch_end_s == 0:
            self.batch_ends_s.append(time.monotonic())

    def metric(self, key: str, value: float, step: int) -> None:
        """Note the end of the epoch, and the memory of a GPU."""
        if key == "epoch":
            self.epoch_end_s = time.monotonic()
        elif key == "gpu_memory_gib":
            self.gpu_memory_bytes = int(value * (1 << 30))

    def check_cancelled(self) -> None:
        """It is short."""


def _try(home: Path, trial: Trial, scratch: Path) -> Measured:
    registry = Registry()
    trainer = registry.get_trainer(trial.trainer)
    with Store(home / "store") as store:
        count, files = _write_sample(
            store, registry, trainer.data_formats[trial.task], trial, scratch / "data"
        )
        names = read_summary(store, trial.manifest).schema.class_names
    clock = _Clock()
    (scratch / "fit").mkdir()
    request = FitRequest(
        architecture=trial.architecture,
        data=scratch / "data",
        class_names=names,
        folder=scratch / "fit",
        params=build_params(trainer.params_type, trial.params),
        extra=trial.extra,
        seed=0,
        task=trial.task,
        files=files,
    )
    result = trainer.fit(request, clock)
    ends_s = clock.batch_ends_s
    steps_s = [after - before for before, after in pairwise(ends_s)]
    if not steps_s:
        raise InvalidInput("The training ended before a second batch.", hint="Give more images.")
    return Measured(
        before_s=ends_s[0] - clock.begun_s,
        image_s=median(steps_s) * len(ends_s) / count[Split.TRAIN],
        val_image_s=max(0.0, clock.epoch_end_s - ends_s[-1]) / count[Split.VAL],
        batches=len(steps_s),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        gpu_memory_bytes=clock.gpu_memory_bytes,
        checkpoint_bytes=sum(path.stat().st_size for path in result.checkpoints),
        left_out=describe_left_out(result.problems) if result.problems else "",
    )


def _write_sample(
    store: Store, registry: Registry, format: str, trial: Trial, folder: Path
) -> tuple[Mapping[Split, int], Mapping[str, str]]:
    """Write some labelled images of train and val out; return how many of each, and their keys by path."""
    exporter = registry.get_exporter(format)
    schema = read_summary(store, trial.manifest).schema
    chosen = _choose(iter_items(store, trial.manifest), min(trial.batch * BATCHES, MOST_IMAGES))
    fitter = make_fitter(exporter.abilities, schema, lambda: chosen)
    fitted = [found for item in chosen if (found := fitter.fit(item)) is not None]
    folder.mkdir()
    exported = (ExportedItem(item, partial(store.read, item.blob)) for item in fitted)
    written = exporter.write(exported, fitter.schema, folder, _Clock())
    counts = {split: sum(item.split is split for item in fitted) for split in (Split.TRAIN, Split.VAL)}
    if not all(counts.values()):
        raise InvalidInput("There is nothing to try it on.", hint="Label images in train and val.")
    return counts, written.files


def _choose(items: Iterator[Item], wanted: int) -> Sequence[Item]:
    """Return the first items of train and val that have labels, a quarter as many of val."""
    left = {Split.TRAIN: wanted, Split.VAL: max(1, wanted // 4)}
    chosen = []
    for item in items:
        if left.get(item.split, 0) and (item.annotation.objects or item.annotation.tags):
            left[item.split] -= 1
            chosen.append(item)
        if not any(left.values()):
            break
    return chosen
