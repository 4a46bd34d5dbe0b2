"""Putting one's own program on the lineage: open_run, and what a run reads, makes and measures."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal, Self

from mlwf_tui import processes
from mlwf_tui.entities.card import Card
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.run import ArtifactRef, Run, RunState
from mlwf_tui.errors import Conflict, MlwfError
from mlwf_tui.sdk.cards import WorkflowMeta, read_meta
from mlwf_tui.sdk.door import Door
from mlwf_tui.sdk.home import Home, StrPath
from mlwf_tui.sdk.tolerance import COMPLAINTS, SWITCH, logger, tolerant, tolerating
from mlwf_tui.settings import find_home
from mlwf_tui.workflow import run as verbs
from mlwf_tui.workflow.running.checked_events import CheckedEvents
from mlwf_tui.workflow.running.heartbeat import EVERY_S
from mlwf_tui.workspace import Workspace

RUN_VARIABLE = "MLWF_RUN"
Meta = WorkflowMeta | Mapping[str, Any] | None
_OPENED: ContextVar[str] = ContextVar("mlwf_run", default="")
"""The run that this thread or task has open; of siblings in other threads none is a part of another."""
_INHERITED = os.environ.get(RUN_VARIABLE, "")  # of the program that has started this one


def open_run(
    verb: str = "",
    *,
    home: Home | StrPath | None = None,
    title: str = "",
    description: str = "",
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    is_strict: bool = False,
) -> TrackedRun:
    """Begin a run that this program does, `verb` in a word or two, else the program's name.

    Use it in a `with` block, which ends it as done, failed or stopped; or call `finish`. While it goes,
    other programs find its id in MLWF_RUN: they `attach_run`, or what they open is a part of it.

    Whatever fails is logged and does not reach the program, unless `is_strict`; a run that could not be
    opened takes every call and does nothing.

    Raises:
        MlwfError: only where `is_strict`.
    """
    tracked = TrackedRun(_find_door(home), is_owner=True, is_strict=is_strict)
    card = Card(title=title, description=description)
    tracked._open(verb or Path(sys.argv[0]).stem or "python", params or {}, seed, card)
    return tracked


def attach_run(run: str = "", *, home: Home | StrPath | None = None, is_strict: bool = False) -> TrackedRun:
    """Go on with a run that another process has opened, by its id, else by MLWF_RUN; it ends there, not here.

    Raises:
        MlwfError: only where `is_strict`.
    """
    tracked = TrackedRun(_find_door(home), is_owner=False, is_strict=is_strict)
    tracked._attach(run or os.environ.get(RUN_VARIABLE, ""))
    return tracked


def _find_door(home: Home | StrPath | None) -> Door:
    if isinstance(home, Home):
        return home.door
    return Door(find_home(None if home is None else Path(home), os.environ))


class TrackedRun:
    """A run of this program's own. Any number of threads, and forked processes, may use it.

    Every method returns None where it failed or nothing is tracked. What is read is said before what is
    made: a run cannot read what came of it.
    """

    def __init__(self, door: Door, *, is_owner: bool, is_strict: bool) -> None:
        self.id = ""
        self.is_strict = is_strict
        self._door = door
        self._is_owner = is_owner
        self._pid = os.getpid()  # only the process that opened the run ends it
        self._run: Run | None = None
        self._locks: dict[int, Lock] = {}  # by pid: a thread may hold its parent's while a child is forked
        self._writers: dict[int, CheckedEvents] = {}  # by pid
        self._looked_at = -math.inf  # when it was last seen to go on, by the monotonic clock
        self._is_over = Event()
        self._outer = ""  # the run that was open here when this one was

    @property
    def is_tracking(self) -> bool:
        """Whether the run is open, and tracking is switched on."""
        return self.is_heard and not self._is_over.is_set()

    @property
    def is_heard(self) -> bool:
        """Whether what is said gets anywhere: a run that has ended refuses it."""
        return self._run is not None and SWITCH.is_enabled()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_clean = error is None or (isinstance(error, SystemExit) and not error.code)
        if is_clean:
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("stopped", error="Stopped on request.")
        else:
            self.finish("failed", error=f"{type(error).__name__}: {error}")

    @tolerant
    def add_input_project(
        self,
        project: str,
        *,
        version_num: int | None = None,
        version_id: str | None = None,
        meta: Meta = None,
    ) -> ArtifactRef:
        """Say that the run reads a project: a version by its number or id, else the head, committed first."""
        return self._add_input("project", _refer(project, version_num, version_id), meta, is_named=True)

    @tolerant
    def add_input_dataset(
        self, project: str, dataset: str, *, version_num: int | None = None, meta: Meta = None
    ) -> ArtifactRef:
        """Say that the run reads one dataset of a project. Prefer the project, whose history it is."""
        ref = _refer(project, version_num, None)
        return self._add_input("dataset", ref, meta, dataset=dataset, is_named=True)

    @tolerant
    def add_input_file(self, path: StrPath, *, is_weights: bool = False, meta: Meta = None) -> ArtifactRef:
        """Say that the run reads a file."""
        return self._add_input("weights" if is_weights else "file", os.fspath(path), meta)

    @tolerant
    def add_input_folder(self, path: StrPath, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run reads a folder."""
        return self._add_input("folder", os.fspath(path), meta)

    @tolerant
    def add_input_task(self, run: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run uses what another run offers, as a served model."""
        return self._add_input("run", run, meta)

    @tolerant
    def add_input_session(self, run: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run uses the session of another run; the same as `add_input_task`."""
        return self._add_input("run", run, meta)

    @tolerant
    def add_input_job(self, job: str | int, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run reads the outcome of a labelling job of another system."""
        return self._add_input("labeling_job", str(job), meta)

    @tolerant
    def add_input_model(self, model: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run uses a model of the home."""
        return self._add_input("model", model, meta, is_named=True)

    @tolerant
    def add_input_report(self, report: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run reads a report of the home."""
        return self._add_input("report", report, meta, is_named=True)

    @tolerant
    def add_output_project(
        self,
        project: str,
        *,
        version_num: int | None = None,
        version_id: str | None = None,
        meta: Meta = None,
    ) -> ArtifactRef:
        """Say that the run has made what a project holds now, which becomes a new version.

        A version that is given must be one that this run has made, which is returned, or hold what the
        project holds now.
        """
        return self._add_output("project", _refer(project, version_num, version_id), meta, is_named=True)

    @tolerant
    def add_output_dataset(self, project: str, dataset: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run has made a dataset of a project."""
        return self._add_output("dataset", project, meta, dataset=dataset, is_named=True)

    @tolerant
    def add_output_file(self, path: StrPath, *, is_weights: bool = False, meta: Meta = None) -> ArtifactRef:
        """Say that the run has written a file."""
        return self._add_output("weights" if is_weights else "file", os.fspath(path), meta)

    @tolerant
    def add_output_folder(self, path: StrPath, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run has written a folder: one card, however many files are in it."""
        return self._add_output("folder", os.fspath(path), meta)

    @tolerant
    def add_output_task(self, run: str, *, meta: Meta = None) -> ArtifactRef:
        """Say that this run has started another one."""
        return self._add_output("run", run, meta)

    @tolerant
    def add_output_session(self, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run offers itself to others, as a server does."""
        return self._add_output("session", "", meta)

    @tolerant
    def add_output_job(self, job: str | int, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run has opened a labelling job in another system."""
        return self._add_output("labeling_job", str(job), meta)

    @tolerant
    def add_output_model(
        self,
        name: str,
        files: Sequence[StrPath],
        *,
        architecture: str = "",
        task: str = "",
        trainer: str = "",
        class_names: Sequence[str] = (),
        image_size_px: int = 0,
        metrics: Mapping[str, float] | None = None,
        description: str = "",
        is_exact: bool = False,
    ) -> Model:
        """Keep weights as a model of the home, the first file the one to use.

        Where the name is taken the model gets the next free NAME-1, NAME-2, …, which the log says, unless
        it `is_exact`: then that is a failure.
        """
        made = verbs.add_model(
            self._workspace,
            self._get_run(),
            name,
            [Path(file) for file in files],
            architecture=architecture,
            task=task,
            trainer=trainer,
            class_names=class_names,
            image_size_px=image_size_px,
            metrics=metrics,
            description=description,
            is_exact=is_exact,
        )
        if made.name != name:
            logger.warning("Tracking: there is a model %s already, so this one is %s.", name, made.name)
        return made

    @tolerant
    def add_output_report(self, path: StrPath, *, meta: Meta = None) -> ArtifactRef:
        """Say that the run has written a report, a file to be read by people."""
        return self._add_output("report", os.fspath(path), meta)

    @tolerant
    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Keep one point of a curve, for some microseconds; without a step, after the last of all processes.

        A step that the curve has passed is refused.
        """
        self._get_writer().metric(key, float(value), None if step is None else int(step))

    @tolerant
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add parameters to the run; one that it has already with another value is refused."""
        verbs.log_params(self._workspace, self._get_run(), params)

    @tolerant
    def progress(self, step: int, total: int | None = None, message: str = "") -> None:
        """Say how far the run is."""
        self._get_writer().progress(step, total, message)

    @tolerant
    def describe(self, title: str = "", description: str = "") -> None:
        """Say what stands on the run's own card; what was there before stays in its history."""
        verbs.put_card(self._workspace, f"run:{self.id}", Card(title=title, description=description))

    def finish(
        self,
        state: Literal["done", "failed", "stopped"] = "done",
        *,
        error: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """End the run, for good; what was said of it before is kept. Saying so twice does nothing."""
        if self._run is None or self._is_over.is_set():
            return
        writer = self._writers.pop(os.getpid(), None)
        try:
            if writer is not None:
                with tolerating("log_metric", is_strict=self.is_strict):  # on a full disk, say
                    writer.close()
        finally:
            if self._is_owner and os.getpid() == self._pid:
                with tolerating("finish", is_strict=self.is_strict):
                    self._end(self._run, RunState(state), result or {}, error)
                COMPLAINTS.settle()

    @property
    def _workspace(self) -> Workspace:
        return self._door.open()

    def _open(self, verb: str, params: Mapping[str, Any], seed: int | None, card: Card) -> None:
        if not SWITCH.is_enabled():
            return
        with tolerating("open_run", is_strict=self.is_strict):
            self._run = verbs.start_run(
                self._workspace,
                verb,
                params=params,
                seed=seed,
                card=card,
                process=processes.identify_self(),
                within=_OPENED.get() or _INHERITED,
            )
            self.id = self._run.id
            self._outer = _OPENED.get()
            _OPENED.set(self.id)
            os.environ[RUN_VARIABLE] = self.id
            Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _attach(self, run: str) -> None:
        if not SWITCH.is_enabled():
            return
        with tolerating("attach_run", is_strict=self.is_strict):
            self._run = verbs.get_tracked(self._workspace, run)
            self.id = self._run.id

    def _end(self, run: Run, state: RunState, result: Mapping[str, Any], error: str) -> None:
        """Close the run; where that fails it stays open, with its heartbeat, so that a later word can."""
        try:
            verbs.finish_run(self._workspace, run, state, result=result, error=error)
        except Conflict:  # somebody else has ended it
            self._is_over.set()
            raise
        self._is_over.set()
        outer = self._outer or _INHERITED
        if _OPENED.get() == self.id:
            _OPENED.set(self._outer)
        if os.environ.get(RUN_VARIABLE) == self.id:
            os.environ[RUN_VARIABLE] = outer
            if not outer:
                del os.environ[RUN_VARIABLE]

    def _beat(self) -> None:
        """Say every ten seconds that the program lives; ends with the run, or with the process."""
        while not self._is_over.wait(EVERY_S):
            with tolerating("heartbeat", is_strict=False):
                verbs.note_life(self._workspace, self._get_run())

    def _get_run(self) -> Run:
        assert self._run is not None, "tolerant methods are only called while the run is open"
        return self._run

    def _get_writer(self) -> CheckedEvents:
        pid = os.getpid()
        with self._locks.setdefault(pid, Lock()):  # atomic: two threads get the same one
            if self._is_over.is_set() or time.monotonic() - self._looked_at >= EVERY_S:
                self._refuse_if_finished()
            if pid not in self._writers:
                begins = self._is_owner and pid == self._pid
                self._writers[pid] = verbs.open_events(self._workspace, self._get_run(), begins=begins)
            return self._writers[pid]

    def _refuse_if_finished(self) -> None:
        """Raise Conflict where the run is finished; where that cannot be seen now, no point is lost."""
        self._looked_at = time.monotonic()
        try:
            verbs.get_tracked(self._workspace, self.id)
        except Conflict:
            self._looked_at = -math.inf
            raise
        except MlwfError as error:
            logger.debug("Whether the run goes on cannot be seen: %s", error)

    def _add_input(
        self, kind: str, ref: str, meta: Meta, *, dataset: str = "", is_named: bool = False
    ) -> ArtifactRef:
        card = self._take_meta(meta, is_named=is_named)
        return verbs.add_input(self._workspace, self._get_run(), kind, ref, dataset=dataset, card=card)

    def _add_output(
        self, kind: str, ref: str, meta: Meta, *, dataset: str = "", is_named: bool = False
    ) -> ArtifactRef:
        card = self._take_meta(meta, is_named=is_named)
        return verbs.add_output(self._workspace, self._get_run(), kind, ref, dataset=dataset, card=card)

    def _take_meta(self, meta: Meta, *, is_named: bool) -> Card | None:
        """Put the node's part of a meta on the run, and return that of the data; a bad meta costs no edge."""
        if meta is None:
            return None
        with tolerating("meta", is_strict=self.is_strict):
            relation, node = read_meta(meta)
            if node is not None:
                verbs.put_card(self._workspace, f"run:{self.id}", node)
            return None if is_named else relation  # what has a name of its own keeps it
        return None


def _refer(project: str, version_num: int | None, version_id: str | None) -> str:
    if version_id is not None:
        return version_id
    return project if version_num is None else f"{project}@{version_num}"
