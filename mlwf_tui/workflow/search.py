"""search: try parameters of a training, one trial a training, and say which are best and which matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import RunId, VersionId
from mlwf_tui.entities.item import check_name
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.entities.search import SEARCH, SearchPlan, Trial
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, MlwfError, NotFound, Paused
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.benchmark import PlannedBenchmark
from mlwf_tui.workflow.benchmarking.after_training import SWITCHED_OFF, plan_for, queue_planned
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.refs import by_name, resolve_manifest
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued, tend
from mlwf_tui.workflow.running.recorder import Recorder, pin_version
from mlwf_tui.workflow.searching.course import Course, describe_search, summarise
from mlwf_tui.workflow.searching.plans import check_plan, choose_metric, describe_plan, read_axes, read_plan
from mlwf_tui.workflow.searching.trials import Trials
from mlwf_tui.workflow.stop import stop_parts
from mlwf_tui.workflow.training.records import keep_code
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE, find_start
from mlwf_tui.workflow.training.tasks import check_task_data, read_task_data
from mlwf_tui.workspace import Workspace

DEFAULT_TRIALS = 20
STOP_PARTS_S = 45.0  # before the search itself is ended by force
OWN_RETRIES = 3  # a search only watches: where its process is killed, it goes on by itself
OWN_BACKOFF_S = 2.0


class FoundSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A search with its plan and all its trials, curves included."""

    run: Run
    plan: SearchPlan
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]

    @property
    def summary(self) -> str:
        """In a line, how its trials stand now, whatever the search itself noted last."""
        is_before = self.run.waits_for and not self.trials
        return f"waits for {self.run.waits_for}" if is_before else summarise(self.trials, self.plan)


def submit_search(
    workspace: Workspace,
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
    prune_after: int = 3,
    keep: int = 3,
    seed: int = 0,
    name: str = "",
    terms: Terms | None = None,
) -> Run:
    """Pin the data and queue a search, which starts by itself; return at once.

    `space` holds for each parameter its values or its range as text; `terms` are those of every trial.
    Without a `metric` the task says what tells which trial is better: mAP50, of classifiers top1.

    Raises:
        NotFound: there is no such project, version or sampler.
        InvalidParameter: a parameter, a range or a number does not fit.
        InvalidInput: the version cannot be trained on.
    """
    agreed = check_terms(
        workspace, terms or Terms(), uses_gpu=True, device=str((params or {}).get("device", "auto"))
    )
    plan = SearchPlan(
        data=ref,
        model=model,
        axes=read_axes(workspace, model, space),
        params=dict(params or {}),
        sampler=sampler,
        trials=trials,
        parallel=parallel,
        metric=metric or choose_metric(workspace, model),
        is_pruning=is_pruning,
        prune_after=prune_after,
        keep=keep,
        seed=seed,
        name=name,
        terms=replace(agreed, after=()),
    )
    project, manifest = resolve_manifest(workspace, ref)
    task = find_start(workspace, model).task
    check_task_data(read_task_data(workspace, manifest, task), task, by_name(workspace, ref))
    stem = f"{Path(model).stem}-{project.name}-search"
    return _queue(workspace, check_plan(workspace, plan), after=agreed.after, stem=stem)


def continue_search(workspace: Workspace, ref: str, *, more: int, parallel: int | None = None) -> Run:
    """Queue a search that goes on where a finished one has ended, with so many trials more.

    The earlier trials are its first; none of them is done again.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is no search.
        InvalidParameter: it has no trial to do.
        Conflict: it goes on by itself.
    """
    tend(workspace)
    earlier = get_search_run(workspace, ref)
    if not earlier.state.is_finished:
        raise Conflict(
            f"The search {earlier.id} is {earlier.state}.",
            hint=f"mlwf resume {earlier.id} goes on with a paused one.",
        )
    plan = read_plan(workspace, earlier)
    tried = [t for t in Trials(workspace, earlier.id, plan).read() if t.state.counts]
    wanted = replace(
        plan, trials=len(tried) + max(0, more), parallel=parallel or plan.parallel, continues=earlier.id
    )
    checked = check_plan(workspace, wanted)
    if checked.trials <= len(tried):
        raise InvalidInput(
            f"The search {earlier.id} has nothing left to try.", hint="Give --trials +10, or a wider range."
        )
    return _queue(workspace, checked, after=(), stem=plan.name)


