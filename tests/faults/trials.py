"""One trial: a command is broken at one point, what it left is looked at, and it is run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mlwf_tui.errors import MlwfError
from tests.faults.harness import KILLED, Fault, Outcome, describe, run_with_fault
from tests.faults.places import Places, Scenario
from tests.faults.power import cut_power
from tests.faults.shapes import Shape, check

FAILED = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """A scenario with what the unbroken command did."""

    places: Places
    scenario: Scenario
    before: Shape
    after: Shape
    whole: Outcome


def measure(places: Places, scenario: Scenario) -> Subject:
    """Run the command once unbroken, to know its steps and what it does."""
    return Subject(places, scenario, *places.measure(scenario))


def kill(subject: Subject, fault: Fault, power_seed: int | None = None) -> None:
    """Kill the command at one step, cut the power too where a seed says how, and try again."""
    place = subject.places.put(subject.scenario.template)
    words, has_lost_power = subject.places.fill(subject.scenario), power_seed is not None
    ended = run_with_fault(place, words, fault, is_before_power_cut=has_lost_power)
    if ended.code != KILLED:
        return  # it had fewer steps this time: threads are not in step
    taken = [] if power_seed is None else cut_power(place, ended.steps, power_seed)
    try:
        look_and_repeat(subject, has_lost_power=has_lost_power)
    except AssertionError as error:
        raise AssertionError(f"{error}\n  lost with the power: {taken}" if taken else str(error)) from error


def refuse(subject: Subject, fault: Fault) -> None:
    """Let the disk refuse from one step on; there must be one clear sentence, and no harm."""
    place = subject.places.put(subject.scenario.template)
    ended = run_with_fault(place, subject.places.fill(subject.scenario), fault)
    found = look_and_repeat(subject)
    check_refusal(subject, ended, found)


def check_refusal(subject: Subject, ended: Outcome, found: Shape) -> None:
    """Fail unless the command did its work, or said in one sentence why not."""
    assert "Traceback" not in ended.err, ended.err
    if ended.code == 0:
        assert found == subject.after, f"it said that it was done, and was not: {ended.out}"
        return
    assert ended.code == FAILED, (ended.code, ended.err)
    error = ended.document["error"]
    assert error["kind"] == "storage_failed", error
    assert error["hint"], error


def look_and_repeat(subject: Subject, *, has_lost_power: bool = False) -> Shape:
    """Look at what a broken command left, and run it again; return what was found before that."""
    places, scenario = subject.places, subject.scenario
    may_tear = has_lost_power or scenario.may_tear
    found = check(places.place, subject.before, subject.after, places.known, may_tear=may_tear)
    is_done = found == subject.after and found != subject.before
    if not is_done or scenario.may_repeat:
        again = places.repeat(scenario)
        allowed = scenario.repeat_codes if is_done else (0,)
        assert again.code in allowed, (again.out, again.err)
        end = check(places.place, subject.before, subject.after, places.known)
        assert end == subject.after, tell_difference(end, subject.after)
        left = [path.name for path in (places.place / "work").rglob(".*.tmp")]
        assert not left, f"a dead command's files are left in the work folder: {left}"
    return found


def tell_difference(found: Shape, wanted: Shape) -> str:
    """Return what is not as it should be after the second run."""
    parts = [("home", found.projects, wanted.projects), ("backup", found.backup, wanted.backup)]
    told = [f"the {name} is not what one run makes of it" for name, one, other in parts if one != other]
    paths = sorted(found.files.keys() | wanted.files.keys())
    wrong = [path for path in paths if found.files.get(path) != wanted.files.get(path)]
    return "; ".join([*told, *([f"wrong files: {wrong}"] if wrong else [])])


def try_all(subject: Subject, faults: Iterable[Fault], attempt: Callable[[Subject, Fault], None]) -> int:
    """Try every fault and say at the end which went wrong; return how many there were."""
    wrong: list[tuple[Fault, Exception]] = []
    chosen = list(faults)
    for fault in chosen:
        try:
            attempt(subject, fault)
        except (AssertionError, MlwfError) as error:
            wrong.append((fault, error))
    assert not wrong, f"\n{describe(subject.whole.steps, wrong)}"
    return len(chosen)
