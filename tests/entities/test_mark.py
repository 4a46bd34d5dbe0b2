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


def test_a_rise_is_told_in_values_that_were_logged() -> None:
    values = [1.0, 0.5, 0.02, *(0.02 + 0.05 * step for step in range(1, 30))]
    (mark,) = find("val/loss", values)
    step = values.index(0.02)
    assert (mark.step, mark.message) == (step, f"val/loss rises since step {step}, from 0.02 to 1.47.")
    assert "checkpoint of step" not in mark.hint


def test_a_short_rise_or_a_short_run_is_not_marked() -> None:
    assert find("train/loss", curve(100, lambda step: fall(step) + max(0, step - 95) * 0.1)) == []
    assert find("train/loss", [1.0, 2.0, 3.0, 4.0]) == []


def learn(step: int) -> float:
    """The score of a training that finds nothing at first, and is as good as it gets at step 40."""
    return 0.8 * (1 - math.exp(-max(0, min(step, 40) - 8) / 8))


def warm_up(step: int) -> float:
    """The loss of a detector: near nothing until it finds something, then high, then falling."""
    return 0.01 + step / 4 if step < 6 else 0.5 + 1.5 * math.exp(-(step - 6) / 15)


def find_all(count: int, **shapes: Callable[[int], float]) -> list[Mark]:
    """Return what looks wrong at any time of a run whose curves have these shapes; `score` is mAP50."""
    marks: dict[tuple[MarkKind, str], Mark] = {}
    for length in range(1, count + 1):
        known = [
            sum_up("metrics/mAP50" if name == "score" else f"{name}/box_loss", curve(length, shape, 0.002))
            for name, shape in shapes.items()
        ]
        marks |= {(mark.kind, mark.key): mark for mark in find_marks(known, is_active=False)}
    return list(marks.values())


def test_a_detectors_loss_that_rises_until_it_finds_something_is_not_marked() -> None:
    assert find_all(60, score=learn, train=warm_up, val=warm_up) == []
    assert find_all(60, score=lambda step: 0.0, train=warm_up) == []


def test_the_loss_of_batches_is_not_marked_before_an_epoch_has_told_a_score() -> None:
    rising = sum_up("batch/loss", curve(60, lambda step: 0.1 + step / 10))
    assert list(find_marks([rising], is_active=True)) == []


def test_the_loss_of_batches_is_judged_by_the_epochs_of_the_score() -> None:
    score = sum_up("metrics/mAP50", [learn(step) for step in range(60)])
    falling = sum_up("batch/loss", [warm_up(step // 10) for step in range(600)])
    assert list(find_marks([falling, score], is_active=False)) == []
    wild = sum_up("batch/loss", [fall(step // 10) + max(0, step - 300) * 0.01 for step in range(600)])
    (mark,) = find_marks([wild, score], is_active=False)
    assert (mark.kind, mark.key) == (MarkKind.RISING, "batch/loss")
    assert 250 < mark.step < 350


def test_a_loss_that_rises_while_the_score_gets_better_is_not_marked() -> None:
    def still_learn(step: int) -> float:
        return 0.8 * (1 - math.exp(-step / 60))

    assert find_all(100, score=still_learn, val=lambda step: fall(step) + max(0, step - 40) * 0.02) == []


def test_a_loss_that_rises_after_the_score_was_at_its_best_is_marked() -> None:
    (mark,) = find_all(100, score=learn, val=lambda step: fall(step) + max(0, step - 45) * 0.03)
    assert (mark.key, "by heart" in mark.hint) == ("val/box_loss", True)
    assert 30 < mark.step < 60
    (mark,) = find_all(100, score=learn, train=lambda step: fall(min(step, 45)) + max(0, step - 45) * 0.1)
    assert (mark.key, "learning rate" in mark.hint) == ("train/box_loss", True)


def test_a_loss_that_runs_away_before_anything_was_learned_is_marked() -> None:
    (mark,) = find_all(40, score=lambda step: 0.0, train=lambda step: 1.0 + step**2)
    assert (mark.kind, mark.key, "learning rate" in mark.hint) == (MarkKind.RISING, "train/box_loss", True)


def test_a_score_that_stands_still_beside_one_that_gets_better_is_not_marked() -> None:
    better = sum_up("metrics/mAP50-95", [0.8 * (1 - math.exp(-step / 40)) for step in range(100)])
    still = sum_up("metrics/mAP50", [learn(step) for step in range(100)])
    assert list(find_marks([still, better], is_active=True)) == []


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
