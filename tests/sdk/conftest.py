"""A home that is opened from Python, and a folder with two datasets, three splits and two classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.sdk import Home, open_home
from tests.making import make_voc

BOXES = {
    "a.jpg": [("cell", 2, 3, 20, 21)],
    "b.jpg": [("cell", 5, 5, 25, 25), ("spot", 1, 1, 8, 9)],
    "c.jpg": [("spot", 4, 4, 14, 14)],
    "d.jpg": [("cell", 6, 2, 30, 20)],
    "e.png": [],
}


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    folder = tmp_path / "voc"
    make_voc(folder, BOXES, splits={"train": ["a", "b", "c"], "val": ["d"], "test": ["e"]})
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with open_home(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def filled(home: Home, voc: Path) -> Home:
    """A home with `cells@1`: five items in the dataset `main`, and the same in `main/more`."""
    home.import_folder(voc, "cells")
    home.import_folder(voc, "cells", dataset="main/more")
    home.commit("cells", message="as received")
    return home
