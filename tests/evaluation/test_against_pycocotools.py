"""The arrays of the evaluation room against pycocotools, bit by bit, on many random worlds."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mlwf_tui.evaluation.average_precision import PrecisionArrays, build_arrays
from mlwf_tui.evaluation.columns import Floats, Ints, order_detections, order_truths
from mlwf_tui.evaluation.matching import match

Row = tuple[int, int, Floats, float]  # image, class, left top width height, score


def _draw_world(seed: int) -> tuple[int, int, list[Row], list[Row]]:
    """Return image and class counts, truths and detections: ties, empty images, classes without truth."""
    random = np.random.default_rng(seed)
    images, classes = int(random.integers(3, 30)), int(random.integers(1, 8))
    per_image = int(random.choice([2, 6, 12]))
    truths: list[Row] = []
    detections: list[Row] = []
    for image in range(images):
        for _ in range(int(random.integers(0, per_image))):  # often none
            label = int(random.integers(0, max(1, classes - 1)))  # the last class has no truth
            box = _draw_box(random)
            truths.append((image, label, box, 0.0))
            for _ in range(int(random.integers(0, 4))):
                shift = random.normal(0, 0.1, 4) * np.tile(box[2:], 2)
                seen = np.maximum(box + shift, 0.5) if random.random() < 0.8 else box.copy()
                guess = label if random.random() < 0.8 else int(random.integers(classes))
                detections.append((image, guess, seen, _draw_score(random, seed)))
        for _ in range(int(random.integers(0, 5))):
            stray = int(random.integers(classes))
            detections.append((image, stray, _draw_box(random), _draw_score(random, seed)))
    if seed % 5 == 0 and truths:  # more than COCO counts, of one class on one image
        image, label, box, _ = truths[0]
        for _ in range(140):
            near = box + random.uniform(0, 6, 4)
            detections.append((image, label, near, _draw_score(random, seed)))
    order = random.permutation(len(detections))
    return images, classes, truths, [detections[place] for place in order]


def _draw_box(random: np.random.Generator) -> Floats:
    size = np.exp(random.uniform(np.log(4), np.log(220), 2))
    return np.round(np.concatenate([random.uniform(0, 300, 2), size]), int(random.integers(0, 3)))


def _draw_score(random: np.random.Generator, seed: int) -> float:
    return float(np.round(random.random(), 1 if seed % 2 else 6))  # odd worlds are full of ties


def _ask_pycocotools(images: int, classes: int, truths: list[Row], detections: list[Row]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image + 1} for image in range(images)],
            "categories": [{"id": label + 1, "name": str(label)} for label in range(classes)],
            "annotations": [
                {"id": number, "image_id": image + 1, "category_id": label + 1, "iscrowd": 0,
                 "bbox": box.tolist(), "area": float(box[2] * box[3])}
                for number, (image, label, box, _) in enumerate(truths, 1)
            ],
        }  # fmt: skip
        truth.createIndex()
        found = truth.loadRes(
            [
                {"image_id": image + 1, "category_id": label + 1, "bbox": box.tolist(), "score": score}
                for image, label, box, score in detections
            ]
        )
        judge = COCOeval(truth, found, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def _ask_us(classes: int, truths: list[Row], detections: list[Row]) -> PrecisionArrays:
    ours = order_truths(*_columns(truths)[:3])
    found = order_detections(*_columns(detections))
    return build_arrays(ours, found, match(ours, found), classes)


def _columns(rows: list[Row]) -> tuple[Ints, Ints, Floats, Floats]:
    image, label, boxes, score = zip(*rows, strict=True)
    return np.array(image), np.array(label), np.array(boxes), np.array(score)


@pytest.mark.parametrize("seed", range(60))
def test_arrays_equal_pycocotools_bit_by_bit(seed: int) -> None:
    images, classes, truths, detections = _draw_world(seed)
    judge = _ask_pycocotools(images, classes, truths, detections)

    ours = _ask_us(classes, truths, detections)

    assert np.array_equal(ours.precision, judge.eval["precision"][..., 2])
    assert np.array_equal(ours.recall, judge.eval["recall"][..., 2])
    expected = [None if value == -1 else value for value in judge.stats]
    assert [
        ours.average(),
        ours.average(iou=0.5),
        ours.average(iou=0.75),
        ours.average(area="small"),
        ours.average(area="medium"),
        ours.average(area="large"),
    ] == expected[:6]
    assert ours.average_recall() == expected[8]


def test_worlds_hold_ties_empty_images_and_crowded_ones() -> None:
    images, _, truths, detections = _draw_world(15)
    scores = [row[3] for row in detections]
    counts = np.bincount([row[0] for row in detections if row[1] == truths[0][1]], minlength=images)

    assert len(set(scores)) < len(scores) / 2
    assert counts.max() > 100
    assert len({row[0] for row in truths}) < images
