"""The command run: put a program in any language on the lineage, from its shell script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui import processes
from mlwf_tui.cli.face import SEED, Face, command, home_option, json_option, params_option, read_duration
from mlwf_tui.entities.card import Card, make_card
from mlwf_tui.errors import NotFound

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from pathlib import Path

    from mlwf_tui.entities.run import ArtifactRef

group = click.Group()
STATES = ("done", "failed", "stopped")
RUN_VARIABLE = "MLWF_RUN"


@group.group("run", short_help="Put a program of your own on the lineage")
@home_option
@json_option
def run_group(home: Path | None, is_json: bool) -> None:
    """Put a program of your own on the lineage: what it reads, makes and measures.

    `start` prints an id; the others take it by --run, or from MLWF_RUN.

    \b
    export MLWF_RUN=$(mlwf run start preprocess -p size=640 --pid $$)
    mlwf run add-input project cells@2
    ./preprocess --out ./small
    mlwf run add-output folder ./small
    mlwf run log-metric images 1200
    mlwf run finish
    """


def run_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --run, which MLWF_RUN stands for."""
    return click.option(
        "--run", "run", envvar=RUN_VARIABLE, required=True, help=f"The run's id; else {RUN_VARIABLE}."
    )(function)


def card_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a card shows, given as the keyword arguments of Card."""
    for name, text in (
        ("--url-title", "What the link is called."), ("--url", "A link; with --url-title."),
        ("--icon-bg-color", "What is behind the icon."), ("--icon-color", "The icon's colour."),
        ("--icon", "A Material icon, with both its colours."), ("--description", "One line on the card."),
        ("--title", "What the card is called."),
    ):  # fmt: skip
        function = click.option(name, default="", help=text)(function)
    return function


@command(run_group, "start")
@click.argument("verb")
@params_option
@click.option("--seed", type=SEED, help="What its randomness comes from.")
@click.option("--pid", type=click.IntRange(1), help="Its process; the run is lost once that is gone ($$).")
@click.option(
    "--timeout", "timeout_s", callback=read_duration, default="24h", show_default=True,
    help="It is lost when nothing was heard of it for so long; without --pid.",
)  # fmt: skip
@card_options
def start_command(
    face: Face,
    verb: str,
    params: Mapping[str, str],
    seed: int | None,
    pid: int | None,
    timeout_s: float,
    **card: str,
) -> None:
    """Begin a run, and print its id; VERB is what the program does, in a word or two.

    \b
    export MLWF_RUN=$(mlwf run start preprocess -p size=640 --pid $$)
    """
    from mlwf_tui.workflow.run import start_run
    from mlwf_tui.workflow.show import describe_run

    process = None if pid is None else processes.identify(pid)
    if pid is not None and process is None:
        raise NotFound(f"There is no process {pid}.", hint="Give a shell's own as --pid $$.")
    with face.open() as workspace:
        run = start_run(
            workspace, verb, params=_read_params(params), seed=seed, card=make_card(card), process=process,
            patience_s=timeout_s, arguments=() if pid is None else _read_command_line(pid),
        )  # fmt: skip
    face.show({"run": run.id, **describe_run(run)}, run.id)


@command(run_group, "add-input")
@click.argument("kind")
@click.argument("ref")
@click.option("--dataset", default="", help="Which dataset of the project; with the kind dataset.")
@run_option
@card_options
def add_input_command(face: Face, kind: str, ref: str, dataset: str, run: str, **card: str) -> None:
    """Say that the run reads something.

    KIND is project, dataset, file, weights, folder, run, labeling_job, model or report. A project is the
    version PROJECT@N, else its head, which is committed first where it has changed.

    \b
    mlwf run add-input project cells@2
    mlwf run add-input file lookup.csv
    """
    from mlwf_tui.workflow.run import add_input, get_tracked

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        artifact = add_input(workspace, found, kind, ref, dataset=dataset, card=_make_card(card))
    _show_edge(face, found.id, "input", artifact)


@command(run_group, "add-output")
@click.argument("kind")
@click.argument("ref", default="")
@click.option("--dataset", default="", help="Which dataset of the project; with the kind dataset.")
@run_option
@card_options
def add_output_command(face: Face, kind: str, ref: str, dataset: str, run: str, **card: str) -> None:
    """Say that the run has made something.

    KIND is project, dataset, file, weights, folder, report (a file for people to read), run, labeling_job
    or session. What a project holds now becomes a new version, made by this run, also where it is what the
    newest version holds; what it held before is noted as an input.

    \b
    mlwf run add-output folder ./small
    """
    from mlwf_tui.workflow.run import add_output, get_tracked

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        artifact = add_output(workspace, found, kind, ref, dataset=dataset, card=_make_card(card))
    _show_edge(face, found.id, "output", artifact)


@command(run_group, "log-metric")
@click.argument("key")
@click.argument("value", type=float)
@click.option("--step", type=int, help="Where it is on the curve; else after the last point.")
@run_option
def log_metric_command(face: Face, key: str, value: float, step: int | None, run: str) -> None:
    """Add a point to a curve of the run.

    Steps go upward; the last step told again gets the new value.

    \b
    mlwf run log-metric loss 0.4
    mlwf run log-metric loss 0.31 --step 4
    """
    from mlwf_tui.workflow.run import get_tracked, open_events

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        with open_events(workspace, found, begins=False) as writer:
            at = writer.metric(key, value, step)
    face.show({"run": found.id, "key": key, "value": value, "step": at}, f"{key} {value:g} at {at}")


@command(run_group, "log-params")
@params_option
@run_option
def log_params_command(face: Face, params: Mapping[str, str], run: str) -> None:
    """Add parameters to the run: -p key=value. One that it has already with another value is refused.

    Numbers, true and false are kept as such, all else as text; write '"640"' for a text of digits.

    \b
    mlwf run log-params -p size=640
    """
    from mlwf_tui.workflow.run import get_tracked, log_params

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        noted = _read_params(params)
        log_params(workspace, found, noted)
    face.show(
        {"run": found.id, "params": noted}, f"{len(params)} parameter{'' if len(params) == 1 else 's'} noted"
    )


@command(run_group, "progress")
@click.argument("step", type=int)
@click.argument("total", type=int, required=False)
@click.option("-m", "--message", default="", help="What is being done.")
@run_option
def progress_command(face: Face, step: int, total: int | None, message: str, run: str) -> None:
    """Say how far the run is, and that it goes on.

    \b
    mlwf run progress 3 10 -m "plate 3"
    """
    from mlwf_tui.workflow.run import get_tracked, open_events

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        with open_events(workspace, found, begins=False) as writer:
            writer.progress(step, total, message)
    face.show({"run": found.id, "step": step, "total": total}, f"{step}/{total or '?'} {message}".rstrip())


@command(run_group, "finish")
@click.option("--state", type=click.Choice(STATES), default="done", show_default=True, help="How it ended.")
@click.option("--error", default="", help="What went wrong, in a sentence.")
@click.option("--summary", default="", help="What came of it, in a few words.")
@run_option
def finish_command(face: Face, state: str, error: str, summary: str, run: str) -> None:
    """End the run, for good.

    \b
    mlwf run finish
    mlwf run finish --state failed --error "The disk is full."
    """
    from mlwf_tui.entities.run import RunState
    from mlwf_tui.workflow.run import finish_run, get_tracked
    from mlwf_tui.workflow.show import describe_run

    with face.open() as workspace:
        found = get_tracked(workspace, run)
        result = {"summary": summary} if summary else {}
        ended = finish_run(workspace, found, RunState(state), result=result, error=error)
    face.show({"run": ended.id, **describe_run(ended)}, f"{ended.verb} {ended.id} is {ended.state}")


def _read_params(words: Mapping[str, str]) -> dict[str, Any]:
    from mlwf_tui.params import read_scalar

    return {key: read_scalar(word) for key, word in words.items()}


def _make_card(fields: Mapping[str, str]) -> Card | None:
    card = make_card(fields)
    return None if card == Card() else card


def _show_edge(face: Face, run_id: str, direction: str, artifact: ArtifactRef) -> None:
    document = {
        "run": run_id,
        "direction": direction,
        "kind": artifact.kind.value,
        "id": artifact.id,
        "name": artifact.title,
    }
    face.show(document, f"{direction}: {artifact.kind.value} {artifact.title}")


def _read_command_line(pid: int) -> list[str]:
    """Return what a process was called with, as far as the kernel tells."""
    from pathlib import Path

    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has just ended, or is another's
        return []
    return [word.decode("utf-8", errors="replace") for word in words if word]
