"""The parts of a pipeline as rows of a table: each with what is wrong with it and what goes through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.text import Text

from mlwf_tui.entities.pipeline import Output, Pipeline, Source, Step, StepReport, Sweep, Training
from mlwf_tui.tui.widgets.formats import STEP_GLYPHS
from mlwf_tui.tui.widgets.table import Cell, Column
from mlwf_tui.workflow.pipelines.drafting import list_row
from mlwf_tui.workflow.pipelines.drafts import DraftCheck, PlacedFault, write_params

COLUMNS = (
    Column("", 1),
    Column("PART", flex=3),
    Column("DOES", flex=2),
    Column("READS", flex=2),
    Column("WITH", flex=4),
    Column("ITEMS", 15, align="right"),
)
MARKS = {False: ("✗", "bold red"), True: ("▲", "yellow")}
"""By whether it is a warning alone."""


class Part(msgspec.Struct, frozen=True):
    """One row: `key` is a part as faults name it."""

    key: str
    title: str
    does: str = ""
    reads: str = ""
    given: str = ""

    @property
    def kind(self) -> str:
        """What it is: source, step, branch, output, sweep, train."""
        return self.key.partition(":")[0]

    @property
    def name(self) -> str:
        """Which of its kind it is."""
        return self.key.partition(":")[2]

    @property
    def place(self) -> int:
        """Which of its kind it is, where these are numbered."""
        return int(self.name)


def list_parts(pipeline: Pipeline) -> list[Part]:
    """Return sources, steps, branches with theirs, outputs, sweeps and the training, in their order."""
    parts = [_make_source(source) for source in pipeline.sources]
    parts += [_make_step(step, "") for step in list_row(pipeline, "")]
    for branch in pipeline.branches:
        parts.append(Part(f"branch:{branch.name}", f"branch {branch.name}"))
        parts += [_make_step(step, "  ") for step in list_row(pipeline, branch.name)]
    parts += [_make_output(output, at) for at, output in enumerate(pipeline.outputs)]
    parts += [_make_sweep(sweep, at) for at, sweep in enumerate(pipeline.sweeps)]
    if pipeline.training is not None:
        parts.append(_make_training(pipeline.training))
    return parts


def draw_parts(parts: Sequence[Part], check: DraftCheck | None) -> list[tuple[Cell, ...]]:
    """Return the cells of each part; before the check nothing is said of faults and counts."""
    reports = {f"step:{report.name}": report for report in check.steps} if check is not None else {}
    rows: list[tuple[Cell, ...]] = []
    for part in parts:
        faults = find_faults(check, part.key)
        mark: Cell = ""
        if faults:
            sign, style = MARKS[all(fault.is_warning for fault in faults)]
            mark = Text(sign, style)
        elif part.key in reports:
            mark = STEP_GLYPHS[reports[part.key].state.value]
        items = format_items(reports[part.key]) if part.key in reports else ""
        rows.append((mark, part.title, part.does, part.reads, part.given, items))
    return rows


def find_faults(check: DraftCheck | None, key: str) -> list[PlacedFault]:
    """Return what is wrong with a part."""
    return [fault for fault in check.faults if fault.part == key] if check is not None else []


def format_items(report: StepReport) -> str:
    """Return how many items go into a step and come out of it, as far as that is known."""
    sign = "~" if report.is_estimate else ""
    before = "?" if report.items_in is None else f"{report.items_in:,}"
    after = "?" if report.items_out is None else f"{sign}{report.items_out:,}"
    return f"{before} → {after}"


def format_params(params: Mapping[str, Any]) -> str:
    """Return parameters in one line, as they are given on the command line."""
    return "  ".join(f"{name}={text}" for name, text in write_params(params).items())


def _make_source(source: Source) -> Part:
    ref = source.ref or "still to be given"
    return Part(f"source:{source.name}", source.name, "source", ref)


def _make_step(step: Step, indent: str) -> Part:
    does = step.operation or f"apply {step.model or '?'}"
    seed = "" if step.seed is None else f"seed={step.seed}"
    given = "  ".join(part for part in (format_params(step.params), seed) if part)
    return Part(f"step:{step.name}", indent + step.name, does, ", ".join(step.inputs), given)


def _make_output(output: Output, at: int) -> Part:
    place = f"→ {output.project}" + (f"/{output.dataset}" if output.dataset else "")
    return Part(f"output:{at}", place, "output", output.result, output.message)


def _make_sweep(sweep: Sweep, at: int) -> Part:
    values = ", ".join(write_params({"": value})[""] for value in sweep.values)
    return Part(f"sweep:{at}", f"↻ {sweep.target}", "sweep", "", values)


def _make_training(training: Training) -> Part:
    return Part(
        "train", f"▲ {training.model}", "train", training.project, "  ".join(_list_training(training))
    )


def _list_training(training: Training) -> Iterator[str]:
    if training.params:
        yield format_params(training.params)
    if training.benchmark:
        yield f"then measured on {training.benchmark}"
