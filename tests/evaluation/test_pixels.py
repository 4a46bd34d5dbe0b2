"""Pixels by class: planted errors are found as what they are, and sums add up."""

from __future__ import annotations

import numpy as np
import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind
from mlwf_tui.entities.section import BarSection
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.columns import Bools
from mlwf_tui.evaluation.masks import find_boundary_pixels
from mlwf_tui.evaluation.pixels import count_pixels, paint_items
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

SIDE_PX = 300  # of which 1 % of the diagonal are 4 pixels, 2 % are 8


def _draw(*boxes: tuple[int, int, int, int]) -> Bools:
    pixels = np.zeros((SIDE_PX, SIDE_PX), bool)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = True
    return pixels


def _count(truth: Bools, found: Bools) -> dict[str, list[float]]:
    counts = count_pixels(np.where(truth, 0, 1), np.where(found, 0, 1), 1)
    return {"extra": counts.extra[0].tolist(), "lacking": counts.lacking[0].tolist()}


def test_a_thin_seam_is_a_boundary_error() -> None:
    errors = _count(_draw((100, 100, 200, 200)), _draw((100, 100, 203, 200)))

    assert errors == {"extra": [300, 0, 0], "lacking": [0, 0, 0]}


def test_a_wide_part_of_a_piece_is_an_extent_error() -> None:
    errors = _count(_draw((50, 50, 250, 250)), _draw((50, 50, 150, 250)))

    boundary, extent, segment = errors["lacking"]
    assert segment == 0
    assert 0 < boundary < 0.01 * 100 * 200  # where the cut meets the outline, it is near both
    assert extent == 100 * 200 - boundary


def test_a_whole_piece_is_a_segment_error_whether_missed_or_made_up() -> None:
    truth = _draw((10, 10, 60, 60), (200, 200, 240, 240))
    found = _draw((10, 10, 60, 60), (100, 10, 120, 30))

    assert _count(truth, found) == {"extra": [0, 0, 400], "lacking": [0, 0, 1600]}


def test_nothing_right_makes_no_boundary() -> None:
    assert _count(_draw((10, 10, 14, 60)), _draw()) == {"extra": [0, 0, 0], "lacking": [0, 0, 200]}


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_the_union_add_up(seed: int) -> None:
    random = np.random.default_rng(seed)
    boxes = [
        [(x, y, x + w, y + h) for x, y, w, h in random.integers(5, 120, (3, 4)).tolist()] for _ in range(2)
    ]
    truth, found = _draw(*boxes[0]), _draw(*boxes[1])

    counts = count_pixels(np.where(truth, 0, 1), np.where(found, 0, 1), 1)

    assert counts.extra.sum() == np.count_nonzero(found & ~truth)
    assert counts.lacking.sum() == np.count_nonzero(truth & ~found)
    assert counts.shared[0] == np.count_nonzero(truth & found)


def test_a_boundary_is_what_erosion_takes_away() -> None:
    pixels = _draw((20, 30, 90, 70))

    boundary = find_boundary_pixels(pixels, 8)

    assert np.array_equal(pixels & ~boundary, _draw((28, 38, 82, 62)))


def test_counting_a_part_of_the_map_changes_nothing() -> None:
    truth, found = _draw((100, 120, 170, 180)), _draw((108, 118, 180, 178))
    moved = [np.roll(one, (60, -70), axis=(0, 1)) for one in (truth, found)]

    assert _count(truth, found) == _count(moved[0], moved[1])


def _make_item(
    key: str, truths: list[AnnotatedObject], found: list[AnnotatedObject] | None = None
) -> EvaluatedItem:
    return EvaluatedItem(
        key=key, width_px=40, height_px=30, truth=Annotation(tuple(truths)), objects=tuple(found or ())
    )


def _box(name: str, left: float, right: float, confidence: float | None = None) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(left, 0, right, 30), confidence)


def test_figures_are_those_of_arithmetic_and_the_surest_object_lies_on_top() -> None:
    found = [_box("cat", 0, 20, 0.9), _box("dog", 0, 40, 0.5), _box("dog", 0, 40, 0.1)]
    request = EvaluationRequest(
        items=(_make_item("a", [_box("cat", 0, 10), _box("dog", 20, 40)], found),),
        class_names=("cat", "dog", "bird"),
    )

    evaluation = paint_items(request, lambda: None).summarize()

    assert evaluation.metrics["miou"] == pytest.approx((10 / 20 + 20 / 20) / 2)
    assert evaluation.metrics["pixel_accuracy"] == pytest.approx(30 / 40)
    assert evaluation.metrics["miou_with_background"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert "No pixel is of bird: they are in no mean." in evaluation.notes
    (bars,) = (section for section in evaluation.sections if isinstance(section, BarSection))
    assert sum(value or 0 for value in bars.values) == pytest.approx(1)


def test_a_class_never_found_counts_as_zero() -> None:
    request = EvaluationRequest(
        items=(_make_item("a", [_box("cat", 0, 10), _box("dog", 20, 40)], [_box("cat", 0, 10, 0.9)]),),
        class_names=("cat", "dog"),
    )

    evaluation = paint_items(request, lambda: None).summarize()

    assert evaluation.metrics["miou"] == pytest.approx((1 + 0) / 2)
    assert "The model never finds dog: they count as 0 in the means." in evaluation.notes


def test_nothing_with_an_area_is_refused_in_words() -> None:
    point = AnnotatedObject("cat", Geometry(GeometryKind.POINT, ((3.0, 3.0),)))
    with pytest.raises(InvalidInput, match="no annotated object with an area"):
        paint_items(EvaluationRequest(items=(_make_item("a", [point]),), class_names=("cat",)), lambda: None)
