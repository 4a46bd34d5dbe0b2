"""Commands that make new data of data: operations, transform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.face import DONE, PARTLY, SEED, Face, command, params_option, to_document
from mlwf_tui.cli.facts import format_value
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, submit
from mlwf_tui.cli.text import format_problems, format_table
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.queue import Terms
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import ParamSpec

if TYPE_CHECKING:  # for annotations alone; its import takes longer than --help
    from mlwf_tui.workflow.transform import TransformPlan, TransformResult

group = click.Group()


@command(group, "operations")
@click.argument("name", required=False)
def operations_command(face: Face, name: str | None) -> None:
    """List what transform can do, by group; with a NAME, its parameters and what each may be.

    \b
    mlwf operations
    mlwf operations crop
    """
    from mlwf_tui.workflow.operations import get_operation_info, list_operations

    with face.open() as workspace:
        operations = list_operations(workspace) if name is None else (get_operation_info(workspace, name),)
    document = {"operations": [to_document(o) for o in operations]}
    if name is None:
        rows = [(o.group, o.name, o.summary) for o in operations]
        face.show(document, lambda: format_table(("GROUP", "NAME", "WHAT IT DOES"), rows, empty=""))
    else:
        face.show(document, lambda: f"{operations[0].summary}\n\n{_format_params(operations[0].params)}")


@command(group, "transform")
@click.argument("operation")
@click.argument("refs", nargs=-1, required=True)
@click.option("--to", default="", help="The project that gets the result; a new one where it is not given.")
@click.option("--in-place", is_flag=True, help="Into the source itself; its state before stays a version.")
@click.option("--dataset", default="", help="Put the result into this dataset, beside what the project has.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Where the operation draws at random.")
@click.option("--strict", is_flag=True, help="Fail where an image cannot be made, instead of leaving it out.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that make images; else one a core.")
@click.option("--dry-run", is_flag=True, help="Say what would be added, changed and dropped; do nothing.")
@params_option
@detachable
def transform_command(
    face: Face,
    operation: str,
    refs: tuple[str, ...],
    to: str,
    in_place: bool,
    dataset: str,
    seed: int,
    strict: bool,
    workers: int | None,
    dry_run: bool,
    params: Mapping[str, str],
    terms: Terms | None,
) -> int:
    """Make a project from others by an operation.

    The same operation on the same data is not done twice. What was made before a kill or a stop is not
    made again: give the command once more. Images that cannot be made are left out, and listed.

    \b
    mlwf transform split cells --in-place -p train=0.8 -p val=0.2 -p test=0
    mlwf transform augment cells@2 --to cells-augmented -p copies=2 --dry-run
    mlwf transform crop_objects cells --to cells --dataset crops
    """
    from mlwf_tui.workflow.transform import plan_transform, transform

    to = _choose_target(refs, to, is_in_place=in_place)
    if dry_run:
        with face.open() as workspace, show_progress(operation) as observer:
            plan = plan_transform(
                workspace,
                operation,
                refs,
                to=to,
                dataset=dataset,
                params=params,
                seed=seed,
                observer=observer,
            )
        face.show(to_document(plan), lambda: _format_plan(plan))
        return DONE
    if terms is not None:
        call = {
            "operation": operation, "refs": refs, "to": to, "dataset": dataset, "params": dict(params),
            "seed": seed, "workers": workers, "is_strict": strict,
        }  # fmt: skip
        with face.open() as workspace:
            return submit(face, workspace, "transform", call, terms, seed=seed)
    with face.open() as workspace, show_progress(operation) as observer:
        result = transform(
            workspace, operation, refs, to=to, dataset=dataset, params=params, seed=seed, workers=workers,
            is_strict=strict, observer=observer,
        )  # fmt: skip
    face.show(to_document(result), lambda: _format_transformed(result))
    return PARTLY if result.problems else DONE


def _choose_target(refs: Sequence[str], to: str, *, is_in_place: bool) -> str:
    if not is_in_place:
        return to
    if to or len(refs) > 1 or "@" in refs[0]:
        raise InvalidParameter(
            "--in-place is for one project, by its bare name, and without --to.",
            hint="Name the project that gets the result with --to PROJECT instead.",
        )
    return refs[0]


def _format_plan(plan: TransformPlan) -> str:
    beside = f", into its dataset {plan.dataset}" if plan.dataset else ""
    lines = [f"{plan.operation} → {plan.project}{' (new)' if plan.is_new_project else ''}{beside}"]
    lines.append(f"  {_format_counts(plan)}")
    lines += _format_objects(plan)
    if plan.cached:
        lines.append("  the same recipe was followed before: its result would be used")
    elif plan.images:
        resumed = f", {plan.images_resumed} of which are made already" if plan.images_resumed else ""
        lines.append(f"  {format_count(plan.images, 'image')} to make{resumed}")
    return "\n".join([*lines, "Nothing was done: it was a dry run."])


def _format_transformed(result: TransformResult) -> str:
    cached = " (kept from before: the same recipe had been followed)" if result.cached else ""
    lines = [f"{result.project}@{result.version}: {_format_counts(result)}{cached}"]
    lines += _format_objects(result)
    if result.images_resumed:
        lines.append(f"  {format_count(result.images_resumed, 'image')} had been made before")
    lines += [f"  {show_path(conflict)}" for conflict in result.conflicts]
    return "\n".join([*lines, *format_problems(result.problems)])


def _format_counts(counts: TransformPlan | TransformResult) -> str:
    return (
        f"{format_count(counts.items_in, 'item')} in, {counts.items_out:,} out: {counts.items_added} added,"
        f" {counts.items_changed} changed, {counts.items_unchanged} unchanged, {counts.items_dropped} dropped"
    )


def _format_objects(counts: TransformPlan | TransformResult) -> list[str]:
    """Return a line on objects, none where there are none."""
    if not (counts.objects_in or counts.objects_out):
        return []
    told = "known once the images are made" if counts.objects_out is None else f"{counts.objects_out} out"
    return [f"  {format_count(counts.objects_in, 'object')} in, {told}"]


def _format_params(params: Sequence[ParamSpec]) -> str:
    rows = [(p.name, format_value(p.name, p.default), p.bounds, p.help) for p in params]
    return format_table(("PARAMETER", "DEFAULT", "ALLOWED", "MEANING"), rows, empty="It has no parameters.")
