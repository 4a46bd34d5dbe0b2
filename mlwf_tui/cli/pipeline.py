"""The command that runs a pipeline: of a file, or of a recipe that ships with mlwf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import DONE, PARTLY, SEED, Face, command, params_option, read_assignments
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, say_detached
from mlwf_tui.cli.text import format_problems, format_table
from mlwf_tui.entities.axis import split_values
from mlwf_tui.entities.queue import Terms
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.entities.pipeline import StepReport
    from mlwf_tui.workflow.pipeline import PipelineResult, Request
    from mlwf_tui.workflow.pipelines.files import ReadyRecipe
    from mlwf_tui.workflow.pipelines.points import Point
    from mlwf_tui.workspace import Workspace

group = click.Group()
MARKS = {"cached": "=", "done": "✓", "waiting": "○"}
STATE_WORDS = {"cached": "known before", "done": "done", "waiting": "to do"}


def read_named(context: click.Context, option: click.Parameter, words: Sequence[str]) -> dict[str, str]:
    """Turn repeated NAME=VALUE, or one VALUE alone, into a mapping; a click callback."""
    if len(words) == 1 and "=" not in words[0]:
        return {"": words[0]}
    return read_assignments(context, option, words)


@command(group, "pipeline")
@click.argument("file", required=False)
@click.option("--list", "is_list", is_flag=True, help="List the recipes that ship with mlwf.")
@click.option("--show", "is_text", is_flag=True, help="Print the pipeline's text, to copy and change it.")
@click.option("--dry-run", is_flag=True, help="Check it, and show what would be done.")
@click.option(
    "--source", "sources", multiple=True, metavar="[NAME=]REF", callback=read_named,
    help="Read this PROJECT or PROJECT@N.",
)  # fmt: skip
@click.option(
    "--to", "to", multiple=True, metavar="[RESULT=]PROJECT", callback=read_named,
    help="Put the result into this project.",
)  # fmt: skip
@click.option(
    "--dataset", "datasets", multiple=True, metavar="[RESULT=]DATASET", callback=read_named,
    help="Put the result into this dataset, beside what else its project has.",
)  # fmt: skip
@click.option("--seed", type=SEED, help="Instead of the file's.")
@click.option(
    "--sweep", "sweeps", multiple=True, metavar="STEP.PARAMETER=V,V…", callback=read_assignments,
    help="Do it once for each of these values, 1,2,3 or 1..3; may be repeated.",
)  # fmt: skip
@params_option
@detachable
def pipeline_command(
    face: Face,
    file: str | None,
    is_list: bool,
    is_text: bool,
    dry_run: bool,
    sources: Mapping[str, str],
    to: Mapping[str, str],
    datasets: Mapping[str, str],
    seed: int | None,
    sweeps: Mapping[str, str],
    params: Mapping[str, str],
    terms: Terms | None,
) -> int:
    """Run the steps of a YAML file, or of a recipe that ships with mlwf.

    What was done before is used as it is, so the same command again goes on where it was. With -p a
    parameter is STEP.PARAMETER.

    \b
    mlwf pipeline clean.yaml
    mlwf pipeline clean-and-split --source cells --dry-run
    mlwf pipeline yolo-training-set --source cells --sweep augmented.copies=1,2,3
    """
    if is_list:
        return _list(face)
    if file is None:
        raise InvalidParameter("No pipeline was given.", hint="mlwf pipeline --list shows the ready ones.")
    from mlwf_tui.workflow.pipeline import make_request, needs_job, preview_pipeline, run_pipeline

    with face.open() as workspace:
        if is_text:
            return _show_text(face, workspace, file)
        swept = {target: split_values(target, words) for target, words in sweeps.items()}
        request = make_request(
            workspace, file, sources=sources, to=to, datasets=datasets,
            params=params, seed=seed, sweep=swept,
        )  # fmt: skip
        if dry_run:
            with show_progress("pipeline") as observer:
                result = preview_pipeline(workspace, request, observer=observer)
        elif terms is not None or needs_job(workspace, request):
            return _submit(face, workspace, request, terms)
        else:
            with show_progress("pipeline") as observer:
                result = run_pipeline(workspace, request, observer=observer)
    face.show(_to_document(result), lambda: _format_result(result))
    return PARTLY if any(point.problems for point in result.points) else DONE


def _list(face: Face) -> int:
    from mlwf_tui.workflow.pipelines.files import list_ready

    ready = list_ready()
    rows = [(recipe.name, " → ".join(recipe.steps), recipe.description) for recipe in ready]
    document = {"recipes": [_describe_recipe(recipe) for recipe in ready]}
    face.show(document, lambda: format_table(("NAME", "STEPS", "WHAT FOR"), rows, empty=""))
    return DONE


def _describe_recipe(recipe: ReadyRecipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "description": recipe.description,
        "sources": recipe.sources,
        "steps": recipe.steps,
    }


def _show_text(face: Face, workspace: Workspace, file: str) -> int:
    from mlwf_tui.workflow.pipelines.files import find_pipeline

    found = find_pipeline(workspace, file)
    text = found.content.decode("utf-8", "replace")
    face.show({"name": found.name, "text": text}, text.rstrip())
    return DONE


def _submit(face: Face, workspace: Workspace, request: Request, terms: Terms | None) -> int:
    """Queue it; without --detach, as where a model wants a GPU, follow it to its end."""
    from mlwf_tui.cli.following import exit_code_of_run, follow_to_end, format_partly
    from mlwf_tui.workflow.pipeline import submit_pipeline

    run = submit_pipeline(workspace, request, terms=terms)
    if terms is not None:
        document = {"run": run.id, "state": run.state.value, "waits_for": run.waits_for}
        face.show(document, say_detached(run.verb, run))
        return DONE
    finished = follow_to_end(workspace, run, stopping="stopping; the steps that are done are kept")
    document = {"run": run.id, "state": finished.state.value, **finished.result}
    text = f"{finished.state}: {finished.result.get('summary', '')}"
    face.show(document, lambda: "\n".join([text, *format_partly(finished)]))
    return exit_code_of_run(finished)


def _to_document(result: PipelineResult) -> dict[str, Any]:
    document = {
        "pipeline": result.pipeline,
        "run": result.run,
        "recipe": result.recipe,
        "cached": result.cached,
        "is_dry_run": result.is_dry_run,
        "warnings": result.warnings,
    }
    points = [
        {
            "values": point.values,
            "run": point.run,
            "cached": point.cached,
            "steps": point.steps,
            "outputs": point.outputs,
            "problems": point.problems,
            "training": point.training,
        }
        for point in result.points
    ]
    if len(points) == 1 and not points[0]["values"]:
        return {**document, **{key: points[0][key] for key in ("steps", "outputs", "problems", "training")}}
    return {**document, "points": points}


def _format_result(result: PipelineResult) -> str:
    lines = [f"warning: {warning}" for warning in result.warnings]
    for point in result.points:
        if point.values:
            lines.append("  ".join(f"{name}={value}" for name, value in point.values.items()))
        lines.append(_format_steps(point))
        lines += [_format_output(output, is_dry_run=result.is_dry_run) for output in point.outputs]
        lines += format_problems(point.problems, "failed")
        if point.training:
            lines.append(f"train {point.training} goes on by itself; mlwf watch {point.training} follows it")
    if result.is_dry_run:
        lines.append("Nothing was done: leave out --dry-run to run it.")
    return "\n".join(lines)


def _format_steps(point: Point) -> str:
    rows = [list(describe_step(step).values()) for step in point.steps]
    return format_table(("", "STEP", "OPERATION", "READS", "ITEMS", "STATE"), rows, empty="No steps.")


def describe_step(step: StepReport) -> dict[str, str]:
    """Return what a row about a step says, by the headings of its table."""
    return {
        "": MARKS.get(step.state.value, "?"),
        "step": step.name,
        "operation": step.operation,
        "reads": ", ".join(step.inputs),
        "items": f"{_count(step.items_in)} → {'~' if step.is_estimate else ''}{_count(step.items_out)}",
        "state": STATE_WORDS.get(step.state.value, step.state.value),
    }


def _count(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _format_output(output: Any, *, is_dry_run: bool) -> str:
    items = f"{_count(output.item_count)} items"
    dataset = f", dataset {output.dataset}" if output.dataset else ""
    if is_dry_run:
        return f"into {output.project}{dataset}: {items}"
    known = "" if output.is_new else " (it stood there already)"
    return f"{output.project}@{output.version}{dataset}: {items}{known}"
