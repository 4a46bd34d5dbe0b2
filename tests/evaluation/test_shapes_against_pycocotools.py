"""Masks and keypoints against pycocotools, through the evaluators' own door, on random worlds."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hotcoco import mask as our_masks
from pycocotools import mask as their_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Visibility
from mlwf_tui.evaluation.keypoints import BOX_SHARE, measure_truth
from mlwf_tui.evaluation.run_lengths import encode_shape
from mlwf_tui.media.filling import read_mask
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest
from mlwf_tui.registry import Registry
from tests.fakes.observers import KeepingObserver

CLASSES = ("cat", "dog", "bird")
WIDTH_PX, HEIGHT_PX = 160, 120
FACTORS = {"map": 0, "map50": 1, "map75": 2, "map_small": 3, "map_medium": 4, "map_large": 5}
"""Where pycocotools' stats of masks have our metrics."""


def _measure(task: str, items: Sequence[EvaluatedItem]) -> dict[str, float]:
    request = EvaluationRequest(items=tuple(items), class_names=CLASSES)
    return dict(Registry().get_evaluator(task).measure(request, KeepingObserver()).summarize().metrics)


def _ask_pycocotools(
    kind: str, items: Sequence[EvaluatedItem], truths: list[dict[str, Any]], found: list[dict[str, Any]]
) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [
                {"id": at, "width": item.width_px, "height": item.height_px}
                for at, item in enumerate(items, 1)
            ],
            "categories": [{"id": at, "name": name} for at, name in enumerate(CLASSES, 1)],
            "annotations": [{"id": at, "iscrowd": 0, **one} for at, one in enumerate(truths, 1)],
        }
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def _draw_polygon(random: np.random.Generator) -> Geometry:
    middle, radius = random.uniform(20, 100, 2), np.exp(random.uniform(np.log(4), np.log(60)))
    count = int(random.integers(3, 9))
    angles = np.sort(random.uniform(0, 2 * np.pi, count))
    if random.random() < 0.3:
        random.shuffle(angles)  # it crosses itself
    points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Geometry(GeometryKind.POLYGON, tuple((float(x), float(y)) for x, y in points))


def _draw_mask(random: np.random.Generator, near: Geometry | None) -> Geometry:
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    if near is not None:
        pixels = np.array(our_masks.decode(encode_shape(near, WIDTH_PX, HEIGHT_PX)), bool)
        pixels = np.roll(pixels, random.integers(-2, 3, 2), axis=(0, 1))
        pixels &= random.random(pixels.shape) < random.uniform(0.7, 1.0)
    left, top = random.integers(0, 100, 2)
    pixels[top : top + 9, left : left + 9] |= random.random((9, 9))[: HEIGHT_PX - top] < 0.3
    pixels[0, 0] = True
    mask = read_mask(pixels)
    assert mask is not None
    return mask


def _draw_masks(seed: int) -> list[EvaluatedItem]:
    random = np.random.default_rng(seed)
    items = []
    for number in range(int(random.integers(1, 9))):
        truths, found = [], []
        for _ in range(int(random.integers(0 if number else 1, 6))):
            name = str(random.choice(CLASSES[:2]))  # the last class has no truth
            is_mask = random.random() < 0.5
            outline = _draw_polygon(random)
            shape = _draw_mask(random, outline) if is_mask else outline
            truths.append(AnnotatedObject(name, shape))
            for _ in range(int(random.integers(0, 3))):
                guess = name if random.random() < 0.8 else str(random.choice(CLASSES))
                found.append(AnnotatedObject(guess, _draw_mask(random, outline), float(random.random())))
        found.append(AnnotatedObject("bird", _draw_mask(random, None), float(random.random())))
        items.append(
            EvaluatedItem(
                key=f"d/{number}", width_px=WIDTH_PX, height_px=HEIGHT_PX,
                truth=Annotation(tuple(truths)), objects=tuple(found),
            )
        )  # fmt: skip
    return items


