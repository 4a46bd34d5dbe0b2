"""Two models of pixels side by side: which images are won and lost, and where on each."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry
from mlwf_tui.entities.evidence import Fate, FatePick, ObjectEvidence, Pick
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.evaluation.class_maps import ClassMaps, read_maps
from mlwf_tui.evaluation.comparing_pixels import compare_pixels
from mlwf_tui.evaluation.pixel_evidence import PixelsEvidence
from mlwf_tui.evaluation.pixel_pairs import PixelsPair
from mlwf_tui.evaluation.pixels import paint_items
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

NAMES = ("cat", "dog", "cow")
SIZE_PX = 24


def make_objects(random: np.random.Generator, count: int) -> tuple[AnnotatedObject, ...]:
    found = []
    for _ in range(count):
        left, top = random.integers(0, SIZE_PX - 6, 2).tolist()
        width, height = random.integers(3, 10, 2).tolist()
        found.append(
            AnnotatedObject(
                NAMES[random.integers(3)], Geometry.rectangle(left, top, left + width, top + height)
            )
        )
    return tuple(found)


def make_request(seed: int, names: tuple[str, ...] = NAMES) -> EvaluationRequest:
    """Return items of the same truths, and predictions of a seed's own."""
    truths, found = np.random.default_rng(1), np.random.default_rng(seed)
    items = [
        EvaluatedItem(
            key=f"{place:02d}", width_px=SIZE_PX, height_px=SIZE_PX,
            truth=Annotation(make_objects(truths, place % 4)),
            objects=make_objects(found, (place + seed) % 3),
        )
        for place in range(30)
    ]  # fmt: skip
    return EvaluationRequest(items=tuple(items), class_names=names)


def make_item(key: str, truths: dict[str, int], found: dict[str, int]) -> EvaluatedItem:
    """Return an item of 8 × 8 pixels; of each class the first columns up to its number are covered."""
    truth, said = (
        tuple(AnnotatedObject(name, Geometry.rectangle(0, 0, columns, 8)) for name, columns in of.items())
        for of in (truths, found)
    )
    return EvaluatedItem(key=key, width_px=8, height_px=8, truth=Annotation(truth), objects=said)


def read(*items: EvaluatedItem, names: tuple[str, ...] = ("cat",)) -> ClassMaps:
    return read_maps(EvaluationRequest(items=items, class_names=names))


def count(pair: PixelsPair, pick: FatePick) -> dict[str, int]:
    return {of.key: of.count for of in pair.list_items(pick)}


NEW, OLD = make_request(2), make_request(3, NAMES[::-1])
PAIR = PixelsPair(read_maps(NEW), read_maps(OLD))


@pytest.mark.parametrize("of_class", ["", *NAMES])
def test_images_are_won_and_lost_by_the_iou_that_their_reports_tell(of_class: str) -> None:
    sides = []
    for request in (NEW, OLD):
        evidence = PixelsEvidence(read_maps(request))
        listed = evidence.list_items(Pick(of_class=of_class), evidence.own)
        sides.append({of.key: of.iou for of in listed if of.iou is not None})
    now, before = sides
    expected = {key: now.get(key, 1.0) - before.get(key, 1.0) for key in sorted(now.keys() | before.keys())}

    seen = {fate: PAIR.list_items(FatePick(fate=fate, of_class=of_class)) for fate in Fate}

    assert {of.key for of in seen[Fate.FIXED]} == {key for key, by in expected.items() if by > 0}
    assert {of.key for of in seen[Fate.BROKEN]} == {key for key, by in expected.items() if by < 0}
    assert seen[Fate.FIXED] and seen[Fate.BROKEN]
    for of in (of for listed in seen.values() for of in listed):
        assert (of.iou, of.iou_before) == (now.get(of.key), before.get(of.key))
    changed = PAIR.list_items(FatePick(of_class=of_class))
    assert {of.key for of in changed} == {of.key for fate in list(Fate)[:2] for of in seen[fate]}
    by = [abs(expected[of.key]) for of in changed]
    assert by == pytest.approx(sorted(by, reverse=True))


def test_an_image_that_neither_changed_is_right_or_wrong_for_both_and_an_empty_one_nothing() -> None:
    truth = {"cat": 4}
    new = read(
        make_item("a", truth, {"cat": 4}), make_item("b", truth, {"cat": 2}), make_item("c", {}, {}),
        make_item("d", {}, {}), make_item("e", truth, {"cat": 3}),
    )  # fmt: skip
    old = read(
        make_item("a", truth, {"cat": 4}), make_item("b", truth, {"cat": 8}), make_item("c", {}, {}),
        make_item("d", {}, {"cat": 1}), make_item("e", truth, {}),
    )  # fmt: skip
    pair = PixelsPair(new, old)

    assert count(pair, FatePick(fate=Fate.BOTH_RIGHT)) == {"a": 32}
    assert count(pair, FatePick(fate=Fate.BOTH_WRONG)) == {"b": 0}  # half of it missed, or as much too much
    assert count(pair, FatePick()) == {
        "d": 8,
        "e": 24,
    }  # what was made up is gone: most changed, as 0 is to 1
    (gone, _) = pair.list_items(FatePick())
    assert (gone.iou, gone.iou_before) == (None, 0.0)
    assert count(pair, FatePick(item="c")) == {"c": 0}
    assert count(pair, FatePick(item="b")) == {"b": 48}
    assert count(pair, FatePick(item="b", fate=Fate.FIXED)) == {}


