"""Leases of GPUs, as strangers and other homes hold them; the driver's library is a stand-in built from C."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.machine import Gpu, GpuProcess
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.running.jobs import check_terms
from mlwf_tui.workflow.running.leases import (
    LEASED_GPUS,
    Held,
    Refusal,
    find_device,
    find_devices,
    find_gpu_folder,
    take,
    try_run,
)
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workspace import Workspace, open_workspace
from tests import jobs
from tests.fakes.driver import build_driver, write_gpus

FREE = (80_000, 10, 0, 0)
Call = Callable[..., dict[str, Any]]


def make_gpus(*used_bytes: int) -> tuple[Gpu, ...]:
    return tuple(
        Gpu(index=index, name="fake", vendor="nvidia", memory_used_bytes=used, memory_total_bytes=80 << 30)
        for index, used in enumerate(used_bytes)
    )


def take_for(workspace: Workspace, name: str, wants: Wants, gpus: tuple[Gpu, ...]) -> Held | Refusal:
    lock = try_run(workspace, RunId(name))
    assert lock is not None
    return take(workspace, RunId(name), lock, wants, gpus)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "settings.toml").write_text(f'gpu_leases = "{tmp_path}/gpus"\nslots = 2\n', "utf-8")
    with open_workspace(tmp_path / "home") as workspace:
        yield workspace


def test_gpus_are_taken_by_index_or_by_count_the_least_used_first(home: Workspace) -> None:
    gpus = make_gpus(300 << 20, 100 << 20, 200 << 20)
    first = take_for(home, "a", Wants(gpus=1), gpus)
    assert isinstance(first, Held)
    assert first.gpu_indices == (1,)
    second = take_for(home, "b", Wants(gpu_indices=(0,)), gpus)
    assert isinstance(second, Held)
    assert second.gpu_indices == (0,)
    assert take_for(home, "c", Wants(gpu_indices=(0,)), gpus) == Refusal("GPU 0, held by run b")
    third = take_for(home, "d", Wants(gpus=2), gpus)
    assert isinstance(third, Refusal)
    assert third.reason.startswith("2 GPUs, 1 free: GPU 1, held by run a")
    first.let_go()
    fourth = take_for(home, "e", Wants(gpus=2), gpus)
    assert isinstance(fourth, Held)
    assert sorted(fourth.gpu_indices) == [1, 2]


def test_a_gpu_that_a_stranger_uses_is_avoided(home: Workspace) -> None:
    stranger = GpuProcess(pid=77, memory_bytes=20 << 30, name="python", user="eve")
    busy = Gpu(index=0, name="fake", vendor="nvidia", memory_used_bytes=21 << 30, processes=(stranger,))
    free = make_gpus(0, 0)[1]
    taken = take_for(home, "a", Wants(gpus=1), (busy, free))
    assert isinstance(taken, Held)
    assert taken.gpu_indices == (1,)
    refused = take_for(home, "b", Wants(gpu_indices=(0,)), (busy, free))
    assert refused == Refusal("GPU 0, where eve's python (77) uses 21.0 GiB")


def test_leases_of_another_home_count_and_are_named(home: Workspace, tmp_path: Path) -> None:
    other_home = tmp_path / "other"
    other_home.mkdir(mode=0o700)
    (other_home / "settings.toml").write_text(f'gpu_leases = "{tmp_path}/gpus"\nauthor = "ada"\n', "utf-8")
    gpus = make_gpus(0)
    with open_workspace(other_home) as other:
        assert isinstance(take_for(other, "theirs", Wants(gpus=1), gpus), Held)
    assert take_for(home, "ours", Wants(gpus=1), gpus) == Refusal("GPU 0, held by run theirs of ada")


def test_what_a_stranger_writes_into_a_lease_cannot_harm(home: Workspace, tmp_path: Path) -> None:
    gpus = make_gpus(0)
    assert isinstance(take_for(home, "a", Wants(gpus=1), gpus), Held)
    (tmp_path / "gpus" / "gpu-0").write_text(
        json.dumps({"run": "\x1b[2J" + "x" * 90, "user": "u", "home": ""})
    )
    refused = take_for(home, "b", Wants(gpus=1), gpus)
    assert isinstance(refused, Refusal)
    assert "\x1b" not in refused.reason
    assert len(refused.reason) < 100
    for name, garbage in (("c", b"\xff\x00garbage"), ("d", b'{"x":' + b"[" * 4000)):
        (tmp_path / "gpus" / "gpu-0").write_bytes(garbage)
        assert take_for(home, name, Wants(gpus=1), gpus) == Refusal("GPU 0, held by another process")


@pytest.mark.timeout(60)
def test_a_pipe_in_the_place_of_a_lease_is_not_waited_for(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "gpus").mkdir()
    os.mkfifo(tmp_path / "gpus" / "gpu-0")
    held = os.open(tmp_path / "gpus" / "gpu-0", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert take_for(home, "a", Wants(gpus=1), make_gpus(0)) == Refusal("GPU 0, held by another process")
    os.close(held)


def test_a_lease_that_is_a_link_is_refused(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "gpus").mkdir()
    (tmp_path / "gpus" / "gpu-0").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        take_for(home, "a", Wants(gpus=1), make_gpus(0))
    assert not (tmp_path / "precious").exists()


def test_the_folder_of_the_leases_is_for_all_users(home: Workspace) -> None:
    folder = find_gpu_folder(home)
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert isinstance(take_for(home, "a", Wants(gpus=1), make_gpus(0)), Held)
    assert (folder / "gpu-0").stat().st_mode & 0o777 == 0o666


def test_slots_are_taken_all_or_none(home: Workspace) -> None:
    first = take_for(home, "a", Wants(), ())
    assert isinstance(first, Held)
    assert take_for(home, "b", Wants(slots=2), ()) == Refusal("2 CPU slots: 1 of 2 is taken")
    assert isinstance(take_for(home, "c", Wants(), ()), Held)


def test_a_leased_gpu_is_the_only_one_that_a_job_sees() -> None:
    assert find_device("2", {"MLWF_GPUS": "2"}) == "auto"
    assert find_device("2", {}) == "2"
    assert find_device("cpu", {"MLWF_GPUS": "2"}) == "cpu"


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says what GPUs the driver of the processes below shows."""
    driver = build_driver(tmp_path / "driver")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    monkeypatch.setenv("FAKE_NVML", str(driver / "gpus"))
    write_gpus(driver / "gpus", FREE, FREE)
    return driver / "gpus"


