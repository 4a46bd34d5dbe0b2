"""Marks: lost numbers, losses that rise for long, scores that stand still; and no false alarm."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from mlwf_tui.entities.mark import Mark, MarkKind, Standing, assess, find_marks
from mlwf_tui.entities.metric import MetricSummary
from mlwf_tui.entities.run import MetricPoint


def sum_up(key: str, values: list[float]) -> MetricSummary:
    summary = MetricSummary(key=key)
    for step, value in enumerate(values):
        summary.add(MetricPoint(key=key, value=value, step=step))
    return summary


def find(key: str, values: list[float], *, is_active: bool = True) -> list[Mark]:
    return list(find_marks([sum_up(key, values)], is_active=is_active))


def curve(count: int, shape: Callable[[int], float], noise: float = 0.02, seed: int = 1) -> list[float]:
    source = random.Random(seed)
    return [shape(step) + source.gauss(0, noise) for step in range(count)]


def fall(step: int) -> float:
    return 2 * math.exp(-step / 15) + 0.5


def test_a_loss_that_is_no_number_any_more_is_marked_from_where_it_was_lost() -> None:
    (mark,) = find("train/box_loss", [1.0, 0.9, math.nan, math.nan])
    assert (mark.kind, mark.key, mark.step) == (MarkKind.NOT_FINITE, "train/box_loss", 2)
    assert "learning rate" in mark.hint


def test_a_loss_that_found_its_numbers_again_is_not_marked() -> None:
    assert find("train/box_loss", [1.0, math.nan, 0.9]) == []


def test_several_metrics_that_lost_their_numbers_are_one_mark() -> None:
    lost = [sum_up(f"train/{name}_loss", [1.0, math.nan]) for name in ("box", "cls", "dfl")]
    (mark,) = find_marks(lost, is_active=True)
    assert "and 2 more" in mark.message


@pytest.mark.parametrize("count", [40, 100, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_falls_and_levels_off_is_not_marked(count: int, seed: int) -> None:
    values = curve(count, lambda step: fall(step * 100 // count), noise=0.05, seed=seed)
    assert find("train/box_loss", values) == []


@pytest.mark.parametrize("count", [40, 100, 5000])
def test_a_validation_loss_that_rises_for_long_says_that_the_model_learns_by_heart(count: int) -> None:
    def shape(step: int) -> float:
        place = step * 100 // count
        return fall(place) + max(0, place - 50) * 0.02

    (mark,) = find("val/box_loss", curve(count, shape))
    assert mark.kind is MarkKind.RISING
    assert 30 * count / 100 < mark.step < 65 * count / 100
    assert "by heart" in mark.hint


def test_a_training_loss_that_runs_away_says_to_lower_the_learning_rate() -> None:
    (mark,) = find("train/loss", curve(60, lambda step: fall(min(step, 30)) + max(0, step - 30) * 0.1))
    assert (mark.kind, "learning rate" in mark.hint) == (MarkKind.RISING, True)


def test_a_short_rise_or_a_short_run_is_not_marked() -> None:
    assert find("train/loss", curve(100, lambda step: fall(step) + max(0, step - 95) * 0.1)) == []
    assert find("train/loss", [1.0, 2.0, 3.0, 4.0]) == []


def test_a_score_that_stands_still_is_marked_only_while_the_run_goes_on() -> None:
    values = [0.8 * (1 - math.exp(-min(step, 40) / 10)) for step in range(100)]
    (mark,) = find("metrics/mAP50", values)
    assert (mark.kind, mark.key) == (MarkKind.PLATEAU, "metrics/mAP50")
    assert find("metrics/mAP50", values, is_active=False) == []


def test_a_score_that_still_rises_is_not_marked() -> None:
    assert find("metrics/mAP50", [0.8 * (1 - math.exp(-step / 40)) for step in range(100)]) == []
    assert find("metrics/mAP50", [0.1 * step for step in range(10)]) == []


def test_a_standing_survives_being_written_down() -> None:
    summaries = {
        "metrics/mAP50": sum_up("metrics/mAP50", [0.1, 0.5]),
        "train/loss": sum_up("train/loss", [1.0, math.nan]),
    }
    standing = assess(summaries, is_active=True)
    assert standing.main == "metrics/mAP50"
    assert [mark.kind for mark in standing.marks] == [MarkKind.NOT_FINITE]
    assert msgspec.json.decode(msgspec.json.encode(standing), type=Standing) == standing
