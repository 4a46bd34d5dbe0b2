"""The disk refuses at any step: the command says so in one sentence, changes nothing by halves, and works
again as soon as there is space.

A few of the steps are tried by default, more of them with `-m slow`, and all of them where
MLWF_EVERY_POINT is set as well.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.faults.harness import list_refusals
from tests.faults.places import SCENARIOS, Places
from tests.faults.small_disk import Sizes, run_on_small_disk
from tests.faults.thinning import thin
from tests.faults.trials import Subject, measure, refuse, try_all

SEED = 5
SAMPLES = {"import": 5, "import-changes": 4, "collect": 2, "backup": 3}
SAMPLE = 1
PARAMETERS = [
    pytest.param(scenario, id=scenario.name, marks=pytest.mark.slow if scenario.is_slow else ())
    for scenario in SCENARIOS
]


@pytest.fixture(params=PARAMETERS)
def subject(request: pytest.FixtureRequest, places: Places) -> Subject:
    return measure(places, request.param)


def test_a_disk_that_refuses_at_a_step_does_no_harm(subject: Subject, tried: Counter[str]) -> None:
    refusals = list_refusals(subject.whole.steps)
    count = min(SAMPLES.get(subject.scenario.name, SAMPLE), len(refusals))
    chosen = random.Random(f"{SEED} {subject.scenario.name}").sample(refusals, count)
    tried[f"{subject.scenario.name}: disk refused"] += try_all(subject, chosen, refuse)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_disk_that_refuses_at_every_step_does_no_harm(subject: Subject, tried: Counter[str]) -> None:
    refusals = thin(list_refusals(subject.whole.steps))
    tried[f"{subject.scenario.name}: disk refused"] += try_all(subject, refusals, refuse)


@pytest.mark.parametrize(
    ("scenario", "sizes"),
    [
        pytest.param("import", Sizes(0, 120, 20), id="some"),
        pytest.param("import", Sizes(0, 150, 10), id="import", marks=pytest.mark.slow),
        pytest.param("import-changes", Sizes(0, 150, 10), id="import-changes", marks=pytest.mark.slow),
        pytest.param("commit", Sizes(0, 80, 8), id="commit", marks=pytest.mark.slow),
        pytest.param("restore", Sizes(0, 80, 8), id="restore", marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(1800)
def test_a_small_disk_that_is_really_full_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, tried: Counter[str], scenario: str, sizes: Sizes
) -> None:
    report = run_on_small_disk(tmp_path_factory.mktemp("small"), scenario, sizes)
    if report is None:
        pytest.skip("this system gives a user no file system of their own (unshare --map-root-user --mount)")
    tried[f"{scenario}: full disk"] += report.count
    assert not report.wrong, "\n" + "\n".join(report.wrong)
    assert report.refused, "the disk was never full"
