"""Odd and broken input of the evaluators of shapes: clear words, and never a silent zero."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Visibility
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest
from mlwf_tui.registry import Registry
from tests.fakes.observers import KeepingObserver

SQUARE = ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))
BOW_TIE = ((10.0, 10.0), (30.0, 30.0), (30.0, 10.0), (10.0, 30.0))
NAN = float("nan")


def _polygon(*points: tuple[float, float], confidence: float | None = None) -> AnnotatedObject:
    return AnnotatedObject("cat", Geometry(GeometryKind.POLYGON, points), confidence)


def _keypoints(
    *points: tuple[float, float], seen: tuple[int, ...] = (), confidence: float | None = None
) -> AnnotatedObject:
    visibility = tuple(map(Visibility, seen))
    return AnnotatedObject("cat", Geometry(GeometryKind.KEYPOINTS, points, visibility=visibility), confidence)


def _measure(
    task: str,
    truths: list[AnnotatedObject],
    found: list[AnnotatedObject],
    *,
    class_names: tuple[str, ...] = ("cat",),
) -> Evaluation:
    item = EvaluatedItem(
        key="d/a", width_px=64, height_px=48, truth=Annotation(tuple(truths)), objects=tuple(found)
    )
    request = EvaluationRequest(items=(item,), class_names=class_names)
    return Registry().get_evaluator(task).measure(request, KeepingObserver()).summarize()


def test_an_outline_that_crosses_itself_is_measured_as_its_pixels() -> None:
    evaluation = _measure("segment", [_polygon(*BOW_TIE)], [_polygon(*BOW_TIE, confidence=0.9)])

    assert evaluation.metrics["map"] == pytest.approx(1)
    assert evaluation.metrics["mean_iou"] == 1


def test_an_outline_with_a_hole_has_not_its_pixels() -> None:
    hole = ((14.0, 14.0), (26.0, 14.0), (26.0, 26.0), (14.0, 26.0))
    ring = AnnotatedObject("cat", Geometry(GeometryKind.POLYGON, SQUARE, holes=(hole,)))

    evaluation = _measure("segment", [ring], [_polygon(*SQUARE, confidence=0.9)])

    assert evaluation.metrics["mean_iou"] == pytest.approx((400 - 144) / 400)


def test_truths_without_a_pixel_are_left_out_and_said() -> None:
    line, outside = _polygon(SQUARE[0], SQUARE[1]), _polygon((900.0, 0.0), (950.0, 0.0), (950.0, 9.0))
    point = AnnotatedObject("cat", Geometry(GeometryKind.POINT, ((3.0, 3.0),)))

    evaluation = _measure(
        "segment", [line, outside, point, _polygon(*SQUARE)], [_polygon(*SQUARE, confidence=0.9)]
    )

    assert evaluation.metrics["truth_count"] == 1
    assert "2 annotated objects have no shape on their image and are left out." in evaluation.notes
    assert "1 annotated objects of other kinds are left out." in evaluation.notes


def test_only_empty_outlines_are_nothing_to_measure_against() -> None:
    with pytest.raises(InvalidInput, match="no annotated masks or outlines"):
        _measure("segment", [_polygon(SQUARE[0], SQUARE[1])], [])


def test_an_empty_prediction_is_a_miss_and_no_failure() -> None:
    evaluation = _measure("segment", [_polygon(*SQUARE)], [_polygon(SQUARE[0], SQUARE[1], confidence=0.9)])

    assert (evaluation.metrics["map"], evaluation.metrics["recall"]) == (0, 0)


@pytest.mark.parametrize("task", ["segment", "obb"])
def test_a_coordinate_that_is_no_number_is_refused(task: str) -> None:
    with pytest.raises(InvalidInput, match="on d/a has a coordinate that is no number"):
        _measure(task, [_polygon(*SQUARE)], [_polygon((NAN, 1.0), *SQUARE[1:], confidence=0.9)])


@pytest.mark.parametrize("task", ["segment", "obb", "semantic"])
def test_a_confidence_that_is_no_number_is_refused(task: str) -> None:
    with pytest.raises(InvalidInput, match="has the confidence nan"):
        _measure(task, [_polygon(*SQUARE)], [_polygon(*SQUARE, confidence=NAN)])


def test_a_class_without_truths_is_in_no_mean_and_one_never_found_is_zero() -> None:
    dog = AnnotatedObject("dog", Geometry(GeometryKind.POLYGON, tuple((x + 20, y) for x, y in SQUARE)))

    evaluation = _measure(
        "segment", [_polygon(*SQUARE), dog], [_polygon(*SQUARE, confidence=0.9)],
        class_names=("cat", "dog", "bird"),
    )  # fmt: skip

    assert evaluation.metrics["map"] == pytest.approx(0.5)
    assert "No truth is of bird: they are in no mean." in evaluation.notes
    assert any("finds no dog" in note for note in evaluation.notes)


def test_points_that_are_not_labelled_do_not_count() -> None:
    truth = _keypoints((10.0, 10.0), (40.0, 30.0), (0.0, 0.0), seen=(2, 1, 0))
    found = _keypoints((10.0, 10.0), (40.0, 30.0), (60.0, 2.0), confidence=0.9)

    evaluation = _measure("pose", [truth], [found])

    assert evaluation.metrics["mean_iou"] == pytest.approx(1)
    (points,) = evaluation.sections
    assert [row[0] for row in getattr(points, "rows", ())] == ["1", "2"]


def test_keypoints_of_which_none_is_labelled_are_nothing_to_measure_against() -> None:
    with pytest.raises(InvalidInput, match="no annotated keypoints"):
        _measure("pose", [_keypoints((1.0, 1.0), (2.0, 2.0), seen=(0, 0))], [])


def test_another_number_of_points_matches_nothing_and_is_said() -> None:
    found = _keypoints((10.0, 10.0), confidence=0.9)

    evaluation = _measure("pose", [_keypoints((10.0, 10.0), (40.0, 30.0))], [found])

    assert evaluation.metrics["map"] == 0
    assert any("another number of points than any truth" in note for note in evaluation.notes)


def test_two_thousand_classes_of_masks_are_measured() -> None:
    names = tuple(f"c{k:04d}" for k in range(2000))
    objects = [AnnotatedObject(name, Geometry(GeometryKind.POLYGON, SQUARE)) for name in names[:3]]
    found = [AnnotatedObject(names[0], Geometry(GeometryKind.POLYGON, SQUARE), 0.9)]

    evaluation = _measure("segment", objects, found, class_names=names)

    assert evaluation.metrics["map"] == pytest.approx(1 / 3)
    assert len(evaluation.classes) == 2000
    assert any("1,987 more" in note for note in evaluation.notes)
