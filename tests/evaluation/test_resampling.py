"""Figures of weighted sets: equal to those of the sets they stand for, and as sure as arithmetic says."""

from __future__ import annotations

import numpy as np
import pytest

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.evaluation.average_precision import RECALL_POINTS, RECALL_STEP
from mlwf_tui.evaluation.evaluate import evaluate
from mlwf_tui.evaluation.measured import measure
from mlwf_tui.evaluation.resampling import (
    correct_p_values,
    draw_weights,
    find_interval,
    find_p_value,
    weigh,
)
from tests.evaluation.worlds import CLASSES, draw_world, make_box

FIGURES = {
    *("map", "map50", "map75", "map_small", "map_medium", "map_large"),
    *("precision", "recall", "f1", "mean_iou", "class_accuracy"),
}


def test_points_of_recall_are_whole_steps_to_the_bit() -> None:
    assert np.array_equal(RECALL_POINTS, np.arange(101) * RECALL_STEP)


@pytest.mark.parametrize("seed", range(8))
def test_weights_of_one_give_the_evaluations_figures(seed: int) -> None:
    truths, predictions = draw_world(seed, items=40)
    expected = evaluate(truths, predictions, CLASSES)

    figures = weigh(measure(truths, predictions, CLASSES), iter([np.ones((1, 40))]))

    assert set(figures.metrics) == FIGURES & set(expected.metrics)
    for name, values in figures.metrics.items():
        assert values[0] == pytest.approx(expected.metrics[name], abs=1e-9), name
    assert figures.class_map[0] == pytest.approx([measured.map for measured in expected.classes], abs=1e-9)
    assert figures.class_map50[0] == pytest.approx([of.map50 for of in expected.classes], abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_whole_weights_give_the_figures_of_the_items_that_often(seed: int) -> None:
    truths, predictions = draw_world(seed, items=30)
    measured = measure(truths, predictions, CLASSES)
    (weights,) = draw_weights(30, count=1, seed=seed)
    repeated = [
        (f"{key}#{copy}", key)
        for key, weight in zip(measured.keys, weights[0], strict=True)
        for copy in range(int(weight))
    ]
    expected = measure(
        {copy: truths[key] for copy, key in repeated},
        {copy: predictions[key] for copy, key in repeated},
        CLASSES,
        confidence=measured.confidence,
    )

    figures = weigh(measured, iter([weights]))
    again = weigh(expected, iter([np.ones((1, len(repeated)))]))

    for name in again.metrics:
        assert figures.metrics[name][0] == pytest.approx(again.metrics[name][0], abs=1e-9), name


def test_a_part_is_the_evaluation_of_the_part() -> None:
    truths, predictions = draw_world(3, items=40)
    measured = measure(truths, predictions, CLASSES)
    part = np.arange(40) % 3 == 0
    keys = [key for key, inside in zip(measured.keys, part, strict=True) if inside]
    expected = evaluate({key: truths[key] for key in keys}, {key: predictions[key] for key in keys}, CLASSES)

    figures = weigh(measured, iter([part[None].astype(float)]))

    for name in ("map", "map50", "map75", "map_large"):
        assert figures.metrics[name][0] == pytest.approx(expected.metrics[name], abs=1e-9), name


def test_the_spread_of_a_recall_is_what_arithmetic_says() -> None:
    truths = {f"{n:04d}": Annotation((make_box("cat", 0, 0, 50),)) for n in range(400)}
    predictions = {key: [make_box("cat", 0, 0, 50, 0.9)] for key in list(truths)[::2]}

    figures = weigh(measure(truths, predictions, ["cat"]), draw_weights(400, count=2000, seed=5))

    assert figures.metrics["recall"].std() == pytest.approx(np.sqrt(0.25 / 400), rel=0.05)


def test_images_of_one_group_are_drawn_together() -> None:
    groups = np.repeat(np.arange(10), 4)

    (weights,) = draw_weights(40, count=50, groups=groups)

    assert (weights.reshape(50, 10, 4) == weights[:, ::4, None]).all()
    assert (weights.sum(axis=1) == 40).all()


def test_no_truth_gives_no_number_and_no_interval() -> None:
    truths, predictions = draw_world(1, items=5)

    figures = weigh(measure(truths, predictions, CLASSES), iter([np.zeros((3, 5))]))

    assert all(np.isnan(values).all() for values in figures.metrics.values())
    assert find_interval(figures.metrics["map"]) is None


def test_intervals_of_equal_models_hold_as_often_as_they_say() -> None:
    """Two models of one skill: nineteen in twenty intervals of their difference should hold 0."""
    held = []
    for seed in range(60):
        truths, first = draw_world(seed, items=60, skill=0.7)
        _, second = draw_world(seed, items=60, skill=0.700001)
        both = [measure(truths, found, CLASSES, confidence=0.3) for found in (first, second)]
        one, other = (weigh(of, draw_weights(60, count=200, seed=seed)).metrics["map50"] for of in both)
        interval = find_interval(one - other)
        assert interval is not None
        held.append(interval.low <= 0 <= interval.high)
    assert 0.86 <= np.mean(held) <= 1.0


def test_p_values_are_two_sided_and_never_nothing() -> None:
    assert find_p_value(np.ones(999), 100) == pytest.approx(2 / 1000)
    assert find_p_value(np.concatenate([np.ones(500), -np.ones(500)]), 100) == 1.0
    assert find_p_value(np.full(3, np.nan), 100) == 1.0


@pytest.mark.parametrize(
    ("drawn_count", "least"), [(1, 1.0), (2, 0.5), (5, 1 / 16), (6, 1 / 32), (20, 0.002)]
)
def test_few_items_prove_little(drawn_count: int, least: float) -> None:
    assert find_p_value(np.ones(999), drawn_count) == pytest.approx(least)


def test_p_values_of_many_are_corrected_as_holm_does() -> None:
    assert correct_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert correct_p_values([]) == ()
