"""Queues the benchmarks that a comparison lacks, and the comparison after them: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import Untrusted
from mlwf_tui.workflow.benchmark import PlannedBenchmark, plan_benchmark, queue_benchmark
from mlwf_tui.workflow.benchmarking.apart import NotMeasured, ToMeasure
from mlwf_tui.workflow.running.jobs import queue_run, start_queued, tend
from mlwf_tui.workflow.running.pins import pin_call
from mlwf_tui.workspace import Workspace


def submit_missing(
    workspace: Workspace, missing: Sequence[ToMeasure], *, is_trusted: bool = False
) -> tuple[Run, ...]:
    """Queue benchmarks, one after another lest they slow each other down, and return their runs.

    Raises:
        InvalidInput: a model's task or classes do not fit the data.
        Untrusted: opening weights may run code of their maker; it names all models of which that is so.
    """
    planned = _plan_all(workspace, missing, is_trusted=is_trusted)
    with workspace.catalog.transaction():
        queued = _queue_all(workspace, planned)
    tend(workspace)
    return tuple(workspace.catalog.runs.get(run.id) for run in queued)


def submit_compare(
    workspace: Workspace,
    apart: NotMeasured,
    *,
    on: str | None = None,
    split: str | None = None,
    is_trusted: bool = False,
) -> Run:
    """Queue the benchmarks that a comparison lacks and itself after them, and return the comparison's run.

    Raises as `submit_missing` does.
    """
    planned = _plan_all(workspace, apart.missing, is_trusted=is_trusted)
    call = {"models": list(apart.refs), "on": on, "split": split, "evaluator": apart.evaluator}
    with workspace.catalog.transaction():
        going = [run.id for run in _queue_all(workspace, planned) if not run.state.is_finished]
        terms = Terms(wants=Wants(), after=tuple(going))
        pinned = pin_call(workspace, "compare", call, is_behind=True).call
        recorder = queue_run(workspace, "compare", call, None, terms=terms, call=pinned)
    return start_queued(workspace, recorder.run)


def _plan_all(
    workspace: Workspace, missing: Sequence[ToMeasure], *, is_trusted: bool
) -> tuple[PlannedBenchmark, ...]:
    """Check all of them: a person who vouches for weights is told of each model at once."""
    planned, untrusted = [], list[tuple[str, Untrusted]]()
    for of in missing:
        params = {"evaluator": of.evaluator} if of.evaluator else {}
        try:
            planned.append(
                plan_benchmark(workspace, of.model, of.version, of.part, params=params, is_trusted=is_trusted)
            )
        except Untrusted as error:
            untrusted.append((of.model, error))
    if untrusted:
        told = " ".join(f"{model}: {error.message}" for model, error in untrusted)
        raise Untrusted(told, hint=untrusted[0][1].hint) from untrusted[0][1]
    return tuple(planned)


def _queue_all(workspace: Workspace, planned: Sequence[PlannedBenchmark]) -> list[Run]:
    """Enter those that nobody has measured yet, each after the one before; in the caller's transaction."""
    runs: list[Run] = []
    for of in planned:
        if of.known is not None:
            runs.append(of.known)
            continue
        before = [run.id for run in runs if not run.state.is_finished][-1:]
        terms = replace(of.terms, after=tuple(before))
        runs.append(queue_benchmark(workspace, replace(of, terms=terms)).run)
    return runs
