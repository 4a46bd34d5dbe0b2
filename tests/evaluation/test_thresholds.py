"""Figures at other thresholds: those of measuring anew, and refused where a threshold is none."""

from __future__ import annotations

import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.matching import IOU_THRESHOLDS
from mlwf_tui.evaluation.measured import measure
from mlwf_tui.evaluation.thresholds import Threshold
from tests.evaluation.worlds import CLASSES, draw_world


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.8, 1.0])
def test_figures_at_another_confidence_are_those_of_measuring_with_it(seed: int, confidence: float) -> None:
    truths, predictions = draw_world(seed, items=30)
    expected = summarize(measure(truths, predictions, CLASSES, confidence=confidence))

    found = Threshold(measure(truths, predictions, CLASSES)).count(confidence=confidence)

    for name in ("precision", "recall", "f1", "mean_iou"):
        assert getattr(found, name) == pytest.approx(expected.metrics[name], abs=1e-12), name
    assert [(of.name, of.truth_count, of.prediction_count) for of in found.classes] == [
        (of.name, of.truth_count, of.prediction_count) for of in expected.classes
    ]


@pytest.mark.parametrize("place", range(10))
def test_hits_at_another_iou_are_those_of_the_matcher(place: int) -> None:
    measured = measure(*draw_world(3, items=60, skill=0.9), CLASSES)

    found = Threshold(measured).count(confidence=0.0, iou=float(IOU_THRESHOLDS[place]))

    assert sum(of.hit_count for of in found.classes) == measured.matches.is_hit[:, 0, place].sum()


def test_a_class_can_have_its_own_iou() -> None:
    threshold = Threshold(measure(*draw_world(5, items=60), CLASSES))
    loose, strict = threshold.count(confidence=0.0), threshold.count(confidence=0.0, iou=0.9)

    mixed = threshold.count(confidence=0.0, class_iou={"cat": 0.9})

    assert mixed.classes[0] == strict.classes[0] != loose.classes[0]
    assert mixed.classes[1:] == loose.classes[1:]


def test_no_prediction_at_all_finds_nothing() -> None:
    truths, _ = draw_world(1, items=5)

    found = Threshold(measure(truths, {}, CLASSES)).count(confidence=0.5)

    assert (found.precision, found.recall, found.f1, found.mean_iou) == (0.0, 0.0, 0.0, 0.0)


def test_what_is_no_threshold_is_refused() -> None:
    threshold = Threshold(measure(*draw_world(1), CLASSES))

    for confidence in (-0.1, 1.5, float("nan")):
        with pytest.raises(InvalidParameter, match="confidence"):
            threshold.count(confidence=confidence)
    for iou in (0.0, 1.1, float("nan")):
        with pytest.raises(InvalidParameter, match="IoU"):
            threshold.count(iou=iou)
    with pytest.raises(InvalidParameter, match="no class 'cow'"):
        threshold.count(class_iou={"cow": 0.5})
