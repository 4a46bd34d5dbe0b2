"""Whole evaluations: worked examples, planted faults, and changes that must change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation import matching
from mlwf_tui.evaluation.evaluate import evaluate

CLASSES = ("cat", "dog", "bird")


def _box(name: str, left: float, top: float, size: float, confidence: float | None = None) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(left, top, left + size, top + size), confidence)


def _draw(seed: int, items: int = 12) -> tuple[dict[str, Annotation], dict[str, list[AnnotatedObject]]]:
    """Return random truths and half-right predictions, all scores different."""
    random = np.random.default_rng(seed)
    truths: dict[str, Annotation] = {}
    predictions: dict[str, list[AnnotatedObject]] = {}
    for number in range(items):
        objects, found = [], []
        for _ in range(int(random.integers(0, 6))):
            name = str(random.choice(CLASSES))
            left, top, size = random.uniform(0, 200), random.uniform(0, 200), random.uniform(10, 120)
            objects.append(_box(name, left, top, size))
            if random.random() < 0.8:
                guess = name if random.random() < 0.8 else str(random.choice(CLASSES))
                shift = random.normal(0, size * 0.08, 2)
                found.append(_box(guess, left + shift[0], top + shift[1], size, float(random.random())))
        if random.random() < 0.5:
            found.append(_box("dog", 300, 300, 40, float(random.random() * 0.5)))
        truths[f"d/{number:02d}"] = Annotation(tuple(objects))
        predictions[f"d/{number:02d}"] = found
    return truths, predictions


def _draw_with_objects(seed: int) -> tuple[dict[str, Annotation], dict[str, list[AnnotatedObject]]]:
    truths, predictions = _draw(seed)
    truths["d/zz"] = Annotation((_box("cat", 0, 0, 40),))
    predictions["d/zz"] = [_box("cat", 4, 0, 40, float(np.random.default_rng(seed).random()))]
    return truths, predictions


def _as_perfect(truths: Mapping[str, Annotation]) -> dict[str, list[AnnotatedObject]]:
    return {
        key: [structs.replace(o, confidence=0.9 - 0.001 * i) for i, o in enumerate(annotation.objects)]
        for key, annotation in truths.items()
    }


def test_perfect_predictions_give_one() -> None:
    truths, _ = _draw(1)

    result = evaluate(truths, _as_perfect(truths), CLASSES)

    for key in ("map", "map50", "map75", "ar100", "precision", "recall", "f1", "mean_iou"):
        assert result.metrics[key] == pytest.approx(1.0, abs=1e-12), key
    assert sum(item.false_positives + item.false_negatives for item in result.items) == 0
    assert all(result.confusion[i][j] == 0 for i in range(4) for j in range(4) if i != j)


def test_no_predictions_give_nothing() -> None:
    truths, _ = _draw(1)

    result = evaluate(truths, {}, CLASSES)

    count = sum(len(annotation.objects) for annotation in truths.values())
    for key in ("map", "map50", "map75", "ar100", "precision", "recall", "f1", "mean_iou"):
        assert result.metrics[key] == 0.0, key
    assert sum(result.confusion[-1]) == count
    assert result.metrics["truth_count"] == count
    assert result.metrics["image_count"] == len(truths)


def test_a_worked_example_gives_the_figures_done_by_hand() -> None:
    """Two cats; by score: a hit (0.9), a stray (0.8), a hit (0.7). AP50 = (51 x 1 + 50 x 2/3) / 101."""
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40), _box("cat", 100, 100, 40)))}
    predictions = {
        "d/a": [_box("cat", 0, 0, 40, 0.9), _box("cat", 300, 0, 40, 0.8), _box("cat", 100, 100, 40, 0.7)]
    }

    result = evaluate(truths, predictions, ("cat",))

    assert result.metrics["map50"] == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-12)
    assert result.metrics["confidence"] == 0.7  # F1 4/5 there, 2/3 at 0.9
    assert result.metrics["precision"] == pytest.approx(2 / 3)
    assert result.metrics["recall"] == 1.0
    assert result.metrics["f1"] == pytest.approx(4 / 5)
    assert result.confusion == ((2, 1), (0, 0))
    assert result.items[0].false_positives == 1


def test_mean_iou_is_that_of_the_matched_pairs() -> None:
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40),))}
    shifted = AnnotatedObject("cat", Geometry.rectangle(0, 0, 40, 30), 0.9)  # IoU 0.75

    result = evaluate(truths, {"d/a": [shifted]}, ("cat",))

    assert result.metrics["mean_iou"] == 0.75
    assert result.metrics["map75"] == pytest.approx(1.0)
    assert result.metrics["map"] == pytest.approx(0.6)  # hits at 0.5 to 0.75: six of ten
    assert sum(result.iou_histogram.y) == 1


def test_swapped_classes_are_counted_as_confusions() -> None:
    truths = {f"d/{n}": Annotation((_box("cat", 0, 0, 40), _box("dog", 100, 0, 40))) for n in range(10)}
    predictions = _as_perfect(truths)
    for n in range(3):
        cat, dog = predictions[f"d/{n}"]
        predictions[f"d/{n}"] = [structs.replace(cat, class_name="dog"), dog]

    result = evaluate(truths, predictions, CLASSES)

    assert result.confusion[1][0] == 3  # predicted dog, truly cat
    assert result.metrics["class_accuracy"] == 17 / 20
    assert result.confusion[0][0] == 7
    assert result.confusion[1][1] == 10


def test_every_object_is_in_the_confusion_once() -> None:
    truths, predictions = _draw(3, items=40)

    result = evaluate(truths, predictions, CLASSES)

    table = np.array(result.confusion)
    assert table[:, :-1].sum(axis=0).tolist() == [c.truth_count for c in result.classes]
    assert table[:-1].sum(axis=1).tolist() == [c.prediction_count for c in result.classes]
    assert np.trace(table) == sum(item.true_positives for item in result.items)
    assert table[-1, -1] == 0
    assert np.triu(table[:-1, :-1], 1).sum() + np.tril(table[:-1, :-1], -1).sum() > 0


def test_figures_of_classes_items_and_whole_agree() -> None:
    truths, predictions = _draw(4, items=40)

    result = evaluate(truths, predictions, CLASSES)

    true = sum(item.true_positives for item in result.items)
    false = sum(item.false_positives for item in result.items)
    missed = sum(item.false_negatives for item in result.items)
    assert result.metrics["precision"] == true / (true + false)
    assert result.metrics["recall"] == true / (true + missed)
    known = [c.map for c in result.classes if c.map is not None]
    assert result.metrics["map"] == pytest.approx(np.mean(known))
    assert sum(sum(curve.y) for curve in result.confidence_histogram) == sum(map(len, predictions.values()))


def test_operating_confidence_has_the_best_f1_of_all_thresholds() -> None:
    truths, predictions = _draw(5, items=40)

    result = evaluate(truths, predictions, CLASSES)

    total = result.metrics["truth_count"]
    for threshold in {o.confidence or 0.0 for objects in predictions.values() for o in objects}:
        kept = {k: [o for o in v if (o.confidence or 0) >= threshold] for k, v in predictions.items()}
        certain = {k: [structs.replace(o, confidence=None) for o in v] for k, v in kept.items()}
        true = sum(item.true_positives for item in evaluate(truths, certain, CLASSES).items)
        assert 2 * true / (sum(map(len, kept.values())) + total) <= result.metrics["f1"] + 1e-12


def test_confidence_curves_agree_with_the_operating_point() -> None:
    truths, predictions = _draw(6, items=40)
    rounded = {
        key: [structs.replace(o, confidence=round(o.confidence or 0, 2)) for o in objects]
        for key, objects in predictions.items()
    }

    result = evaluate(truths, rounded, CLASSES)

    for curve in result.confidence_curves:
        place = int(np.argmin(np.abs(np.array(curve.x) - result.metrics["confidence"])))
        assert curve.y[place] == pytest.approx(result.metrics[curve.name]), curve.name


def test_a_class_without_truth_has_no_average_precision() -> None:
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40),))}
    predictions = {"d/a": [_box("cat", 0, 0, 40, 0.9), _box("bird", 80, 80, 40, 0.95)]}

    result = evaluate(truths, predictions, CLASSES)

    bird = result.classes[2]
    assert (bird.map, bird.map50, bird.recall, bird.truth_count) == (None, None, None, 0)
    assert bird.precision == 0.0
    assert result.metrics["map"] == pytest.approx(1.0)
    assert [curve.name for curve in result.pr_curves] == ["all", "cat"]


def test_a_size_that_no_truth_has_is_left_out() -> None:
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40),))}

    result = evaluate(truths, {}, CLASSES)

    assert "map_medium" in result.metrics
    assert "map_small" not in result.metrics
    assert "map_large" not in result.metrics


def test_a_class_that_only_the_model_knows_is_put_last() -> None:
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40),))}

    result = evaluate(truths, {"d/a": [_box("zebra", 0, 0, 40, 0.9)]}, CLASSES)

    assert [c.name for c in result.classes] == [*CLASSES, "zebra"]
    assert result.confusion[3][0] == 1


def test_other_shapes_count_by_their_bounds() -> None:
    ring = Geometry(GeometryKind.POLYGON, ((0, 0), (40, 0), (40, 40), (0, 40)))
    truths = {"d/a": Annotation((AnnotatedObject("cat", ring),))}

    result = evaluate(truths, {"d/a": [_box("cat", 0, 0, 40, 0.9)]}, CLASSES)

    assert result.metrics["map"] == pytest.approx(1.0)


def test_points_and_lines_are_no_truths() -> None:
    line = AnnotatedObject("cat", Geometry(GeometryKind.POLYLINE, ((0, 0), (40, 40))))
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40), line))}

    result = evaluate(truths, {"d/a": [_box("cat", 0, 0, 40, 0.9)]}, CLASSES)

    assert result.metrics["truth_count"] == 1
    assert result.metrics["recall"] == 1.0


def test_truths_without_objects_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no annotated objects"):
        evaluate({"d/a": Annotation()}, {}, CLASSES)


def test_predictions_for_an_unknown_item_are_refused() -> None:
    truths = {"d/a": Annotation((_box("cat", 0, 0, 40),))}

    with pytest.raises(InvalidInput, match="'d/b'"):
        evaluate(truths, {"d/b": []}, CLASSES)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_order_of_items_and_predictions_changes_nothing(seed: int, order: Random) -> None:
    truths, predictions = _draw_with_objects(seed)
    keys = list(truths)
    order.shuffle(keys)
    shuffled = {key: order.sample(predictions[key], len(predictions[key])) for key in keys}

    result = evaluate({key: truths[key] for key in keys}, shuffled, CLASSES)

    assert result == evaluate(truths, predictions, CLASSES)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_renamed_classes_keep_all_figures(seed: int) -> None:
    truths, predictions = _draw_with_objects(seed)
    names = {"cat": "z", "dog": "y", "bird": "x"}

    def rename(objects: Sequence[AnnotatedObject]) -> tuple[AnnotatedObject, ...]:
        return tuple(structs.replace(o, class_name=names[o.class_name]) for o in objects)

    result = evaluate(
        {key: Annotation(rename(annotation.objects)) for key, annotation in truths.items()},
        {key: rename(objects) for key, objects in predictions.items()},
        ("z", "y", "x"),
    )

    assert result.metrics == evaluate(truths, predictions, CLASSES).metrics


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_item_twice_keeps_all_ratios(seed: int) -> None:
    truths, predictions = _draw_with_objects(seed)
    twice = {f"{key}{end}": value for key, value in truths.items() for end in "ab"}

    result = evaluate(twice, {f"{k}{end}": v for k, v in predictions.items() for end in "ab"}, CLASSES)

    once = evaluate(truths, predictions, CLASSES)
    for key in set(once.metrics) - {"truth_count", "prediction_count", "image_count"}:
        assert result.metrics[key] == pytest.approx(once.metrics[key], abs=1e-9), key
    assert np.array_equal(np.array(result.confusion), 2 * np.array(once.confusion))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_false_positive_below_all_others_never_raises_the_map(seed: int) -> None:
    truths, predictions = _draw_with_objects(seed)
    key = next(iter(truths))
    more = {**predictions, key: [*predictions[key], _box("cat", 900, 900, 20, 0.0)]}

    before = evaluate(truths, predictions, CLASSES).metrics["map"]
    assert evaluate(truths, more, CLASSES).metrics["map"] <= before


def test_pairs_in_small_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    truths, predictions = _draw(8, items=60)
    whole = evaluate(truths, predictions, CLASSES)

    monkeypatch.setattr(matching, "_PAIRS_AT_ONCE", 3)

    assert evaluate(truths, predictions, CLASSES) == whole
