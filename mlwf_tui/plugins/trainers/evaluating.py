"""What evaluations of all libraries share: which images they look at, and how their speed is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.trainers import EvaluateRequest

PARTS = ("preprocess", "inference", "postprocess")


def list_images(request: EvaluateRequest, *folders: str) -> list[str]:
    """Return the paths of the wanted images, or of all that lie in one of the folders of the split.

    Raises:
        InvalidInput: there are none.
    """
    found = list(request.paths) or [path for path in request.files if path.startswith(folders)]
    if not found:
        raise InvalidInput(
            f"There is no item in the split {request.split.value}.",
            hint="Choose another with --split, or make one with `mlwf transform split`.",
        )
    return found


def summarise_speed(parts_ms: Mapping[str, float], latencies_ms: Sequence[float]) -> dict[str, float]:
    """Return the milliseconds an image of each of PARTS, images a second, and percentiles of one image."""
    shown = {f"{part}_ms": float(parts_ms[part]) for part in PARTS}
    total_ms = sum(shown.values())
    p50, p95 = np.percentile(latencies_ms, [50, 95]).tolist()
    return {
        **shown,
        "images_per_second": 1000 / total_ms if total_ms else 0.0,
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
    }
