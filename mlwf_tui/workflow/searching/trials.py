"""Reads the trials of a search: trainings that have it as their parent, in the order they were queued."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.metric import is_better_low, matches
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.entities.search import PRUNED, SearchPlan, Trial, TrialState
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.running.events import FILE_NAME, EventReader
from mlwf_tui.workflow.stop import STOPPED_WITH
from mlwf_tui.workspace import Workspace

STATES: Mapping[RunState, TrialState] = {
    RunState.QUEUED: TrialState.WAITING,
    RunState.CLAIMED: TrialState.WAITING,
    RunState.RUNNING: TrialState.RUNNING,
    RunState.PAUSING: TrialState.RUNNING,
    RunState.STOPPING: TrialState.RUNNING,
    RunState.PAUSED: TrialState.PAUSED,
    RunState.DONE: TrialState.DONE,
    RunState.FAILED: TrialState.FAILED,
    RunState.LOST: TrialState.FAILED,
    RunState.STOPPED: TrialState.STOPPED,
}


class Curve:
    """The curve of one metric of one run, read on as its event file grows."""

    def __init__(self, reader: EventReader, metric: str) -> None:
        self._reader = reader
        self._metric = metric
        self._key = ""  # the first one that fits: of several tasks' metrics the one that comes first
        self._points: dict[int, float] = {}

    def read(self) -> tuple[tuple[int, float], ...]:
        """Return the points so far, by step; of one step the last counts."""
        while True:
            for point in self._reader.read_new()[1]:
                if not self._key and matches(self._metric, point.key):
                    self._key = point.key
                if point.key == self._key:
                    self._points[point.step] = point.value
            if not self._reader.is_behind:
                break
        finite = ((step, value) for step, value in self._points.items() if value == value)
        return tuple(sorted(finite))


class Trials:
    """The trials of one search, those of the searches that it continues before them."""

    def __init__(self, workspace: Workspace, run_id: RunId, plan: SearchPlan) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._plan = plan
        self._curves: dict[RunId, Curve] = {}
        self._over: dict[RunId, Trial] = {}  # they do not change any more

    def read(self) -> list[Trial]:
        """Return all trials by number, as they are now."""
        runs = list_trial_runs(self._workspace, self._run_id, self._plan)
        return [self._read_trial(number, run) for number, run in enumerate(runs, start=1)]

    def _read_trial(self, number: int, run: Run) -> Trial:
        if run.state.is_finished and run.id in self._over:
            return self._over[run.id]
        curve = self._find_curve(run.id).read() if run.started_at is not None else ()
        state = _find_state(run)
        trial = Trial(
            number=number,
            run=run.id,
            state=state,
            values={axis.name: axis.find_choice(run.params.get(axis.name)) for axis in self._plan.axes},
            value=_find_value(run, state, curve, self._plan.metric),
            curve=curve,
            model=_find_model(self._workspace, run),
            seconds=_measure(run),
            error=run.error if state is TrialState.FAILED else "",
        )
        if run.state.is_finished:
            self._over[run.id] = trial
            self._curves.pop(run.id, None)
        return trial

    def _find_curve(self, run_id: RunId) -> Curve:
        if run_id not in self._curves:
            reader = EventReader(self._workspace.run_folder(run_id) / FILE_NAME)
            self._curves[run_id] = Curve(reader, self._plan.metric)
        return self._curves[run_id]

    def forget(self, run_ids: Sequence[str]) -> None:
        """Read these again, though they are over: a model of theirs has gone, or they are resumed."""
        for run_id in run_ids:
            self._over.pop(RunId(run_id), None)


def list_trial_runs(workspace: Workspace, run_id: RunId, plan: SearchPlan) -> list[Run]:
    """Return the trainings of a search and of those that it continues, oldest first."""
    own = [run for run in workspace.catalog.runs.list_parts(run_id) if run.verb == "train"][::-1]
    if not plan.continues:
        return own
    earlier = workspace.catalog.runs.get(plan.continues)
    return [*list_trial_runs(workspace, earlier.id, msgspec.convert(dict(earlier.call), SearchPlan)), *own]


def _find_state(run: Run) -> TrialState:
    if run.state is RunState.STOPPED and PRUNED in run.result:
        return TrialState.PRUNED
    if run.state is RunState.STOPPED and STOPPED_WITH in run.result:
        return TrialState.DROPPED
    return STATES[run.state]


def _find_value(run: Run, state: TrialState, curve: Sequence[tuple[int, float]], metric: str) -> float | None:
    """Return what a trial came to: the metric of its model, else the best of its curve."""
    metrics: Mapping[str, Any] = run.result.get("metrics", {})
    if state is TrialState.DONE:
        found = next((value for key, value in metrics.items() if matches(metric, key)), None)
        if found is not None and math.isfinite(found):  # what is no number is neither better nor worse
            return float(found)
    values = [value for _, value in curve]
    if not values:
        return None
    return min(values) if is_better_low(metric) else max(values)


def _find_model(workspace: Workspace, run: Run) -> str:
    for made in run.outputs:
        if made.kind is ArtifactKind.MODEL:
            with suppress(NotFound):
                return workspace.catalog.models.get(made.id).name
    return ""


def _measure(run: Run) -> float | None:
    seconds = run.find_length_s()
    return None if seconds is None else round(seconds, 1)
