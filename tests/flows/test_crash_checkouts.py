"""The power goes after a checkout or sync that had ended: whatever is done next, all files are right again,
and what somebody edited in between is still there.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from mlwf_tui.workflow.trees.state import get_state, may_have_lost
from tests.faults.harness import KILLED, Fault, call_well, choose, make_kill, run_with_fault
from tests.faults.places import Places, edit_checkout, get_scenario
from tests.faults.power import cut_power
from tests.faults.shapes import read_files
from tests.faults.trials import kill, measure, try_all

SCENARIOS = ("checkout", "checkout-over", "sync-merge")
EDITED = ("main/ann/05.jpg.json", "main/ann/06.jpg.json", "main/img/06.jpg")  # by edit_checkout
EVERY = 35  # step of those that come after an edit was put aside
GAVE_WAY = "main/ann/00.jpg.json"
CUTS = {"checkout": 6, "checkout-over": 8, "checkout-renamed": 8, "sync": 3, "sync-merge": 8}
KILLS = 8


def do_and_cut(places: Places, name: str, seed: int) -> tuple[Path, dict[str, str], dict[str, bytes]]:
    """Let a command end and the power go; return the place, and its files as they were before that."""
    scenario = get_scenario(name)
    place = places.put(scenario.template)
    ended = run_with_fault(place, places.fill(scenario), None, is_before_power_cut=True)
    assert ended.code == 0, ended
    work = place / "work"
    digests = read_files(work)
    contents = {path: (work / path).read_bytes() for path in EDITED if (work / path).exists()}
    taken = cut_power(place, ended.steps, seed)
    assert taken, "nothing was lost: this test tests nothing"
    assert read_files(work) != digests
    return place, digests, contents


def tell_status(place: Path) -> dict[str, Any]:
    return call_well(place / "home", "status", str(place / "work"))


@pytest.mark.parametrize("verb", ["status", "checkout", "sync"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_a_power_cut_took_of_a_checkout_is_written_again(
    places: Places, tried: Counter[str], name: str, verb: str
) -> None:
    place, whole, _ = do_and_cut(places, name, seed=crc32(f"{name} {verb}".encode()))
    work, home = str(place / "work"), place / "home"
    head = call_well(home, "show", "cells")["head"]
    ref = "cells" if name == "sync-merge" else f"cells@{'1' if name == 'checkout' else '2'}"
    words = {"status": ("status", work), "checkout": ("checkout", ref, work), "sync": ("sync", work)}[verb]
    call_well(home, *words)
    if not (verb == "sync" and name == "checkout"):  # which brings the folder up to the head
        assert read_files(place / "work") == whole
    assert tell_status(place)["changes"] == []
    if verb != "sync":
        assert call_well(home, "show", "cells")["head"] == head
    tried[f"{name}: power cut after the end"] += 1


@pytest.mark.parametrize("seed", range(3))
def test_edits_made_around_a_power_cut_are_all_synced(places: Places, tried: Counter[str], seed: int) -> None:
    """The manifest of the head says so: the same items always make the same one."""
    wanted = measure(places, get_scenario("sync")).after
    place, _, contents = do_and_cut(places, "checkout-over", seed)
    for path, content in contents.items():  # these had come to the disk
        (place / "work" / path).write_bytes(content)
    edit_checkout(place / "work")
    if seed:
        kinds = sorted(change["kind"] for change in tell_status(place)["changes"])
        assert kinds == ["added", "changed", "removed", "renamed"]
    call_well(place / "home", "sync", str(place / "work"), "-m", "edited")
    assert call_well(place / "home", "show", "cells")["head"] == wanted.projects["cells"].head
    assert read_files(place / "work") == wanted.files
    tried["checkout-over: power cut, and edits"] += 1


def test_files_are_read_once_after_a_power_cut(places: Places) -> None:
    place, _, _ = do_and_cut(places, "checkout", seed=5)
    assert may_have_lost(get_state(place / "work"))
    tell_status(place)
    assert not may_have_lost(get_state(place / "work"))


@pytest.mark.parametrize("is_power_cut", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_edit_that_gave_way_is_put_aside_and_named_after_a_kill(
    places: Places, tried: Counter[str], is_power_cut: bool
) -> None:
    """Before the folder's state names it, before and after it is moved, and while files are written."""
    subject = measure(places, get_scenario("sync-ours"))
    steps, words = subject.whole.steps, places.fill(subject.scenario)
    moved = next(step.number for step in steps if step.kind == "rename" and "kept" in step.path.parts)
    before = next(step.number for step in steps if step.kind == "rename" and step.path.name == "state")
    edit = places.put("edited-both") / "work" / GAVE_WAY
    content = edit.read_bytes()
    assert before < moved
    for at in (before, before + 1, moved, moved + 1, *range(moved + 2, steps[-1].number + 1, EVERY)):
        place = places.put("edited-both")
        ended = run_with_fault(place, words, Fault("kill", at), is_before_power_cut=is_power_cut)
        assert ended.code == KILLED
        if is_power_cut:
            cut_power(place, ended.steps, seed=at)
        is_over = not get_state(place / "work").target
        kept_in = call_well(place / "home", *words)["kept_in"]
        assert kept_in or is_over  # and told then, by the one that was killed after it
        [kept] = (place / "work" / ".mlwf" / "kept").rglob("*.json")
        assert kept.read_bytes() == content
        assert not kept_in or kept == place / "work" / kept_in / GAVE_WAY
        assert read_files(place / "work") == subject.after.files
        assert tell_status(place)["is_clean"]
        tried["sync-ours: killed around what gave way"] += 1


@pytest.mark.slow
@pytest.mark.parametrize("name", CUTS)
def test_a_power_cut_while_files_are_written_loses_nothing(
    places: Places, tried: Counter[str], name: str
) -> None:
    subject = measure(places, get_scenario(name))
    kills = choose(subject.whole.steps, CUTS[name], seed=crc32(name.encode()))
    tried[f"{name}: power cut"] += try_all(subject, kills, partial(kill, power_seed=7))


@pytest.mark.slow
def test_a_checkout_that_moves_folders_can_be_killed_at_a_step(places: Places, tried: Counter[str]) -> None:
    subject = measure(places, get_scenario("checkout-renamed"))
    moves = [step for step in subject.whole.steps if step.kind == "rename" and step.path.name == "img"]
    assert moves, "no folder was moved: this test tests nothing"
    kills = [*choose(subject.whole.steps, KILLS, seed=2), make_kill(moves[0], is_torn=False)]
    tried["checkout-renamed: killed"] += try_all(subject, kills, kill)
