"""Screens kept as text: what a person reads at one size, compared line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tui.driving import Driver

FOLDER = Path(__file__).parent / "snapshots"
IDS = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{16}\b")


def assert_snapshot(app: Driver, name: str, request: pytest.FixtureRequest, home: Path) -> None:
    """Compare the screen with the snapshot of this name; `--update-snapshots` writes it anew.

    Ids are drawn by chance and the home lies anywhere: both are replaced, width by width.
    """
    shown = _replace(app.read_text(), home)
    path = FOLDER / f"{name}.txt"
    if request.config.getoption("--update-snapshots", default=False):
        path.write_text(shown + "\n", "utf-8")
        return
    assert path.exists(), f"there is no snapshot {name}: run with --update-snapshots and read it"
    assert shown == path.read_text("utf-8").rstrip("\n"), f"{name} looks different"


def _replace(text: str, home: Path) -> str:
    text = IDS.sub(lambda found: "0" * len(found[0]), text)
    for lead in (str(home), str(home.parent)):
        text = text.replace(lead, "~" * len(lead))
    return text
