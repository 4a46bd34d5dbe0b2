"""Does a claimed run: what the worker process calls; the verbs themselves are in their own files."""

from __future__ import annotations

import os
import signal

from mlwf_tui.catalog.jobs import JobEnd
from mlwf_tui.entities.ids import ModelId, VersionId
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import ArtifactKind, ProcessIdentity, Run, RunState
from mlwf_tui.errors import Cancelled, Conflict
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.apply import perform_apply
from mlwf_tui.workflow.benchmark import perform_benchmark
from mlwf_tui.workflow.calls import perform_call
from mlwf_tui.workflow.package import perform_package
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workflow.running.leases import is_slot
from mlwf_tui.workflow.running.recorder import Recorder, closing_run
from mlwf_tui.workflow.running.settle import notify
from mlwf_tui.workflow.search import perform_search
from mlwf_tui.workflow.serve import perform_serve
from mlwf_tui.workflow.train import perform_train
from mlwf_tui.workspace import Workspace


def begin_claimed(workspace: Workspace, ref: str, worker: ProcessIdentity) -> Run:
    """Let the run begin that was claimed for this worker's job, and return it.

    Raises:
        NotFound: there is no such run.
        Conflict: it was not claimed, or is to be stopped.
    """
    catalog = workspace.catalog
    with catalog.transaction():
        run = catalog.runs.get(ref)
        job = catalog.jobs.latest(run.id)
        if run.state is not RunState.CLAIMED or job is None:
            raise Conflict(f"The run {run.id} is {run.state}, not claimed.", hint="See mlwf queue.")
        catalog.jobs.note_worker(job.id, worker)
        return catalog.runs.start(run.id)


def perform(workspace: Workspace, run: Run, observer: Observer) -> None:
    """Do the run and close it. Its inputs were pinned when it was queued and are read from its row.

    Raises:
        MlwfError: what went wrong; the run is closed as failed, or as stopped, before it is raised.
        Paused: it is to be gone on with later, and is not closed.
    """
    recorder = Recorder(workspace, run)
    match run.verb:
        case "train":
            with closing_run(recorder):
                is_begun = _find_input(recorder, ArtifactKind.MODEL) is not None
                model = _find_model(recorder) if is_begun else None
                perform_train(recorder, _find_version(recorder), observer, model=model)
        case "benchmark":
            with closing_run(recorder):
                perform_benchmark(recorder, _find_version(recorder), _find_model(recorder), observer)
        case "search":
            with closing_run(recorder):
                perform_search(recorder, observer)
        case "apply":
            with closing_run(recorder):
                is_of_version = _find_input(recorder, ArtifactKind.VERSION) is not None
                version = _find_version(recorder) if is_of_version else None
                perform_apply(recorder, version, _find_model(recorder), observer)
        case "package":
            with closing_run(recorder):
                perform_package(recorder, _find_model(recorder), observer)
        case "serve":
            with closing_run(recorder):
                perform_serve(recorder, _find_model(recorder), observer)
        case _:
            perform_call(workspace, recorder, observer)


def is_asked_to_stop(workspace: Workspace, run: Run) -> bool:
    """Whether a person wants this run to end."""
    return workspace.catalog.runs.get(run.id).state is RunState.STOPPING


def note_pause(workspace: Workspace, run: Run) -> None:
    """Say that the worker has let go of the run, if that was asked for; else settling says what it is."""
    catalog = workspace.catalog
    with catalog.transaction():
        job = catalog.jobs.latest(run.id)
        if catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.PAUSING,)) and job is not None:
            catalog.jobs.note_outcome(job.id, RunState.PAUSED)


def stand_still(workspace: Workspace, run: Run) -> None:
    """Stop all of this worker's group where a pause was asked for, and return when it is to go on.

    It happens between two steps of the work, when no transaction is open that others would wait for.
    Its supervisor lets the CPU slots go, and takes slots before it lets the worker go on.

    Raises:
        Cancelled: the run was closed meanwhile.
    """
    catalog = workspace.catalog
    with catalog.transaction():
        if not catalog.runs.mark(run.id, RunState.PAUSED, expected=(RunState.PAUSING,)):
            return
        job = catalog.jobs.latest(run.id)
        if job is not None:
            catalog.jobs.note_leases(job.id, [name for name in job.leases if not is_slot(name)])
    os.killpg(os.getpgrp(), signal.SIGSTOP)
    if not catalog.queue.go_on(run.id) and catalog.runs.get(run.id).state.is_finished:
        raise Cancelled("The run was stopped while it stood still.")


def end_orphan(workspace: Workspace, run: Run, exit_code: int) -> None:
    """Say that a job whose supervisor was killed has ended, and let the queue go on."""
    catalog = workspace.catalog
    now = catalog.runs.get(run.id)
    job = catalog.jobs.latest(run.id)
    if job is not None and job.finished_at is None and now.state is not RunState.RUNNING:
        catalog.jobs.finish(job.id, end=JobEnd(exit_code=exit_code, outcome=now.state))
        if now.state.is_finished:
            notify(workspace, now)
    tend(workspace)


def _find_version(recorder: Recorder) -> Version:
    version_id = VersionId(_find_input(recorder, ArtifactKind.VERSION) or "")
    return recorder.workspace.catalog.versions.get_by_id(version_id)


def _find_model(recorder: Recorder) -> Model:
    """Return the model that is an input, or that the training has made which the run was queued behind."""
    model_id = _find_input(recorder, ArtifactKind.MODEL)
    if model_id is not None:
        return recorder.workspace.catalog.models.get_by_id(ModelId(model_id))
    assert recorder.run.terms is not None, "only a queued run may wait for its model"
    for earlier_id in recorder.run.terms.after:
        for made in recorder.workspace.catalog.runs.get(earlier_id).outputs:
            if made.kind is ArtifactKind.MODEL:
                return recorder.read_model(made.id)
    return recorder.read_model(str(recorder.run.params["model"]))


def _find_input(recorder: Recorder, kind: ArtifactKind) -> str | None:
    return next((artifact.id for artifact in recorder.run.inputs if artifact.kind is kind), None)
