"""How the metrics of paired objects are called, the headline first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mlwf_tui.entities.measurement import PAIRED_NAMES

HEADLINE = ("map", "map50", "map75", "precision", "recall", "f1", "mean_iou")
METRIC_NAMES: Final[Mapping[str, str]] = {**{name: PAIRED_NAMES[name] for name in HEADLINE}, **PAIRED_NAMES}
