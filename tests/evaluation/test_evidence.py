"""Behind each number of a report stand the images and objects that it counts, at any thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.entities.evidence import (
    Fate,
    FatePick,
    ItemEvidence,
    Pick,
    Verdict,
    parse_fate_pick,
    parse_pick,
    write_pick,
)
from mlwf_tui.entities.measurement import ErrorKind, PixelErrorKind, Thresholds
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.evaluation.errors import share_errors
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.evidence import ObjectsEvidence, order_boxes
from mlwf_tui.evaluation.measured import Measured, measure
from mlwf_tui.evaluation.slices import ItemFacts, slice_measured
from mlwf_tui.evaluation.sweep import Sweep
from tests.evaluation.worlds import CLASSES, World, draw_world

PLACES = [Thresholds(0.3), Thresholds(0.0), Thresholds(0.4, 0.75), Thresholds(1.0, 0.9)]


def open_world(seed: int, items: int = 60) -> tuple[World, Measured, ObjectsEvidence]:
    world = truths, said = draw_world(seed, items=items, skill=0.7)
    measured = measure(truths, said, CLASSES)
    facts = [ItemFacts(dataset="even" if n % 2 == 0 else "odd", brightness=n) for n in range(items)]
    evidence = ObjectsEvidence(
        measured, lambda key: order_boxes(truths[key].objects, said[key], measured.names), lambda: facts
    )
    return world, measured, evidence


def add(items: Sequence[ItemEvidence]) -> int:
    return sum(of.count for of in items)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("seed", range(3))
def test_what_stands_behind_a_number_adds_up_to_it(seed: int, at: Thresholds) -> None:
    _, measured, evidence = open_world(seed)
    evaluation = structs.replace(summarize(measured), errors=share_errors(measured))
    shown = Sweep(measured, evaluation).evaluate(at)
    names = (*CLASSES, "")
    for row, predicted in enumerate(names):
        for column, truth in enumerate(names[: len(names) - (predicted == "")]):
            cell = Pick(predicted=predicted, truth=truth)
            assert add(evidence.list_items(cell, at)) == shown.confusion[row][column]
    for share in shown.errors:
        assert add(evidence.list_items(Pick(error=share.kind), at)) == share.count
    bins = shown.iou_histogram
    for middle, count in zip(bins.x, bins.y, strict=True):
        half = 0.5 / len(bins.x) / 2
        assert add(evidence.list_items(Pick(iou=(middle - half, middle + half)), at)) == pytest.approx(count)
    for is_hit, histogram in zip((True, False), shown.confidence_histogram, strict=True):
        for place, count in enumerate(histogram.y):
            pick = Pick(confidence=(place / 20, (place + 1) / 20), is_hit=is_hit)
            assert add(evidence.list_items(pick, at)) == count
    whole = {of.key: of for of in evidence.list_items(Pick(), at)}
    for of in shown.items:
        seen = whole[of.key]
        assert (seen.found, seen.missed + seen.confused, seen.false + seen.confused) == (
            of.true_positives, of.false_negatives, of.false_positives,
        )  # fmt: skip


def test_each_slice_has_the_images_and_the_objects_that_it_counts() -> None:
    _, measured, evidence = open_world(1)
    facts = dict(zip(measured.keys, evidence._read_facts(), strict=True))  # as the report's slices were made
    for of in slice_measured(measured, facts):
        pick = Pick(slice=(of.group, of.name))
        items = evidence.list_items(pick, evidence.own)
        assert 0 < len(items) <= of.item_count
        if of.metric == "recall":
            assert add(items) == of.truth_count
        else:
            assert add(items) >= of.truth_count


def test_an_images_objects_are_those_that_are_there_with_what_became_of_them() -> None:
    (truths, said), _, evidence = open_world(2)
    at = Thresholds(0.2)
    for of in evidence.list_items(Pick(), at):
        seen = evidence.look(of.key, Pick(), at)
        kept = [one for one in said[of.key] if one.confidence is not None and one.confidence >= 0.2]
        assert sorted(one.truth.points for one in seen if one.truth) == sorted(
            one.geometry.points for one in truths[of.key].objects
        )
        assert sorted((one.predicted.points, one.confidence) for one in seen if one.predicted) == sorted(
            (one.geometry.points, one.confidence) for one in kept
        )
        for one in seen:
            assert (one.verdict is Verdict.FOUND) == (one.truth_class == one.predicted_class)
            assert (one.verdict is Verdict.MISSED) == (one.predicted is None)
            assert (one.iou > 0) == (one.verdict in (Verdict.FOUND, Verdict.CONFUSED))


def test_what_is_meant_comes_first_and_below_the_threshold_too_where_a_bin_counts_it() -> None:
    _, _, evidence = open_world(2)
    at = Thresholds(0.9)
    pick = Pick(confidence=(0.0, 0.5), is_hit=False)
    items = evidence.list_items(pick, at)
    assert items
    for of in items:
        meant = [one for one in evidence.look(of.key, pick, at) if one.is_meant]
        assert len(meant) == of.count
        assert all(one.confidence is not None and one.confidence < 0.5 for one in meant)
    missed = Pick(verdict=Verdict.MISSED)
    seen = evidence.look(evidence.list_items(missed, at)[0].key, missed, at)
    assert [one.is_meant for one in seen] == sorted((one.is_meant for one in seen), reverse=True)


CONDITIONS: Mapping[str, Any] = {
    "predicted": "dog", "truth": "dog", "of_class": "dog", "verdict": Verdict.FOUND,
    "error": ErrorKind.LOCALISATION, "slice": ("object size", "medium"), "confidence": (0.2, 0.6),
    "iou": (0.6, 1.0), "is_hit": False,
}  # fmt: skip
OTHERS: Mapping[str, Any] = {
    "predicted": "", "truth": "cat", "verdict": Verdict.MISSED, "error": ErrorKind.MISSED,
    "slice": ("dataset", "even"), "is_hit": True,
}  # fmt: skip


@pytest.mark.parametrize("conditions", [CONDITIONS, {**CONDITIONS, **OTHERS}])
def test_of_every_combination_the_count_is_of_what_each_condition_alone_means(
    conditions: Mapping[str, Any],
) -> None:
    _, _, evidence = open_world(3, items=30)
    at = Thresholds(0.4)
    wide = {"confidence": (0.0, 1.0)}  # without a bin of confidence only what stands is counted
    alone = {
        (name, is_wide): _list_meant(evidence, Pick(**{**(wide if is_wide else {}), name: value}), at)
        for name, value in conditions.items()
        for is_wide in (False, True)
    }
    for names in combinations(conditions, 3):
        pick = Pick(**{name: conditions[name] for name in names})
        meant = _list_meant(evidence, pick, at)
        first, second, third = (alone[name, "confidence" in names] for name in names)
        assert meant == first & second & third, names
        counted = {of.key: of.count for of in evidence.list_items(pick, at)}
        assert counted == _count_by_item(meant)


def _list_meant(evidence: ObjectsEvidence, pick: Pick, at: Thresholds) -> set[tuple[Any, ...]]:
    return {
        (of.key, one.verdict, one.truth_class, one.truth, one.predicted_class, one.predicted, one.confidence)
        for of in evidence.list_items(Pick(), at)
        for one in evidence.look(of.key, pick, at)
        if one.is_meant
    }


def _count_by_item(meant: Iterable[tuple[Any, ...]]) -> dict[str, int]:
    return dict(Counter(key for key, *_ in meant))


def test_a_bin_of_confidence_of_one_image_means_nothing_of_another() -> None:
    _, _, evidence = open_world(2)
    everywhere = Pick(confidence=(0.0, 0.5))
    first, second, *_ = evidence.list_items(everywhere, evidence.own)
    here = structs.replace(everywhere, item=second.key)
    assert evidence.list_items(here, evidence.own) == (second,)
    assert not any(one.is_meant for one in evidence.look(first.key, here, evidence.own))


def test_pairs_of_conditions_hold_together_and_strange_ones_are_refused() -> None:
    _, _, evidence = open_world(0)
    dogs = parse_pick(["truth=dog verdict=missed"])
    assert dogs == Pick(truth="dog", verdict=Verdict.MISSED)
    assert add(evidence.list_items(dogs, evidence.own)) == add(
        evidence.list_items(parse_pick(["truth=dog", "predicted=none"]), evidence.own)
    )
    assert parse_pick(["slice='brightness: dark (to 34)' confidence=0.5..0.55 right=no"]) == Pick(
        slice=("brightness", "dark (to 34)"), confidence=(0.5, 0.55), is_hit=False
    )
    assert parse_pick(["error=duplicate item=a/b"]) == Pick(error=ErrorKind.DUPLICATE, item="a/b")
    for text, reason in (
        ("truth=cat truth=dog", "truth is given twice"), ("class=", "class= has no value"),
        ("predicted=''", "predicted= has no value"), ("item=", "item= has no value"),
    ):  # fmt: skip
        with pytest.raises(InvalidParameter, match=reason):
            parse_pick([text])
    with pytest.raises(InvalidParameter, match="class is given twice"):
        parse_pick(["class=cat", "class=cat"])
    for text in ("cat", "verdict=bad", "iou=1..0", "iou=x..1", "slice=dark", "truth='cat", "confidence=0..2"):
        with pytest.raises(InvalidParameter):
            parse_pick([text])
    with pytest.raises(InvalidInput, match="no class 'cow'"):
        evidence.list_items(Pick(truth="cow"), evidence.own)
    with pytest.raises(NotFound, match="was not measured"):
        evidence.list_items(Pick(item="d/none"), evidence.own)
    with pytest.raises(NotFound, match="no slice"):
        evidence.list_items(Pick(slice=("tag", "none")), evidence.own)


def test_a_class_that_is_called_none_is_that_class_and_verdicts_say_nothing() -> None:
    truths, said = draw_world(1, items=20)
    named = {"bird": "none"}
    renamed = {
        key: Annotation(tuple(structs.replace(o, class_name=named.get(o.class_name, o.class_name))
                              for o in of.objects))
        for key, of in truths.items()
    }  # fmt: skip
    predictions = {
        key: [structs.replace(o, class_name=named.get(o.class_name, o.class_name)) for o in of]
        for key, of in said.items()
    }
    measured = measure(renamed, predictions, ("cat", "dog", "none"))
    evidence = ObjectsEvidence(
        measured, lambda key: order_boxes(renamed[key].objects, predictions[key], measured.names), lambda: ()
    )
    shown = Sweep(measured, summarize(measured)).evaluate(evidence.own)

    def count(text: str) -> int:
        return add(evidence.list_items(parse_pick([text], measured.names), evidence.own))

    assert count("predicted=none truth=none") == shown.confusion[2][2] > 0
    assert count("truth=none verdict=missed") == shown.confusion[3][2]
    assert count("predicted=none verdict=false") == shown.confusion[2][3]
    assert parse_pick(["truth=none"], CLASSES).truth == ""
    described = [Pick(truth="none").describe(), Pick(truth="").describe(), Pick(predicted="").describe()]
    assert described == ["truth none", "nothing there", "nothing predicted"]


def test_a_pair_is_a_number_of_some_digits() -> None:
    assert parse_fate_pick(["pair=12"]).pair == 11
    for value in ("0", "-1", "x", "1.5", "9" * 5000):
        with pytest.raises(InvalidParameter, match="is no pair") as refused:
            parse_fate_pick([f"pair={value}"])
        assert len(refused.value.message) < 60


NAMES = st.text(min_size=1, max_size=9).filter(lambda name: name != "none")
BOUNDS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (min(pair), max(pair)))
SLICES = st.tuples(st.just("object size"), st.sampled_from(["small", "large: over 96²", "it's"]))
PICKS = st.builds(
    Pick, predicted=st.none() | st.just("") | NAMES, truth=st.none() | st.just("") | NAMES,
    of_class=st.just("") | NAMES, verdict=st.none() | st.sampled_from(Verdict),
    error=st.none() | st.sampled_from(ErrorKind) | st.sampled_from(PixelErrorKind),
    slice=st.none() | SLICES, confidence=st.none() | BOUNDS, iou=st.none() | BOUNDS,
    is_hit=st.none() | st.booleans(), item=st.just("") | NAMES,
)  # fmt: skip
FATE_PICKS = st.builds(
    FatePick, pair=st.integers(0, 9), fate=st.none() | st.sampled_from(Fate), of_class=st.just("") | NAMES,
    slice=st.none() | SLICES, item=st.just("") | NAMES,
)  # fmt: skip


@given(pick=PICKS, fates=FATE_PICKS)
def test_what_is_picked_can_be_written_as_conditions_and_read_again(pick: Pick, fates: FatePick) -> None:
    assert parse_pick([write_pick(pick)]) == pick
    assert parse_fate_pick([write_pick(fates)]) == fates
