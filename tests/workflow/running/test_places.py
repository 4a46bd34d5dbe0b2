"""Copies of a home and homes that were moved: whose jobs those in the catalog are, and who may end them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlwf_tui import processes
from mlwf_tui.cli.main import main
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.backup import backup
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import list_queue, pause_queue, resume_queue
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace, open_workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.fixture
def going(home: Workspace) -> Run:
    return jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER), RunState.RUNNING)


def is_well(home: Workspace, run: Run) -> bool:
    return jobs.find_job(home, run).finished_at is None and processes.is_alive(jobs.find_worker(home, run))


@pytest.mark.parametrize("ask", [stop_run, pause_run, resume_run])
def test_a_backup_asks_nothing_of_the_jobs_of_its_original(
    home: Workspace, going: Run, tmp_path: Path, ask: Callable[[Workspace, str], Run]
) -> None:
    backup(home, tmp_path / "copy", KeepingObserver())
    with open_workspace(tmp_path / "copy") as copy:
        assert list_queue(copy).going == ()
        with pytest.raises(Conflict, match=f"goes on in the home {home.home}, of which this one is a copy"):
            ask(copy, going.id)
        assert copy.catalog.runs.get(going.id).state is RunState.RUNNING
    assert is_well(home, going)
    assert not list(home.run_folder(going.id).glob("control-*"))


@pytest.mark.parametrize("words", [["watch"], ["logs", "-f"]])
@pytest.mark.timeout(60)
def test_a_backup_waits_for_no_job_of_its_original(
    home: Workspace, going: Run, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    backup(home, tmp_path / "copy", KeepingObserver())
    assert main(["--home", str(tmp_path / "copy"), *words, going.id]) == 5
    assert f"mlwf --home {home.home}" in capsys.readouterr().err
    assert (
        main(["--home", str(tmp_path / "copy"), words[0], going.id, *(["--once"] * (words == ["watch"]))])
        == 0
    )
    assert is_well(home, going)


@pytest.mark.parametrize("change", [resume_queue, pause_queue])
def test_a_copy_that_has_a_queue_of_its_own_gives_up_the_jobs_of_its_original(
    home: Workspace, going: Run, tmp_path: Path, change: Callable[[Workspace], object]
) -> None:
    shutil.copytree(home.home, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        change(copy)
        lost = copy.catalog.runs.get(going.id)
        assert lost.state is RunState.LOST
        assert lost.error == f"It went on in the home {home.home}, of which this one is a copy."
        with pytest.raises(Conflict, match="is lost already"):
            stop_run(copy, going.id)
        pause_queue(copy)
        again = resume_run(copy, going.id)
        assert again.state is RunState.QUEUED
        assert stop_run(copy, again.id).state is RunState.STOPPED
    assert is_well(home, going)


def test_a_home_that_was_moved_keeps_its_jobs_when_its_queue_is_resumed(
    home: Workspace, going: Run, tmp_path: Path
) -> None:
    processes.send_signal(jobs.find_worker(home, going), signal.SIGSTOP)  # it would fail in its old place
    home.home.rename(tmp_path / "moved")
    try:
        with open_workspace(tmp_path / "moved") as moved:
            with pytest.raises(Conflict, match=f"was started when this home was at {home.home}") as told:
                stop_run(moved, going.id)
            assert "mlwf queue resume" in told.value.hint
            listing = resume_queue(moved)
            assert [run.id for run, _ in listing.going] == [going.id]
            assert is_well(moved, going)
        assert not home.home.exists()
    finally:
        (tmp_path / "moved").rename(home.home)