def call(home: Workspace, *words: str, code: int = 0) -> dict[str, Any]:
    """Call the command line, whose process sees the stand-in's GPUs, as this one does not."""
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def submit(home: Workspace, tmp_path: Path, name: str, gpus: str) -> str:
    """Queue a run that writes down which GPUs it sees, and goes on until its gate is there."""
    path = str(tmp_path / name)
    work = f"""
    Path({path!r}).write_text(os.environ["CUDA_VISIBLE_DEVICES"] + chr(10))
    while not Path({path!r} + "-end").exists():
        time.sleep(0.02)
        yield
    """
    code = (
        "from tests import jobs\n"
        "from mlwf_tui.entities.queue import Terms, read_wants\n"
        "from mlwf_tui.workspace import open_workspace\n"
        "from pathlib import Path\n"
        f"with open_workspace(Path({str(home.home)!r})) as home:\n"
        f"    terms = Terms(wants=read_wants({gpus!r}, 1))\n"
        f"    run = jobs.act(home, {work!r}, seed={sum(map(ord, name))}, terms=terms)\n"
        "    print(run.id)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_jobs_get_gpus_of_their_own_and_wait_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: Path
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        first = submit(home, tmp_path, "first", "1,")
        assert jobs.wait_for_file(tmp_path / "first") == "1\n"
        second = submit(home, tmp_path, "second", "1")
        assert jobs.wait_for_file(tmp_path / "second") == "0\n"
        third = submit(home, tmp_path, "third", "2")
        waits = home.catalog.runs.get(third).waits_for
        assert waits == f"2 GPUs, 0 free: GPU 0, held by run {second}; GPU 1, held by run {first}"
        behind = submit(home, tmp_path, "behind", "0,")
        assert home.catalog.runs.get(behind).waits_for == f"its turn after run {third}"
        going = {run["id"]: run["leases"] for run in call(home, "queue")["going"]}
        assert going == {first: ["GPU 1"], second: ["GPU 0"]}
        for name in ("first", "second", "third", "behind"):
            (tmp_path / f"{name}-end").touch()
        assert sorted(jobs.wait_for_file(tmp_path / "third").strip().split(",")) == ["0", "1"]
        assert jobs.wait_for_file(tmp_path / "behind") == "0\n"


@pytest.mark.slow
def test_a_job_starts_once_a_stranger_has_left_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: Path
) -> None:
    write_gpus(gpus, (80_000, 20_000, os.getpid(), 19_000))
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        run = submit(home, tmp_path, "late", "1")
        waits = home.catalog.runs.get(run).waits_for
        assert waits.startswith("GPU 0, where ")
        assert f"({os.getpid()}) uses 19.5 GiB" in waits
        write_gpus(gpus, FREE)
        assert jobs.wait_for_file(tmp_path / "late") == "0\n"  # the waiter has looked again
        (tmp_path / "late-end").touch()


