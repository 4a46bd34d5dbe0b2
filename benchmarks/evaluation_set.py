"""Synthetic truths and detections of any size, which imitate what a detector finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlwf_tui.evaluation.columns import Detections, Floats, Ints, Truths, order_detections, order_truths

IMAGE_PX = (640, 480)
TRUTHS_AN_IMAGE = 7
_NEAR_A_TRUTH = 3  # detections, of falling confidence


@dataclass(frozen=True)
class Rows:
    """Boxes of one kind in no special order, as a file has them."""

    image: Ints  # (N,)
    label: Ints  # (N,)
    boxes: Floats  # (N, 4) left, top, width, height in pixels
    score: Floats  # (N,) 0 of truths


@dataclass(frozen=True)
class World:
    """Truths and detections of `images` images and `classes` classes."""

    images: int
    classes: int
    truths: Rows
    detections: Rows

    def build_truths(self) -> Truths:
        rows = self.truths
        return order_truths(rows.image, rows.label, rows.boxes)

    def build_detections(self) -> Detections:
        rows = self.detections
        return order_detections(rows.image, rows.label, rows.boxes, rows.score)

    def write_coco(self) -> dict[str, Any]:
        """Return the truths as a document of COCO's."""
        rows = self.truths
        return {
            "images": [
                {"id": image + 1, "width": IMAGE_PX[0], "height": IMAGE_PX[1]} for image in range(self.images)
            ],
            "categories": [{"id": label + 1, "name": f"c{label:04}"} for label in range(self.classes)],
            "annotations": [
                {"id": number, "image_id": image + 1, "category_id": label + 1, "iscrowd": 0, "bbox": box,
                 "area": box[2] * box[3]}
                for number, (image, label, box) in enumerate(
                    zip(rows.image.tolist(), rows.label.tolist(), rows.boxes.tolist(), strict=True), 1
                )
            ],
        }  # fmt: skip

    def write_results(self) -> list[dict[str, Any]]:
        """Return the detections as COCO's results."""
        rows = self.detections
        columns = (rows.image.tolist(), rows.label.tolist(), rows.boxes.tolist(), rows.score.tolist())
        return [
            {"image_id": image + 1, "category_id": label + 1, "bbox": box, "score": score}
            for image, label, box, score in zip(*columns, strict=True)
        ]


def draw_world(images: int, classes: int, detections: int, *, seed: int = 0) -> World:
    """Return seven truths an image, three detections near each, and for the rest strays of low confidence."""
    random = np.random.default_rng(seed)
    count = images * TRUTHS_AN_IMAGE
    image, label = random.integers(0, images, count), random.integers(0, classes, count)
    boxes = _draw_boxes(random, count)

    near = np.repeat(np.arange(count), _NEAR_A_TRUTH)[:detections]
    shift = random.normal(0, 0.12, (len(near), 4)) * np.tile(boxes[near, 2:], 2)
    seen = np.maximum(boxes[near] + shift, 0.5)
    named = np.where(random.random(len(near)) < 0.85, label[near], random.integers(0, classes, len(near)))
    score = random.beta(2, 2, len(near)) * np.array([1.0, 0.5, 0.3])[np.arange(len(near)) % _NEAR_A_TRUTH]

    strays = detections - len(near)
    found = Rows(
        np.concatenate([image[near], random.integers(0, images, strays)]),
        np.concatenate([named, random.integers(0, classes, strays)]),
        np.concatenate([seen, _draw_boxes(random, strays)]),
        np.round(np.concatenate([score, random.beta(1, 8, strays)]), 3),  # many of equal confidence
    )
    order = random.permutation(detections)
    columns = (found.image[order], found.label[order], found.boxes[order], found.score[order])
    return World(images, classes, Rows(image, label, boxes, np.zeros(count)), Rows(*columns))


def keep_world(world: World, path: Path) -> None:
    """Write a world as arrays."""
    arrays = {
        f"{name}_{column}": getattr(getattr(world, name), column)
        for name in ("truths", "detections")
        for column in ("image", "label", "boxes", "score")
    }
    np.savez(path, size=np.array([world.images, world.classes]), **arrays)


def read_world(path: Path) -> World:
    """Read what `keep_world` wrote."""
    with np.load(path) as kept:
        truths, detections = (
            Rows(*(kept[f"{name}_{column}"] for column in ("image", "label", "boxes", "score")))
            for name in ("truths", "detections")
        )
        images, classes = kept["size"].tolist()
    return World(images, classes, truths, detections)


def _draw_boxes(random: np.random.Generator, count: int) -> Floats:
    size = np.exp(random.uniform(np.log(8), np.log(240), (count, 2)))
    corner = random.random((count, 2)) * np.maximum(np.array(IMAGE_PX) - size, 1)
    return np.round(np.concatenate([corner, size], axis=1), 2)
