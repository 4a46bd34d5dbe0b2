"""A weakness planted in a part of the items is named first; parts are measured as if they were the set."""

from __future__ import annotations

import numpy as np
import pytest

from mlwf_tui.evaluation.evaluate import evaluate
from mlwf_tui.evaluation.measured import Measured, measure
from mlwf_tui.evaluation.resampling import HalfWeigher, draw_weights, weigh
from mlwf_tui.evaluation.slice_differences import compare_slices
from mlwf_tui.evaluation.slices import ItemFacts, slice_measured, weigh_recalls
from tests.evaluation.worlds import CLASSES, World, draw_world


def make_facts(measured: Measured) -> dict[str, ItemFacts]:
    return {
        key: ItemFacts(
            dataset="a" if number % 2 else "b",
            tags=frozenset({"night"}) if number < 30 else frozenset(),
            brightness=20.0 + number,
        )
        for number, key in enumerate(measured.keys)
    }


def make_world(count: int = 120) -> World:
    """A model that sees nothing in the first thirty items, which are the darkest."""
    truths, predictions = draw_world(3, items=count, skill=0.95)
    return truths, {key: [] if number < 30 else predictions[key] for number, key in enumerate(sorted(truths))}


def test_the_weakest_parts_come_first_and_are_measurably_worse() -> None:
    measured = measure(*make_world(), CLASSES, confidence=0.01)

    slices = slice_measured(measured, make_facts(measured))

    worst = {(of.group, of.name.split(" (")[0]) for of in slices if of.is_worse}
    assert worst == {("brightness", "dark"), ("tag", "night")}
    assert {(of.group, of.name.split(" (")[0]) for of in slices[:2]} == worst
    assert slices[0].value == 0
    assert {of.group for of in slices} == {"brightness", "tag", "dataset", "crowding", "object size", "class"}


def test_a_part_is_measured_as_if_it_were_the_whole_set() -> None:
    truths, predictions = draw_world(5, items=80, skill=0.7)
    measured = measure(truths, predictions, CLASSES, confidence=0.1)
    facts = make_facts(measured)
    chosen = [key for key in measured.keys if facts[key].dataset == "a"]

    (found,) = [of for of in slice_measured(measured, facts) if (of.group, of.name) == ("dataset", "a")]

    alone = evaluate({key: truths[key] for key in chosen}, {key: predictions[key] for key in chosen}, CLASSES)
    assert found.value == pytest.approx(alone.metrics["map50"], abs=1e-9)
    assert found.item_count == len(chosen)
    assert found.interval.low <= found.value <= found.interval.high


def test_map50_alone_is_that_of_all_figures() -> None:
    measured = measure(*draw_world(9, items=40), CLASSES)
    alone = HalfWeigher(measured).weigh(draw_weights(40, count=150))
    together = weigh(measured, draw_weights(40, count=150)).metrics["map50"]
    assert np.array_equal(alone, together, equal_nan=True)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_a_part_gone_through_alone_is_the_whole_with_weights_of_zero(share: float) -> None:
    measured = measure(*draw_world(11, items=70, skill=0.8), CLASSES)
    member = np.random.default_rng(1).random(70) < share
    drawn = list(draw_weights(70, count=150))
    half = HalfWeigher(measured)

    whole = half.weigh(weights * member for weights in drawn)

    assert np.allclose(half.weigh_part(member, drawn), whole, rtol=0, atol=1e-14, equal_nan=True)


def test_recalls_of_many_parts_together_are_those_of_each_alone_to_the_last_bit() -> None:
    measured = measure(*draw_world(12, items=50, skill=0.6), CLASSES, confidence=0.3)
    images, random = measured.truths.image, np.random.default_rng(2)
    members = [random.random(len(images)) < share for share in (0.01, 0.3, 1.0)]
    drawn = list(draw_weights(50, count=120))

    recalls = weigh_recalls(measured, members, drawn)

    for member, together in zip(members, recalls, strict=True):
        counts = [
            np.bincount(images[of], minlength=50).astype(float) for of in (member & measured.is_found, member)
        ]
        found, total = (np.concatenate([weights @ of for weights in drawn]) for of in counts)
        with np.errstate(invalid="ignore"):
            assert np.array_equal(together, found / total, equal_nan=True)


def test_parts_of_few_items_and_values_that_part_nothing_are_left_out() -> None:
    truths, predictions = draw_world(2, items=12)
    measured = measure(truths, predictions, CLASSES)
    facts = {
        key: ItemFacts(brightness=80.0, tags=frozenset({"rare"} if key.endswith("0001") else ()))
        for key in truths
    }
    groups = {of.group for of in slice_measured(measured, facts)}
    assert not groups & {"brightness", "sharpness", "tag", "dataset"}


def test_thousands_of_tags_make_a_table_that_can_be_read() -> None:
    measured = measure(*draw_world(4, items=60), CLASSES)
    facts = {
        key: ItemFacts(tags=frozenset(f"t{tag}" for tag in range(number % 40)))
        for number, key in enumerate(measured.keys)
    }
    assert sum(of.group == "tag" for of in slice_measured(measured, facts)) <= 12


def test_a_part_that_got_worse_comes_first_with_what_it_lost() -> None:
    truths, predictions = draw_world(3, items=120, skill=0.95)
    old = measure(truths, predictions, CLASSES, confidence=0.01)
    new = measure(*make_world(), CLASSES, confidence=0.01)

    found = compare_slices(new, old, make_facts(old))

    worse = [of for of in found if of.difference.is_measurable and of.difference.value < 0]
    assert {of.name.split(" (")[0] for of in found[:2]} == {"dark", "night"}
    assert {("tag", "night"), ("brightness", "dark")} <= {(of.group, of.name.split(" (")[0]) for of in worse}
    night = next(of for of in found if of.name == "night")
    assert (night.fixed, night.broken) == (0, int(old.is_found[old.truths.image < 30].sum()))
    same = compare_slices(old, old, make_facts(old))
    assert not any(of.difference.is_measurable or of.fixed or of.broken for of in same)
