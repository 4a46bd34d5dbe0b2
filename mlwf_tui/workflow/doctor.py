"""doctor: look at the machine and the home for what would hurt later, and say what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from mlwf_tui.entities.health import Check, Health
from mlwf_tui.workflow.machine import read_gpus
from mlwf_tui.workflow.running.leases import find_gpu_folder
from mlwf_tui.workflow.terminal import check_clipboard, check_keys, check_link, check_terminal, check_tmux
from mlwf_tui.workspace import Workspace

LIBRARIES = ("textual", "torch", "ultralytics-opencv-headless", "albumentations", "peewee", "nvidia-ml-py")
NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs")
LOW_BYTES, EMPTY_BYTES = 10 << 30, 1 << 30
ASK_TIMEOUT_S = 5.0
LOGIND_FILES = ("etc/systemd/logind.conf", "run/systemd/logind.conf", "usr/lib/systemd/logind.conf")


def examine(
    workspace: Workspace,
    environment: Mapping[str, str],
    *,
    root: Path = Path("/"),
    keys: Collection[str] = (),
) -> tuple[Check, ...]:
    """Look at everything and return what was found, in the order in which a person should read it.

    `root` is where the system's own files are looked for, `keys` are those that the app uses.
    """
    looks: tuple[Callable[[], Check], ...] = (
        lambda: check_logout(root),
        lambda: check_file_system(workspace.home, root),
        lambda: check_space(workspace.home),
        lambda: _check_queue(workspace),
        lambda: _check_gpus(workspace),
        lambda: _check_leases(workspace),
        _check_python,
        _check_sqlite,
        _check_libraries,
        lambda: check_terminal(environment),
        lambda: check_link(environment),
    )
    return (
        *(look() for look in looks),
        *check_tmux(environment),
        check_clipboard(environment),
        check_keys(environment, keys),
    )


def find_worst(checks: tuple[Check, ...]) -> Health:
    """Return how the whole stands."""
    order = (Health.FAIL, Health.WARN, Health.OK)
    return next((health for health in order if any(check.health is health for check in checks)), Health.OK)


def check_logout(root: Path) -> Check:
    """Whether this system ends a user's processes as they log out, which nothing that mlwf does prevents."""
    name = "logout"
    if not (root / "run/systemd/system").is_dir():
        return Check(name, Health.OK, "no systemd: what is detached outlives a logout")
    setting = read_logind(root, "KillUserProcesses")
    if setting not in ("yes", "true", "1", "on"):
        return Check(name, Health.OK, "systemd leaves detached processes alone (KillUserProcesses is off)")
    user = str(os.getuid())
    if _ask("loginctl", "show-user", user, "--property=Linger", "--value") == "yes":
        return Check(name, Health.WARN, "systemd ends processes at logout, but you may linger",
                     "Start long work as: systemd-run --user --scope mlwf …")  # fmt: skip
    return Check(name, Health.FAIL, "systemd ends all your processes at logout (KillUserProcesses=yes)",
                 "loginctl enable-linger, then start work as: systemd-run --user --scope mlwf …")  # fmt: skip


def read_logind(root: Path, key: str) -> str:
    """Return a setting of systemd's logind, "" where nothing sets it; its drop-ins count over its file."""
    main = next((root / path for path in LOGIND_FILES if (root / path).is_file()), None)
    parts = {
        path.name: path for folder in LOGIND_FILES[::-1] for path in (root / f"{folder}.d").glob("*.conf")
    }
    found = ""
    for path in ([main] if main else []) + [parts[part] for part in sorted(parts)]:
        try:
            text = path.read_text("utf-8", errors="replace")
        except OSError:
            continue
        matches = re.findall(rf"^\s*{key}\s*=\s*(\S+)", text, re.MULTILINE)
        found = matches[-1].lower() if matches else found
    return found


def check_file_system(home: Path, root: Path) -> Check:
    """Whether the home's file system can hold a catalog and locks that all processes see."""
    kind = find_file_system(home, root)
    if kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse.sshfs"):
        return Check("home", Health.FAIL, f"{home} is on {kind}, a network file system",
                     "Put it on a local disk: MLWF_HOME or --home.")  # fmt: skip
    if kind in ("tmpfs", "ramfs"):
        return Check("home", Health.WARN, f"{home} is on {kind}: it is gone after a restart",
                     "Put it on a disk: MLWF_HOME or --home.")  # fmt: skip
    return Check("home", Health.OK, f"{home} is on {kind or 'a file system of unknown kind'}")


def find_file_system(path: Path, root: Path) -> str:
    """Return the kind of the file system that a path lies on, "" where the system does not say."""
    try:
        lines = (root / "proc/self/mountinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = Path(fields.split()[4].replace("\\040", " "))
        if path.resolve().is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split()[0]
    return kind


def check_space(home: Path) -> Check:
    """Whether there is room on the home's disk."""
    free = shutil.disk_usage(home).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free >= LOW_BYTES:
        return Check("disk", Health.OK, found)
    health = Health.FAIL if free < EMPTY_BYTES else Health.WARN
    return Check("disk", health, found, "mlwf collect says what can be freed.")


def _check_queue(workspace: Workspace) -> Check:
    state = workspace.catalog.queue.read_state()
    slots = f"{workspace.settings.slots} CPU slots"
    if state is not None and state.home != workspace.place:
        return Check("queue", Health.WARN, f"this home is a copy of {state.home}: its queue does not run",
                     "mlwf queue resume lets it run here.")  # fmt: skip
    if state is not None and state.is_paused:
        return Check("queue", Health.WARN, f"paused, {slots}", "mlwf queue resume lets it go on.")
    return Check("queue", Health.OK, slots)


def _check_gpus(workspace: Workspace) -> Check:
    gpus = read_gpus(workspace)
    if gpus:
        return Check("gpus", Health.OK, ", ".join(f"{gpu.index}: {gpu.name}" for gpu in gpus))
    if Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi"):
        return Check("gpus", Health.FAIL, "there is a driver of NVIDIA's, but it shows no GPU",
                     "nvidia-smi says why; in a container, its GPUs must be passed in.")  # fmt: skip
    return Check("gpus", Health.OK, "none: trainings use the CPU")


def _check_leases(workspace: Workspace) -> Check:
    try:
        folder = find_gpu_folder(workspace)
    except OSError as error:
        return Check("leases", Health.FAIL, f"GPU leases have no folder: {error.strerror or error}",
                     "Set gpu_leases in settings.toml to a folder that all users share.")  # fmt: skip
    if folder.is_relative_to(workspace.home):
        return Check("leases", Health.WARN, "no folder for all users: leases of other homes are not seen",
                     "Set gpu_leases in settings.toml to a folder that all users share.")  # fmt: skip
    return Check("leases", Health.OK, f"GPU leases in {folder}")


def _check_python() -> Check:
    return Check("python", Health.OK, f"{platform.python_version()} on {platform.platform(terse=True)}")


def _check_sqlite() -> Check:
    return Check("sqlite", Health.OK, sqlite3.sqlite_version)


def _check_libraries() -> Check:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "libraries", Health.FAIL, f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )
    return Check("libraries", Health.OK, ", ".join(found))


def _ask(*command: str) -> str:
    """Return what a command of the system prints, "" where it fails or is missing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
