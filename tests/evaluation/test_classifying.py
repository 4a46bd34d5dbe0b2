"""Figures of classifiers against scikit-learn, and what is said of odd data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score, top_k_accuracy_score

from mlwf_tui.entities.annotation import Annotation, Tag
from mlwf_tui.entities.section import CurveSection, MatrixSection
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.classifying import Classified, calibrate, classify
from mlwf_tui.evaluation.columns import Floats, Ints
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest


def _make_request(label: Ints, scores: Floats, *, class_count: int) -> EvaluationRequest:
    names = tuple(f"c{k:04d}" for k in range(class_count))
    items = []
    for row, truth in enumerate(label.tolist()):
        order = np.argsort(-scores[row], kind="stable").tolist()
        items.append(
            EvaluatedItem(
                key=f"d/{row:05d}", width_px=8, height_px=8,
                truth=Annotation(tags=(Tag("weather"), Tag(names[truth]))),
                tags=tuple(Tag(names[k], float(scores[row, k])) for k in order),
            )
        )  # fmt: skip
    return EvaluationRequest(items=tuple(items), class_names=names)


def _draw(seed: int, images: int, classes: int) -> tuple[Ints, Floats]:
    random = np.random.default_rng(seed)
    label = np.concatenate([np.arange(classes), random.integers(0, classes, images - classes)])
    logits = random.normal(0, 1.5, (images, classes))
    logits[np.arange(images), label] += 1.5
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return label, np.round(scores, 2) if seed % 2 else scores  # odd ones are full of ties


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    label, scores = _draw(seed, 120, 7)
    said = np.argmax(scores, axis=1)

    classified = classify(_make_request(label, scores, class_count=7))
    metrics = classified.summarize().metrics

    everyone = {"labels": list(range(7)), "average": "macro", "zero_division": 0}
    assert metrics["top1"] == pytest.approx(np.mean(said == label), abs=1e-12)
    assert metrics["macro_f1"] == pytest.approx(f1_score(label, said, **everyone), abs=1e-12)
    assert metrics["macro_precision"] == pytest.approx(precision_score(label, said, **everyone), abs=1e-12)
    assert metrics["macro_recall"] == pytest.approx(recall_score(label, said, **everyone), abs=1e-12)
    areas = [roc_auc_score(label == k, scores[:, k]) for k in range(7)]
    assert metrics["auc"] == pytest.approx(np.mean(areas), abs=1e-12)
    if not seed % 2:
        assert metrics["top5"] == pytest.approx(top_k_accuracy_score(label, scores, k=5), abs=1e-12)


def test_a_roc_curve_encloses_the_area_that_is_stated() -> None:
    label, scores = _draw(4, 90, 3)

    evaluation = classify(_make_request(label, scores, class_count=3)).summarize()

    (roc,) = (section for section in evaluation.sections if isinstance(section, CurveSection))
    stated = {of.name: of.others["AUC"] for of in evaluation.classes}
    for curve in roc.curves[1:]:
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(stated[curve.name], abs=1e-9)


def test_resampled_figures_are_those_of_the_repeated_items() -> None:
    label, scores = _draw(2, 60, 4)
    weights = np.random.default_rng(0).integers(0, 4, 60).astype(float)
    kept = np.repeat(np.arange(60), weights.astype(int))

    weighed = classify(_make_request(label, scores, class_count=4)).weigh(iter([weights[None]]), lambda: None)
    repeated = classify(_make_request(label[kept], scores[kept], class_count=4)).summarize().metrics

    assert set(weighed) == {"top1", "top5", "macro_f1", "macro_precision", "macro_recall", "auc"}
    for name, values in weighed.items():
        assert values[0] == pytest.approx(repeated[name], abs=1e-12), name


def test_temperature_scaling_mends_what_is_too_sure() -> None:
    random = np.random.default_rng(1)
    label = random.integers(0, 3, 3000)
    logits = random.normal(0, 1, (3000, 3))
    truth = np.array([random.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    sure = np.exp(logits * 4) / np.exp(logits * 4).sum(axis=1, keepdims=True)

    found = calibrate(classify(_make_request(truth, sure, class_count=3)))

    assert found is not None
    assert found.temperature == pytest.approx(4, rel=0.1)
    assert found.ece > 0.2
    assert found.ece_scaled < 0.04
    assert label.shape == truth.shape


def test_a_class_that_is_never_said_counts_as_zero_and_one_without_images_not_at_all() -> None:
    label = np.array([0, 0, 1])
    scores = np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.7, 0.2, 0.1]])

    evaluation = classify(_make_request(label, scores, class_count=3)).summarize()

    assert evaluation.metrics["macro_f1"] == pytest.approx((0.8 + 0) / 2)
    assert evaluation.metrics["macro_precision"] == pytest.approx((2 / 3 + 0) / 2)
    assert "No image is of c0002: they are in no mean." in evaluation.notes
    assert "The model never says c0001: their precision counts as 0 in the means." in evaluation.notes


def test_one_class_alone_has_no_curve_and_no_area() -> None:
    evaluation = classify(_make_request(np.zeros(4, int), np.ones((4, 1)), class_count=1)).summarize()

    assert evaluation.metrics["top1"] == 1
    assert "auc" not in evaluation.metrics
    assert any("All images are of one class" in note for note in evaluation.notes)


def test_images_without_a_class_are_left_out_and_counted() -> None:
    request = _make_request(np.array([0, 1]), np.eye(2), class_count=2)
    bare = EvaluatedItem(key="z", width_px=1, height_px=1, truth=Annotation(tags=(Tag("weather"),)))
    with_bare = EvaluationRequest(items=(*request.items, bare), class_names=request.class_names)

    classified = classify(with_bare)

    assert classified.keys == ("d/00000", "d/00001")
    assert "1 images have no class and are left out." in classified.summarize().notes
    with pytest.raises(InvalidInput, match="No image has a tag that is the name of a class"):
        classify(EvaluationRequest(items=(bare,), class_names=("c0000",)))


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, None, "much"])
def test_a_probability_that_is_none_is_refused_in_words(value: float | str | None) -> None:
    item = EvaluatedItem(
        key="d/a", width_px=1, height_px=1, truth=Annotation(tags=(Tag("cat"),)), tags=(Tag("cat", value),)
    )

    with pytest.raises(InvalidInput, match="of the class cat on d/a, which is no number from 0 to 1"):
        classify(EvaluationRequest(items=(item,), class_names=("cat",)))


def test_two_thousand_classes_are_measured_and_their_matrix_is_cut() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 2000, 400)
    names = tuple(f"c{k:04d}" for k in range(2000))
    items = tuple(
        EvaluatedItem(
            key=f"d/{row:05d}", width_px=8, height_px=8, truth=Annotation(tags=(Tag(names[truth]),)),
            tags=(Tag(names[truth if row % 2 else 0], 0.6), Tag(names[5], 0.1)),
        )
        for row, truth in enumerate(label.tolist())
    )  # fmt: skip

    evaluation = classify(EvaluationRequest(items=items, class_names=names)).summarize()

    assert evaluation.metrics["top1"] == pytest.approx(0.5, abs=0.01)
    (matrix,) = (section for section in evaluation.sections if isinstance(section, MatrixSection))
    assert len(matrix.names) == 301
    assert "The 300 most frequent of 2,000 classes." in matrix.note


def test_what_is_held_is_what_was_read() -> None:
    label, scores = _draw(0, 9, 3)
    classified = classify(_make_request(label, scores, class_count=3))
    assert isinstance(classified, Classified)
    assert classified.scores == pytest.approx(scores)
    assert classified.label.tolist() == label.tolist()
