"""A report at other thresholds: each number is what a whole evaluation there would give."""

from __future__ import annotations

import pytest
from msgspec import structs

from mlwf_tui.entities.measurement import Interval, Thresholds
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.evaluation.errors import share_errors
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.measured import Measured, measure
from mlwf_tui.evaluation.sweep import Sweep
from mlwf_tui.evaluation.thresholds import Threshold
from tests.evaluation.worlds import CLASSES, draw_world


def measure_world(seed: int) -> tuple[Measured, Evaluation]:
    measured = measure(*draw_world(seed, items=60, skill=0.7), CLASSES)
    evaluation = structs.replace(
        summarize(measured), schema=2, errors=share_errors(measured), intervals={"f1": Interval(0, 1)}
    )
    return measured, evaluation


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.55, 1.0])
def test_each_number_is_that_of_a_benchmark_at_the_confidence(seed: int, confidence: float) -> None:
    measured, evaluation = measure_world(seed)
    found = Sweep(measured, evaluation).evaluate(Thresholds(confidence))
    at = measure(*draw_world(seed, items=60, skill=0.7), CLASSES, confidence=confidence)
    whole = structs.replace(summarize(at), schema=2, errors=share_errors(at))
    assert found == whole


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("iou", [0.5, 0.65, 0.75, 0.95])
def test_what_is_counted_at_another_iou_is_what_pairing_anew_gives(seed: int, iou: float) -> None:
    measured, evaluation = measure_world(seed)
    found = Sweep(measured, evaluation).evaluate(Thresholds(0.3, iou))
    counted = Threshold(measured).count(confidence=0.3, iou=iou)
    for name in ("precision", "recall", "f1", "mean_iou"):
        assert found.metrics[name] == pytest.approx(getattr(counted, name), abs=1e-12), name


def test_a_hit_at_a_higher_iou_is_rarer_and_lies_better_and_map_stays() -> None:
    measured, evaluation = measure_world(3)
    sweep = Sweep(measured, evaluation)
    before = sweep.evaluate(Thresholds(0.3))
    for iou in (0.6, 0.75, 0.9):
        found = sweep.evaluate(Thresholds(0.3, iou))
        hits = sum(of.true_positives for of in found.items)
        assert hits < sum(of.true_positives for of in before.items)
        assert found.metrics["mean_iou"] > max(iou, before.metrics["mean_iou"])
        assert sum(found.confusion[n][n] for n in range(len(CLASSES))) == hits
        assert sum(map(sum, found.confusion)) >= found.metrics["prediction_count"]
        assert found.metrics["map"] == evaluation.metrics["map"]
        before = found


def test_intervals_of_what_changed_are_left_out_and_another_iou_is_refused() -> None:
    measured, evaluation = measure_world(1)
    assert not Sweep(measured, evaluation).evaluate(Thresholds(0.3)).intervals
    with pytest.raises(InvalidParameter, match=r"0\.52"):
        Sweep(measured, evaluation).evaluate(Thresholds(0.3, 0.52))


def test_thresholds_step_to_the_next_multiple_and_stay_in_their_range() -> None:
    own = Thresholds(0.412)
    assert own.step_confidence(1).confidence == 0.45
    assert own.step_confidence(-1).confidence == 0.4
    assert own.step_confidence(-1).step_confidence(-1).confidence == 0.35
    assert Thresholds(0.98).step_confidence(1).step_confidence(1).confidence == 1
    assert Thresholds(0.0).step_confidence(-1).confidence == 0
    assert own.step_iou(-1).hit_iou == 0.5
    assert own.step_iou(1).hit_iou == 0.55
    assert Thresholds(0.5, 0.95).step_iou(1).hit_iou == 0.95
