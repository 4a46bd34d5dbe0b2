"""Several commands on one home at once, some paused or killed on the way: nothing is lost or mixed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver
from tests.faults.harness import (
    KILLED,
    Fault,
    Outcome,
    call_well,
    finish,
    list_pauses,
    start,
    start_with_fault,
    wait_until_paused,
)
from tests.faults.places import Places, Scenario, get_scenario
from tests.faults.shapes import check_runs, list_manifests, read_contents
from tests.faults.thinning import thin
from tests.faults.trials import measure
from tests.making import make_voc

NOT_FOUND, CONFLICT = 4, 5
WRITERS = 4
IMAGES = 6
PATIENCE_S = 1.0
SEED = 3
COLLECT = ("collect", "--apply", "--grace", "0")
OTHERS = (
    ("import", "{sources}/more", "cells"),
    ("import", "{sources}/more", "others"),
    ("verify",),
    ("undo", "cells"),
    ("commit", "cells", "-m", "meanwhile"),
    COLLECT,
)
MEETINGS = (
    *(("import-changes", other) for other in OTHERS),
    *(("collect", other) for other in OTHERS),
    *(("backup-again", other) for other in OTHERS),
    ("import-reviving", COLLECT),
    ("transform-again", COLLECT),
)


def make_folders(folder: Path) -> list[Path]:
    """Write a folder for each writer; half of every folder's images are those of all."""
    folders = []
    for writer in range(WRITERS):
        names = [f"all-{n}.jpg" for n in range(IMAGES // 2)]
        names += [f"own-{writer}-{n}.jpg" for n in range(IMAGES // 2)]
        folders.append(make_voc(folder / str(writer), {name: [("cell", 2, 3, 20, 21)] for name in names}))
    return folders


def insist(home: Path, *words: str) -> Callable[[], bool]:
    """Start a command; each call of what is returned waits for it, and starts it again after a conflict."""
    running = [start(home, *words)]

    def is_done() -> bool:
        ended = finish(running[0])
        assert ended.code in (0, CONFLICT), (ended.out, ended.err)
        if ended.code == 0:
            return True
        running[0] = start(home, *words)
        return False

    return is_done


def check_sound(home: Path) -> None:
    with open_workspace(home) as workspace:
        check_runs(workspace)
        verified = verify(workspace, KeepingObserver())
        assert verified.ok, verified.problems
        for manifest in list_manifests(workspace):
            read_contents(workspace, Digest(manifest))


@pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_writers_at_once_all_arrive(tmp_path: Path, tried: Counter[str], rounds: int) -> None:
    home = tmp_path / "home"
    folders = make_folders(tmp_path / "folders")
    for round_ in range(rounds):
        imports = [
            insist(home, "import", str(folder), project, "--dataset", f"r{round_}/w{writer}")
            for writer, folder in enumerate(folders)
            for project in ("together", f"alone-{writer}")
        ]
        checking = start(home, "verify")
        while imports:
            imports = [is_done for is_done in imports if not is_done()]
        assert finish(checking).code == 0
        tried["crowd: writers at once"] += 2 * WRITERS
    check_sound(home)
    assert call_well(home, "show", "together")["item_count"] == rounds * WRITERS * IMAGES
    for writer in range(WRITERS):
        assert call_well(home, "show", f"alone-{writer}")["item_count"] == rounds * IMAGES


def test_two_undos_at_once_take_back_two_changes_or_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folders = make_folders(tmp_path / "folders")
    heads = [
        call_well(home, "import", str(folder), "cells", "--dataset", str(n)) and read_head(home)
        for n, folder in enumerate(folders)
    ]
    both = [start(home, "undo"), start(home, "undo")]
    codes = [finish(process).code for process in both]
    assert set(codes) <= {0, CONFLICT}
    assert read_head(home) == heads[-1 - codes.count(0)]
    check_sound(home)


def read_head(home: Path) -> str:
    return str(call_well(home, "show", "cells")["head"])


def pause_and_meet(places: Places, scenario: Scenario, fault: Fault, other: Sequence[str], end: str) -> None:
    """Pause a command at a step, run another one, then let the first go on, or kill it."""
    place = places.put(scenario.template)
    first = start_with_fault(place, places.fill(scenario), fault)
    with ending(first):
        if not wait_until_paused(first):
            return
        second = start(place / "home", *(word.format(sources=places.sources) for word in other))
        with ending(second):
            with suppress(subprocess.TimeoutExpired):
                second.wait(PATIENCE_S)  # one that waits for a lock has not ended by then
            os.killpg(first.pid, signal.SIGCONT if end == "goes on" else signal.SIGKILL)
            outcomes = finish(first), finish(second)
    assert outcomes[0].code in ((0, CONFLICT) if end == "goes on" else (KILLED,)), outcomes
    assert outcomes[1].code in (0, CONFLICT, NOT_FOUND), outcomes
    check_sound(place / "home")
    check_said(place / "home", outcomes)
    call_well(place / "home", *places.fill(scenario))
    check_sound(place / "home")


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a command in the end if it still lives: a paused one would stay for ever."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def check_said(home: Path, outcomes: Sequence[Outcome]) -> None:
    """Fail where a command said that it was done and its run is not there as done."""
    states = {run["id"]: run["state"] for run in call_well(home, "runs")["runs"]}
    for ended in outcomes:
        if ended.code == 0 and "run" in ended.document:
            assert states[ended.document["run"]] == "done"


ENDS = pytest.mark.parametrize("end", ["goes on", "is killed"])


@pytest.mark.slow
@ENDS
def test_a_command_paused_at_a_step_meets_another(places: Places, tried: Counter[str], end: str) -> None:
    draw = random.Random(SEED)
    for name, other in draw.sample(MEETINGS, 4):
        paused = get_scenario(name)
        fault = draw.choice(list_pauses(measure(places, paused).whole.steps))
        pause_and_meet(places, paused, fault, other, end)
        tried["crowd: paused at a step, met another"] += 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@ENDS
@pytest.mark.parametrize(("name", "other"), MEETINGS)
def test_a_command_paused_at_every_step_meets_another(
    places: Places, tried: Counter[str], name: str, other: Sequence[str], end: str
) -> None:
    paused = get_scenario(name)
    for fault in thin(list_pauses(measure(places, paused).whole.steps)):
        pause_and_meet(places, paused, fault, other, end)
        tried["crowd: paused at a step, met another"] += 1
