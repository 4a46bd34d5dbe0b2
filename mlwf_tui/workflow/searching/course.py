"""The course of a search: queues trials, watches them, prunes, keeps the best models; not a verb.

All that it knows lies in rows: a trial is a training with the search as its parent. So it can be killed at
any moment, and goes on with what is there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from mlwf_tui.entities.ids import ModelId, RunId
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.entities.search import (
    PRUNED,
    SearchPlan,
    Trial,
    TrialState,
    describe_values,
    find_best,
    list_records,
    rank,
)
from mlwf_tui.errors import Conflict, InvalidInput, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.samplers import Sampler
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.searching.trials import Trials
from mlwf_tui.workflow.stop import GRACE_S, begin_to_stop
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
LOOK_S = 0.1  # so often it is looked whether the search itself is to end
READ_S = 1.0  # and so often at the trials
TEND_S = 2.0
MOST_FAILURES = 3  # trials that fail before one is done: the fault is not in their values


class Course:
    """One search while its worker lives."""

    def __init__(self, recorder: Recorder, plan: SearchPlan, observer: Observer) -> None:
        self._workspace: Workspace = recorder.workspace
        self._run: Run = recorder.run
        self._plan = plan
        self._observer = observer
        self._sampler: Sampler = self._workspace.registry.get_sampler(plan.sampler)
        self._trials = Trials(self._workspace, self._run.id, plan)
        self._is_exhausted = False  # the sampler has nothing left to try
        self._to_wake = self._list_sleeping()
        self._resumed: set[RunId] = set()  # lost trials that were given their chance
        self._judged: dict[str, int] = {}  # by how many values a trial was judged last
        self._told: dict[str, TrialState] = {}
        self._importance: dict[str, float] = {}

    def go(self) -> dict[str, Any]:
        """Do the search to its end, and return its document.

        Raises:
            InvalidInput: the trials fail, or do not tell the metric.
            Cancelled: it is to stop; its trials still go on then.
            Paused: it is to let go; so do its trials.
        """
        while True:
            trials = self._trials.read()
            if self._wake(trials):  # before they are counted as failed: a reboot has ended all of them
                trials = self._trials.read()
            self._check(trials)
            self._prune(trials)
            is_filled = self._fill(trials)
            self._tell(trials)
            if not is_filled and all(trial.state.is_over for trial in trials):
                break
            self._wait()
        if find_best(trials, is_lower_better=self._plan.is_lower_better) is None:
            raise InvalidInput("No trial was done.", hint=f"mlwf search {self._run.id} lists them.")
        return self._describe(trials)

    def pause_trials(self, *, is_urgent: bool) -> None:
        """Let go of the trials as well; they go on when the search does."""
        for trial in self._trials.read():
            if not trial.state.is_over:
                with suppress(Conflict):  # it has just ended, or is about to begin
                    pause_run(self._workspace, trial.run, is_urgent=is_urgent)

    def note(self) -> None:
        """Note how the search and its trials stand now."""
        self._workspace.catalog.runs.note_result(self._run.id, self._describe(self._trials.read()))

    def _list_sleeping(self) -> set[RunId]:
        """Return the trials that were let go of with the search."""
        parts = self._workspace.catalog.runs.list_parts(self._run.id)
        return {part.id for part in parts if part.state in (RunState.PAUSED, RunState.PAUSING)}

    def _wait(self) -> None:
        """Wait until it is time to look again; what happened to a row is seen at once."""
        catalog = self._workspace.catalog
        seen, end_s = catalog.journal.latest(), time.monotonic() + READ_S
        while time.monotonic() < end_s and catalog.journal.latest() == seen:
            self._observer.check_cancelled()
            time.sleep(LOOK_S)
        self._observer.check_cancelled()
        if self._workspace.pulse.is_due(TEND_S):
            tend(self._workspace)

    def _check(self, trials: Sequence[Trial]) -> None:
        """Raise InvalidInput where it is of no use to go on."""
        failed = [trial for trial in trials if trial.state is TrialState.FAILED]
        done = [trial for trial in trials if trial.state is TrialState.DONE]
        if len(failed) >= min(MOST_FAILURES, self._plan.trials) and not done:
            raise InvalidInput(
                f"{len(failed)} trials failed before one was done, the last one so: {failed[-1].error}",
                hint=f"mlwf logs {failed[-1].run} shows what happened.",
            )
        silent = next((trial for trial in done if trial.value is None), None)
        if silent is not None:
            known = self._workspace.catalog.runs.get(silent.run).result.get("metrics", {})
            raise InvalidInput(
                f"The trial {silent.number} has told no metric like {self._plan.metric!r}.",
                hint=f"There are {', '.join(known)}, and what mlwf metrics {silent.run} lists.",
            )

    def _wake(self, trials: Sequence[Trial]) -> bool:
        """Go on with trials that were let go of with the search, and once with each that was lost.

        Returns whether there was one.
        """
        is_any = False
        for trial in trials:
            run_id = RunId(trial.run)
            if trial.state is TrialState.FAILED and run_id not in self._resumed:
                if self._workspace.catalog.runs.get(run_id).state is not RunState.LOST:
                    continue
                self._resumed.add(run_id)
            elif not (trial.state is TrialState.PAUSED and run_id in self._to_wake):
                continue
            self._to_wake.discard(run_id)
            with suppress(Conflict):
                resume_run(self._workspace, run_id)
                self._trials.forget([run_id])
                is_any = True
        return is_any

    def _prune(self, trials: Sequence[Trial]) -> None:
        """Stop the trials that promise little; what they have learned so far is known to the sampler."""
        if not self._plan.is_pruning:
            return
        for trial in trials:
            if trial.state is not TrialState.RUNNING or len(trial.curve) == self._judged.get(trial.run, 0):
                continue
            self._judged[trial.run] = len(trial.curve)
            run = self._workspace.catalog.runs.get(RunId(trial.run))
            if PRUNED in run.result and run.state is RunState.RUNNING:  # this process died before it was told
                self._stop(run)
            elif PRUNED not in run.result and self._sampler.is_unpromising(
                self._plan.axes, trials, trial,
                after=self._plan.prune_after, is_lower_better=self._plan.is_lower_better,
            ):  # fmt: skip
                self._stop_pruned(trial, run)

    def _stop_pruned(self, trial: Trial, run: Run) -> None:
        step, value = trial.curve[-1]
        words = f"pruned after {len(trial.curve)} values: {self._plan.metric} {value:.4g}"
        with suppress(Conflict):  # it has just ended by itself
            note = {PRUNED: {"step": step, "value": value}, "summary": words}
            self._workspace.catalog.runs.extend_result(run.id, note)
            self._stop(run)
            logger.info("trial %d is %s", trial.number, words)

    def _stop(self, run: Run) -> None:
        with suppress(Conflict):  # it has just ended by itself
            begin_to_stop(self._workspace, run, GRACE_S)

    def _fill(self, trials: list[Trial]) -> bool:
        """Queue trials until as many go on as are wanted; return whether one was queued."""
        is_filled = False
        while not self._is_exhausted:
            counted = [trial for trial in trials if trial.state.counts]
            going = sum(1 for trial in trials if not trial.state.is_over)
            if going >= self._plan.parallel or len(counted) >= self._plan.trials:
                break
            values = self._sampler.suggest(
                self._plan.axes, counted, seed=self._plan.seed, is_lower_better=self._plan.is_lower_better
            )
            if values is None:
                self._is_exhausted = True
                break
            run = self._submit(values, len(trials) + 1)
            logger.info("trial %d is %s: %s", len(trials) + 1, run.id, describe_values(values))
            trials[:] = self._trials.read()
            is_filled = True
        return is_filled

    def _submit(self, values: Any, number: int) -> Run:
        """Queue a trial; where its model's name is taken, as by a search beside this one, under another."""
        name = self._plan.name
        try:
            return self._submit_as(f"{name}-{number}", values)
        except Conflict:
            return self._submit_as(f"{name}-{self._run.id[:6]}-{number}", values)

    def _submit_as(self, name: str, values: Any) -> Run:
        plan = self._plan
        return submit_train(
            self._workspace,
            plan.data,
            model=plan.model,
            params={**plan.params, **values},
            seed=plan.seed,
            name=name,
            terms=plan.terms,
            parent=self._run.id,
        )

    def _tell(self, trials: Sequence[Trial]) -> None:
        """Say how the search stands, and note it where a trial has gone a step on."""
        states = {trial.run: trial.state for trial in trials}
        over = [trial for trial in trials if trial.state.is_over and trial.state.counts]
        self._observer.progress(len(over), self._plan.trials, summarise(trials, self._plan))
        if states == self._told:
            return
        is_ended = any(state.is_over and self._told.get(run) is not state for run, state in states.items())
        self._told = states
        if is_ended:
            self._drop_models(trials)
            self._importance = self._sampler.rate_importance(
                self._plan.axes, trials, is_lower_better=self._plan.is_lower_better
            )
            for number, best in list_records(trials, is_lower_better=self._plan.is_lower_better)[-1:]:
                self._observer.metric(f"search/{self._plan.metric}", best, number)
        self.note()

    def _drop_models(self, trials: Sequence[Trial]) -> None:
        """Delete the models of pruned trials, and of those not among the best, unless one is used."""
        ranked = rank(trials, is_lower_better=self._plan.is_lower_better)
        outranked = [t for t in ranked if t.state is TrialState.DONE][self._plan.keep :]
        for trial in [*outranked, *(t for t in ranked if t.state is TrialState.PRUNED)]:
            if trial.model:
                with suppress(NotFound):
                    self._drop_model(trial)
        self._trials.forget([trial.run for trial in outranked])

    def _drop_model(self, trial: Trial) -> None:
        catalog = self._workspace.catalog
        for made in catalog.runs.get(trial.run).outputs:
            if made.kind is ArtifactKind.MODEL and not catalog.runs.list_readers(
                ArtifactRef(ArtifactKind.MODEL, made.id)
            ):
                catalog.models.delete(ModelId(made.id))
        self._trials.forget([trial.run])

    def _describe(self, trials: Sequence[Trial]) -> dict[str, Any]:
        return describe_search(trials, self._plan, self._importance)