def test_the_regions_of_an_image_hold_each_pixel_once_that_is_something_or_was_said_to_be() -> None:
    new, old = (read_maps(request).with_names(NAMES) for request in (NEW, OLD))
    for place, key in enumerate(new.keys):
        truth, newer = new.paint(place)
        older = old.paint_found(place)
        right, was_right = newer == truth, older == truth
        is_something = (truth < 3) | (newer < 3) | (older < 3)
        (of,) = PAIR.list_items(FatePick(item=key))
        expected = {
            Fate.FIXED: right & ~was_right, Fate.BROKEN: ~right & was_right,
            Fate.BOTH_WRONG: ~right & ~was_right, Fate.BOTH_RIGHT: right & was_right & is_something,
        }  # fmt: skip
        assert (of.fixed, of.broken, of.both_wrong, of.both_right) == tuple(map(np.sum, expected.values()))
        seen = PAIR.look(key, FatePick())
        for one in seen:
            assert one.fate is not None and one.region is not None
            assert sum(one.region.runs[1::2]) == one.pixels
            said = {"newer": one.newer, "older": one.older}
            is_right = {name: _is_right(side) for name, side in said.items()}
            assert one.fate == {
                (True, False): Fate.FIXED, (False, True): Fate.BROKEN, (False, False): Fate.BOTH_WRONG,
                (True, True): Fate.BOTH_RIGHT,
            }[is_right["newer"], is_right["older"]]  # fmt: skip
        assert sum(one.pixels for one in seen) == int(is_something.sum())


def _is_right(side: ObjectEvidence | None) -> bool:
    return side is None or side.truth_class == side.predicted_class


def test_the_whole_mask_of_a_class_stands_once_on_each_side() -> None:
    for key in read_maps(NEW).keys:
        seen = PAIR.look(key, FatePick())
        for side in ("newer", "older"):
            said = [of for one in seen if (of := getattr(one, side)) is not None]
            masks = [of.predicted_class for of in said if of.predicted is not None]
            assert sorted(masks) == sorted({of.predicted_class for of in said} - {""})
        both = [of for one in seen for of in (one.newer, one.older) if of is not None]
        truths = [of.truth_class for of in both if of.truth is not None]
        assert sorted(truths) == sorted({of.truth_class for of in both} - {""})


WON = PAIR.list_items(FatePick(fate=Fate.FIXED, of_class="cat"))[0].key
CONDITIONS: dict[str, Any] = {"fate": Fate.FIXED, "of_class": "cat", "item": WON}


@pytest.mark.parametrize("names", [(), *((name,) for name in CONDITIONS), *combinations(CONDITIONS, 2)])
def test_as_many_pixels_are_meant_as_are_counted(names: tuple[str, ...]) -> None:
    pick = FatePick(**{name: CONDITIONS[name] for name in names})
    listed = count(PAIR, pick)
    assert listed and any(listed.values())
    for key, pixels in listed.items():
        assert sum(one.pixels for one in PAIR.look(key, pick) if one.is_meant) == pixels


def test_a_comparison_counts_the_images_that_stand_behind_its_numbers() -> None:
    made = compare_pixels(
        paint_items(NEW, lambda: None), paint_items(OLD, lambda: None), check=lambda: None
    )  # the older one has its classes in another order

    assert made.counted == "images"
    counts = (made.truths_fixed, made.truths_broken, made.truths_both_missed, made.truths_both_found)
    assert counts == tuple(len(PAIR.list_items(FatePick(fate=fate))) for fate in Fate)
    assert {of.key: (of.iou, of.iou_before) for of in made.items} == {
        of.key: pytest.approx((of.iou, of.iou_before)) if of.iou and of.iou_before is not None
        else (of.iou, of.iou_before)
        for of in PAIR.list_items(FatePick())
    }  # fmt: skip
    assert [of.is_worse for of in made.items] == [True] * counts[1] + [False] * counts[0]
    assert {of.name for of in made.classes} == set(NAMES)
    for of in made.classes:
        for fate, images in ((Fate.FIXED, of.fixed), (Fate.BROKEN, of.broken)):
            assert len(PAIR.list_items(FatePick(fate=fate, of_class=of.name))) == images
    now = {of.name: of.others["IoU"] for of in paint_items(NEW, lambda: None).summarize().classes}
    before = {of.name: of.others["IoU"] for of in paint_items(OLD, lambda: None).summarize().classes}
    assert {of.name: (of.iou, of.iou_before) for of in made.classes} == {
        name: (now[name], before[name]) for name in NAMES
    }


def test_what_a_comparison_of_pixels_has_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no tag: night"):
        PAIR.list_items(FatePick(slice=("tag", "night")))
    with pytest.raises(InvalidParameter, match="no class 'cart'") as refused:
        PAIR.list_items(FatePick(of_class="cart"))
    assert "Did you mean cat?" in refused.value.hint
    with pytest.raises(NotFound, match="was not measured"):
        PAIR.look("none", FatePick())
    with pytest.raises(Conflict, match="not of the same items"):
        PixelsPair(read(make_item("a", {}, {})), read(make_item("b", {}, {})))
