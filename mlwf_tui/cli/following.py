"""Following a detached run from the command line, telling its end, and what that means there."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

import msgspec

from mlwf_tui.cli.face import DONE, INTERRUPTED, PARTLY
from mlwf_tui.cli.progress import ProgressLine
from mlwf_tui.cli.text import format_duration, format_problems
from mlwf_tui.entities.metric import MetricSummary
from mlwf_tui.entities.run import Problem, Run, RunState
from mlwf_tui.entities.sparkline import draw_sparkline
from mlwf_tui.errors import Cancelled, Conflict, MlwfError
from mlwf_tui.workflow.running.follow import RunUpdate, wait_for
from mlwf_tui.workflow.running.places import check_is_here
from mlwf_tui.workspace import Workspace

SHOWN_METRICS, CURVE_CELLS = 8, 24
SIGNS = {RunState.DONE: "✓", RunState.STOPPED: "■"}


def follow_run(workspace: Workspace, run: Run) -> Run:
    """Show a detached run's progress until it has finished, tell that it has, and return it."""
    line = ProgressLine(run.verb)
    summaries: dict[str, MetricSummary] = {}
    waited_for = ""

    def on_update(update: RunUpdate) -> None:
        nonlocal waited_for
        if update.run.waits_for != waited_for and update.run.waits_for:
            line.close()
            sys.stderr.write(f"{run.verb} {run.id} waits for {update.run.waits_for}\n")
        waited_for = update.run.waits_for
        for point in update.new_metrics:
            summaries.setdefault(point.key, MetricSummary(key=point.key)).add(point)
        if update.new_metrics:
            line.below = draw_metrics(summaries.values())
        if update.progress is not None:
            said = update.progress
            line.progress(said.step, said.total, said.message, said.at)

    try:
        with _interrupting_between_polls() as check:

            def on_poll(update: RunUpdate) -> None:
                check()
                on_update(update)

            finished = wait_for(workspace, run.id, on_poll)
    finally:
        line.close()
    if not run.state.is_finished:
        notify_end(workspace, finished)
    return finished


def draw_metrics(summaries: Iterable[MetricSummary]) -> list[str]:
    """Return a line for each of the first metrics: its curve, the last value, the best and its step."""
    shown = list(summaries)[:SHOWN_METRICS]
    width = max((len(summary.key) for summary in shown), default=0)
    lines = []
    for summary in shown:
        curve = draw_sparkline(summary.means, CURVE_CELLS)
        best = "" if summary.best is None else f"  best {summary.best:.5g} @{summary.best_step}"
        lines.append(f"  {summary.key:<{width}}  {curve:<{CURVE_CELLS}}  {summary.write_last():>8}{best}")
    return lines


def watch_run(workspace: Workspace, run: Run) -> Run:
    """Show a run's progress until it has finished, and return it.

    Raises:
        Cancelled: Ctrl-C was pressed, which leaves the run as it is.
        Conflict: it goes on in the home that this one is a copy of, and would never end here.
    """
    check_is_here(workspace, run)
    with leaving(run):
        return follow_run(workspace, run)


@contextmanager
def leaving(run: Run) -> Iterator[None]:
    """Let Ctrl-C end the looking at a run, and no more.

    Raises:
        Cancelled: it was pressed.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise Cancelled(
            f"The {run.verb} run {run.id} goes on without you.",
            hint=f"mlwf watch {run.id} looks again, mlwf stop {run.id} ends it.",
        ) from error


def follow_to_end(workspace: Workspace, run: Run, *, stopping: str) -> Run:
    """Follow a run to its end, which Ctrl-C makes come at once, with a word; return it as it then is.

    Raises:
        MlwfError: it has failed.
    """
    try:
        finished = follow_run(workspace, run)
    except KeyboardInterrupt:
        sys.stderr.write(f"{stopping} …\n")
        finished = stop_followed(workspace, run)
    raise_failure(finished)
    return finished


def stop_followed(workspace: Workspace, run: Run) -> Run:
    """Stop a run at the wish of whoever has followed it; one that has just ended by itself is as it is.

    Raises:
        Cancelled: Ctrl-C was pressed once more, by who does not wait for its end.
    """
    from mlwf_tui.workflow.runs import get_run
    from mlwf_tui.workflow.stop import stop_run

    try:
        return stop_run(workspace, run.id)
    except Conflict:
        now = get_run(workspace, run.id)
        if not now.state.is_finished:
            raise
        return now
    except KeyboardInterrupt as error:
        raise _tell_left(get_run(workspace, run.id)) from error


def _tell_left(run: Run) -> Cancelled:
    """Return what becomes of a run that was told to stop, and of what it makes."""
    goes_on = f"mlwf train --continue {run.id} -p epochs=+N goes on with it."
    made = ", ".join(f"{result.kind.value} {result.title}" for result in run.results)
    if run.state.is_finished:
        what = f", and has made the {made}" if made else ""
        hint = goes_on if made and run.verb == "train" else f"mlwf show {run.id} tells what it did."
        return Cancelled(f"The {run.verb} run {run.id} is {run.state.value}{what}.", hint=hint)
    look = f"mlwf watch {run.id} shows its end"
    if run.output_name:
        look += f"; what it has learned becomes the model {run.output_name}, and {goes_on}"
    return Cancelled(f"The {run.verb} run {run.id} was told to stop, and ends without you.", hint=look)


def notify_end(workspace: Workspace, run: Run) -> None:
    """Ring, and send a notification, as settings.toml wants it, for who waits but looks elsewhere.

    Only a terminal is sent anything.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return
    from mlwf_tui.tui.notices import write_notice  # only the end of a run needs it

    sign = SIGNS.get(run.state, "✗")
    after = ""
    if (length_s := run.find_length_s()) is not None:
        after = f" after {format_duration(timedelta(seconds=length_s))}"
    error = f": {run.error}" if run.state in (RunState.FAILED, RunState.LOST) and run.error else ""
    text = f"{sign} {run.verb} {run.id} is {run.state.value}{after}{error}"
    sys.stderr.write(write_notice("mlwf", text, workspace.settings.notify, os.environ))
    sys.stderr.flush()


def format_partly(run: Run) -> list[str]:
    """Return a line for each image with which a run has failed while it did the others."""
    return format_problems(msgspec.convert(run.result.get("problems", []), list[Problem]), "failed")


def raise_failure(run: Run) -> None:
    """Raise what a followed run failed with; a run that is done or stopped raises nothing."""
    if run.state in (RunState.FAILED, RunState.LOST):
        raise MlwfError(
            run.error or f"The run {run.id} failed.",
            hint=run.hint or f"mlwf logs {run.id} shows what happened.",
        )


def exit_code_of_run(run: Run) -> int:
    """Return the exit code that a followed run's end means."""
    if run.state is RunState.STOPPED:
        return INTERRUPTED
    problems = msgspec.convert(run.result.get("problems", []), list[Problem])
    return PARTLY if any(not problem.is_taken for problem in problems) else DONE


@contextmanager
def _interrupting_between_polls() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt once Ctrl-C was pressed; a second one raises at once.

    In the middle of a question to the catalog it could leave a transaction open, and with it keep the
    run from closing.
    """
    is_wanted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal is_wanted
        if is_wanted:
            raise KeyboardInterrupt
        is_wanted = True

    def check() -> None:
        if is_wanted:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # as below nohup, or in the background of a shell
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
