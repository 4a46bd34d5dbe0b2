"""Times models that torch computes: what of a device a stopwatch tells, and laps that wait for it.

Only after `settle_threads`: it imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from mlwf_tui.plugins.trainers.evaluating import PARTS
from mlwf_tui.protocols.trainers import PassTime

TimePass = Callable[[Sequence[Any]], PassTime]
"""Looks at decoded images as one batch."""


class Laps:
    """How long the parts of one pass after another take; at each border a GPU is waited for."""

    def __init__(self, gpu_index: int | None) -> None:
        self._gpu_index = gpu_index
        self._last_s = 0.0
        self.taken_ms = dict.fromkeys(PARTS, 0.0)  # since it was made

    def begin(self) -> None:
        """Begin a pass."""
        self._last_s = self._read()

    def note(self, part: str) -> None:
        """End a part, whose time is added up; the next one begins."""
        now_s = self._read()
        self.taken_ms[part] += 1000 * (now_s - self._last_s)
        self._last_s = now_s

    def _read(self) -> float:
        if self._gpu_index is not None:
            torch.cuda.synchronize(self._gpu_index)
        return time.perf_counter()


def describe_onnxruntime() -> str:
    """Return the name and version of ONNX Runtime."""
    import onnxruntime

    return f"ONNX Runtime {onnxruntime.__version__}"


def choose_onnx_providers(gpu_index: int | None) -> tuple[list[Any], int | None]:
    """Return where ONNX Runtime computes, best first, and the GPU that it does so on, if any."""
    import onnxruntime

    on_cpu = "CPUExecutionProvider"
    if gpu_index is None or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return [on_cpu], None
    return [("CUDAExecutionProvider", {"device_id": gpu_index}), on_cpu], gpu_index


class TorchStopwatch:
    """Times passes of a model that torch computes; see the contract `Stopwatch`."""

    def __init__(
        self, device: str, *, decode: Callable[[bytes], Any], time_pass: TimePass, runtime: str = ""
    ) -> None:
        """`device` is cpu, mps or a GPU's index; `decode` returns pixels, or a text: why there are none.

        `runtime` says what computes, where torch does not.
        """
        self._decode, self._time_pass = decode, time_pass
        self.gpu_index = int(device) if device.isdecimal() else None
        on_gpu = self.gpu_index is not None
        self.device = torch.cuda.get_device_name(self.gpu_index) if on_gpu else device.upper()
        self.runtime = runtime or f"PyTorch {torch.__version__}"
        self.precision = "float32"  # what a model is loaded as for predicting

    def time(self, images: Sequence[bytes]) -> PassTime:
        """Look at encoded images as one batch; decoding is not timed."""
        return self._time_pass([found for found in map(self._decode, images) if not isinstance(found, str)])

    def read_gpu_peak(self) -> int | None:
        """Return the most bytes taken of the GPU since the last call; None without one."""
        if self.gpu_index is None:
            return None
        peak = int(torch.cuda.max_memory_reserved(self.gpu_index))
        torch.cuda.reset_peak_memory_stats(self.gpu_index)
        return peak
