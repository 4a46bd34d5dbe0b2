"""Comparisons: planted faults are found, equals are said to be equal, and turning round turns signs."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.errors import Conflict
from mlwf_tui.evaluation.comparing import compare
from mlwf_tui.evaluation.measured import Measured, measure
from tests.evaluation.worlds import CLASSES, draw_world, make_box


def _measure(seed: int, skill: float, items: int = 80) -> Measured:
    truths, predictions = draw_world(seed, items=items, skill=skill)
    return measure(truths, predictions, CLASSES, confidence=0.2)


def test_a_model_beside_itself_differs_in_nothing() -> None:
    one = _measure(1, 0.8)

    found = compare(one, one, resamples=50)

    assert {(of.value, of.low, of.high, of.p) for of in found.differences.values()} == {(0.0, 0.0, 0.0, 1.0)}
    assert not any(of.is_measurable for of in found.differences.values())
    assert (found.truths_fixed, found.truths_broken, found.items) == (0, 0, ())


def test_a_better_model_is_measurably_better_and_by_the_figures_themselves() -> None:
    worse, better = _measure(2, 0.5), _measure(2, 0.95)

    found = compare(better, worse, resamples=200)

    assert found.differences["map50"].is_measurable
    assert found.differences["map50"].value > 0.1
    assert found.differences["recall"].low > 0
    assert found.truths_fixed > found.truths_broken


def test_one_item_proves_nothing() -> None:
    box = make_box("cat", 0, 0, 50, 0.9)
    truths = {"one": Annotation((make_box("cat", 0, 0, 50),))}
    better, worse = (measure(truths, {"one": found}, CLASSES) for found in ([box], []))

    found = compare(better, worse, resamples=50)

    assert found.differences["map50"].value == pytest.approx(1.0)
    assert found.differences["map50"].p == 1.0
    assert not any(of.is_measurable for of in found.differences.values())
    assert [of.map50 is None for of in found.classes] == [False, True, True]


def test_turned_round_all_signs_are_turned() -> None:
    one, other = _measure(3, 0.7), _measure(3, 0.8)

    there, back = compare(one, other, resamples=100), compare(other, one, resamples=100)

    for name, difference in there.differences.items():
        turned = back.differences[name]
        assert (turned.value, turned.low, turned.high) == pytest.approx(
            (-difference.value, -difference.high, -difference.low), abs=1e-12
        )
        assert turned.p == difference.p
    assert (there.truths_fixed, there.truths_broken) == (back.truths_broken, back.truths_fixed)


def test_items_that_lost_their_detections_are_those_named() -> None:
    truths, _ = draw_world(4, items=30)
    whole = {
        key: [make_box(o.class_name, *o.geometry.points[0], _side(o), 0.9) for o in annotation.objects]
        for key, annotation in truths.items()
    }
    planted = [key for key in truths if truths[key].objects][::5]
    lost = {key: ([] if key in planted else found) for key, found in whole.items()}

    new, old = (measure(truths, of, CLASSES, confidence=0.5) for of in (lost, whole))
    found = compare(new, old, resamples=20)

    assert {item.key for item in found.items} == set(planted)
    assert all(item.broken == item.mistakes_now == len(truths[item.key].objects) for item in found.items)
    assert (
        sum(of.broken for of in found.classes) == found.truths_broken == sum(of.broken for of in found.items)
    )


def test_other_items_or_truths_are_refused() -> None:
    truths, predictions = draw_world(5)
    fewer = dict(list(truths.items())[1:])
    moved = truths | {"d/00000": Annotation((make_box("cat", 1, 2, 3),))}

    whole = measure(truths, predictions, CLASSES)
    for other in (fewer, moved):
        kept = {key: found for key, found in predictions.items() if key in other}
        with pytest.raises(Conflict, match="same items and truths"):
            compare(whole, measure(other, kept, CLASSES))


def _side(labelled: AnnotatedObject) -> float:
    return labelled.geometry.bounds.width_px
