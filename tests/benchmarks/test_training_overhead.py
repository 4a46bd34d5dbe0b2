"""The benchmark of trainings runs, and sees that both come to one model; nothing here looks at a time."""

from __future__ import annotations

import pytest

from benchmarks import training_overhead
from benchmarks.training_overhead import PARTS, Times, Training, format_table


def make_training(seconds: float) -> Training:
    return Training({part: Times(wall_s=seconds, cpu_s=seconds / 2) for part in PARTS}, {"map50": 0.5}, 0.1)


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    pairs = [(make_training(ours), make_training(4.0)) for ours in (4.0, 8.0, 6.0)]
    first = format_table(pairs).splitlines()[1]
    assert first.split() == ["steps", "wall", "6.00", "4.00", "1.500", "1.000", "2.000", "limit", "1.02"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_pair_comes_to_the_same_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    training_overhead.main(["--pairs", "1", "--epochs", "1", "--images", "16"])
    lines = capsys.readouterr().out.splitlines()
    measured = [[part, clock] for part in PARTS for clock in ("wall", "CPU")]
    assert [line.split()[:2] for line in lines[1 : 1 + len(measured)]] == measured
    assert [line.split()[0] for line in lines[1 + len(measured) :]] == ["between", "both", "killed"]
