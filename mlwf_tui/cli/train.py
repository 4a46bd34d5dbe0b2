"""The command train, and what it says of a training that is not done yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.face import DONE, SEED, Face, command, params_option, to_document
from mlwf_tui.cli.models import finish
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import DETACH, terms_options
from mlwf_tui.cli.text import format_duration, format_table
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotation alone; the file is read when the command runs
    from mlwf_tui.workflow.training.plans import TrainPlan

group = click.Group()
DEFAULT_MODEL = "yolov10n"
SPLITS = ("train", "val", "test", "none")


@command(group, "train")
@click.argument("ref", required=False)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True,
    help="An architecture, a .pt or .yaml file, or a model of this home to start from.",
)  # fmt: skip
@click.option("--name", default="", help="The model's name; chosen where not given.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True,
    help="The same seed on one machine gives the same model.",
)  # fmt: skip
@params_option
@click.option(
    "--params", "params_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="YAML with parameters, kept as it is; -p goes before it.",
)  # fmt: skip
@click.option(
    "--continue", "continued", metavar="RUN",
    help="Go on with a finished training, -p epochs=+20, as a new run.",
)  # fmt: skip
@click.option(
    "--benchmark/--no-benchmark", "benchmark", default=None,
    help="Measure the model afterwards, as a run of its own; done unless a setting says not.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check it and estimate what it takes; nothing is begun.")
@click.option(
    "--measure/--no-measure", default=None,
    help="Of a dry run: try a few batches. Done by itself where no earlier training tells the time.",
)  # fmt: skip
@terms_options
@DETACH
def train_command(
    face: Face,
    ref: str | None,
    model: str,
    name: str,
    seed: int,
    params: Mapping[str, str],
    params_file: Path | None,
    continued: str | None,
    benchmark: bool | None,
    dry_run: bool,
    measure: bool | None,
    detach: bool,
    terms: Terms,
) -> int:
    """Train a model on a version, in a process that outlives this terminal.

    The architecture says what for: yolov10n finds boxes, yolo11n-seg outlines, yolo11n-pose keypoints,
    yolo11n-obb turned boxes, and yolo11n-cls classes of whole images, which are their tags.

    Parameters that mlwf does not declare go to the library as they are. Ctrl-C stops the training
    and keeps its best weights.

    \b
    mlwf train cells --model yolov10n -p epochs=30 -p imgsz=192
    mlwf train cells --model yolo11n-seg -p preset=thorough --dry-run
    mlwf train cells@2 --detach --gpus 1 --retries 3
    mlwf train --continue 3f9a -p epochs=+20
    """
    if measure is not None and not dry_run:
        raise InvalidParameter("--measure is of a dry run.", hint="Give --dry-run as well.")
    if continued is not None:
        hint = f"mlwf train --continue {continued} -p epochs=+20"
        if ref is not None or model != DEFAULT_MODEL or seed:
            raise InvalidParameter(
                "--continue takes data, model and seed from the run that it goes on with.", hint=hint
            )
        if params_file is not None:
            raise InvalidParameter("--continue takes no --params, only what changes by -p.", hint=hint)
        if dry_run:
            return _plan(face, None, continued, params, None, name, terms, is_measured=measure)
        return _continue(face, continued, params, name, terms, benchmark=benchmark, detach=detach)
    if ref is None:
        raise InvalidParameter("What to train on is missing.", hint="Name a project or a version.")
    if dry_run:
        return _plan(face, model, ref, params, params_file, name, terms, is_measured=measure)
    from mlwf_tui.workflow.train import submit_train

    with face.open() as workspace:
        run = submit_train(
            workspace, ref, model=model, params=params, params_file=params_file, seed=seed, name=name,
            terms=terms, is_benchmarked=benchmark,
        )  # fmt: skip
        return finish(face, workspace, run, detach=detach)


def _continue(
    face: Face,
    ref: str,
    params: Mapping[str, str],
    name: str,
    terms: Terms,
    *,
    benchmark: bool | None,
    detach: bool,
) -> int:
    from mlwf_tui.workflow.train import submit_continued

    with face.open() as workspace:
        run = submit_continued(
            workspace, ref, params=params, name=name, terms=terms, is_benchmarked=benchmark
        )
        return finish(face, workspace, run, detach=detach)


def _plan(
    face: Face,
    model: str | None,
    ref: str,
    params: Mapping[str, str],
    params_file: Path | None,
    name: str,
    terms: Terms,
    *,
    is_measured: bool | None,
) -> int:
    """Show what a training of a model on a version would take; without one `ref` is a run to go on with."""
    from mlwf_tui.workflow.train import read_params
    from mlwf_tui.workflow.training.plans import plan_continued, plan_train

    given = read_params(params_file, params)
    with face.open() as workspace, show_progress("train") as observer:
        if model is None:
            plan = plan_continued(
                workspace, ref, params=given, name=name, terms=terms, is_measured=is_measured,
                observer=observer,
            )  # fmt: skip
        else:
            plan = plan_train(
                workspace, ref, model=model, params=given, name=name, terms=terms, is_measured=is_measured,
                observer=observer,
            )  # fmt: skip
    document = {**to_document(plan), "dry_run": True}
    face.show(document, lambda: "\n".join(format_plan(plan)))
    return DONE


def format_plan(plan: TrainPlan) -> Iterator[str]:
    """Yield what a training would do and take, line by line."""
    yield f"{plan.model} would learn to {plan.task} on {plan.ref}"
    splits = [split for split in SPLITS if plan.splits.get(split)]
    yield f"items      {', '.join(f'{plan.splits[split]:,} {split}' for split in splits)}"
    shown = ", ".join(f"{name} {value}" for name, value in plan.settings.items() if name in _SHOWN)
    yield f"settings   {shown}"
    if plan.time is not None:
        whole, epoch = (
            format_duration(timedelta(seconds=seconds)) for seconds in (plan.time.seconds, plan.time.epoch_s)
        )
        yield f"time       at most {whole}, {epoch} an epoch ({plan.time.basis})"
    if plan.memory_bytes is not None and plan.memory_free_bytes is not None:
        yield f"memory     {format_size(plan.memory_bytes)} of {format_size(plan.memory_free_bytes)} free"
    unknown = ", and its checkpoints, which --measure finds out" if plan.checkpoint_bytes is None else ""
    yield f"disk       {format_size(plan.disk_bytes)} of {format_size(plan.disk_free_bytes)} free{unknown}"
    yield ""
    rows = [(name, *(str(counts.get(split, 0)) for split in splits)) for name, counts in plan.classes.items()]
    yield format_table(("CLASS", *(split.upper() for split in splits)), rows, empty="")
    for line in (*map(str, plan.losses), *plan.warnings):
        yield f"- {line}"


_SHOWN = ("epochs", "batch", "imgsz", "optimizer", "lr0", "patience")
