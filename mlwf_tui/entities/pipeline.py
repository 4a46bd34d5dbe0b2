"""Pipelines: the steps, branches, sources and outputs that a file names, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest, IntermediateId, RecipeId, RunId

MAX_SWEPT = 256
"""How many values a sweep may have in all: each is a version."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Data that a pipeline begins with; `ref` None where it is to be given when it is run."""

    name: str
    ref: str | None
    line: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, or one model that is applied, on the results of `inputs`."""

    name: str
    operation: str = ""  # empty where a model is applied
    model: str = ""  # empty where it is to be given when it is run
    inputs: tuple[str, ...] = ()  # names of sources, steps and branches
    params: Mapping[str, Any] = {}
    seed: int | None = None  # the pipeline's where there is none
    branch: str = ""
    line: int = 0
    inputs_line: int = 0
    param_lines: Mapping[str, int] = {}

    @property
    def verb(self) -> str:
        """What the step does, in one word."""
        return self.operation or "apply"


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A named row of steps; its name means the result of its last one."""

    name: str
    last: str  # step
    line: int = 0


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A result that becomes a version of a project. `{SOURCE}` and `{STEP.PARAMETER}` are filled in."""

    result: str  # name of a source, step or branch
    project: str
    dataset: str = ""  # of the project, beside whose other items the result is put; empty takes their place
    message: str = ""
    line: int = 0


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that takes several values, one after the other."""

    step: str
    param: str
    values: tuple[Any, ...]
    line: int = 0

    @property
    def target(self) -> str:
        """`STEP.PARAMETER`, as a person writes it."""
        return f"{self.step}.{self.param}"


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A model to train on an output, and where to measure it, once the outputs are there."""

    project: str  # of an output
    model: str
    name: str = ""
    params: Mapping[str, Any] = {}
    seed: int | None = None
    benchmark: str = ""  # the split to measure on; empty for none
    line: int = 0


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline file says, each name in full; lines count from 1, 0 where no file says it."""

    name: str
    description: str = ""
    seed: int = 0
    sources: tuple[Source, ...] = ()
    steps: tuple[Step, ...] = ()  # in the order of the file, those of branches behind the others
    branches: tuple[Branch, ...] = ()
    outputs: tuple[Output, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    training: Training | None = None
    path: str = ""

    def iter_names(self) -> Iterator[tuple[str, int]]:
        """Yield every name that a step or an output may read, and its line."""
        yield from ((source.name, source.line) for source in self.sources)
        yield from ((step.name, step.line) for step in self.steps)
        yield from ((branch.name, branch.line) for branch in self.branches)


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a pipeline at one line, and what to do about it."""

    line: int
    message: str
    hint: str = ""


class StepState(StrEnum):
    """Where a step of a pipeline stands."""

    WAITING = "waiting"
    CACHED = "cached"  # it was done before and is used as it is
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it is shown; counts are None until they are known."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    state: StepState
    items_in: int | None = None
    items_out: int | None = None
    run: str = ""  # that did it, now or before
    problem_count: int = 0  # images that could not be made
    is_estimate: bool = False  # `items_out` was counted without making images: some may leave nothing


class KeptRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """The normalised text of a pipeline, kept for what was made by it."""

    id: RecipeId
    name: str
    text: str
    digest: Digest
    created_at: datetime


class Intermediate(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has made: a manifest that no project stands on."""

    id: IntermediateId
    title: str
    manifest: Digest
    item_count: int
    run_id: RunId
    created_at: datetime
