"""Queues runs and keeps the queue going; how a run is started and settled is in files of their own."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.running.dispatch import EXECUTOR, Dispatched, dispatch
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.running.settle import settle_all
from mlwf_tui.workflow.running.surroundings import describe_surroundings
from mlwf_tui.workspace import Workspace

MOST_SLOTS = 1024


def queue_run(
    workspace: Workspace,
    verb: str,
    params: Mapping[str, Any],
    seed: int | None,
    *,
    terms: Terms | None = None,
    call: Mapping[str, Any] | None = None,
    parent: RunId | None = None,
) -> Recorder:
    """Enter a run that a worker will do, and return its recorder, to note the inputs at once.

    Raises:
        NotFound: there is no such run that it is to come after.
        StorageFailed: the home was moved or deleted.
    """
    workspace.check_home()
    workspace.catalog.queue.set_up(workspace.place)
    run = workspace.catalog.runs.create(
        verb,
        params=params,
        seed=seed,
        author=workspace.settings.author,
        workspace=workspace.settings.workspace,
        environment=describe_surroundings(),
        state=RunState.QUEUED,
        terms=terms or Terms(),
        call=call,
        parent=parent,
    )
    return Recorder(workspace, run)


def check_terms(workspace: Workspace, terms: Terms, *, uses_gpu: bool = False, device: str = "auto") -> Terms:
    """Return terms that say what the run wants, the ids of runs in full.

    Where nothing was said, work that can use a GPU gets one if the machine has any, unless `device`
    says cpu; other work gets a CPU slot. A device that is a number is that GPU, and several are leased
    together: `0,1` those GPUs, `cpu,cpu` two slots.

    Raises:
        NotFound: there is no such run to come after.
        InvalidParameter: the machine does not have what is wanted, or a number is out of bounds.
    """
    after = tuple(dict.fromkeys(workspace.catalog.runs.get(ref).id for ref in terms.after))
    wants = terms.wants
    if wants is None:
        wants = _choose_wants(workspace, device) if uses_gpu else Wants()
    elif wants.gpu_count:
        _check_gpus(workspace, wants)
    most = workspace.settings.slots
    if wants.slots > most and not wants.gpu_count:
        raise InvalidParameter(
            f"It wants {wants.slots} CPU slots, of which there are only {most}.",
            hint="Ask for fewer, or give this home more in its settings.toml: slots.",
        )
    if not 0 <= wants.slots <= MOST_SLOTS or terms.retries < 0 or terms.backoff_s < 0:
        raise InvalidParameter("Slots, retries and times cannot be negative.", hint="Give 0 or more.")
    if terms.timeout_s is not None and terms.timeout_s <= 0:
        raise InvalidParameter("A limit of no time at all ends every run.", hint="Give 90s, 30m or 12h.")
    return Terms(
        wants=wants,
        priority=terms.priority,
        after=after,
        retries=terms.retries,
        backoff_s=terms.backoff_s,
        timeout_s=terms.timeout_s,
    )


def _choose_wants(workspace: Workspace, device: str) -> Wants:
    words = [word.strip().removeprefix("cuda:") for word in device.split(",")]
    if words[0] in ("cpu", "mps"):
        return Wants(slots=len(words))
    if all(word.isdecimal() for word in words):
        wants = Wants(gpu_indices=tuple(sorted(map(int, words))))
        _check_gpus(workspace, wants)
        return wants
    if words[0] == "cuda":
        _check_gpus(workspace, Wants(gpus=1))
    from mlwf_tui.workflow.machine import read_gpus

    return Wants(gpus=1) if read_gpus(workspace) else Wants()


def _check_gpus(workspace: Workspace, wants: Wants) -> None:
    from mlwf_tui.workflow.machine import read_gpus

    there = {gpu.index for gpu in read_gpus(workspace)}
    if wants.gpu_count > len(there) or not set(wants.gpu_indices) <= there:
        raise InvalidParameter(
            f"{_name_gpus(wants)} not there: this machine has {_list_gpus(there)}.",
            hint="mlwf doctor shows what is seen.",
        )


def _name_gpus(wants: Wants) -> str:
    """Return what a run wants of GPUs as the subject of a sentence, with its verb."""
    if not wants.gpu_indices:
        return "A GPU is" if wants.gpus == 1 else f"{wants.gpus} GPUs are"
    numbers = ", ".join(map(str, wants.gpu_indices))
    return f"GPU {numbers} is" if len(wants.gpu_indices) == 1 else f"GPUs {numbers} are"


def _list_gpus(indices: Collection[int]) -> str:
    if not indices:
        return "none"
    return f"GPU{'s' if len(indices) > 1 else ''} {', '.join(map(str, sorted(indices)))}"


def start_queued(workspace: Workspace, run: Run) -> Run:
    """Let the queue go on now that `run` is in it, and return the run as it then is."""
    tend(workspace)
    return workspace.catalog.runs.get(run.id)


def tend(workspace: Workspace) -> Dispatched:
    """Settle what is over, start what can be started, and see that somebody looks again where runs wait.

    Cheap where nothing is queued. Everybody who lists or changes runs calls it: there is no daemon.

    Raises:
        StorageFailed: the home was moved or deleted.
    """
    workspace.check_home()
    if workspace.is_read_only or not workspace.catalog.queue.has_unfinished():
        return Dispatched(started=0, waiting=0, due_at=None)
    settle_all(workspace)
    done = dispatch(workspace)
    if done.waiting:
        with suppress(OSError):  # no process can be started; the next command tries again
            _start_waiter(workspace)
    return done


def _start_waiter(workspace: Workspace) -> None:
    """Let a small process look after the queue until nothing waits, unless there is one.

    It is for what ends without a word to this home: leases of other homes, GPUs that strangers use,
    times of retries, and supervisors that were killed.
    """
    lock = os.open(workspace.home / "waiter.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        command = (sys.executable, "-m", "mlwf_tui.dispatcher", str(workspace.home))
        workspace.registry.get_executor(EXECUTOR).watch(command, lock, workspace.home)
    except BlockingIOError:
        pass  # there is one
    finally:
        os.close(lock)
