"""Behind each number of pixels stand the images that have them, and regions that show where they lie."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from mlwf_tui.conformance.evaluators import make_request
from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry
from mlwf_tui.entities.evidence import Pick, Verdict
from mlwf_tui.entities.measurement import ErrorKind, PixelErrorKind
from mlwf_tui.entities.section import BarSection, MatrixSection, TableSection
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.evaluation.class_maps import read_maps
from mlwf_tui.evaluation.pixel_evidence import PixelsEvidence
from mlwf_tui.evaluation.pixels import paint_items
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

REQUEST = make_request("semantic")


def open_pixels() -> PixelsEvidence:
    return PixelsEvidence(read_maps(REQUEST))


def add(evidence: PixelsEvidence, pick: Pick) -> int:
    return sum(of.count for of in evidence.list_items(pick, evidence.own))


def test_what_stands_behind_a_cell_of_the_confusion_adds_up_to_it() -> None:
    evidence = open_pixels()
    matrix = paint_items(REQUEST, lambda: None).summarize().sections[-1]
    assert isinstance(matrix, MatrixSection)
    names = (*matrix.names[:-1], "")
    for row, predicted in enumerate(names):
        for column, truth in enumerate(names):
            assert add(evidence, Pick(predicted=predicted, truth=truth)) == matrix.rows[row][column]
    nothing = Pick(predicted="background", truth="background")
    assert add(evidence, nothing) == matrix.rows[-1][-1]


def test_all_images_come_with_the_lowest_iou_first_as_the_table_has_them() -> None:
    evidence = open_pixels()
    table = next(
        section
        for section in paint_items(REQUEST, lambda: None).summarize().sections
        if isinstance(section, TableSection) and section.header[0] == "item"
    )
    seen = evidence.list_items(Pick(), evidence.own)
    assert [(of.key, of.found) for of in seen] == [(key, right) for key, _, right, *_ in table.rows]
    assert [of.iou for of in seen] == pytest.approx([iou for _, iou, *_ in table.rows])
    assert all(evidence.list_items(Pick(item=of.key), evidence.own) == (of,) for of in seen)
    assert seen[0].iou is not None and seen[-1].iou is not None and seen[0].iou < seen[-1].iou
    cats = evidence.list_items(Pick(of_class="cat"), evidence.own)
    assert [of.iou for of in cats] == sorted(of.iou for of in cats if of.iou is not None)


def test_the_regions_of_an_image_cover_what_is_there_or_was_found_once() -> None:
    evidence = open_pixels()
    for of in evidence.list_items(Pick(), evidence.own):
        seen = evidence.look(of.key, Pick(), evidence.own)
        by_verdict = {
            verdict: sum(one.pixels for one in seen if one.verdict is verdict) for verdict in Verdict
        }
        assert by_verdict == {
            Verdict.FOUND: of.found, Verdict.MISSED: of.missed, Verdict.FALSE: of.false,
            Verdict.CONFUSED: of.confused,
        }  # fmt: skip
        for one in seen:
            assert one.region is not None
            assert sum(one.region.runs[1::2]) == one.pixels
            assert (one.verdict is Verdict.FOUND) == (one.truth_class == one.predicted_class)
        truths = [one.truth_class for one in seen if one.truth is not None]
        assert len(truths) == len(set(truths)) == len({one.truth_class for one in seen} - {""})


CONDITIONS: dict[str, Any] = {
    "predicted": "cat", "truth": "dog", "of_class": "cat", "verdict": Verdict.CONFUSED, "is_hit": False,
    "item": "main/3.png",
}  # fmt: skip


@pytest.mark.parametrize("names", list(combinations(CONDITIONS, 2)))
def test_as_many_pixels_are_meant_as_are_counted(names: tuple[str, ...]) -> None:
    evidence = open_pixels()
    pick = Pick(**{name: CONDITIONS[name] for name in names})
    counted = {of.key: of.count for of in evidence.list_items(pick, evidence.own)}
    meant = {
        of.key: sum(one.pixels for one in evidence.look(of.key, pick, evidence.own) if one.is_meant)
        for of in evidence.list_items(Pick(), evidence.own)
    }
    assert counted == {key: pixels for key, pixels in meant.items() if pixels}


def open_errors() -> PixelsEvidence:
    return PixelsEvidence(read_maps(REQUEST), paint_items(REQUEST, lambda: None).summarize().pixel_errors)


def test_what_stands_behind_a_kind_of_errors_adds_up_to_its_bar_the_largest_first() -> None:
    evidence = open_errors()
    painted = paint_items(REQUEST, lambda: None)
    bars = painted.summarize().sections[0]
    assert isinstance(bars, BarSection)
    whole = float((painted.counts.truth + painted.counts.found - painted.counts.shared).sum())
    shares = dict(zip(bars.names, bars.values, strict=True))
    for kind in PixelErrorKind:
        listed = evidence.list_items(Pick(error=kind), evidence.own)
        counts = [of.count for of in listed]
        assert counts == sorted(counts, reverse=True) and counts[-1] > 0
        assert sum(counts) / whole == pytest.approx(shares[kind.value])


@pytest.mark.parametrize("kind", list(PixelErrorKind))
@pytest.mark.parametrize("of_class", ["cat", "dog"])
def test_errors_of_a_class_are_parted_from_what_is_beside_them(kind: PixelErrorKind, of_class: str) -> None:
    evidence, pick = open_errors(), Pick(error=kind, of_class=of_class)
    counts = {of.key: of.count for of in evidence.list_items(pick, evidence.own)}
    assert counts
    for of in evidence.list_items(Pick(), evidence.own):
        seen = evidence.look(of.key, pick, evidence.own)
        meant = [one for one in seen if one.is_meant]
        assert sum(one.pixels for one in meant) == counts.get(of.key, 0)
        assert all(one.verdict is not Verdict.FOUND for one in meant)
        assert seen[: len(meant)] == tuple(meant)
        assert sum(one.pixels for one in seen) == of.found + of.mistakes  # each pixel is in one region
    key = next(iter(counts))
    (alone,) = evidence.list_items(Pick(error=kind, of_class=of_class, item=key), evidence.own)
    assert (alone.key, alone.count) == (key, counts[key])


def test_kinds_of_errors_are_asked_for_by_class_and_image_alone() -> None:
    evidence = open_errors()
    boundary = Pick(error=PixelErrorKind.BOUNDARY, verdict=Verdict.MISSED)
    for ask in (evidence.list_items, lambda pick, at: evidence.look("main/0.png", pick, at)):
        with pytest.raises(InvalidInput, match="not counted by missed, error: boundary"):
            ask(boundary, evidence.own)
        with pytest.raises(InvalidParameter, match="no class 'cow'"):
            ask(Pick(error=PixelErrorKind.EXTENT, of_class="cow"), evidence.own)
    with pytest.raises(NotFound, match="was not measured"):
        evidence.list_items(Pick(error=PixelErrorKind.EXTENT, item="main/none.png"), evidence.own)


def test_numbers_that_pixels_have_not_are_refused() -> None:
    evidence = open_pixels()
    for pick, reason in (
        (Pick(error=ErrorKind.DUPLICATE), "no error: duplicate"), (Pick(iou=(0.5, 0.6)), "no similarity"),
        (Pick(confidence=(0.5, 0.6)), "no confidence 0.5"), (Pick(slice=("tag", "a")), "no tag: a"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=reason):
            evidence.list_items(pick, evidence.own)
    with pytest.raises(InvalidParameter, match="no class 'cow'"):
        evidence.list_items(Pick(truth="cow"), evidence.own)
    with pytest.raises(NotFound, match="was not measured"):
        evidence.look("main/none.png", Pick(), evidence.own)


def test_an_image_with_nothing_on_it_comes_last_and_has_no_iou() -> None:
    box = Geometry.rectangle(2, 2, 6, 6)
    items = tuple(
        EvaluatedItem(key=key, width_px=8, height_px=8, truth=Annotation(truths), objects=())
        for key, truths in (("a", ()), ("b", (AnnotatedObject("cat", box),)))
    )
    evidence = PixelsEvidence(read_maps(EvaluationRequest(items=items, class_names=("cat",))))
    seen = evidence.list_items(Pick(), evidence.own)
    assert [(of.key, of.iou, of.count) for of in seen] == [("b", 0.0, 16), ("a", None, 0)]
    assert np.isclose(evidence.own.confidence, 0.25)
