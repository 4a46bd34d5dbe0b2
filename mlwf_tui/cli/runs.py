"""Commands on runs."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import click

from mlwf_tui.cli.curves import draw_left, draw_marks, draw_outlook
from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document
from mlwf_tui.cli.text import (
    format_age,
    format_duration,
    format_state,
    format_table,
    name_artifacts,
    name_outputs,
)
from mlwf_tui.entities.run import Run, RunState

group = click.Group()
LEVELS = ("all", "debug", "info", "warning", "error")


@command(group, "runs")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="How many, newest first; 0: all.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in RunState]),
    help="Those that are so; may be repeated.",
)
@click.option("--verb", "verbs", multiple=True, help="Those of this verb, as train; may be repeated.")
def runs_command(face: Face, limit: int, states: tuple[str, ...], verbs: tuple[str, ...]) -> None:
    """List what was done, and what is being done now.

    \b
    mlwf runs
    mlwf runs --verb train --state failed
    mlwf runs -n 0 --json
    """
    from mlwf_tui.workflow.metrics import read_outlooks
    from mlwf_tui.workflow.runs import count_runs, list_runs
    from mlwf_tui.workflow.show import describe_outlook, describe_run

    with face.open() as workspace:
        chosen = [RunState(state) for state in states] or None
        runs = list_runs(workspace, limit or None, states=chosen, verbs=verbs or None)
        total = count_runs(workspace, states=chosen, verbs=verbs or None)
        outlooks = read_outlooks(workspace, runs)
    rows = [
        (r.id, r.verb, format_state(r.state.value), name_artifacts(r.inputs), name_outputs(r),
         format_age(r.created_at), format_duration(_length(r)), draw_left(r, outlooks[r.id]),
         draw_marks(outlooks[r.id]) or _note(r))
        for r in runs
    ]  # fmt: skip
    header = ("RUN", "VERB", "STATE", "INPUTS", "OUTPUTS", "CREATED", "TOOK", "LEFT", "")
    document = {
        "runs": [describe_run(run) | describe_outlook(outlooks[run.id]) for run in runs],
        "total": total,
    }
    empty = f"Nothing was done yet in {face.home}. Try mlwf demo."
    if states or verbs:
        empty = "There is no such run."
    left = total - len(runs)
    more = f"\n{left:,} older run{'s' if left > 1 else ''}: mlwf runs -n 0 lists all" if left > 0 else ""
    face.show(document, lambda: format_table(header, rows, empty=empty) + more)


@command(group, "logs")
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has finished.")
@click.option("-n", "--lines", type=click.IntRange(0), help="Only the last so many of them.")
@click.option("--grep", metavar="REGEX", default="", help="Only lines that match; !REGEX: that do not.")
@click.option(
    "--level", type=click.Choice(LEVELS), default="all", show_default=True,
    help="Only lines of this level or a graver one; info leaves out unfinished progress bars.",
)  # fmt: skip
def logs_command(face: Face, run: str, follow: bool, lines: int | None, grep: str, level: str) -> None:
    """Print the log of a run, each line as a terminal would show it at last.

    \b
    mlwf logs 3f9a -f
    mlwf logs 3f9a --level warning -n 50
    """
    from mlwf_tui.cli.following import leaving, notify_end
    from mlwf_tui.cli.log_lines import LinePrinter
    from mlwf_tui.logs.levels import Level
    from mlwf_tui.logs.patience import find_fault
    from mlwf_tui.logs.query import read_query
    from mlwf_tui.workflow.logs import iter_log
    from mlwf_tui.workflow.metrics import find_run
    from mlwf_tui.workflow.running.places import check_is_here
    from mlwf_tui.workflow.runs import get_run

    query = read_query(grep, Level.PROGRESS if level == "all" else Level[level.upper()])
    if fault := find_fault(query.pattern):
        told = f"{query.pattern!r} is no regular expression ({fault}): it is looked for as plain text."
        click.echo(told, err=True)
    printer = LinePrinter()
    with face.open() as workspace:
        found = find_run(workspace, run)
        if follow:
            check_is_here(workspace, found)
        batches = iter_log(
            workspace, found.id, query=query, last=lines, follow=follow,
            with_unfinished=printer.is_terminal and not face.is_json,
        )  # fmt: skip
        if face.is_json:
            texts = [line.text for batch in batches for line in batch]
            state = get_run(workspace, found.id).state.value
            face.show({"run": found.id, "state": state, "lines": texts}, "")
            return
        with leaving(found) if follow else nullcontext():
            for batch in batches:
                printer.write(batch)
        printer.end()
        if not printer.line_count and lines != 0:
            words = "has written no log" if query.is_empty else "has no such line in its log"
            click.echo(f"The {found.verb} run {found.id} {words}.", err=True)
        if follow and not found.state.is_finished:
            notify_end(workspace, get_run(workspace, found.id))


@command(group, "watch")
@click.argument("run")
@click.option("--once", is_flag=True, help="Say how it stands now, and do not wait.")
def watch_command(face: Face, run: str, once: bool) -> int:
    """Follow a run's progress until it has finished; Ctrl-C leaves it running.

    The exit code is that of the run: 1 where it failed, 3 where it had to leave something out, 130 where it
    was stopped. With --once it is 0.

    \b
    mlwf watch 3f9a
    mlwf watch 3f9a --once --json
    """
    from mlwf_tui.cli.following import exit_code_of_run, raise_failure, watch_run
    from mlwf_tui.workflow.metrics import find_run, read_outlooks
    from mlwf_tui.workflow.show import describe_outlook, describe_run, describe_summary

    with face.open() as workspace:
        found = find_run(workspace, run)
        seen = found if once else watch_run(workspace, found)
        outlook = read_outlooks(workspace, [seen])[seen.id]
    if not once:
        raise_failure(seen)
    progress = outlook.progress
    document = {
        **describe_run(seen),
        "progress": None if progress is None else to_document(progress),
        **describe_outlook(outlook),
        "metrics": [describe_summary(summary) for summary in outlook.standing.summaries.values()],
    }
    face.show(document, lambda: draw_outlook(seen, outlook))
    return DONE if once else exit_code_of_run(seen)


@command(group, "stop")
@click.argument("run")
@click.option("--grace", default=60.0, show_default=True, help="Seconds before the process is killed.")
def stop_command(face: Face, run: str, grace: float) -> int:
    """Stop a run; a stopped training keeps its best weights.

    \b
    mlwf stop 3f9a
    """
    from mlwf_tui.workflow.show import describe_run
    from mlwf_tui.workflow.stop import stop_run

    with face.open() as workspace:
        stopped = stop_run(workspace, run, grace_s=grace)
    face.show(describe_run(stopped), lambda: _tell_stopped(stopped))
    return DONE if stopped.state.is_finished else FAILED


def _tell_stopped(run: Run) -> str:
    model = run.result.get("model") if run.verb == "train" else None  # others only tell of one
    kept = f"; the model {model} has its best weights" if model else ""
    if run.state is RunState.QUEUED:
        kept = f"; it waits for {run.waits_for or 'its turn'}, to keep its best weights, and ends then"
    return f"{run.verb} {run.id} is {run.state}{kept}"


def _note(run: Run) -> str:
    """Return for what a run waits, or what can be done about it."""
    if run.waits_for:
        return f"waits for {run.waits_for}"
    is_held = run.state is RunState.PAUSED and run.is_detached
    is_resumable = is_held or (run.state is RunState.LOST and run.can_begin_again)
    return f"mlwf resume {run.id}" if is_resumable else ""


def _length(run: Run) -> timedelta | None:
    seconds = run.find_length_s()
    return None if seconds is None else timedelta(seconds=seconds)
