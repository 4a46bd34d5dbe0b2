"""A real home, and a small real folder to import into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc

BOXES = {
    "a.jpg": [("cell", 2, 3, 20, 21)],
    "b.jpg": [("cell", 5, 5, 25, 25), ("spot", 1, 1, 8, 9)],
    "c.jpg": [("spot", 4, 4, 14, 14)],
    "d.jpg": [("cell", 6, 2, 30, 20)],
    "e.png": [],
}
SPLITS = {"train": ["a", "b", "c"], "val": ["d"], "test": ["e"]}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def observer() -> KeepingObserver:
    return KeepingObserver()


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    folder = tmp_path / "voc"
    make_voc(folder, BOXES, splits=SPLITS)
    return folder


@pytest.fixture
def imported(workspace: Workspace, voc: Path, observer: KeepingObserver) -> Workspace:
    """A workspace whose project `cells` holds the five images, not committed."""
    import_folder(workspace, voc, "cells", observer=observer)
    return workspace
