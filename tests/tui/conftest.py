"""Homes for the app's tests, and the flag that writes its snapshots anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from textual import constants

from mlwf_tui.entities.machine import Host
from mlwf_tui.host import HostReader
from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.homes import add_running, fill_finished, fill_projects


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the app's snapshots anew")


@pytest.fixture(autouse=True)
def _true_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as on a terminal of all colours, wherever the tests run."""
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture(autouse=True)
def _roomy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let disk and memory have room, however full they are where the tests run: the app tells of it."""
    read = HostReader.read

    def read_roomy(self: HostReader) -> Host:
        host = read(self)
        assert host.disk is not None
        disk = msgspec.structs.replace(host.disk, free_bytes=host.disk.total_bytes)
        return msgspec.structs.replace(host, memory_used_bytes=0, disk=disk)

    monkeypatch.setattr(HostReader, "read", read_roomy)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose name is short and begins alike wherever it lies: screens wrap paths, and cut them."""
    with TemporaryDirectory(prefix="mlwf-tests-of-the-app-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def projects_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(fill_projects, tmp_path_factory.mktemp("projects"))


@pytest.fixture(scope="session")
def finished_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(fill_finished, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home") as workspace:
        yield workspace


@pytest.fixture
def projects_home(projects_template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """`cells` with two versions and a changed head; `parts`, never committed."""
    with _open_copy(projects_template, tmp_path / "home") as workspace:
        yield workspace


@pytest.fixture
def full_home(finished_template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Something of every kind, and a training that goes on."""
    with _open_copy(finished_template, tmp_path / "home") as workspace:
        add_running(workspace)
        yield workspace


def _make(fill: Callable[[Workspace, Path], None], folder: Path) -> Path:
    """Make a home that tests copy, which takes a small part of the time of making it; return where it is."""
    with open_workspace(folder / "home") as workspace:
        fill(workspace, folder / "source")
    return folder / "home"


def _open_copy(template: Path, home: Path) -> AbstractContextManager[Workspace]:
    return open_workspace(shutil.copytree(template, home))
