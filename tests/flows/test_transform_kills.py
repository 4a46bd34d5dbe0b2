"""A transform that is killed goes on where it was: nothing that was made is made again. Real processes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.making import make_image

IMAGES, COPIES = 12, 25
KILLS = 2
PATIENCE_S = 120.0
TRANSFORM = ("transform", "augment", "cells", "--to", "more", "-p", f"copies={COPIES}", "--workers", "2")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(IMAGES):
        (folder / f"{seed:02}.jpg").write_bytes(make_image(seed, width_px=640, height_px=480))
    return folder


def start(home: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that it can be killed with all that it started."""
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), *words, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def call(home: Path, *words: str) -> dict[str, Any]:
    process = start(home, *words)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


def count_noted(home: Path) -> int:
    """Return how many bytes are noted of finished drafts."""
    return sum(path.stat().st_size for path in (home / "cache" / "drafts").glob("*/*"))


def wait_for_more(home: Path, process: subprocess.Popen[bytes], before: int) -> bool:
    """Wait until more drafts are noted, about once a second; return whether it still goes on then."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and count_noted(home) <= before:
        assert time.monotonic() < deadline
        with_pause(process)
    return process.poll() is None


def with_pause(process: subprocess.Popen[bytes], seconds: float = 0.02) -> None:
    """Let the process go on for a moment."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def find_manifest(home: Path, project: str) -> str:
    from mlwf_tui.workspace import open_workspace

    with open_workspace(home) as workspace:
        return workspace.catalog.projects.get(project).manifest


@pytest.mark.slow
@pytest.mark.parametrize("whole_session", [True, False], ids=["all processes", "the command alone"])
def test_a_transform_killed_at_random_times_comes_to_the_same_result_with_less_work(
    tmp_path: Path, images: Path, whole_session: bool
) -> None:
    home, calm = tmp_path / "home", tmp_path / "calm"
    for folder in (home, calm):
        call(folder, "import", str(images), "cells")
    undisturbed = call(calm, *TRANSFORM)
    draw = random.Random(5)
    for attempt in range(KILLS):
        process = start(home, *TRANSFORM)
        is_going = wait_for_more(home, process, count_noted(home))
        assert is_going or attempt, "it ended before it was killed: it has too little to do"
        if is_going:
            with_pause(process, draw.uniform(0.0, 0.2))
            kill = os.killpg if whole_session else os.kill
            with suppress(ProcessLookupError):  # what was left to do took less than the pause
                kill(process.pid, signal.SIGKILL)
        process.communicate()
        if not is_going:  # a fast machine
            break
    killed = call(home, *TRANSFORM)

    assert undisturbed["images_made"] == IMAGES * COPIES
    assert killed["cached"] or killed["images_resumed"] > 0
    assert killed["cached"] or killed["images_made"] + killed["images_resumed"] == IMAGES * COPIES
    assert find_manifest(home, "more") == find_manifest(calm, "more")
    assert call(home, "verify")["ok"]
    assert not list((home / "cache" / "drafts").glob("*"))
    assert call(home, *TRANSFORM)["cached"]


@pytest.mark.slow
def test_a_transform_that_is_stopped_keeps_what_was_made(tmp_path: Path, images: Path) -> None:
    home = tmp_path / "home"
    call(home, "import", str(images), "cells")
    command = ("transform", "augment", "cells", "--to", "more", "-p", "copies=16", "--workers", "1")
    process = start(home, *command)
    assert wait_for_more(home, process, 0)
    noted = count_noted(home)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert {project["name"] for project in call(home, "projects")["projects"]} == {"cells"}
    assert count_noted(home) > noted  # also what was not yet due
    again = call(home, *command)
    assert again["images_resumed"] > 0
    assert again["images_made"] + again["images_resumed"] == IMAGES * 16
