"""The machine as a command shows it and as a job records it, on real processes and a stand-in driver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.workflow.machine import choose_for_jobs
from mlwf_tui.workflow.running.follow import RunFollower, log_path
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.running.usage import FILE_NAME, read_usage
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.driver import build_driver, write_gpus
from tests.fakes.observers import KeepingObserver

UNTIL_GATE = "while not Path({gate!r}).exists():\n    time.sleep(0.02)\n    yield"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says what GPUs the driver of the processes below shows."""
    driver = build_driver(tmp_path / "driver")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    monkeypatch.setenv("FAKE_NVML", str(driver / "gpus"))
    return driver / "gpus"


def act_until_gate(home: Workspace, gate: Path, *, on_gpu: int | None = None) -> Run:
    """Queue a run that goes on until `gate` is there; by a process that sees the stand-in's GPUs."""
    if on_gpu is None:
        return jobs.wait_for_state(home, jobs.act(home, UNTIL_GATE.format(gate=str(gate))), RunState.RUNNING)
    script = (
        "import sys; from pathlib import Path; from tests import jobs\n"
        "from mlwf_tui.entities.queue import Terms, Wants; from mlwf_tui.workspace import open_workspace\n"
        "with open_workspace(Path(sys.argv[1])) as home:\n"
        "    terms = Terms(wants=Wants(gpu_indices=(int(sys.argv[3]),)))\n"
        "    print(jobs.act(home, sys.argv[2], terms=terms).id)\n"
    )
    words = [str(home.home), UNTIL_GATE.format(gate=str(gate)), str(on_gpu)]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    run = home.catalog.runs.get(done.stdout.strip())
    return jobs.wait_for_state(home, run, RunState.RUNNING)


def wait_for_readings(home: Workspace, run: Run, count: int) -> None:
    path = home.run_folder(run.id) / FILE_NAME

    def is_there() -> bool:
        return path.exists() and path.read_bytes().count(b"\n") >= count

    jobs.wait_until(is_there, lambda: jobs.describe(home, run))