def describe_search(
    trials: Sequence[Trial], plan: SearchPlan, importance: dict[str, float]
) -> dict[str, Any]:
    """Return a search's document: its trials by number, the best of them, and what made the difference."""
    best = find_best(trials, is_lower_better=plan.is_lower_better)
    counts = {state.value: sum(1 for t in trials if t.state is state) for state in TrialState}
    return {
        "metric": plan.metric,
        "best": None if best is None else _describe_trial(best),
        "model": "" if best is None else best.model,
        "counts": {name: count for name, count in counts.items() if count},
        "importance": dict(importance),
        "trials": [_describe_trial(trial) for trial in trials],
        "summary": summarise(trials, plan),
    }


def summarise(trials: Sequence[Trial], plan: SearchPlan) -> str:
    """Return in a line how a search stands."""
    over = sum(1 for trial in trials if trial.state.is_over and trial.state.counts)
    words = [f"{over} of {plan.trials} trials"]
    for state in (TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED, TrialState.FAILED):
        count = sum(1 for trial in trials if trial.state is state)
        if count:
            words.append(f"{count} {state.value}")
    best = find_best(trials, is_lower_better=plan.is_lower_better)
    if best is not None and best.value is not None:
        words.append(f"best {plan.metric} {best.value:.4g} (trial {best.number})")
    return ", ".join(words)


def _describe_trial(trial: Trial) -> dict[str, Any]:
    described: dict[str, Any] = msgspec.to_builtins(trial)
    curve = described.pop("curve")
    return {**described, "steps": len(curve)}
