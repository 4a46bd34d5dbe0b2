"""Runs, the jobs that carry them out, and what they say while they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from mlwf_tui.entities.ids import Digest, JobId, RunId
from mlwf_tui.entities.queue import Terms

CODE_PATCH = "code_patch"
"""In a run's environment: the blob with what its code differed by from the commit."""


class ArtifactKind(StrEnum):
    """What a run can read or make; the kinds of data nodes on the lineage graph."""

    FOLDER = "folder"
    RECIPE = "recipe"  # the text of a pipeline
    INTERMEDIATE = "intermediate"  # what a pipeline's step has made
    FILE = "file"
    WEIGHTS = "weights"  # a file of trained weights that no model of this home stands for
    DATASET = "dataset"  # a part of a version
    SESSION = "session"  # what a run offers to others while it goes, as a served model
    LABELING_JOB = "labeling_job"  # by people, in another system
    PROJECT = "project"  # a state of a project that no version names yet
    VERSION = "version"
    MODEL = "model"
    REPORT = "report"


class ArtifactRef(msgspec.Struct, frozen=True):
    """One end of a lineage edge; `id` is the id of the folder, state, version, model or report."""

    kind: ArtifactKind
    id: str
    title: str = ""


class RunState(StrEnum):
    """Where a run stands. A paused one has either let its process go, or its process is frozen."""

    QUEUED = "queued"
    CLAIMED = "claimed"  # its process is being started
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def is_finished(self) -> bool:
        return self in (RunState.DONE, RunState.FAILED, RunState.STOPPED, RunState.LOST)


REOPENED = (RunState.FAILED, RunState.STOPPED, RunState.LOST)
"""The states in which a run of the queue has ended and may be let wait once more."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: verb, parameters, inputs, outputs; immutable once finished."""

    id: RunId
    verb: str
    params: Mapping[str, Any]
    state: RunState
    seed: int | None
    author: str
    created_at: datetime
    workspace: str = "default"
    started_at: datetime | None = None  # by its first job
    finished_at: datetime | None = None
    restarted_at: datetime | None = None  # by the job that goes on
    earlier_s: float | None = None  # that its jobs took which have ended; None without a job
    inputs: tuple[ArtifactRef, ...] = ()
    outputs: tuple[ArtifactRef, ...] = ()
    recipe: Digest | None = None  # digest of all that decides the output, where the verb caches
    environment: Mapping[str, str] = {}
    result: Mapping[str, Any] = {}  # the verb's JSON document when done
    error: str = ""
    hint: str = ""
    terms: Terms | None = None  # None where it is done by the process that was asked, not queued
    call: Mapping[str, Any] = {}  # what a queued verb is to be called with
    priority: int = 0  # higher ones start first
    waits_for: str = ""  # in words for a person, while it is queued
    not_before: datetime | None = None  # of a retry
    retry_count: int = 0  # by itself
    parent: RunId | None = None  # the run that this one is a part of

    def find_length_s(self, now: datetime | None = None) -> float | None:
        """Return for how long it was at work, by all its jobs together; None before it has begun.

        Of a run that goes on, as of `now`, or None.
        """
        end, begin = self.finished_at or now, self.started_at if self.earlier_s is None else self.restarted_at
        if self.started_at is None or end is None:
            return None
        return (self.earlier_s or 0.0) + (0.0 if begin is None else max(0.0, (end - begin).total_seconds()))

    @property
    def is_detached(self) -> bool:
        """Whether it is done by a job of the queue."""
        return self.terms is not None

    @property
    def results(self) -> tuple[ArtifactRef, ...]:
        """What it has made that stays; a session goes with its job, and comes back with the next."""
        return tuple(made for made in self.outputs if made.kind is not ArtifactKind.SESSION)

    @property
    def can_begin_again(self) -> bool:
        """Whether the queue can do it once more: it has ended without leaving a result."""
        return self.is_detached and self.state in REOPENED and not self.results

    @property
    def output_name(self) -> str:
        """What the model that it trains, or will, is called; "" of other runs."""
        return str(self.params.get("name", "")) if self.verb == "train" and self.is_detached else ""

    @property
    def is_tracked(self) -> bool:
        """Whether a program of somebody else does it, whatever it calls what it does."""
        return "program" in self.environment


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same pid."""

    boot_id: str  # of the machine's boot and the pid namespace, "BOOT:NAMESPACE"
    pid: int
    start_ticks: int  # clock ticks after boot, field 22 of /proc/PID/stat


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The process that does a run; a retry is a second job of the same run.

    `process` is the job's supervisor, or of a run that is done in process that process itself.
    """

    id: JobId
    run_id: RunId
    process: ProcessIdentity
    started_at: datetime
    worker: ProcessIdentity | None = None  # the supervisor's child that does the work, once it has begun
    leases: tuple[str, ...] = ()  # "slot 0", "GPU 1"
    finished_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None  # that ended the worker
    outcome: str = ""  # the state that its run had then, or "retry"
    ran_s: float | None = None  # by a clock that nobody can set, pauses included
    cpu_s: float | None = None  # of the worker and all below it
    max_rss_bytes: int | None = None  # of the largest process


class WishKind(StrEnum):
    """What a job may be asked to do."""

    STOP = "stop"  # end for good
    PAUSE = "pause"  # write a checkpoint and end, to go on later
    FREEZE = "freeze"  # stand still, and keep everything but CPU slots
    CONTINUE = "continue"  # go on after a freeze, once the slots are taken again


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a job is asked to do, and how patiently."""

    kind: WishKind
    grace_s: float = 0.0  # of a stop: before all of the job is killed
    is_urgent: bool = False  # of a pause: do not go on to the next checkpoint
    slots: tuple[str, ...] = ()  # of going on: the files of the slots to take


class JobExit(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor saw of a job's end."""

    job: JobId
    exit_code: int | None  # None where a signal ended the worker
    signal: int | None
    wish: str  # what it was asked last: "", "stop", "pause" or "timeout"
    is_timed_out: bool
    strays: int  # processes that the worker had left behind
    ran_s: float
    user_s: float
    system_s: float
    max_rss_bytes: int
    ended_at: float  # seconds since the epoch


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a long verb has come; `total` None where the end is not known."""

    step: int
    total: int | None
    message: str
    at: float = 0.0  # seconds since the epoch


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric."""

    key: str
    value: float
    step: int
    at: float = 0.0  # seconds since the epoch
    attempt: int = 0  # how often the run had begun anew, when this was said


class Problem(msgspec.Struct, frozen=True):
    """One thing that was left out, or that is doubtful though it was taken; why, in words for a person."""

    path: str
    reason: str
    is_taken: bool = False


def describe_left_out(problems: Sequence[Problem]) -> str:
    """Return a sentence about images that a run has left out, with the first of them; there is one."""
    path, reason = problems[0].path, problems[0].reason
    if len(problems) == 1:
        return f"1 image could not be used and was left out, {path}: {reason}"
    return f"{len(problems):,} images could not be used and were left out; the first, {path}: {reason}"


class ProblemRow(NamedTuple):
    """A problem as it is sent between processes and kept."""

    path: str
    reason: str
    is_taken: bool = False