def perform_search(recorder: Recorder, observer: Observer) -> None:
    """Do a queued search, from the trials that an earlier job of it has left; for the worker."""
    workspace, run = recorder.workspace, recorder.run
    course = Course(recorder, read_plan(workspace, run), observer)
    try:
        recorder.result = course.go()
        _measure_best(recorder)
    except Paused as pause:
        if workspace.catalog.runs.get(run.id).state is RunState.PAUSING:  # else the machine goes down
            course.pause_trials(is_urgent=pause.is_urgent)
        raise
    except (Cancelled, InvalidInput, NotFound, Conflict):  # what no other try makes better
        stop_parts(workspace, run.id, grace_s=STOP_PARTS_S)
        course.note()
        raise


def _measure_best(recorder: Recorder) -> None:
    """Queue the benchmark of the best trial's model with the search's own end, and let it start.

    One transaction holds both: of a process that dies there is either the end with its benchmark, or a search
    that goes on, finds nothing left to try, and comes to it again. What takes time was read before.
    """
    workspace, found = recorder.workspace, dict(recorder.result)
    name = str(found["model"])
    planned = _plan_best(workspace, name)
    with recorder.finishing():
        recorder.result = {**found, "benchmark": queue_planned(workspace, planned, name)}
    tend(workspace)  # where this is not reached, the supervisor does it


def _plan_best(workspace: Workspace, name: str) -> PlannedBenchmark | str:
    """Return the benchmark of a model, or why there is none."""
    if not workspace.settings.benchmark_after_training:
        return SWITCHED_OFF
    try:
        model = workspace.catalog.models.get(name)
        run = workspace.catalog.runs.get(model.run_id)
        data = next(found for found in run.inputs if found.kind is ArtifactKind.VERSION)
        version = workspace.catalog.versions.get_by_id(VersionId(data.id))
    except MlwfError as error:  # deleted meanwhile
        return error.message
    return plan_for(workspace, run, version, model)


def get_search_run(workspace: Workspace, ref: str) -> Run:
    """Return the run of a search.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is no search.
    """
    run = workspace.catalog.runs.get(ref)
    if run.verb != SEARCH or not run.is_detached:  # a program of somebody's own may call itself so
        raise InvalidInput(
            f"The {run.verb} run {run.id} is no search of parameters.", hint="mlwf runs lists them."
        )
    return run


def read_search(workspace: Workspace, ref: str) -> FoundSearch:
    """Return a search as it stands now.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is no search.
    """
    tend(workspace)
    run = get_search_run(workspace, ref)
    plan = read_plan(workspace, run, is_told=True)
    trials = Trials(workspace, run.id, plan).read()
    return FoundSearch(run=run, plan=plan, trials=tuple(trials), importance=run.result.get("importance", {}))


def describe_found(found: FoundSearch) -> dict[str, Any]:
    """Return a search as a document: its run, its plan, and all that it says of its trials."""
    shown = describe_search(found.trials, found.plan, dict(found.importance))
    failed = {"error": found.run.error} if found.run.error else {}
    plan = describe_plan(found.plan)
    return {"run": found.run.id, "state": found.run.state.value, **failed, "plan": plan, **shown}


def list_samplers(workspace: Workspace) -> Sequence[str]:
    """Return the names of the ways to choose what is tried."""
    return workspace.registry.list_names("samplers")


def _queue(workspace: Workspace, plan: SearchPlan, *, after: tuple[RunId, ...], stem: str) -> Run:
    terms = Terms(
        wants=Wants(slots=0), priority=plan.terms.priority, after=after,
        retries=OWN_RETRIES, backoff_s=OWN_BACKOFF_S,
    )  # fmt: skip
    begun = find_start(workspace, plan.model).model
    with workspace.store.hold_shared():
        code = keep_code(workspace, Path.cwd())
        with workspace.catalog.transaction():
            name = plan.name or _choose_name(workspace, stem)
            version = pin_version(workspace, plan.data, verb=SEARCH)
            named = replace(plan, data=version.ref, model=begun.name if begun else plan.model, name=name)
            call = msgspec.to_builtins(named)
            recorder = queue_run(workspace, SEARCH, describe_plan(named), plan.seed, terms=terms, call=call)
            environment = {**recorder.run.environment, **code}
            workspace.catalog.runs.set_environment(recorder.run_id, environment)
            recorder.read_version(version.full_ref)
            if begun is not None:
                recorder.read_model(begun.id)
    return start_queued(workspace, recorder.run)


def _choose_name(workspace: Workspace, stem: str) -> str:
    """Return the first of STEM-1, STEM-2, … that no search has given to its models."""
    return find_free(check_name(stem, "model name"), workspace.catalog.runs.list_names(SEARCH))