@pytest.mark.slow
def test_a_gpu_stays_leased_while_the_job_lives_without_its_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: Path
) -> None:
    write_gpus(gpus, FREE)
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        first = home.catalog.runs.get(submit(home, tmp_path, "first", "1"))
        jobs.wait_for_state(home, first, RunState.RUNNING)
        jobs.kill(jobs.find_job(home, first).process)
        second = submit(home, tmp_path, "second", "1")
        assert home.catalog.runs.get(second).waits_for == f"GPU 0, held by run {first.id}"
        stop_run(home, first.id)
        assert jobs.wait_for_file(tmp_path / "second") == "0\n"
        (tmp_path / "second-end").touch()


def test_doctor_names_the_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: Path) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        checks = {check["name"]: check for check in call(home, "doctor")["checks"]}
        assert checks["gpus"]["found"] == "0: Fake 9000, 1: Fake 9000"
        assert call(home, "train", "cells", "--gpus", "3", code=1)["error"]["kind"] in (
            "usage",
            "invalid_input",
        )


@pytest.mark.parametrize(
    ("asked", "leased", "device"),
    [
        ("auto", "2,5", "0,1"),
        ("2,5", "2,5", "0,1"),
        ("0", "2,5", "0,1"),
        ("auto", "3", "auto"),
        ("3", "3", "auto"),
        ("cpu,cpu", "2,5", "cpu,cpu"),
        ("cpu", "", "cpu"),
        ("0,1", "", "0,1"),
    ],
)
def test_a_job_with_several_gpus_uses_them_all_by_the_numbers_it_sees(
    asked: str, leased: str, device: str
) -> None:
    assert find_devices(asked, {LEASED_GPUS: leased} if leased else {}) == device


def test_several_processors_are_as_many_slots(home: Workspace) -> None:
    for device, slots in (("cpu", 1), ("cpu,cpu", 2)):
        wants = check_terms(home, Terms(), uses_gpu=True, device=device).wants
        assert wants is not None
        assert (wants.slots, wants.gpu_count) == (slots, 0)
    with pytest.raises(InvalidParameter, match="GPUs 7, 8 are not there: this machine has none"):
        check_terms(home, Terms(), uses_gpu=True, device="7,8")
