"""An operation that does what a test writes down, and the entry point by which workers find it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.params import param
from mlwf_tui.protocols.operations import PlannedItem, SourceItem

ROOT = Path(__file__).parents[2]
ENTRY_POINTS = """
[mlwf_tui.operations]
act = tests.fakes.acting:Act
scribble = tests.fakes.scribbling:Scribble

[mlwf_tui.trainers]
counter = tests.fakes.counting:CountingTrainer
learner = tests.fakes.learning:LearningTrainer
seer = tests.fakes.seeing:SeeingTrainer
"""


def install_plugins(folder: Path) -> str:
    """Write what an installed package leaves behind, and return the PYTHONPATH that makes it found."""
    info = folder / "mlwf_acting-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mlwf-acting\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    return f"{folder}:{ROOT}"


@dataclass(frozen=True, slots=True)
class ActParams:
    code: str = param("", "the body of a generator; at each yield the verb looks whether it is to stop")


class Act:
    """Runs code in the worker; each `yield` makes an item more."""

    name = "act"
    summary = "does what a test says"
    group = "selection"
    version = 1
    params_type: type[Any] = ActParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: ActParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        names = {"Path": Path, "seed": seed}
        body = textwrap.indent(textwrap.dedent(params.code), "    ")
        exec(f"import os, signal, subprocess, sys, time\ndef act():\n    yield\n{body}", names)
        for count, _ in enumerate(names["act"](), start=1):  # type: ignore[operator]
            yield PlannedItem(replace(items[0].item, name=f"{count}.jpg"), 0)

    def transform_schema(self, schema: LabelSchema, params: ActParams) -> LabelSchema:
        return schema
