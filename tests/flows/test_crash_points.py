"""Every command is killed at its durable steps: nothing old is lost, nothing is half there, and the
same command simply run again does its work.

A few of the steps are tried by default, more of them with `-m slow`, and all of them where
MLWF_EVERY_POINT is set as well.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from zlib import crc32

import pytest

from tests.faults.harness import KILLED, choose, finish, list_kills, start
from tests.faults.places import SCENARIOS, Places, get_scenario
from tests.faults.thinning import EVERY_POINT, thin
from tests.faults.trials import Subject, kill, look_and_repeat, measure, try_all

SEED = 11
SAMPLES = {"import": 6, "import-changes": 7, "collect": 3, "backup-again": 2, "sync": 3, "sync-merge": 3}
SAMPLE = 1  # of the other commands, whose steps are few
POWER_SEEDS = 3
POWER_CUTS = 3  # of an import
WRITE_STEP = 3  # of the writes of a database every third is tried
TRACE = ("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=pwrite64,ftruncate,fdatasync", "true")
SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 12))]
PARAMETERS = [
    pytest.param(scenario, id=scenario.name, marks=pytest.mark.slow if scenario.is_slow else ())
    for scenario in SCENARIOS
]


@pytest.fixture(params=PARAMETERS)
def subject(request: pytest.FixtureRequest, places: Places) -> Subject:
    return measure(places, request.param)


def test_a_command_killed_at_a_step_can_simply_be_run_again(subject: Subject, tried: Counter[str]) -> None:
    name = subject.scenario.name
    kills = choose(subject.whole.steps, SAMPLES.get(name, SAMPLE), seed=crc32(name.encode()))
    tried[f"{name}: killed"] += try_all(subject, kills, kill)


@pytest.mark.parametrize("name", ["import", "import-changes"])
def test_a_power_cut_takes_nothing_that_was_promised(places: Places, tried: Counter[str], name: str) -> None:
    subject = measure(places, get_scenario(name))
    kills = choose(subject.whole.steps, POWER_CUTS, SEED)
    tried[f"{name}: power cut"] += try_all(subject, kills, partial(kill, power_seed=SEED))


@pytest.mark.parametrize("name", ["import", "import-changes", "transform"])
def test_bytes_are_durable_before_anything_names_them(places: Places, name: str) -> None:
    """Pack written, synced, renamed, its folder synced; then the index, the catalog, the cache last."""
    steps = measure(places, get_scenario(name)).whole.steps
    unsafe: dict[Path, str] = {}
    renamed = 0
    for step in steps:
        match step.kind:
            case "write" if step.path.suffix == ".tmp":
                unsafe[step.path] = "not synced"
            case "sync" if step.path.suffix == ".tmp":
                del unsafe[step.path]
            case "rename" if step.path.suffix == ".pack":
                assert step.source not in unsafe, "a pack got its name before its bytes were synced"
                unsafe[step.path] = "its folder not synced"
                renamed += 1
            case "sync":
                unsafe = {path: why for path, why in unsafe.items() if path.parent != step.path}
            case "sql-commit":
                packs = {path.name: why for path, why in unsafe.items() if path.parent.name == "packs"}
                assert not packs, f"committed at step {step.number} before it was durable: {packs}"
            case _:
                pass
    assert renamed, "no pack was written: this test tests nothing"
    commits = [step.number for step in steps if step.kind == "sql-commit" and step.path.stem == "catalog"]
    caches = [step.number for step in steps if step.kind == "rename" and "cache" in step.path.parts]
    assert all(number > commits[-1] for number in caches), "the cache knows what no commit names yet"


def kill_at_a_time(places: Places, seed: int) -> None:
    """Kill an import at a moment drawn by `seed`, and look at what it left."""
    draw = random.Random(seed)
    subject = measure(places, get_scenario(draw.choice(["import", "import-changes", "transform"])))
    process = start(places.put(subject.scenario.template) / "home", *places.fill(subject.scenario))
    with suppress(subprocess.TimeoutExpired):
        process.wait(draw.uniform(0.15, 0.6))
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    look_and_repeat(subject)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_command_killed_at_any_time_can_simply_be_run_again(
    places: Places, tried: Counter[str], seed: int
) -> None:
    kill_at_a_time(places, seed)
    tried["killed at a random time"] += 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["import-changes", "restore"])
def test_a_command_killed_inside_of_a_database_write_can_simply_be_run_again(
    places: Places, tried: Counter[str], name: str
) -> None:
    """SQLite's own writes, which the hook does not see, by the hands of strace."""
    if shutil.which("strace") is None or subprocess.run(TRACE, capture_output=True, check=False).returncode:
        pytest.skip("strace is not here, or may not trace")
    subject = measure(places, get_scenario(name))
    code = KILLED
    number = 0
    while code == KILLED:
        number += 1 if EVERY_POINT in os.environ else WRITE_STEP
        place = places.put(subject.scenario.template)
        inject = f"--inject=pwrite64,ftruncate,fdatasync:signal=SIGKILL:when={number}"
        process = start(place / "home", *places.fill(subject.scenario), under=[*TRACE[:-1], inject])
        code = finish(process).code
        look_and_repeat(subject)
        tried[f"{name}: killed inside of SQLite"] += 1
    assert number > 10, "too few writes were seen"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_command_killed_at_every_step_can_simply_be_run_again(
    subject: Subject, tried: Counter[str]
) -> None:
    kills = thin(list_kills(subject.whole.steps))
    tried[f"{subject.scenario.name}: killed"] += try_all(subject, kills, kill)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(POWER_SEEDS))
def test_a_power_cut_at_every_step_takes_nothing_that_was_promised(
    subject: Subject, tried: Counter[str], seed: int
) -> None:
    kills = thin(list_kills(subject.whole.steps), part=seed, parts=POWER_SEEDS)
    tried[f"{subject.scenario.name}: power cut"] += try_all(subject, kills, partial(kill, power_seed=seed))
