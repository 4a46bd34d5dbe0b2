"""Queues runs that do what a test says, watches their real processes, and leaves none behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Job, ProcessIdentity, Run, RunState
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.acting import install_plugins
from tests.states import make_plain_item, set_state

PATIENCE_S = 60.0  # the machine may be busy; nothing here is slow by itself
POLL_S = 0.02
FOREVER = "while True:\n    time.sleep(0.02)\n    yield"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    time.sleep(0.02)"


@contextmanager
def open_job_home(folder: Path, monkeypatch: pytest.MonkeyPatch, settings: str = "") -> Iterator[Workspace]:
    """Open a home with a project `cells`, in which jobs find the acting plug-ins; its jobs end with it."""
    home = folder / "home"
    if not home.exists():
        home.mkdir(mode=0o700)
        path = install_plugins(folder / "plugins")
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.syspath_prepend(path.partition(":")[0])
    if "benchmark_after_training" not in settings:  # which is a run more
        settings = f"benchmark_after_training = false\n{settings}"  # before any table
    (home / "settings.toml").write_text(f'gpu_leases = "{folder}/gpus"\n{settings}', "utf-8")
    with open_workspace(home) as workspace:
        if workspace.catalog.queue.read_state() is not None:
            workspace.catalog.queue.set_paused(str(home), is_paused=False, author="")
        set_state(workspace, "cells", [make_plain_item("main/a.jpg")])
        try:
            yield workspace
        finally:
            end_all(workspace)


def end_all(workspace: Workspace) -> None:
    """Kill what belongs to the home, waiters included."""
    workspace.catalog.queue.set_paused(str(workspace.home), is_paused=True, author="")
    jobs = [
        job
        for run in workspace.catalog.runs.list(limit=None)
        for job in workspace.catalog.jobs.list_of(run.id)
    ]
    for job in jobs:
        if job.process.pid == os.getpid():
            continue
        processes.kill_session(job.process)
        processes.kill_marked(job.id)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if str(workspace.home).encode() in words and b"-I" in words:
                    os.kill(int(entry.name), signal.SIGKILL)


def act(workspace: Workspace, code: str, *, seed: int = 0, terms: Terms | None = None) -> Run:
    """Queue a run that runs `code` in its worker; see `Act`."""
    call = {
        "operation": "act",
        "refs": ["cells"],
        "to": f"out-{seed}",
        "params": {"code": code},
        "seed": seed,
    }
    return submit_call(workspace, "transform", call, terms=terms or Terms(wants=Wants()), seed=seed)


def wait_for_state(workspace: Workspace, run: Run, *states: RunState) -> Run:
    """Wait until a run is in one of these states."""

    def is_there() -> bool:
        return get_run(workspace, run.id).state in states

    wait_until(is_there, lambda: f"{describe(workspace, run)}, not {states}")
    return workspace.catalog.runs.get(run.id)


def wait_for_end(workspace: Workspace, run: Run) -> Run:
    """Wait until a run has finished and its job is closed."""

    def is_over() -> bool:
        now = get_run(workspace, run.id)
        job = workspace.catalog.jobs.latest(run.id)
        return now.state.is_finished and (job is None or job.finished_at is not None)

    wait_until(is_over, lambda: describe(workspace, run))
    return workspace.catalog.runs.get(run.id)


def wait_for_file(path: Path) -> str:
    """Wait until a job has written a whole line, and return the file's text."""
    wait_until(lambda: path.exists() and path.read_text("utf-8").endswith("\n"), lambda: f"{path} is missing")
    return path.read_text("utf-8")


def wait_for_text(path: Path, text: str) -> None:
    """Wait until a file that may not be there yet holds a text."""
    wait_until(lambda: path.exists() and text in path.read_text("utf-8"), lambda: f"no {text!r} in {path}")


def wait_for_gone(process: ProcessIdentity) -> None:
    """Wait until a process has ended."""
    wait_until(lambda: not processes.is_alive(process), lambda: f"{process.pid} is alive")


def wait_until(
    is_so: Callable[[], bool], describe: Callable[[], str], *, patience_s: float = PATIENCE_S
) -> None:
    """Wait until something is so; tell what is instead where it never comes to be."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, describe()
        time.sleep(POLL_S)


def find_job(workspace: Workspace, run: Run) -> Job:
    """Return the newest job of a run, whose worker has begun."""
    job = workspace.catalog.jobs.latest(run.id)
    assert job is not None
    return job


def find_worker(workspace: Workspace, run: Run) -> ProcessIdentity:
    """Return the worker of a running run."""
    worker = find_job(workspace, run).worker
    assert worker is not None
    return worker


def kill(process: ProcessIdentity) -> None:
    """Kill a process, and wait until it is gone."""
    processes.send_signal(process, signal.SIGKILL)
    wait_for_gone(process)


def describe(workspace: Workspace, run: Run) -> str:
    """Tell all of a run, for a test that has waited in vain."""
    now = workspace.catalog.runs.get(run.id)
    log = workspace.run_folder(run.id) / "log"
    text = log.read_text("utf-8", errors="replace") if log.exists() else "no log"
    found = workspace.catalog.jobs.list_of(run.id)
    return f"{now.state}: {now.error} waits for {now.waits_for}; {found}\n{text}"
