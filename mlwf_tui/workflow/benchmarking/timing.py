"""Times a model on this machine: batch by batch, its parts apart, with what the machine was doing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.speed import BatchSpeed, PassTimes, Speed
from mlwf_tui.errors import MlwfError
from mlwf_tui.host import CpuEnergy, PeakMemory, read_clock
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import ExportTimedTrainer, PassTime, PredictRequest, Stopwatch, TimedTrainer
from mlwf_tui.workflow.benchmarking.exported import OWN, get_exported
from mlwf_tui.workflow.machine import read_gpus
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.using.weights import open_weights
from mlwf_tui.workspace import Workspace

BATCHES = (1, 8, 16)
MOST_IMAGES = 64  # decoded before they are timed
DISTURBED_SHARE = 0.05


class Effort(NamedTuple):
    """How long a batch size is measured: at most so many passes, and no new one after the time."""

    warm_up: int
    passes: int
    limit_s: float


OFF = "off"
EFFORTS = {"quick": Effort(3, 30, 2.0), "full": Effort(10, 100, 60.0)}
LEAST_PASSES = 5


def measure_speed(
    recorder: Recorder,
    model: Model,
    items: Sequence[Item],
    effort: str,
    observer: Observer,
    *,
    runtime: str = OWN,
) -> Speed:
    """Return how fast a model looks at some of the items; what cannot be measured says why.

    `runtime` is one of RUNTIMES.
    """
    workspace = recorder.workspace
    trainer = workspace.registry.get_trainer(model.trainer)
    if effort == OFF:
        return Speed(missing="It was switched off.")
    if runtime != OWN and not isinstance(trainer, ExportTimedTrainer):
        return Speed(missing=f"The trainer {model.trainer} cannot be timed with {runtime}.")
    if not isinstance(trainer, TimedTrainer):
        return Speed(missing=f"The trainer {model.trainer} cannot be timed.")
    images = [workspace.store.read(item.blob) for item in items[:MOST_IMAGES]]
    with open_weights(workspace, model, recorder.run_id) as (weights, scratch):
        request = PredictRequest(
            weights=weights,
            image_size_px=model.image_size_px,
            confidence=0.25,
            folder=scratch,
            device=find_device(recorder.run.params["device"], os.environ),
            is_trusted=bool(recorder.run.params.get("is_trusted")),
        )
        if runtime != OWN and isinstance(trainer, ExportTimedTrainer):
            exported = get_exported(
                workspace, trainer, model, weights, scratch, runtime, observer, is_trusted=request.is_trusted
            )
            opening = trainer.open_exported_stopwatch(request, exported)
        else:
            opening = trainer.open_stopwatch(request)
        with opening as stopwatch:
            return _Timing(workspace, stopwatch, images, EFFORTS[effort], observer).go()


class _Timing:
    """Goes through the batch sizes with one loaded model."""

    def __init__(
        self,
        workspace: Workspace,
        stopwatch: Stopwatch,
        images: Sequence[bytes],
        effort: Effort,
        observer: Observer,
    ) -> None:
        self._workspace, self._stopwatch, self._images = workspace, stopwatch, images
        self._effort, self._observer = effort, observer
        self._memory, self._cpu_energy = PeakMemory(), CpuEnergy(Path("/"))

    def go(self) -> Speed:
        load_1m = os.getloadavg()[0]
        begun_s = time.perf_counter()
        self._stopwatch.time(self._images[:1])
        cold_ms = (time.perf_counter() - begun_s) * 1000
        batches, halves = [], []
        for place, batch in enumerate(BATCHES):
            self._observer.progress(place, len(BATCHES), f"timing {batch} at once")
            measured, is_steady = self._measure(batch)
            batches.append(measured)
            halves.append(is_steady)
        gpu = self._find_gpu()
        return Speed(
            batches=tuple(batches),
            warm_up=self._effort.warm_up,
            cold_ms=cold_ms,
            image_count=len(self._images),
            device=self._stopwatch.device,
            runtime=self._stopwatch.runtime,
            precision=self._stopwatch.precision,
            clock=read_clock(),
            load_1m=load_1m,
            is_disturbed=not all(halves) or load_1m > len(os.sched_getaffinity(0)) / 2,
            energy_missing=""
            if any(found.energy_j is not None for found in batches)
            else _explain_energy(gpu, self._stopwatch.gpu_index),
        )

    def _measure(self, batch: int) -> tuple[BatchSpeed, bool]:
        """Return what a batch size takes, and whether its two halves are alike."""
        around = cycle(self._images)
        for _ in range(self._effort.warm_up):
            self._stopwatch.time(list(islice(around, batch)))
        self._memory.reset()
        self._stopwatch.read_gpu_peak()
        energy_j, cpu_s, end_s = self._read_energy(), time.process_time(), time.monotonic()
        end_s += self._effort.limit_s
        passes: list[PassTime] = []
        while len(passes) < self._effort.passes and (len(passes) < LEAST_PASSES or time.monotonic() < end_s):
            self._observer.check_cancelled()
            passes.append(self._stopwatch.time(list(islice(around, batch))))
        cpu_s, after_j = time.process_time() - cpu_s, self._read_energy()
        seen = len(passes) * batch
        totals_ms = [one.preprocess_ms + one.inference_ms + one.postprocess_ms for one in passes]
        measured = BatchSpeed(
            batch=batch,
            passes=len(passes),
            parts=tuple(_summarise(name, read, passes) for name, read in _PARTS.items()),
            images_per_second=1000 * seen / sum(totals_ms),
            cpu_ms=cpu_s * 1000 / seen,
            rss_peak_bytes=self._memory.read(),
            gpu_peak_bytes=self._stopwatch.read_gpu_peak(),
            energy_j=None if energy_j is None or after_j is None else (after_j - energy_j) / seen,
        )
        return measured, _are_alike(totals_ms)

    def _read_energy(self) -> float | None:
        """Return the joules of the GPU that is used, or else of the processors, as a counter."""
        gpu = self._find_gpu()
        if self._stopwatch.gpu_index is not None:
            return None if gpu is None else gpu.energy_j
        return self._cpu_energy.read()

    def _find_gpu(self) -> Gpu | None:
        if self._stopwatch.gpu_index is None:
            return None
        try:
            gpus = read_gpus(self._workspace)
        except MlwfError:
            return None
        return next((gpu for gpu in gpus if gpu.name == self._stopwatch.device), None)


_PARTS: dict[str, Callable[[PassTime], float]] = {
    "preprocess": lambda one: one.preprocess_ms,
    "inference": lambda one: one.inference_ms,
    "postprocess": lambda one: one.postprocess_ms,
    "total": lambda one: one.preprocess_ms + one.inference_ms + one.postprocess_ms,
}


def _summarise(name: str, read: Callable[[PassTime], float], passes: Sequence[PassTime]) -> PassTimes:
    import numpy as np  # only the worker needs it

    values = np.array([read(one) for one in passes])  # (passes,) milliseconds
    p50, p95, p99 = np.percentile(values, [50, 95, 99]).tolist()
    mean, deviation = float(values.mean()), float(values.std())
    return PassTimes(part=name, mean_ms=mean, deviation_ms=deviation, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _are_alike(totals_ms: Sequence[float]) -> bool:
    middle = len(totals_ms) // 2
    first, second = (sorted(half)[len(half) // 2] for half in (totals_ms[:middle], totals_ms[middle:]))
    return abs(first - second) <= DISTURBED_SHARE * max(first, second)


def _explain_energy(gpu: Gpu | None, gpu_index: int | None) -> str:
    if gpu_index is not None:
        why = "the GPU has no counter" if gpu is not None else "no driver tells of the GPU"
        return f"Energy could not be read: {why}."
    return "Energy could not be read: the kernel shows this user no counter of the processors (RAPL)."
