"""The fields of a pipeline's parts, and the parts that their values come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.pipeline import Output, Pipeline, Source, Step, Sweep, Training
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.screens.command_lines import split_values, split_words
from mlwf_tui.tui.widgets.form import FormField, make_field
from mlwf_tui.workflow.pipelines.drafts import read_params, read_value, read_values, write_params
from mlwf_tui.workspace import Workspace

NAME, READS, BRANCH, MODEL, SEED = "the-name", "the-inputs", "the-branch", "the-model", "the-seed"
OWN = (NAME, READS, BRANCH, MODEL, SEED)
"""Fields of a step itself. Hyphens tell them from an operation's parameters, which may be called `name`."""


def list_step_fields(
    pipeline: Pipeline,
    step: Step,
    params: Sequence[ParamSpec],
    *,
    models: Sequence[str] = (),
    is_branching: bool = False,
    is_random: bool = True,
) -> tuple[FormField, ...]:
    """Ask for all of a step; `params` are those of its operation, or of apply."""
    names = tuple(name for name, _ in pipeline.iter_names() if name != step.name)
    name = make_field(NAME, "what other steps and outputs call it", step.name, is_required=True)
    reads = make_field(
        READS, "source, step or branch that it reads; several by commas", ", ".join(step.inputs),
        suggestions=names, is_required=True,
    )  # fmt: skip
    branch = make_field(
        BRANCH, "name of the branch, which means its last step", step.branch, is_required=True
    )
    model = make_field(MODEL, "name of a model; empty where it is given when it is run", step.model,
                       suggestions=models)  # fmt: skip
    seed = make_field(SEED, "of what is drawn by chance; empty takes the pipeline's", type_name="int")
    return (
        replace(name, label="name"),
        replace(reads, label="reads", takes_several=True),
        *((replace(branch, label="branch"),) if is_branching else ()),
        *((replace(model, label="model"),) if not step.operation else ()),
        *(FormField(spec) for spec in params),
        *((replace(seed, label="seed"),) if is_random else ()),
    )


def list_given(step: Step) -> dict[str, str]:
    """Return what stands in the fields of a step that is there."""
    seed = {} if step.seed is None else {SEED: str(step.seed)}
    return {**write_params(step.params), **seed}


def read_step(workspace: Workspace, before: Step, values: Mapping[str, str]) -> Step:
    """Return the step that a form's values come to."""
    own, params = split_values(values, OWN)
    seed = own.get(SEED, "")
    return replace(
        before,
        name=own.get(NAME, before.name),
        inputs=split_words(own.get(READS, "")) or before.inputs,
        branch=own.get(BRANCH, before.branch),
        model=own.get(MODEL, before.model),
        params=read_params(workspace, before.operation, params, before.params),
        seed=int(seed) if seed.isdecimal() else None,
    )


def list_source_fields(source: Source, refs: Sequence[str]) -> tuple[FormField, ...]:
    """Ask for a source."""
    return (
        make_field("name", "what steps call it", source.name, is_required=True),
        make_field(
            "reads", "PROJECT, PROJECT@N or PROJECT@TAG; empty where it is given when it is run",
            source.ref or "", suggestions=refs,
        ),
    )  # fmt: skip


def read_source(before: Source, values: Mapping[str, str]) -> Source:
    """Return the source that a form's values come to."""
    ref = values.get("reads", before.ref or "")
    return replace(before, name=values.get("name", before.name), ref=ref or None)


def list_output_fields(pipeline: Pipeline, output: Output, projects: Sequence[str]) -> tuple[FormField, ...]:
    """Ask for an output."""
    names = tuple(name for name, _ in pipeline.iter_names())
    return (
        make_field("from", "source, step or branch whose result is kept", output.result, suggestions=names,
                   is_required=True),
        make_field("project", "project that gets it; {SOURCE} is that one's name, {STEP.PARAMETER} a value",
                   output.project, suggestions=projects, is_required=True),
        make_field("dataset", "put it into this dataset, beside what else the project has", output.dataset),
        make_field("message", "of the version; empty says pipeline and step", output.message),
    )  # fmt: skip


def read_output(before: Output, values: Mapping[str, str]) -> Output:
    """Return the output that a form's values come to."""
    return replace(
        before,
        result=values.get("from", before.result),
        project=values.get("project", before.project),
        dataset=values.get("dataset", before.dataset),
        message=values.get("message", before.message),
    )


def list_sweep_fields(sweep: Sweep, params: Sequence[str]) -> tuple[FormField, ...]:
    """Ask for the values of a sweep."""
    return (
        make_field("parameter", "the parameter that is varied, or seed", sweep.param, suggestions=params,
                   is_required=True),
        make_field("values", "by commas: the pipeline is done once for each; with ; between them where a "
                   "value has commas", write_values(sweep), is_required=True),
    )  # fmt: skip


def read_sweep(before: Sweep, values: Mapping[str, str]) -> Sweep:
    """Return the sweep that a form's values come to."""
    return replace(
        before, param=values.get("parameter", before.param), values=read_values(values.get("values", ""))
    )


def write_values(sweep: Sweep) -> str:
    """Return the values of a sweep as a person writes them."""
    texts = [write_params({"": value})[""] for value in sweep.values]
    is_nested = any("," in text for text in texts)
    return (
        "; ".join(texts) + (";" if is_nested and len(texts) == 1 else "") if is_nested else ", ".join(texts)
    )


def list_head_fields(pipeline: Pipeline) -> tuple[FormField, ...]:
    """Ask for what is said of the pipeline itself."""
    return (
        make_field("name", "what its runs are listed as", pipeline.name, is_required=True),
        make_field("description", "what it is for", pipeline.description),
        make_field("seed", "of every step that names none", str(pipeline.seed), type_name="int",
                   is_required=True),
    )  # fmt: skip


def read_head(before: Pipeline, values: Mapping[str, str]) -> Pipeline:
    """Return the pipeline with what a form's values say of it."""
    seed = values.get("seed", "")
    return replace(
        before,
        name=values.get("name", before.name),
        description=values.get("description", before.description),
        seed=int(seed) if seed.isdecimal() else before.seed,
    )


def list_training_fields(
    training: Training, outputs: Sequence[Output], architectures: Sequence[str]
) -> tuple[FormField, ...]:
    """Ask for a training at the end."""
    return (
        make_field("on", "an output's project or result; empty where there is one", training.project,
                   suggestions=tuple(output.result for output in outputs)),
        make_field("model", "architecture or model to begin with", training.model, suggestions=architectures,
                   is_required=True),
        make_field("name", "of the model; empty takes one from the data", training.name),
        make_field("params", "PARAMETER=VALUE, several with ; between them",
                   "; ".join(f"{key}={text}" for key, text in write_params(training.params).items())),
        make_field("benchmark", "split to measure the model on", training.benchmark,
                   choices=("", *(split.value for split in Split))),
    )  # fmt: skip


def read_training(before: Training, values: Mapping[str, str]) -> Training:
    """Return the training that a form's values come to."""
    words = [word.partition("=") for word in values.get("params", "").split(";") if word.strip()]
    params = {key.strip(): read_value(text.strip()) for key, _, text in words}
    given = params if "params" in values else dict(before.params)
    return replace(
        before,
        project=values.get("on", before.project),
        model=values.get("model", before.model),
        name=values.get("name", before.name),
        params=given,
        benchmark=values.get("benchmark", before.benchmark),
    )
