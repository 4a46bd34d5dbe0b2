"""Storms: sizes and keys faster than anything is drawn, while another process changes the home underneath."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size

from mlwf_tui.tui.keys import normalise_key
from mlwf_tui.tui.screens.view_host import TITLES
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workspace import Workspace
from tests.tui.driving import WIDE, Driver, drive

UNKEPT = "The predictions behind the report cells-val-1 were not kept."
"""The right answer of this home, and the only one that may be an error."""

SIZES, KEYS_AT_ONCE = 100, 500
KEYS = (
    *"jkhlgGnNzZ123()[]~x?!/,{}",
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "escape"),
    *("ctrl+left", "ctrl+right", "ctrl+up", "ctrl+down", "ctrl+d", "ctrl+u", "backslash", "space", "f5"),
)
"""What moves, looks and opens; not what would begin a training or end the app."""


@contextmanager
def changing(home: Path) -> Iterator[None]:
    """Let another process change the home as long as this goes on."""
    script = str(Path(__file__).with_name("changing_home.py"))
    process = subprocess.Popen([sys.executable, script, str(home)], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


async def open_all(app: Driver) -> None:
    """Fill every view that can be filled by keys alone."""
    await app.open_versions("cells")
    for title, key in (("cells-val-1", "enter"), ("@2", "d"), ("@2", "v"), ("@2", "V"), ("@2", "H")):
        await app.select(title)
        await app.press(key)
        await app.settle()
        await app.press("escape", "escape")
    for title, key in (("Models", "enter"), ("Runs", "enter"), ("train yolov10s-cells-1", "m")):
        await app.select(title)
        await app.press(key)
        await app.settle()


async def calm(app: Driver) -> None:
    """Close whatever is open, and share the screen as it comes."""
    await app.pilot.resize_terminal(*WIDE)
    for _ in range(8):
        while app.top is not app.main:
            await app.press("escape")
        await app.press("escape")
    app.main.action_perform("pane_reset")
    panes = app.main.query_one(PaneGrid)
    if panes.is_zoomed:
        app.main.action_perform("zoom")
    await app.pilot.pause()  # it is not quiet as long as the home changes


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1])
async def test_every_view_outlives_storms_of_sizes_and_keys_on_a_home_that_changes(
    full_home: Workspace, seed: int
) -> None:
    chance = random.Random(seed)
    async with drive(full_home) as app:
        await open_all(app)
        with changing(full_home.home):
            for view in TITLES:
                app.main._views.show(view)
                for _ in range(SIZES):
                    size = Size(chance.randint(8, 220), chance.randint(3, 70))
                    app.app.post_message(events.Resize(size, size))
                await app.pilot.pause()
                for key in chance.choices(KEYS, k=KEYS_AT_ONCE):
                    app.app.post_message(events.Key(normalise_key(key), key if len(key) == 1 else None))
                await calm(app)
                assert app.main.query_one(Stage).shown is not None
                assert {said.text for said in app.main.said if said.is_error} <= {UNKEPT}, view
        await app.press("f5")
        await app.settle()
        assert app.read_text().startswith("╭─ 1 Projects")
        seen = list_titles(app)
    assert {project.name for project in list_projects(full_home)} <= set(seen.values())
    async with drive(full_home) as fresh:
        await fresh.open_versions("cells")
        assert seen == list_titles(fresh), "as an app that begins now"


def list_titles(app: Driver) -> dict[str, str]:
    """Return what the tree holds, in open branches and closed ones."""
    entries = [node.data for node in app.tree._by_key.values()]
    return {entry.key: entry.title for entry in entries if entry is not None}
