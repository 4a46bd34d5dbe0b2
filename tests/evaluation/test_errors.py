"""Errors planted one by one are found as what they are, and mending them gives back what they cost."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.entities.measurement import ErrorKind
from mlwf_tui.evaluation.errors import share_errors
from mlwf_tui.evaluation.measured import measure
from tests.evaluation.worlds import CLASSES, draw_world, make_box

TRUTH = make_box("cat", 100, 100, 50)


def _count(*found: AnnotatedObject, truth: AnnotatedObject = TRUTH) -> dict[ErrorKind, int]:
    measured = measure({"a": Annotation((truth,))}, {"a": found}, CLASSES, confidence=0.1)
    return {of.kind: of.count for of in share_errors(measured) if of.count}


def test_each_error_is_what_it_is() -> None:
    right = make_box("cat", 100, 100, 50, 0.9)
    assert _count(right) == {}
    assert _count() == {ErrorKind.MISSED: 1}
    assert _count(right, make_box("cat", 101, 100, 50, 0.5)) == {ErrorKind.DUPLICATE: 1}
    assert _count(right, make_box("cat", 300, 300, 50, 0.5)) == {ErrorKind.BACKGROUND: 1}
    assert _count(make_box("dog", 100, 100, 50, 0.9)) == {ErrorKind.CLASSIFICATION: 1}
    assert _count(make_box("cat", 125, 100, 50, 0.9)) == {ErrorKind.LOCALISATION: 1}
    assert _count(make_box("dog", 125, 100, 50, 0.9)) == {ErrorKind.BOTH: 1, ErrorKind.MISSED: 1}


def test_what_lies_below_the_operating_confidence_is_not_counted() -> None:
    assert _count(make_box("dog", 100, 100, 50, 0.05)) == {ErrorKind.MISSED: 1}


def test_mending_the_only_kind_of_error_gives_everything_back() -> None:
    places = [(column * 100.0, row * 100.0) for column in range(3) for row in range(3)]
    truths, found = {}, {}
    for number in range(9):
        names = [CLASSES[(number + place) % 3] for place in range(9)]
        others = [CLASSES[(number + place + 1) % 3] for place in range(9)]
        truths[str(number)] = Annotation(
            tuple(make_box(name, *place, 50) for name, place in zip(names, places, strict=True))
        )
        found[str(number)] = [
            make_box(name, *place, 50, 0.9) for name, place in zip(others, places, strict=True)
        ]

    shares = {of.kind: of for of in share_errors(measure(truths, found, CLASSES, confidence=0.1))}

    assert shares[ErrorKind.CLASSIFICATION].map50_lost == pytest.approx(1.0)
    assert shares[ErrorKind.CLASSIFICATION].count == 81
    assert all(of.map50_lost == of.count == 0 for kind, of in shares.items() if kind != "classification")


def _lose(truths: dict[str, Annotation], found: dict[str, list[AnnotatedObject]]) -> dict[ErrorKind, float]:
    measured = measure(truths, found, CLASSES, confidence=0.1)
    return {of.kind: of.map50_lost for of in share_errors(measured) if of.map50_lost}


def test_mending_what_was_all_missed_gives_everything_back() -> None:
    truths = {name: Annotation((TRUTH,)) for name in "abcd"}

    assert _lose(truths, {}) == {ErrorKind.MISSED: 1.0}
    assert _lose(truths, {"a": [make_box("cat", 300, 300, 50, 0.9)]}) == {ErrorKind.MISSED: 1.0}


def test_a_class_that_was_all_missed_costs_its_share_whatever_becomes_of_the_others() -> None:
    misplaced = make_box("dog", 125, 100, 50, 0.9)
    truths = {"a": Annotation((TRUTH,)), "b": Annotation((make_box("dog", 100, 100, 50),))}

    losses = _lose(truths, {"b": [misplaced]})

    assert losses == pytest.approx({ErrorKind.MISSED: 0.5, ErrorKind.LOCALISATION: 0.5})


def test_counts_and_losses_are_those_of_tidecv() -> None:
    """As `tidecv` 1.0.1 printed them for this world, in points of AP50."""
    truths, predictions = draw_world(7, items=60, skill=0.6)

    shares = share_errors(measure(truths, predictions, CLASSES, confidence=0.0))

    assert {of.kind.value: round(of.map50_lost * 100, 2) for of in shares} == {
        "classification": 22.28, "localisation": 2.40, "both": 0.0, "duplicate": 0.0,
        "background": 2.95, "missed": 19.79,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_every_wrong_detection_has_one_kind(seed: int) -> None:
    truths, predictions = draw_world(seed, items=40, skill=0.6)
    measured = measure(truths, predictions, CLASSES, confidence=0.0)

    shares = {of.kind: of.count for of in share_errors(measured)}

    wrong = int((~measured.is_hit).sum())
    assert sum(count for kind, count in shares.items() if kind is not ErrorKind.MISSED) == wrong
    assert shares[ErrorKind.MISSED] <= int((~measured.is_found).sum())
