"""How fast a model is on one machine, as its benchmark has measured it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

STAGES = ("preprocess_ms", "inference_ms", "postprocess_ms")
"""Figures of a report's speed that together are the time of one image."""


def find_image_ms(speed: Mapping[str, float]) -> float | None:
    """Return the time of an image, from preprocessing to postprocessing, by the figures of a report.

    None where it is not known.
    """
    stages = [speed[name] for name in STAGES if name in speed]
    per_second = speed.get("images_per_second")
    return sum(stages) if stages else 1000 / per_second if per_second else None


class PassTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long one part of a pass took, over all passes; milliseconds of the whole batch."""

    part: str  # preprocess, inference, postprocess or total
    mean_ms: float
    deviation_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class BatchSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Passes of one batch size; images were decoded before, and the GPU was waited for at each border."""

    batch: int
    passes: int
    parts: tuple[PassTimes, ...]
    images_per_second: float
    cpu_ms: float  # processor time of an image, all threads together
    rss_peak_bytes: int | None = None  # of the process
    gpu_peak_bytes: int | None = None  # that the library has taken of the GPU
    energy_j: float | None = None  # of an image, all of the machine's readable counters that it uses


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how it was measured, and each batch size; `missing` says why there is none."""

    batches: tuple[BatchSpeed, ...] = ()
    warm_up: int = 0  # passes before each batch size that are not counted
    cold_ms: float | None = None  # the first pass of all
    image_count: int = 0  # different images, gone through in turn
    device: str = ""  # in words
    runtime: str = ""  # "PyTorch 2.8.0"
    precision: str = ""
    clock: str = ""  # governor and frequency of the processor or GPU while it was measured
    load_1m: float | None = None  # of the machine when it began
    is_disturbed: bool = False  # two halves of it differ by more than a twentieth, or others kept it busy
    energy_missing: str = ""  # why no energy was read
    missing: str = ""

    def find(self, batch: int) -> BatchSpeed | None:
        """Return what was measured with that many images at once."""
        return next((found for found in self.batches if found.batch == batch), None)

    def summarise(self) -> dict[str, float]:
        """Return the figures that lists of reports show, of one image at a time; none if not measured."""
        alone = self.find(1)
        if alone is None:
            return {}
        parts = {times.part: times for times in alone.parts}
        total = parts["total"]
        means = {f"{name}_ms": of.mean_ms for name, of in parts.items() if name != "total"}
        return {
            **means,
            "images_per_second": alone.images_per_second,
            "latency_p50_ms": total.p50_ms,
            "latency_p95_ms": total.p95_ms,
            "latency_p99_ms": total.p99_ms,
        }
