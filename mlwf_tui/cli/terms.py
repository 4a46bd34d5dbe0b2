"""Options on what terms a run is queued, shared by all commands whose work can go on by itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import DONE, Face, read_duration
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import DEFAULT_BACKOFF_S, Terms, Wants, read_wants
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.workspace import Workspace

DETACH = click.option("--detach", is_flag=True, help="Return at once; the run goes on by itself.")
AFTER = click.option(
    "--after", multiple=True, metavar="RUN", help="Start once this run is done; may be repeated."
)
PRIORITY = click.option("--priority", type=int, default=0, show_default=True, help="Higher ones start first.")
TIMEOUT = click.option(
    "--timeout", metavar="TIME", callback=lambda c, o, word: read_duration(c, o, word) if word else None,
    help="End it after so long: 90s, 30m, 12h.",
)  # fmt: skip
RETRIES = click.option(
    "--retries", type=click.IntRange(0, 100), default=0, show_default=True,
    help="Try again so often, from the last checkpoint, where it is lost or fails.",
)  # fmt: skip
BACKOFF = click.option(
    "--backoff", metavar="TIME", default=f"{DEFAULT_BACKOFF_S:g}s", show_default=True, callback=read_duration,
    help="Wait so long before the first retry, and twice as long before each further one.",
)  # fmt: skip
GPUS = click.option(
    "--gpus", metavar="GPUS", help="2: any two. 0,1: these. 3, with a comma: this one. 0: none."
)
SLOTS = click.option(
    "--slots", type=click.IntRange(1), default=1, show_default=True, help="CPU slots to take."
)


def terms_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of the queue, given as `terms`."""

    @functools.wraps(function)
    def run(
        *args: Any,
        after: tuple[str, ...],
        priority: int,
        timeout: float | None,
        retries: int,
        backoff: float,
        gpus: str | None,
        slots: int,
        **kwargs: Any,
    ) -> Any:
        terms = Terms(
            wants=read_wants(gpus, slots),
            priority=priority,
            after=tuple(map(RunId, after)),
            retries=retries,
            backoff_s=backoff,
            timeout_s=timeout,
        )
        return function(*args, terms=terms, **kwargs)

    return AFTER(PRIORITY(GPUS(SLOTS(RETRIES(BACKOFF(TIMEOUT(run)))))))


def detachable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --detach with --after and --priority, given as `terms`: None where the command does it itself."""

    @functools.wraps(function)
    def run(*args: Any, detach: bool, after: tuple[str, ...], priority: int, **kwargs: Any) -> Any:
        if not detach and (after or priority):
            raise InvalidParameter("--after and --priority are for the queue.", hint="Give --detach as well.")
        terms = Terms(wants=Wants(), priority=priority, after=tuple(map(RunId, after))) if detach else None
        return function(*args, terms=terms, **kwargs)

    return DETACH(AFTER(PRIORITY(run)))


def submit(
    face: Face,
    workspace: Workspace,
    verb: str,
    call: Mapping[str, Any],
    terms: Terms,
    *,
    seed: int | None = None,
) -> int:
    """Queue a verb, and say so."""
    from mlwf_tui.workflow.calls import submit_call

    run = submit_call(workspace, verb, call, terms=terms, seed=seed)
    face.show({"run": run.id, "state": run.state.value, "waits_for": run.waits_for}, say_detached(verb, run))
    return DONE


def say_detached(verb: str, run: Any) -> str:
    """Return what a person is told of a run that goes on by itself, or was done before."""
    if run.state.is_finished:
        return f"{verb} {run.id} is {run.state.value} already; mlwf show {run.id} says what came of it"
    waits = f" (it waits for {run.waits_for})" if run.waits_for else ""
    return f"{verb} {run.id} goes on by itself{waits}; mlwf logs -f {run.id} follows it"
