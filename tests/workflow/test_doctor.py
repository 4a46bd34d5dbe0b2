"""What doctor says of machines that are made up of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlwf_tui.entities.health import Check, Health
from mlwf_tui.workflow.doctor import (
    check_file_system,
    check_logout,
    examine,
    find_worst,
    read_logind,
)
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.terminal import check_terminal
from mlwf_tui.workspace import Workspace


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_machine_without_systemd_leaves_processes_alone(tmp_path: Path) -> None:
    assert check_logout(tmp_path).health is Health.OK


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({}, ""),
        ({"etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, ""),
        ({"etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n"}, "yes"),
        (
            {
                "etc/systemd/logind.conf": "KillUserProcesses=yes\n",
                "etc/systemd/logind.conf.d/50-lab.conf": "[Login]\nKillUserProcesses=no\n",
            },
            "no",
        ),
        ({"usr/lib/systemd/logind.conf.d/a.conf": "KillUserProcesses=yes\n"}, "yes"),
        (
            {
                "usr/lib/systemd/logind.conf.d/a.conf": "KillUserProcesses=yes\n",
                "etc/systemd/logind.conf.d/a.conf": "KillUserProcesses=no\n",
            },
            "no",
        ),
    ],
)
def test_drop_ins_count_over_the_file_and_those_of_etc_over_the_systems(
    tmp_path: Path, files: dict[str, str], value: str
) -> None:
    for name, text in files.items():
        write(tmp_path / name, text)
    assert read_logind(tmp_path, "KillUserProcesses") == value


def test_a_machine_that_ends_processes_at_logout_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert check_logout(tmp_path).health is Health.OK
    write(tmp_path / "etc/systemd/logind.conf", "KillUserProcesses=yes\n")
    found = check_logout(tmp_path)
    assert found.health in (Health.FAIL, Health.WARN)
    assert "systemd-run --user --scope" in found.hint


@pytest.mark.parametrize(
    ("kind", "health"), [("nfs4", Health.FAIL), ("ext4", Health.OK), ("tmpfs", Health.WARN)]
)
def test_the_file_system_of_the_home_is_that_of_the_nearest_mount(
    tmp_path: Path, kind: str, health: Health
) -> None:
    home = tmp_path / "my home"
    home.mkdir()
    escaped = str(home).replace(" ", "\\040")
    lines = f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {escaped} rw shared:1 - {kind} server:/x rw\n"
    write(tmp_path / "proc/self/mountinfo", lines)
    found = check_file_system(home, tmp_path)
    assert found.health is health
    assert kind in found.found


def test_a_terminal_without_its_name_is_told() -> None:
    assert check_terminal({}).health is Health.WARN
    assert "256" in check_terminal({"TERM": "xterm-256color"}).found
    assert "million" in check_terminal({"TERM": "xterm", "COLORTERM": "truecolor"}).found


def test_the_worst_counts() -> None:
    fine, bad = Check("a", Health.OK, ""), Check("b", Health.WARN, "")
    assert find_worst((fine,)) is Health.OK
    assert find_worst((fine, bad)) is Health.WARN
    assert find_worst((bad, Check("c", Health.FAIL, ""))) is Health.FAIL


def test_a_paused_queue_is_told(workspace: Workspace) -> None:
    pause_queue(workspace)
    checks = {check.name: check for check in examine(workspace, os.environ)}
    assert checks["queue"].health is Health.WARN
    assert "mlwf queue resume" in checks["queue"].hint
