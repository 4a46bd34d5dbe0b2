"""The library's figures under names that are the same for every task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MAIN: Final = {"detect": "B", "segment": "M", "pose": "P", "obb": "B", "classify": ""}
"""By task: the letter behind the figures of what it is about; B stands for boxes."""
OURS: Final = {
    "mAP50-95": "map", "mAP50": "map50", "precision": "precision", "recall": "recall",
    "accuracy_top1": "top1", "accuracy_top5": "top5",
}  # fmt: skip
_THEIRS = re.compile(r"metrics/([\w-]+?)(?:\(([A-Z])\))?")


def read_metrics(results: Mapping[str, Any], task: str) -> dict[str, float]:
    """Return the library's figures under our names: map50 of the task, box_map50 of the boxes beside it."""
    found = {_split(key, task): float(value) for key, value in results.items() if value is not None}
    return {
        f"{beside}{ours}": found[beside, theirs]
        for beside in ("", "box_")
        for theirs, ours in OURS.items()
        if (beside, theirs) in found
    }


def list_names(task: str) -> tuple[str, ...]:
    """Return all figures that a training of a task comes to, and then their curves among a run's metrics."""
    is_of_classes = task == "classify"
    besides = ("",) if MAIN[task] in ("", "B") else ("", "box_")
    figures = {
        theirs: ours for theirs, ours in OURS.items() if theirs.startswith("accuracy") is is_of_classes
    }
    curves = figures.values() if is_of_classes else figures.keys()
    return (
        *(f"{beside}{name}" for beside in besides for name in figures.values()),
        *(f"metrics/{beside}{name}" for beside in besides for name in curves),
    )


def name_curve(key: str, task: str) -> str:
    """Return what one of the library's figures is called among a run's metrics: metrics/mAP50."""
    beside, name = _split(key, task)
    return f"metrics/{beside}{OURS[name] if name.startswith('accuracy') else name}" if name else key


def _split(key: str, task: str) -> tuple[str, str]:
    """Return `box_` where a figure is of the boxes beside what the task is about, and its bare name."""
    match = _THEIRS.fullmatch(key)
    if match is None:
        return "", ""
    name, letter = match[1], match[2] or ""
    return "box_" if letter == "B" and MAIN.get(task, "B") != "B" else "", name
