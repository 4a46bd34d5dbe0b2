"""Starts queued runs as far as there is room for them, and says for what the others wait; not a verb.

There is no daemon: whoever is there dispatches, every command, every app, and every supervisor as it ends.
Any number may do so at once. A run's lock is taken first, then its leases, and the claim is one immediate
transaction; what dies in between leaves locks that the kernel has dropped and a run that still waits.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from mlwf_tui import processes
from mlwf_tui.entities.ids import JobId, RunId, new_id
from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.queue import Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Conflict, NotFound
from mlwf_tui.protocols.executors import JobSpec
from mlwf_tui.workflow.running import leases
from mlwf_tui.workflow.running.freezing import find_frozen_job, wake
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
EXECUTOR = "local"
STOP_GRACE_S = 60.0  # a training ends its batch, validates and saves before it goes
TURN_TIMEOUT_S = 2.0
TURN_POLL_S = 0.01
ALL_GPUS = -1
SLOTS = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """How many runs were started, how many wait for something, and when one is due by the clock."""

    started: int
    waiting: int
    due_at: datetime | None


def dispatch(workspace: Workspace) -> Dispatched:
    """Start what can be started, in order of priority and submission.

    A run that waits for a lease keeps those behind it from taking the like; one that waits for another
    run, for its workspace, for the clock, or for what this machine does not have does not.
    """
    state = workspace.catalog.queue.read_state()
    if state is None:
        return Dispatched(started=0, waiting=0, due_at=None)
    with _take_turn(workspace):
        waiting = workspace.catalog.queue.list_waiting()
        if not waiting:
            return Dispatched(started=0, waiting=0, due_at=None)
        reason = ""
        if state.home != workspace.place:
            reason = f"this home, a copy of {state.home}, to be given leave: mlwf queue resume"
        elif state.is_paused:
            reason = "the queue, which is paused"
        if reason:
            _note(workspace, waiting, {run.id: reason for run in waiting})
            return Dispatched(started=0, waiting=0, due_at=None)
        return _Round(workspace, waiting).go()


@contextmanager
def _take_turn(workspace: Workspace) -> Iterator[None]:
    """Let dispatchers of a home go one after the other, so that none sees leases another only tries.

    It is a courtesy: after `TURN_TIMEOUT_S`, when the other may have been frozen, it goes on without.
    """
    try:
        descriptor = os.open(workspace.home / "queue.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        logger.warning("The queue's lock cannot be opened: %s", error)
        yield
        return
    try:
        deadline = time.monotonic() + TURN_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(TURN_POLL_S)  # flock has no timeout of its own
        yield
    finally:
        os.close(descriptor)


@dataclass
class _Round:
    """One pass over the waiting runs."""

    workspace: Workspace
    waiting: Sequence[Run]
    reasons: dict[RunId, str] = field(default_factory=dict)
    closed: dict[int, RunId] = field(default_factory=dict)  # by whom: SLOTS, ALL_GPUS, or a GPU's index
    due: list[datetime] = field(default_factory=list)
    started: int = 0

    @cached_property
    def gpus(self) -> tuple[Gpu, ...]:
        from mlwf_tui.workflow.machine import read_gpus  # asked once, and only where a run wants some

        return read_gpus(self.workspace)

    def go(self) -> Dispatched:
        for run in self.waiting:
            reason = self._find_obstacle(run) or self._start(run)
            if reason:
                self.reasons[run.id] = reason
        _note(self.workspace, self.waiting, self.reasons)
        return Dispatched(started=self.started, waiting=len(self.reasons), due_at=min(self.due, default=None))

    def _find_obstacle(self, run: Run) -> str:
        """Return what a run waits for before it may take leases, or "" where it may."""
        return (
            self._find_dependency(run)
            or self._find_time(run)
            or self._find_limit(run)
            or self._find_turn(_wants_of(run))
        )

    def _find_dependency(self, run: Run) -> str:
        assert run.terms is not None, "a waiting run has terms"
        for earlier_id in run.terms.after:
            try:
                earlier = self.workspace.catalog.runs.get(earlier_id)
            except NotFound:
                return f"run {earlier_id}, which is not there"
            match earlier.state:
                case RunState.DONE:
                    continue
                case RunState.FAILED | RunState.STOPPED:
                    return self._give_up(run, earlier)
                case RunState.LOST:
                    return f"run {earlier_id}, which was lost, to be resumed"
                case _:
                    return f"run {earlier_id} to finish"
        return ""

    def _give_up(self, run: Run, earlier: Run) -> str:
        """Close a run whose dependency came to nothing; it can be resumed when that one was."""
        how = "failed" if earlier.state is RunState.FAILED else "was stopped"
        try:
            self.workspace.catalog.runs.finish(
                run.id,
                RunState.FAILED,
                result={},
                error=f"It was not started: the {earlier.verb} {earlier.id} before it {how}.",
                hint=f"Once that one is done: mlwf resume {run.id}",
            )
        except Conflict:
            return ""  # somebody has stopped it meanwhile
        return f"nothing: run {earlier.id} {how}"

    def _find_time(self, run: Run) -> str:
        """Return until when a retry waits. A clock that was set back must not make it wait for ever."""
        assert run.terms is not None, "a waiting run has terms"
        if run.not_before is None:
            return ""
        now = datetime.now(UTC)
        longest = timedelta(seconds=run.terms.find_backoff_s(run.retry_count))
        if now >= run.not_before or now < run.not_before - longest:
            return ""
        self.due.append(run.not_before)
        return f"its retry at {run.not_before.astimezone():%H:%M:%S}"

    def _find_limit(self, run: Run) -> str:
        most = self.workspace.settings.limits.get(run.workspace)
        if most is None:
            return ""
        going = self.workspace.catalog.queue.count_going(run.workspace)
        return f"the workspace {run.workspace}: {going} of {most} runs are going" if going >= most else ""

    def _find_turn(self, wants: Wants) -> str:
        """Return whose turn it is before, where an earlier run waits for leases of the same kind."""
        for kind in (*_list_kinds(wants), *((ALL_GPUS,) if wants.gpu_count else ())):
            if kind in self.closed:
                return f"its turn after run {self.closed[kind]}"
        if wants.gpus and any(kind >= 0 for kind in self.closed):
            first = next(of for kind, of in self.closed.items() if kind >= 0)
            return f"its turn after run {first}"
        return ""

    def _start(self, run: Run) -> str:
        """Take lock and leases and start the run; return for what it waits instead, or ""."""
        wants = _wants_of(run)
        try:
            run_lock = leases.try_run(self.workspace, run.id)
            if run_lock is None:
                return self._wake(run, wants)
            gpus = self.gpus if wants.gpu_count else ()
            try:
                held = leases.take(self.workspace, run.id, run_lock, wants, gpus)
            except BaseException:
                os.close(run_lock)
                raise
            if isinstance(held, leases.Refusal):
                os.close(run_lock)
                return self._close(run, wants, held)
            try:
                _launch(self.workspace, run, held, has_gpus=bool(self.gpus))
            finally:
                held.let_go()
        except OSError as error:
            return f"a process: {error.strerror or error}"
        except Conflict as conflict:
            return conflict.message
        self.started += 1
        return ""

    def _wake(self, run: Run, wants: Wants) -> str:
        """Let the job of a run go on that stands still; return for what it waits instead, or ""."""
        job = find_frozen_job(self.workspace, run)
        if job is None or job.worker is None or not processes.is_frozen(job.worker):
            return "what is left of its last job to end"
        refusal = wake(self.workspace, self.workspace.registry.get_executor(EXECUTOR), run, job, wants)
        if refusal is not None:
            return self._close(run, wants, refusal)
        self.started += 1
        return ""

    def _close(self, run: Run, wants: Wants, refusal: leases.Refusal) -> str:
        """Keep those behind a refused run from taking the like, and return for what it waits."""
        if not refusal.is_hopeless:
            self.closed.update(dict.fromkeys(_list_kinds(wants), run.id))
        return refusal.reason


def _launch(workspace: Workspace, run: Run, held: leases.Held, *, has_gpus: bool) -> None:
    """Start a supervisor, claim the run for it, and give it the word.

    Raises:
        OSError: the process cannot be started.
        Conflict: the run is not to be started any more.
    """
    executor = workspace.registry.get_executor(EXECUTOR)
    folder = workspace.run_folder(run.id)
    job_id = JobId(new_id())
    starting = executor.prepare(folder / "log", held.descriptors)
    try:
        identity = processes.identify(starting.pid)
        if identity is None:
            raise ChildProcessError("the supervisor ended at once")
        workspace.catalog.queue.claim(
            run.id,
            identity,
            job_id=job_id,
            leases=tuple(held.leases),
            max_running=workspace.settings.limits.get(run.workspace),
        )
    except BaseException:
        starting.abandon()
        raise
    starting.begin(_make_spec(workspace, run, job_id, held, has_gpus=has_gpus))


def _make_spec(
    workspace: Workspace, run: Run, job_id: JobId, held: leases.Held, *, has_gpus: bool
) -> JobSpec:
    assert run.terms is not None, "only a queued run has a supervisor"
    folder, settings, home = workspace.run_folder(run.id), workspace.settings, str(workspace.home)
    return JobSpec(
        job=job_id,
        command=(sys.executable, "-m", "mlwf_tui.worker", home, run.id),
        settle=(sys.executable, "-m", "mlwf_tui.dispatcher", home, job_id),
        environment={"PYTHONUNBUFFERED": "1", **_show_gpus(held.gpu_indices, has_gpus=has_gpus)},
        folder=folder,
        log=folder / "log",
        grace_s=STOP_GRACE_S,
        timeout_s=run.terms.timeout_s,
        hook=settings.on_finish,
        hook_timeout_s=settings.on_finish_timeout_s,
        slots={
            str(leases.find_slot(workspace, name)): descriptor
            for name, descriptor in held.leases.items()
            if leases.is_slot(name)
        },
    )


def _show_gpus(indices: Sequence[int], *, has_gpus: bool) -> dict[str, str]:
    """Return the variables that show a job its GPUs alone; CUDA's own order is not the bus's.

    A job without any is shown none where the machine has some: it must not use what others lease.
    """
    if not indices:
        return {"CUDA_VISIBLE_DEVICES": "", leases.LEASED_GPUS: ""} if has_gpus else {}
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, indices)),
        leases.LEASED_GPUS: ",".join(map(str, indices)),
    }


def _wants_of(run: Run) -> Wants:
    assert run.terms is not None, "a waiting run has terms"
    return run.terms.wants or Wants()


def _list_kinds(wants: Wants) -> tuple[int, ...]:
    """Return what kinds of lease a run takes from; none where it wants nothing for itself."""
    if wants.gpu_indices:
        return wants.gpu_indices
    if wants.gpus:
        return (ALL_GPUS,)
    return (SLOTS,) if wants.slots else ()


def _note(workspace: Workspace, waiting: Sequence[Run], reasons: dict[RunId, str]) -> None:
    before = {run.id: run.waits_for for run in waiting}
    changed = {run_id: reason for run_id, reason in reasons.items() if before.get(run_id) != reason}
    workspace.catalog.queue.note_waits(changed)
