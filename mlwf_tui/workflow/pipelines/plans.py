"""What a checked pipeline is: all that its work needs, in the order of the work; nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.pipeline import Output, Pipeline, Step, Training
from mlwf_tui.protocols.operations import Operation


class CheckedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step with all that its work needs. `reads` has for each input its name and what it means."""

    step: Step
    operation: Operation | None
    model: Model | None
    params: Any
    seed: int
    reads: tuple[tuple[str, str], ...]  # the name as written; the source or step
    schema: LabelSchema

    @property
    def name(self) -> str:
        return self.step.name


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that can be run: steps in the order of the work, outputs with their blanks filled in."""

    pipeline: Pipeline  # with every parameter in full
    sources: Mapping[str, str]  # ref by name
    steps: tuple[CheckedStep, ...]  # those that an output needs
    outputs: tuple[Output, ...]  # `result` is a source or step
    training: Training | None
    values: Mapping[str, Any]  # of a sweep, by STEP.PARAMETER
    warnings: tuple[str, ...]

    @property
    def uses_model(self) -> bool:
        """Whether a step applies a model, which wants a GPU and a process of its own."""
        return any(checked.model is not None for checked in self.steps)