def _tell_mask(at: int, labelled: AnnotatedObject) -> dict[str, Any]:
    shape: Any
    if labelled.geometry.kind is GeometryKind.POLYGON:
        shape = their_masks.frPyObjects(
            [[edge for point in labelled.geometry.points for edge in point]], HEIGHT_PX, WIDTH_PX
        )[0]
    else:
        left, top, _, _ = map(int, labelled.geometry.bounds)
        pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8, order="F")
        width = int(labelled.geometry.bounds.width_px)
        place, value = 0, 0
        for run in labelled.geometry.runs:
            for pixel in range(place, place + run):
                pixels[top + pixel // width, left + pixel % width] = value
            place, value = place + run, 1 - value
        shape = their_masks.encode(pixels)
    return {
        "image_id": at, "category_id": 1 + CLASSES.index(labelled.class_name), "segmentation": shape,
        "area": float(their_masks.area(shape)), "bbox": their_masks.toBbox(shape).tolist(),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_mask_ap_is_that_of_pycocotools(seed: int) -> None:
    items = _draw_masks(seed)
    truths = [_tell_mask(at, o) for at, item in enumerate(items, 1) for o in item.truth.objects]
    truths = [one for one in truths if one["area"]]  # nobody can find what has no pixel: we leave it out
    found = []
    for at, item in enumerate(items, 1):
        for labelled in item.objects:
            told = {**_tell_mask(at, labelled), "score": labelled.confidence}
            del told["bbox"], told["area"]  # or they would be taken for boxes
            found.append(told)

    judge = _ask_pycocotools("segm", items, truths, found)
    metrics = _measure("segment", items)

    for name, place in FACTORS.items():
        assert metrics.get(name, -1) == pytest.approx(judge.stats[place], abs=1e-9), name
    assert metrics["ar100"] == pytest.approx(judge.stats[8], abs=1e-9)


def _draw_points(random: np.random.Generator, count: int) -> tuple[tuple[float, float], ...]:
    points = random.uniform(0, 100, 2) + random.uniform(0, 90, (count, 2))
    return tuple((float(x), float(y)) for x, y in points)


def _draw_keypoints(seed: int, count: int) -> list[EvaluatedItem]:
    random = np.random.default_rng(seed)
    items = []
    for number in range(int(random.integers(2, 9))):
        truths, found = [], []
        for _ in range(int(random.integers(0 if number else 1, 5))):
            name, points = str(random.choice(CLASSES[:2])), _draw_points(random, count)
            seen = [Visibility(int(one)) for one in random.integers(0, 3, count)]
            seen[0] = Visibility.HIDDEN
            truths.append(
                AnnotatedObject(name, Geometry(GeometryKind.KEYPOINTS, points, visibility=tuple(seen)))
            )
            for _ in range(int(random.integers(0, 9))):
                shift = random.normal(0, random.uniform(0.5, 12), (count, 2))
                moved = tuple((float(x), float(y)) for x, y in np.array(points) + shift)
                found.append(
                    AnnotatedObject(name, Geometry(GeometryKind.KEYPOINTS, moved), float(random.random()))
                )
        items.append(
            EvaluatedItem(
                key=f"d/{number}", width_px=200, height_px=200, truth=Annotation(tuple(truths)),
                objects=tuple(found),
            )
        )  # fmt: skip
    return items


def _tell_points(at: int, labelled: AnnotatedObject, area: float | None) -> dict[str, Any]:
    points = np.array(labelled.geometry.points)
    seen = labelled.geometry.visibility or (2,) * len(points)
    numbers = [(x, y, int(v)) for (x, y), v in zip(points.tolist(), seen, strict=True)]
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    return {
        "image_id": at, "category_id": 1 + CLASSES.index(labelled.class_name),
        "keypoints": [one for of_point in numbers for one in of_point],
        "num_keypoints": sum(map(bool, seen)), "bbox": [*low.tolist(), *size.tolist()],
        "area": float(np.prod(size)) if area is None else area,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_keypoint_ap_is_that_of_pycocotools_given_the_same_areas(seed: int) -> None:
    items = _draw_keypoints(seed, 17)
    truths = [
        _tell_points(at, o, measure_truth(o)) for at, item in enumerate(items, 1) for o in item.truth.objects
    ]
    found = [
        {**_tell_points(at, o, None), "score": o.confidence}
        for at, item in enumerate(items, 1)
        for o in item.objects
    ]

    judge = _ask_pycocotools("keypoints", items, truths, found)
    metrics = _measure("pose", items)

    for name, place in {
        "map": 0,
        "map50": 1,
        "map75": 2,
        "map_medium": 3,
        "map_large": 4,
        "ar100": 5,
    }.items():
        assert metrics.get(name, -1) == pytest.approx(judge.stats[place], abs=1e-9), name


def test_an_object_of_other_than_17_points_has_one_tolerance_for_all() -> None:
    points = ((0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (100.0, 100.0))
    truth = AnnotatedObject("cat", Geometry(GeometryKind.KEYPOINTS, points))
    moved = tuple((x + 10, y) for x, y in points)
    item = EvaluatedItem(
        key="a", width_px=200, height_px=200, truth=Annotation((truth,)),
        objects=(AnnotatedObject("cat", Geometry(GeometryKind.KEYPOINTS, moved), 0.9),),
    )  # fmt: skip

    metrics = _measure("pose", [item])

    expected = np.exp(-(10**2) / (2 * (2 / 4) ** 2 * 100 * 100 * BOX_SHARE))
    assert metrics["mean_iou"] == pytest.approx(expected, abs=1e-12)
