"""An import that looks only at what has changed, killed at its steps: run again it takes in all of it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver
from tests.faults.harness import KILLED, Outcome, finish, make_environment, read_steps, start
from tests.making import write_image
from tests.reimporting import write_label

SAMPLES = 5
LATER_S = 60  # files are not too young to be trusted then, though just made


def import_with(home: Path, folder: Path, *, later: int, at: int = 0) -> Outcome:
    """Run the real command some minutes later, killed at one of its steps where that is given."""
    plan = {"mode": "kill", "at": at} if at else {}
    trace, old = home.with_name("trace"), home.with_name("old")
    trace.unlink(missing_ok=True)
    shutil.rmtree(old, ignore_errors=True)
    old.mkdir()
    environment = make_environment(
        roots=[str(home)], trace=str(trace), kept=str(old), shift_s=later * LATER_S, **plan
    )
    return finish(start(home, "import", str(folder), "pets", "-m", f"{later}", environment=environment))


@pytest.fixture
def edited(tmp_path: Path) -> tuple[Path, Path]:
    """A home that has imported a folder, and the folder as it was edited since."""
    folder, home = tmp_path / "given", tmp_path / "home"
    for number in range(12):
        write_image(folder / "images" / f"{number:02}.png", seed=number)
        write_label(folder / "labels" / f"{number:02}.txt", number % 2)
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    assert import_with(home, folder, later=1).code == 0
    write_label(folder / "labels" / "03.txt", 1, 0.25)
    write_image(folder / "images" / "new.png", seed=99)
    (folder / "images" / "05.png").rename(folder / "images" / "moved.png")
    (folder / "labels" / "05.txt").rename(folder / "labels" / "moved.txt")
    return home, folder


def read_manifest(home: Path) -> str:
    with open_workspace(home) as workspace:
        assert verify(workspace, KeepingObserver()).ok
        return str(workspace.catalog.projects.get("pets").manifest)


def kill_at(edited: tuple[Path, Path], tried: Counter[str], draw: random.Random | None) -> None:
    """Kill the import at some steps, or without a draw at all, and see that the next one takes all in."""
    home, folder = edited
    kept = home.with_name("kept")
    shutil.copytree(home, kept)
    whole = import_with(home, folder, later=2)
    assert "but for" in whole.document["reason"], "it looks at all files: this test tests nothing"
    expected = read_manifest(home)
    count = len(read_steps(home.with_name("trace")))
    steps = range(1, count + 1) if draw is None else sorted(draw.sample(range(1, count + 1), SAMPLES))
    for step in steps:
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        if import_with(home, folder, later=2, at=step).code != KILLED:
            continue  # it had fewer steps this time: threads are not in step
        tried["kill"] += 1
        again = import_with(home, folder, later=3)
        assert again.code == 0, (step, again.out, again.err)
        assert read_manifest(home) == expected, step


def test_a_narrowed_import_killed_at_a_step_can_simply_be_run_again(
    edited: tuple[Path, Path], tried: Counter[str]
) -> None:
    kill_at(edited, tried, random.Random(20))


@pytest.mark.slow
def test_a_narrowed_import_killed_at_every_step_can_simply_be_run_again(
    edited: tuple[Path, Path], tried: Counter[str]
) -> None:
    kill_at(edited, tried, None)