def call(home: Workspace, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words, "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_a_job_records_what_it_takes_and_show_tells_it(home: Workspace, tmp_path: Path) -> None:
    run = act_until_gate(home, tmp_path / "gate")
    wait_for_readings(home, run, 1)
    (tmp_path / "gate").touch()
    run = jobs.wait_for_end(home, run)
    usage = read_usage(home, run)
    assert usage is not None
    assert usage.readings >= 2  # one at the beginning, one at the end
    assert usage.memory_peak_bytes is not None
    assert usage.memory_peak_bytes > 8 << 20
    assert usage.cores is not None
    assert 0 < usage.cores.mean < (os.cpu_count() or 1) + 1
    assert usage.gpu_energy_wh is None
    assert show(home, run.id).facts["machine"]["readings"] == usage.readings
    assert RunFollower(home, run.id).poll().usage == usage


def test_a_command_that_does_a_long_run_itself_records_what_it_takes(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlwf_tui.workflow.running.recorder.METERED_AFTER_S", 0.0)
    code = f"""
    while not list(Path({str(home.home)!r}).glob("runs/*/machine.jsonl")):
        time.sleep(0.01)
    """
    observer = KeepingObserver()
    made = transform(home, "act", ("cells",), to="out", params={"code": code}, seed=0, observer=observer)
    usage = read_usage(home, home.catalog.runs.get(made.run))
    assert usage is not None
    assert usage.readings == 2  # one at the beginning, one at the end
    assert usage.memory_peak_bytes is not None
    assert show(home, made.run).facts["machine"]["readings"] == 2


def test_a_run_that_is_over_at_once_leaves_no_readings(home: Workspace) -> None:
    with record(home, "commit", params={}) as recorder:
        pass
    assert read_usage(home, recorder.run) is None
    assert not home.run_folder(recorder.run_id).exists()


def test_a_job_records_its_own_gpu_with_its_energy(home: Workspace, tmp_path: Path, gpus: Path) -> None:
    other = (80_000, 0, 0, 0, 99, 700_000, 5_000)
    write_gpus(gpus, other, (80_000, 100, 0, 0, 40, 200_000, 1_000_000))
    run = act_until_gate(home, tmp_path / "gate", on_gpu=1)
    wait_for_readings(home, run, 1)
    write_gpus(gpus, other, (80_000, 300, 0, 0, 80, 200_000, 4_600_000))
    (tmp_path / "gate").touch()
    run = jobs.wait_for_end(home, run)
    machine = show(home, run.id).facts["machine"]
    (gpu,) = machine["gpus"]
    assert (gpu["index"], gpu["name"], gpu["memory_peak_bytes"]) == (1, "Fake 9000", 300 << 20)
    assert gpu["power_w"] == 200.0
    assert machine["gpu_energy_wh"] == 1.0
    text = subprocess.run(
        [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), "show", run.id],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "1 Wh" in text


def test_a_run_goes_on_where_it_cannot_be_measured(home: Workspace, tmp_path: Path) -> None:
    terms = Terms(wants=Wants())
    code = f"Path({str(tmp_path / 'began')!r}).write_text('yes\\n')"
    home.catalog.queue.set_paused(str(home.home), is_paused=True, author="")
    run = jobs.act(home, code, terms=terms)
    (home.run_folder(run.id) / FILE_NAME).mkdir(parents=True)
    call(home, "queue", "resume")
    assert jobs.wait_for_end(home, run).state is RunState.DONE
    assert b"not measured any more" in log_path(home, run.id).read_bytes()


@pytest.mark.slow
def test_readings_of_a_killed_job_are_kept_and_the_next_one_goes_on(home: Workspace, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = UNTIL_GATE.format(gate=str(gate))
    terms = Terms(wants=Wants(), retries=1, backoff_s=0.05)
    run = jobs.wait_for_state(home, jobs.act(home, code, terms=terms), RunState.RUNNING)
    wait_for_readings(home, run, 1)
    first = jobs.find_job(home, run)
    jobs.kill(jobs.find_worker(home, run))
    with (home.run_folder(run.id) / FILE_NAME).open("ab") as file:
        file.write(b'{"at": 17')  # what was being written
    jobs.wait_until(lambda: jobs.find_job(home, run).id != first.id, lambda: jobs.describe(home, run))
    gate.touch()
    run = jobs.wait_for_end(home, run)
    usage = read_usage(home, run)
    assert usage is not None
    assert usage.readings >= 3


def test_the_command_tells_our_runs_from_other_processes(home: Workspace, tmp_path: Path, gpus: Path) -> None:
    write_gpus(gpus, (80_000, 10, 0, 0), (80_000, 10, 0, 0))
    run = act_until_gate(home, tmp_path / "gate", on_gpu=0)
    worker = jobs.find_worker(home, run).pid
    write_gpus(gpus, (80_000, 500, worker, 400), (80_000, 900, os.getpid(), 800))
    machine = call(home, "machine")
    ours, strange = (gpu["processes"][0] for gpu in machine["gpus"])
    assert (ours["pid"], ours["run"], ours["memory_bytes"]) == (worker, run.id, 400 << 20)
    assert (strange["pid"], strange["run"], strange["user"]) == (os.getpid(), "", ours["user"])
    assert machine["host"]["disk"]["path"] == str(home.home)
    assert 0 <= machine["host"]["cpu_percent"] <= 100
    (tmp_path / "gate").touch()


def test_the_command_works_without_any_gpu_and_says_so(home: Workspace) -> None:
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), "machine"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    has_gpus = bool(call(home, "machine")["gpus"])
    assert ("No GPU is seen" in done.stdout) is not has_gpus
    assert "memory" in done.stdout


def test_watching_prints_document_after_document_until_it_is_ended(home: Workspace) -> None:
    words = ["machine", "--watch", "--interval", "0.2", "--json"]
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home.home), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as watching:
        assert watching.stdout is not None
        documents = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(timeout=jobs.PATIENCE_S) == 130
    times = [document["at"] for document in documents]
    assert times == sorted(set(times))


def test_jobs_get_gpus_of_one_vendor_and_none_that_is_a_part_of_a_processor() -> None:
    nvidia = Gpu(index=0, name="a", vendor="nvidia")
    card = Gpu(index=0, name="b", vendor="amd", memory_total_bytes=24 << 30)
    part = Gpu(index=1, name="c", vendor="amd", memory_total_bytes=512 << 20)
    assert choose_for_jobs([card, part, nvidia]) == (nvidia,)
    assert choose_for_jobs([card, part]) == (card,)
    assert choose_for_jobs([part]) == ()
