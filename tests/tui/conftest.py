"""Homes for the app's tests, and the flag that writes its snapshots anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import constants

from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.homes import fill_home, fill_projects


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the app's snapshots anew")


@pytest.fixture(autouse=True)
def _true_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as on a terminal of all colours, wherever the tests run."""
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home") as workspace:
        yield workspace


@pytest.fixture
def projects_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    """`cells` with two versions and a changed head; `parts`, never committed."""
    fill_projects(empty_home, tmp_path / "source")
    return empty_home


@pytest.fixture
def full_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    """Something of every kind, and a training that goes on."""
    fill_home(empty_home, tmp_path / "source")
    return empty_home
