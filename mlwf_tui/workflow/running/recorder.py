"""Records a run while a verb works: its row, its process, and every edge of its lineage.

A verb gets its inputs and leaves its outputs through the Recorder, which links them to the run, and
a head that changed since its last version is committed before a run may read it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlwf_tui import processes
from mlwf_tui.entities.ids import Digest, RunId, StateId
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.pipeline import Intermediate, KeptRecipe
from mlwf_tui.entities.project import ManifestSummary, Project, ProjectState, Version, VersionKind
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Job, Run, RunState
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, MlwfError, NotFound, Paused
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.refs import resolve_project_ref
from mlwf_tui.workflow.running.surroundings import describe_surroundings
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
METERED_AFTER_S = 5.0
METER_JOIN_S = 5.0  # a sick GPU's driver may keep the thread for ever; the run does not wait for it


@dataclass(slots=True, eq=False, repr=False)
class Recorder:
    """What a verb holds while its run is open."""

    workspace: Workspace
    run: Run
    job: Job | None = None  # of this process, where the verb is done in process
    result: Mapping[str, Any] = field(default_factory=dict)
    is_stopped: bool = False  # ended early but kept what it had
    stop_reason: str = ""  # where nobody asked for that
    is_closed: bool = False
    holds: ExitStack = field(default_factory=ExitStack)  # left by closing_run
    is_holding: bool = False  # the store: see hold_store

    @property
    def run_id(self) -> RunId:
        return self.run.id

    def hold_store(self) -> None:
        """Keep collect from deleting anything until the run is closed.

        A run relies on bytes before the catalog names them: those it puts, and those that it finds
        in the store already and therefore does not put. A run of this process holds from its first
        moment; a worker's, which may take hours, from its first `writer`.

        Raises:
            Busy: a collect has been deleting for a minute.
        """
        if not self.is_holding:
            self.holds.enter_context(self.workspace.store.hold_shared())
            self.is_holding = True

    @contextmanager
    def writer(self) -> Iterator[StoreWriter]:
        """Give a writer of the store; what it puts is safe from collect until the run has named it."""
        self.hold_store()
        with self.workspace.store.writer() as writer:
            yield writer

    def read_version(self, ref: str) -> Version:
        """Return the immutable version that `PROJECT` or `PROJECT@N` means, as an input of the run.

        A bare project is committed first when its head has changed since its last version.
        """
        version = pin_version(self.workspace, ref, verb=self.run.verb)
        self._link_input(ArtifactRef(ArtifactKind.VERSION, version.id, version.ref))
        return version

    def read_state(self, project: Project, state_id: StateId) -> None:
        """Note a state of a project as an input: the version that names it, where it is the latest."""
        catalog = self.workspace.catalog
        state = catalog.projects.get_state(state_id)
        latest = catalog.versions.latest(project.id)
        if latest is not None and latest.manifest == state.manifest:
            self._link_input(ArtifactRef(ArtifactKind.VERSION, latest.id, latest.ref))
        else:
            self._link_input(ArtifactRef(ArtifactKind.PROJECT, state_id, project.name))

    def read_folder(self, path: str) -> None:
        """Note a folder outside the home as an input."""
        self._link_input(self.workspace.catalog.lineage.add_folder(path))

    def read_model(self, ref: str) -> Model:
        """Return a model as an input of the run."""
        model = self.workspace.catalog.models.get(ref)
        self._link_input(ArtifactRef(ArtifactKind.MODEL, model.id, model.name))
        return model

    def read_recipe(self, recipe: KeptRecipe) -> None:
        """Note the text of a pipeline as an input."""
        self._link_input(ArtifactRef(ArtifactKind.RECIPE, recipe.id, recipe.name))

    def read_artifact(self, artifact: ArtifactRef) -> None:
        """Note what another run has made as an input: a version, or an intermediate."""
        self._link_input(artifact)

    def write_artifact(self, artifact: ArtifactRef) -> None:
        """Note an artifact that was entered just now as an output."""
        self._link_output(artifact)

    def write_intermediate(self, title: str, manifest: ManifestSummary) -> Intermediate:
        """Enter what a step has made as an output."""
        with self.workspace.catalog.transaction():
            made = self.workspace.catalog.intermediates.create(
                title, manifest=manifest.digest, item_count=manifest.item_count, run_id=self.run_id
            )
            self._link_output(ArtifactRef(ArtifactKind.INTERMEDIATE, made.id, title))
        return made

    def write_head(self, project: Project, manifest: ManifestSummary) -> ProjectState:
        """Move a project's head to a new state, which becomes an output."""
        with self.workspace.catalog.transaction():
            state = self._move_head(project, manifest.digest, manifest.item_count)
            self.note_state(state, project)
        return state

    def note_state(self, state: ProjectState, project: Project) -> None:
        """Note a state that was made already as an output."""
        self._link_output(ArtifactRef(ArtifactKind.PROJECT, state.id, project.name))

    def write_version(
        self,
        project: Project,
        manifest: Digest,
        item_count: int,
        *,
        message: str,
        kind: VersionKind = VersionKind.AUTOMATIC,
        parents: Sequence[Version] = (),
    ) -> Version:
        """Move a project's head to `manifest` and name it as a version, in one transaction.

        What the head held and no version named is committed first, so that nothing is lost. The
        first parent is the version that the head comes from, then come `parents`.
        """
        catalog = self.workspace.catalog
        with catalog.transaction():
            if project.is_changed and project.item_count and project.manifest != manifest:
                pin_head(self.workspace, project, message=f"before {self.run.verb}")
            former = catalog.versions.find_of_head(project.id)
            ancestors = [parent.id for parent in (*([former] if former else []), *parents)]
            self._move_head(project, manifest, item_count)
            version = catalog.versions.create(
                project.id,
                manifest=manifest,
                item_count=item_count,
                message=message,
                kind=kind,
                author=self.run.author,
                parents=tuple(dict.fromkeys(ancestors)),
            )
            self._link_output(ArtifactRef(ArtifactKind.VERSION, version.id, version.ref))
        return version

    def find_same(self, project: Project, manifest: Digest) -> Version | None:
        """Return the project's latest version where its head stands on this very data already."""
        latest = self.workspace.catalog.versions.latest(project.id)
        is_same = latest is not None and latest.manifest == project.manifest == manifest
        return latest if is_same else None

    def write_model(self, **values: Any) -> Model:
        """Enter a model into the catalog as an output; `values` are Model's fields."""
        with self.workspace.catalog.transaction():
            model = self.workspace.catalog.models.create(run_id=self.run_id, **values)
            self._link_output(ArtifactRef(ArtifactKind.MODEL, model.id, model.name))
        return model

    def write_report(self, **values: Any) -> Report:
        """Enter a report into the catalog as an output; `values` are Report's fields."""
        with self.workspace.catalog.transaction():
            report = self.workspace.catalog.reports.create(run_id=self.run_id, **values)
            self._link_output(ArtifactRef(ArtifactKind.REPORT, report.id, report.name))
        return report

    def write_folder(self, path: str) -> ArtifactRef:
        """Note a folder outside the home as an output, and return it."""
        folder = self.workspace.catalog.lineage.add_folder(path, is_output=True)
        self._link_output(folder)
        return folder

    def note_version(self, version: Version) -> None:
        """Note a version that was made inside of this run as its output."""
        self._link_output(ArtifactRef(ArtifactKind.VERSION, version.id, version.ref))

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Hold the last outputs and the run's own end together in one transaction.

        Set `result` inside the block; a process that dies leaves either all of it or nothing.
        """
        try:
            with self.workspace.catalog.transaction():
                yield
                state = RunState.STOPPED if self.is_stopped else RunState.DONE
                self.close(state, result=self.result, error=self.stop_reason)
        except BaseException:
            self.is_closed = False  # the commit itself may fail, on a full disk: then nothing was closed
            raise

    def close(self, state: RunState, *, result: Mapping[str, Any], error: str = "", hint: str = "") -> None:
        """Finish the run, and the job of this process, once."""
        catalog = self.workspace.catalog
        with catalog.transaction():
            catalog.runs.finish(self.run_id, state, result=result, error=error, hint=hint)
            if self.job is not None:
                catalog.jobs.finish(self.job.id, 0 if state is RunState.DONE else 1)
        self.is_closed = True

    def _move_head(self, project: Project, manifest: Digest, item_count: int) -> ProjectState:
        return self.workspace.catalog.projects.move_head(
            project.id,
            expected=project.head,
            manifest=manifest,
            item_count=item_count,
            run_id=self.run_id,
            verb=self.run.verb,
        )

    def _link_input(self, artifact: ArtifactRef) -> None:
        self.workspace.catalog.runs.add_input(self.run_id, artifact)

    def _link_output(self, artifact: ArtifactRef) -> None:
        self.workspace.catalog.runs.add_output(self.run_id, artifact)


@contextmanager
def record(
    workspace: Workspace,
    verb: str,
    *,
    params: Mapping[str, Any],
    seed: int | None = None,
    parent: RunId | None = None,
) -> Iterator[Recorder]:
    """Open a run done by this process, and close it as done, stopped or failed.

    Inside a catalog transaction a failure leaves no trace at all; outside, the failed run stays to
    be seen, with what was wrong.
    """
    catalog = workspace.catalog
    adopted = workspace.adopt_run(verb)
    if adopted is not None:
        catalog.runs.set_params(adopted, params)
        with closing_run(Recorder(workspace, catalog.runs.get(adopted))) as recorder:
            recorder.hold_store()
            yield recorder
        return
    with catalog.transaction():
        run = catalog.runs.create(
            verb,
            params=params,
            seed=seed,
            author=workspace.settings.author,
            workspace=workspace.settings.workspace,
            environment=describe_surroundings(),
            parent=parent,
        )
        job = catalog.jobs.create(run.id, processes.identify_self())
    recorder = Recorder(workspace, run, job)
    with _metering_if_long(workspace, run), closing_run(recorder):
        recorder.hold_store()
        yield recorder


@contextmanager
def _metering_if_long(workspace: Workspace, run: Run) -> Iterator[None]:
    """Record what this process takes of the machine, from when the run has lasted for a while.

    A run of a few milliseconds, as most are, has only a thread that waits: 0.1 ms.
    """
    is_over = threading.Event()
    thread = threading.Thread(target=_meter_if_long, args=(workspace, run, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(METER_JOIN_S)


def _meter_if_long(workspace: Workspace, run: Run, is_over: threading.Event) -> None:
    if is_over.wait(METERED_AFTER_S):
        return
    from mlwf_tui.workflow.running.metering import meter_until  # which short runs do without

    meter_until(workspace, run, os.environ, is_over)


@contextmanager
def closing_run(recorder: Recorder) -> Iterator[Recorder]:
    """Close the recorder's run with the state that the block's ending means, unless it is closed."""
    with recorder.holds, _closing(recorder):  # let go of the store last
        yield recorder


@contextmanager
def _closing(recorder: Recorder) -> Iterator[None]:
    try:
        yield
    except Paused:
        raise  # the run goes on later
    except (Cancelled, KeyboardInterrupt):
        _close_after(recorder, RunState.STOPPED, "Stopped on request.")
        raise
    except MlwfError as error:
        _close_after(recorder, RunState.FAILED, error.message, error.hint, cause=error)
        raise
    except BaseException as error:
        _close_after(recorder, RunState.FAILED, f"{type(error).__name__}: {error}", cause=error)
        raise
    if not recorder.is_closed:
        with recorder.finishing():
            pass


def _close_after(
    recorder: Recorder,
    state: RunState,
    error: str,
    hint: str = "",
    *,
    cause: BaseException | None = None,
) -> None:
    """Close the run after a failure; that it cannot be closed must not hide why it failed."""
    if recorder.is_closed:
        return
    try:
        if state is RunState.FAILED and _waits_for_retry(recorder, cause):
            return
        recorder.close(state, result={}, error=error, hint=hint)
    except MlwfError as second:
        logger.warning("The run %s could not be closed: %s", recorder.run_id, second.message)


def _waits_for_retry(recorder: Recorder, cause: BaseException | None) -> bool:
    """Let a queued run wait for its retry, where its terms have one left and another try may do better."""
    if recorder.run.terms is None or isinstance(cause, InvalidInput | NotFound | Conflict):
        return False
    message = cause.message if isinstance(cause, MlwfError) else f"{type(cause).__name__}: {cause}"
    return recorder.workspace.catalog.queue.try_again(recorder.run_id, error=message)


def pin_version(workspace: Workspace, ref: str, *, verb: str) -> Version:
    """Return the version that `PROJECT@N` means, or `PROJECT`, whose changed head is committed first.

    Who queues a run pins before, so that the run is newer than the commit.

    Raises:
        NotFound: there is no such project or version.
        InvalidInput: the project has never held an item.
    """
    project, number = resolve_project_ref(workspace, ref)
    if number is not None:
        return workspace.catalog.versions.get(project.id, number)
    return pin_head(workspace, project, message=f"before {verb}")


def pin_head(
    workspace: Workspace, project: Project, *, message: str, kind: VersionKind = VersionKind.AUTOMATIC
) -> Version:
    """Return the version of the project's present head, committing it where none names it yet.

    Raises:
        InvalidInput: the project has never held an item.
    """
    catalog = workspace.catalog
    with catalog.transaction():
        project = catalog.projects.get_by_id(project.id)
        latest = catalog.versions.latest(project.id)
        if latest is not None and not project.is_changed:
            return latest
        if latest is None and not project.is_changed:
            raise InvalidInput(
                f"The project {project.name} is empty.",
                hint=f"Import images: mlwf import PATH {project.name}",
            )
        former = catalog.versions.find_of_head(project.id)
        with record(workspace, "commit", params={"project": project.name, "message": message}) as commit_run:
            commit_run.read_state(project, project.head)
            version = catalog.versions.create(
                project.id,
                manifest=project.manifest,
                item_count=project.item_count,
                message=message,
                kind=kind,
                author=workspace.settings.author,
                parents=(former.id,) if former else (),
            )
            commit_run.note_version(version)
            commit_run.result = {
                "project": project.name,
                "version": version.number,
                "created": True,
                "summary": message,
            }
    return version
