"""Commands on the queue and on runs in it: queue, pause, resume, retry."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import Face, NumberRange, command
from mlwf_tui.cli.text import format_age, format_state, format_table, name_artifacts, name_outputs
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from mlwf_tui.entities.run import Job, Run
    from mlwf_tui.workflow.queue import QueueListing

group = click.Group()
ACTIONS = ("pause", "resume", "priority")
PAUSE_WAIT_S = 10.0


@command(group, "queue")
@click.argument("action", required=False, type=click.Choice(ACTIONS))
@click.argument("run", required=False)
@click.argument("number", required=False, type=int)
def queue_command(face: Face, action: str | None, run: str | None, number: int | None) -> None:
    """List what waits and for what, or pause the queue, resume it, or change a run's priority.

    A paused queue starts nothing; what is going goes on. Higher priorities start first.

    \b
    mlwf queue
    mlwf queue pause
    mlwf queue priority 3f9a 10
    """
    from mlwf_tui.workflow import queue

    if action != "priority" and run is not None:
        raise InvalidParameter(
            f"mlwf queue {action} is about the whole queue, not about {run!r}.",
            hint=f"For one run: mlwf {action} {shlex.quote(run)}",
        )
    if action == "priority" and number is None:
        raise InvalidParameter("A run and its priority are missing.", hint="mlwf queue priority RUN NUMBER")
    with face.open() as workspace:
        match action:
            case "pause":
                listing = queue.pause_queue(workspace)
            case "resume":
                listing = queue.resume_queue(workspace)
            case "priority" if run is not None and number is not None:
                queue.set_priority(workspace, run, number)
                listing = queue.list_queue(workspace)
            case _:
                listing = queue.list_queue(workspace)
    face.show(_describe(listing), lambda: _format(listing))


@command(group, "pause")
@click.argument("run")
@click.option("--now", is_flag=True, help="Do not wait for the end of the epoch, which is then redone.")
@click.option(
    "--wait", "wait_s", type=NumberRange(0), default=PAUSE_WAIT_S, show_default=True,
    help="Seconds to wait here until it is paused.",
)  # fmt: skip
def pause_command(face: Face, run: str, now: bool, wait_s: float) -> None:
    """Pause a run; a training lets its GPU go at the end of its epoch, and goes on later.

    Other work stands still where it is, keeps its memory and lets its CPU slot go. A run that waits is
    held back.

    \b
    mlwf pause 3f9a
    mlwf pause 3f9a --now
    """
    from mlwf_tui.workflow.pause import pause_run

    with face.open() as workspace:
        paused = pause_run(workspace, run, is_urgent=now, wait_s=wait_s)
    _show(face, paused)


@command(group, "resume")
@click.argument("run")
def resume_command(face: Face, run: str) -> None:
    """Go on with a run that was paused, stopped, lost or failed: a training from its last checkpoint.

    \b
    mlwf resume 3f9a
    """
    from mlwf_tui.workflow.resume import resume_run

    with face.open() as workspace:
        resumed = resume_run(workspace, run)
    _show(face, resumed)


@command(group, "retry")
@click.argument("run")
def retry_command(face: Face, run: str) -> None:
    """Do a run that failed, was stopped or lost once more, from its beginning.

    \b
    mlwf retry 3f9a
    """
    from mlwf_tui.workflow.retry import retry_run

    with face.open() as workspace:
        again = retry_run(workspace, run)
    _show(face, again)


def _show(face: Face, run: Run) -> None:
    from mlwf_tui.workflow.show import describe_run

    waits = f", waits for {run.waits_for}" if run.waits_for else ""
    face.show(describe_run(run), f"{run.verb} {run.id} is {run.state}{waits}")


def _describe(listing: QueueListing) -> dict[str, Any]:
    from mlwf_tui.workflow.show import describe_run

    return {
        "is_paused": listing.is_paused,
        "slots": listing.slots,
        "waiting": [describe_run(run) for run in listing.waiting],
        "going": [
            {**describe_run(run), "leases": list(job.leases) if job else []} for run, job in listing.going
        ],
    }


def _format(listing: QueueListing) -> str:
    head = ["The queue is paused: mlwf queue resume lets it go on.", ""] if listing.is_paused else []
    rows = [_format_going(run, job) for run, job in listing.going]
    rows += [
        (
            *_format_run(run, listing.unread.get(run.id, ())),
            f"waits for {run.waits_for}" if run.waits_for else "",
        )
        for run in listing.waiting
    ]
    header = ("RUN", "VERB", "STATE", "INPUTS", "OUTPUTS", "PRIORITY", "QUEUED", "")
    return "\n".join([*head, format_table(header, rows, empty="Nothing waits, and nothing goes on.")])


def _format_going(run: Run, job: Job | None) -> tuple[str, ...]:
    is_over = job is None or job.finished_at is not None or job.outcome == RunState.PAUSED
    holds = f"holds {', '.join(job.leases)}" if job is not None and job.leases and not is_over else ""
    return (*_format_run(run), holds)


def _format_run(run: Run, unread: Sequence[str] = ()) -> tuple[str, ...]:
    later = f"({', '.join(unread)})" if unread else ""
    read = name_artifacts(run.inputs) if run.inputs or not later else ""
    return (
        run.id,
        run.verb,
        format_state(run.state.value),
        f"{read} {later}".strip(),
        name_outputs(run),
        str(run.priority),
        format_age(run.created_at),
    )
