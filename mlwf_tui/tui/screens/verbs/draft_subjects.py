"""What the forms of a pipeline's parts are about, and what they make of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Output, Pipeline, Source, Sweep, Training
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.screens.verbs import draft_forms as forms
from mlwf_tui.tui.widgets.form import FormField
from mlwf_tui.workflow import apply
from mlwf_tui.workflow.operations import OperationInfo
from mlwf_tui.workflow.pipelines import drafting
from mlwf_tui.workflow.pipelines.drafts import write_part

Values = Mapping[str, str]


class Subject(msgspec.Struct, frozen=True):
    """What a form is about: how its values change the pipeline, and how they are written in a file."""

    title: str
    fields: tuple[FormField, ...]
    build: Callable[[Values], tuple[Pipeline, str]]  # with the key of the part that it is about
    text: Callable[[Values], str]
    verb: str = "take"
    given: Values = {}
    is_step: bool = False


def make_source_subject(pipeline: Pipeline, source: Source | None, refs: tuple[str, ...]) -> Subject:
    """Return the form of a source, or of a new one."""
    before = source or Source(name=drafting.find_free_name(pipeline, "more"), ref=None)

    def build(values: Values) -> tuple[Pipeline, str]:
        changed = forms.read_source(before, values)
        if source is not None:
            return drafting.replace_source(pipeline, source.name, changed), f"source:{changed.name}"
        fault = drafting.check_new_name(pipeline, changed.name)
        if fault:
            raise InvalidParameter(fault, hint="Choose another name.")
        return drafting.add_source(pipeline, changed.ref, changed.name), f"source:{changed.name}"

    def text(values: Values) -> str:
        changed = forms.read_source(before, values)
        return f"{changed.name}: {changed.ref or ''}"

    return Subject("What is read", forms.list_source_fields(before, refs), build, text)


def make_output_subject(
    pipeline: Pipeline, at: int | None, result: str, projects: tuple[str, ...]
) -> Subject:
    """Return the form of the result at a place, or of a new one that keeps `result`."""
    before = Output(result=result, project="") if at is None else pipeline.outputs[at]

    def build(values: Values) -> tuple[Pipeline, str]:
        changed = forms.read_output(before, values)
        if at is None:
            return drafting.add_output(pipeline, changed), f"output:{len(pipeline.outputs)}"
        return drafting.replace_output(pipeline, at, changed), f"output:{at}"

    def text(values: Values) -> str:
        return f"- {write_part(forms.read_output(before, values))}"

    return Subject("A result that is kept", forms.list_output_fields(pipeline, before, projects), build, text)


def make_sweep_subject(pipeline: Pipeline, before: Sweep, operations: Sequence[OperationInfo]) -> Subject:
    """Return the form of what a parameter of a step is varied over."""
    step = drafting.find_step(pipeline, before.step)

    def build(values: Values) -> tuple[Pipeline, str]:
        kept = drafting.set_sweep(pipeline, replace(before, values=()))
        changed = drafting.set_sweep(kept, forms.read_sweep(before, values))
        return changed, f"sweep:{len(changed.sweeps) - 1}"

    def text(values: Values) -> str:
        sweep = forms.read_sweep(before, values)
        return f"{sweep.target}: [{forms.write_values(sweep)}]"

    found = next((one for one in operations if step and one.name == step.operation), None)
    params = found.params if found is not None else apply.list_params()
    names = (*(spec.name for spec in params), "seed", *(() if found is not None else ("model",)))
    return Subject(f"Vary {before.step}", forms.list_sweep_fields(before, names), build, text)


def make_training_subject(pipeline: Pipeline, models: tuple[str, ...]) -> Subject:
    """Return the form of the training at the end; the first of `models` is taken where there is none yet."""
    before = pipeline.training or Training(project="", model=models[0])

    def build(values: Values) -> tuple[Pipeline, str]:
        return drafting.set_training(pipeline, forms.read_training(before, values)), "train"

    def text(values: Values) -> str:
        return f"train: {write_part(forms.read_training(before, values))}"

    fields = forms.list_training_fields(before, pipeline.outputs, models)
    return Subject("Train a model at the end", fields, build, text)


def make_head_subject(pipeline: Pipeline) -> Subject:
    """Return the form of the pipeline's name and seed."""

    def build(values: Values) -> tuple[Pipeline, str]:
        return forms.read_head(pipeline, values), "head"

    def text(values: Values) -> str:
        changed = forms.read_head(pipeline, values)
        return f"name: {changed.name}   seed: {changed.seed}"

    return Subject("The pipeline", forms.list_head_fields(pipeline), build, text)
