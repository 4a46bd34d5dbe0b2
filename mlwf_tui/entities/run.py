"""Runs, the jobs that carry them out, and what they say while they go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest, JobId, RunId


class ArtifactKind(StrEnum):
    """What a run can read or make; the kinds of data nodes on the lineage graph."""

    FOLDER = "folder"
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
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def is_finished(self) -> bool:
        return self in (RunState.DONE, RunState.FAILED, RunState.STOPPED, RunState.LOST)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: verb, parameters, inputs, outputs; immutable once finished."""

    id: RunId
    verb: str
    params: Mapping[str, Any]
    state: RunState
    seed: int | None
    author: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    inputs: tuple[ArtifactRef, ...] = ()
    outputs: tuple[ArtifactRef, ...] = ()
    recipe: Digest | None = None  # digest of all that decides the output, where the verb caches
    environment: Mapping[str, str] = {}
    result: Mapping[str, Any] = {}  # the verb's JSON document when done
    error: str = ""
    hint: str = ""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same pid."""

    boot_id: str  # of the machine's boot and the pid namespace, "BOOT:NAMESPACE"
    pid: int
    start_ticks: int  # clock ticks after boot, field 22 of /proc/PID/stat


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The process that does a run; a retry is a second job of the same run."""

    id: JobId
    run_id: RunId
    process: ProcessIdentity
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None


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
    """One thing that was left out, and why, in words for a person."""

    path: str
    reason: str
