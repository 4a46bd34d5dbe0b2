"""Runs that go on by themselves: queued, watched, measured, asked to stop, pause and go on, from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwf_tui.entities.part import AUTO, Part
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.usage import Usage
from mlwf_tui.protocols.observer import SILENT
from mlwf_tui.sdk.door import Door
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.logs import LogLine, iter_log
from mlwf_tui.workflow.metrics import Outlook, RunCurves, find_run, read_curves, read_outlooks
from mlwf_tui.workflow.package import DEFAULT_FORMAT, submit_package
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.pipeline import make_request, submit_pipeline
from mlwf_tui.workflow.queue import QueueListing, list_queue, pause_queue, resume_queue, set_priority
from mlwf_tui.workflow.reproduce import (
    TOLERANCE,
    Reproduction,
    conclude,
    needs_job,
    reproduce_now,
    submit_again,
)
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.retry import retry_run
from mlwf_tui.workflow.running.follow import wait_for
from mlwf_tui.workflow.running.usage import read_usage
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workflow.search import DEFAULT_TRIALS, submit_search
from mlwf_tui.workflow.serve import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    SessionPlace,
    Submitted,
    submit_serve,
    wait_until_serving,
)
from mlwf_tui.workflow.stop import GRACE_S, stop_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE


class Jobs:
    """The queue of an opened home. What is queued goes on when this program ends.

    `terms` say what of the machine a run needs, after which runs it comes, how often it is tried again,
    and its priority. A run is named by its id, or by any unique beginning of it.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def train(
        self,
        ref: str,
        *,
        model: str = DEFAULT_ARCHITECTURE,
        params: Mapping[str, Any] | None = None,
        seed: int = 0,
        name: str = "",
        terms: Terms | None = None,
        is_benchmarked: bool | None = None,
    ) -> Run:
        """Queue a training; it starts as soon as there is room for it.

        Its model is measured by a run that is queued as it ends, `result["benchmark"]["run"]`, unless
        settings.toml or `is_benchmarked` say otherwise.
        """
        return submit_train(
            self._door.open(), ref, model=model, params=params or {}, seed=seed, name=name, terms=terms,
            is_benchmarked=is_benchmarked,
        )  # fmt: skip

    def search(
        self,
        ref: str,
        *,
        space: Mapping[str, str],
        model: str = DEFAULT_ARCHITECTURE,
        params: Mapping[str, Any] | None = None,
        sampler: str = "tpe",
        trials: int = DEFAULT_TRIALS,
        parallel: int = 1,
        metric: str = "",
        is_pruning: bool = False,
        seed: int = 0,
        name: str = "",
        terms: Terms | None = None,
    ) -> Run:
        """Queue a search of the parameters that train the best model: `space={"lr0": "0.0001..0.01:log"}`."""
        return submit_search(
            self._door.open(), ref, space=space, model=model, params=params, sampler=sampler, trials=trials,
            parallel=parallel, metric=metric, is_pruning=is_pruning, seed=seed, name=name, terms=terms,
        )  # fmt: skip

    def benchmark(
        self,
        model: str,
        ref: str,
        *,
        split: str = AUTO,
        part: Part | None = None,
        params: Mapping[str, Any] | None = None,
        device: str = "auto",
        is_again: bool = False,
        terms: Terms | None = None,
    ) -> Run:
        """Queue a benchmark, of a model that may still be trained by a run it comes after.

        `part` says more than a split. Where the same was measured before, that run is returned, unless
        `is_again`.
        """
        return submit_benchmark(
            self._door.open(), model, ref, split=split, part=part, params=params, device=device,
            is_again=is_again, terms=terms,
        )  # fmt: skip

    def apply(
        self,
        model: str,
        ref: str,
        *,
        to: str,
        dataset: str = "",
        params: Mapping[str, Any] | None = None,
        terms: Terms | None = None,
    ) -> Run:
        """Queue the labelling of data by a model; with `dataset` beside what else `to` has."""
        return submit_apply(
            self._door.open(), model, ref, to=to, dataset=dataset, params=params or {}, terms=terms
        )

    def package(
        self,
        model: str,
        target: str | os.PathLike[str],
        *,
        format: str = DEFAULT_FORMAT,
        params: Mapping[str, Any] | None = None,
        is_trusted: bool = False,
        terms: Terms | None = None,
    ) -> Run:
        """Queue the writing of a model as a folder or a .zip that others can run."""
        return submit_package(
            self._door.open(), model, Path(target), format=format, params=params or {},
            is_trusted=is_trusted, terms=terms,
        )  # fmt: skip

    def serve(
        self,
        model: str,
        *,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        token: str | None = None,
        params: Mapping[str, Any] | None = None,
        is_trusted: bool = False,
        terms: Terms | None = None,
    ) -> Submitted:
        """Queue a session that answers over HTTP, and return its run and the token, which is told once."""
        return submit_serve(
            self._door.open(), model, host=host, port=port, token=token, params=params or {},
            is_trusted=is_trusted, terms=terms,
        )  # fmt: skip

    def wait_until_serving(self, run: str, *, timeout_s: float = 600.0) -> SessionPlace:
        """Wait until a session answers, and return where."""
        workspace = self._door.open()
        return wait_until_serving(workspace, get_run(workspace, run), timeout_s=timeout_s)

    def pipeline(
        self,
        file: str,
        *,
        sources: Mapping[str, str] | None = None,
        to: Mapping[str, str] | None = None,
        datasets: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        sweep: Mapping[str, Sequence[Any]] | None = None,
        terms: Terms | None = None,
    ) -> Run:
        """Queue a pipeline; see `Home.pipeline`. One that applies a model gets a GPU where there is one."""
        workspace = self._door.open()
        request = make_request(
            workspace, file, sources=sources, to=to, datasets=datasets, params=params, seed=seed, sweep=sweep
        )
        return submit_pipeline(workspace, request, terms=terms)

    def submit(self, verb: str, call: Mapping[str, Any], *, terms: Terms | None = None) -> Run:
        """Queue another verb, with what it is called with; see `mlwf_tui.workflow.calls`."""
        return submit_call(self._door.open(), verb, call, terms=terms)

    def get(self, run: str) -> Run:
        """Return a run as it is now."""
        return get_run(self._door.open(), run)

    def runs(
        self,
        limit: int | None = 100,
        *,
        states: Collection[RunState] | None = None,
        verbs: Collection[str] | None = None,
    ) -> tuple[Run, ...]:
        """Return the newest runs first, of some states and verbs or of all; `limit` None gives all."""
        return list_runs(self._door.open(), limit, states=states, verbs=verbs)

    def wait(self, run: str, on_change: Callable[[Run], None] = lambda run: None) -> Run:
        """Wait until a run has finished, and return it; `on_change` is called four times a second."""
        return wait_for(self._door.open(), run, lambda update: on_change(update.run))

    def iter_log(self, run: str, *, last: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """Yield the lines of a run's log as a terminal would show them at last, each with its level.

        Of what is there only the `last` so many; followed, it goes on until the run has finished.
        """
        workspace = self._door.open()
        for batch in iter_log(workspace, get_run(workspace, run).id, last=last, follow=follow):
            yield from batch

    def metrics(self, *runs: str, keys: Sequence[str] = ()) -> tuple[RunCurves, ...]:
        """Return the curves of runs, or of the runs that made models; `keys` are patterns, none means all."""
        return tuple(read_curves(self._door.open(), runs, keys=keys))

    def outlook(self, run: str) -> Outlook:
        """Return how a run stands: each metric in short, marks, how far it has come and the time left."""
        workspace = self._door.open()
        found = find_run(workspace, run)
        return read_outlooks(workspace, [found])[found.id]

    def usage(self, run: str) -> Usage | None:
        """Return what a run has taken of the machine so far, or None where nothing was measured."""
        workspace = self._door.open()
        return read_usage(workspace, find_run(workspace, run))

    def stop(self, run: str, *, grace_s: float = GRACE_S) -> Run:
        """End a run, after `grace_s` seconds by force."""
        return stop_run(self._door.open(), run, grace_s=grace_s)

    def pause(self, run: str, *, is_urgent: bool = False, wait_s: float = 0.0) -> Run:
        """Let go of a run for a while: a training at its next checkpoint, or at once if that is urgent."""
        return pause_run(self._door.open(), run, is_urgent=is_urgent, wait_s=wait_s)

    def resume(self, run: str) -> Run:
        """Go on with a run that was paused, stopped, lost or failed."""
        return resume_run(self._door.open(), run)

    def retry(self, run: str) -> Run:
        """Do a run that failed, was stopped or lost once more, from its beginning."""
        return retry_run(self._door.open(), run)

    def reproduce(self, run: str, *, tolerance: float = TOLERANCE) -> Reproduction:
        """Do a run again and compare the outcomes: data to the digest, metrics within `tolerance`.

        What trains or uses a model is queued, and waited for. Raises InvalidInput where the run
        lacks something; the message says what.
        """
        workspace = self._door.open()
        found = get_run(workspace, run)
        if not needs_job(workspace, found):
            return reproduce_now(workspace, found.id, observer=SILENT)
        again = self.wait(submit_again(workspace, found.id, observer=SILENT).id)
        return conclude(workspace, found, again, tolerance=tolerance)

    def queue(self) -> QueueListing:
        """Return what waits and for what, and what goes."""
        return list_queue(self._door.open())

    def pause_queue(self) -> QueueListing:
        """Start nothing until the queue is resumed."""
        return pause_queue(self._door.open())

    def resume_queue(self) -> QueueListing:
        """Let the queue go on."""
        return resume_queue(self._door.open())

    def set_priority(self, run: str, priority: int) -> Run:
        """Let a waiting run come earlier or later."""
        return set_priority(self._door.open(), run, priority)
