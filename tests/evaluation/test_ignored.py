"""Crowds and difficult objects: nobody has to find them, and what lies on them is neither right nor wrong."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as their_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag
from mlwf_tui.entities.measurement import ErrorKind, Thresholds
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.entities.section import MatrixSection
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.calibration import calibrate
from mlwf_tui.evaluation.errors import share_errors
from mlwf_tui.evaluation.evidence import ObjectsEvidence, order_boxes
from mlwf_tui.evaluation.measured import Measured, measure
from mlwf_tui.evaluation.resampling import weigh
from mlwf_tui.evaluation.sweep import Sweep
from mlwf_tui.evaluation.thresholds import Threshold
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest, Measurement
from mlwf_tui.registry import Registry
from tests.evaluation.worlds import make_box
from tests.fakes.observers import KeepingObserver

CLASSES = ("cat", "dog", "bird")
WIDTH_PX, HEIGHT_PX = 320, 240
CROWD, DIFFICULT = (Tag("iscrowd"),), (Tag("difficult"),)
STATS = ("map", "map50", "map75", "map_small", "map_medium", "map_large")

Found = AnnotatedObject


def _tag(labelled: AnnotatedObject, *tags: Tag) -> AnnotatedObject:
    return AnnotatedObject(labelled.class_name, labelled.geometry, labelled.confidence, tags=tags)


def _make_item(key: str, truths: Sequence[AnnotatedObject], found: Sequence[Found]) -> EvaluatedItem:
    return EvaluatedItem(
        key=key, width_px=WIDTH_PX, height_px=HEIGHT_PX, truth=Annotation(tuple(truths)), objects=tuple(found)
    )


def _measure(
    items: Sequence[EvaluatedItem], task: str = "detect", confidence: float | None = None
) -> Measurement:
    request = EvaluationRequest(items=tuple(items), class_names=CLASSES, confidence=confidence)
    return Registry().get_evaluator(task).measure(request, KeepingObserver())


# --- against pycocotools -------------------------------------------------------------------------


def _draw_shape(random: np.random.Generator, *, is_box: bool) -> Geometry:
    middle = random.uniform((30, 30), (WIDTH_PX - 30, HEIGHT_PX - 30))
    radius = np.exp(random.uniform(np.log(6), np.log(110)))
    if is_box:
        low, high = np.round(middle - radius * random.uniform(0.5, 1, 2)), np.round(middle + radius)
        return Geometry.rectangle(*low.tolist(), *high.tolist())
    angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 8))))
    points = np.clip(
        middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0, (WIDTH_PX, HEIGHT_PX)
    )
    return Geometry(GeometryKind.POLYGON, tuple((float(x), float(y)) for x, y in points))


def _shift(geometry: Geometry, random: np.random.Generator) -> Geometry:
    points = np.array(geometry.points)
    size = np.ptp(points, axis=0)
    moved = points + random.normal(0, 0.06, 2) * size if random.random() < 0.8 else points
    return Geometry(geometry.kind, tuple((float(x), float(y)) for x, y in moved))


def _draw_inside(geometry: Geometry, random: np.random.Generator) -> Geometry:
    """Return a small shape that mostly lies on another one."""
    left, top, right, bottom = geometry.bounds
    low = random.uniform((left, top), (right, bottom))
    high = low + random.uniform(3, 40, 2)
    if geometry.kind is GeometryKind.RECTANGLE:
        return Geometry.rectangle(*low.tolist(), *high.tolist())
    corners = ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))
    return Geometry(GeometryKind.POLYGON, tuple((float(x), float(y)) for x, y in corners))


def _draw_items(seed: int, *, is_box: bool) -> list[EvaluatedItem]:
    """Return a world in which a third of the truths are crowds, with many detections on them."""
    random = np.random.default_rng(seed)
    items = []
    for number in range(int(random.integers(3, 12))):
        truths: list[AnnotatedObject] = []
        found: list[Found] = []
        for _ in range(int(random.integers(0 if number else 2, 8))):
            name, shape = str(random.choice(CLASSES[:2])), _draw_shape(random, is_box=is_box)
            is_crowd = random.random() < 0.35 and len(truths) > 0
            truths.append(AnnotatedObject(name, shape, tags=CROWD if is_crowd else ()))
            for _ in range(int(random.integers(0, 4))):
                guess = name if random.random() < 0.8 else str(random.choice(CLASSES))
                found.append(AnnotatedObject(guess, _shift(shape, random), float(random.random())))
            found += [
                AnnotatedObject(name, _draw_inside(shape, random), float(random.random()))
                for _ in range(int(random.integers(0, 5)) if is_crowd else 0)
            ]
        found.append(
            AnnotatedObject("bird", _draw_shape(random, is_box=is_box), float(np.round(random.random(), 1)))
        )
        items.append(_make_item(f"d/{number}", truths, found))
    return items


def _tell(at: int, labelled: AnnotatedObject) -> dict[str, Any]:
    left, top, right, bottom = labelled.geometry.bounds
    told: dict[str, Any] = {
        "image_id": at, "category_id": 1 + CLASSES.index(labelled.class_name),
        "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
        "iscrowd": int(any(tag.name == "iscrowd" for tag in labelled.tags)),
    }  # fmt: skip
    if labelled.geometry.kind is GeometryKind.POLYGON:
        ring = [edge for point in labelled.geometry.points for edge in point]
        told["segmentation"] = their_masks.frPyObjects([ring], HEIGHT_PX, WIDTH_PX)[0]
        told["area"] = float(their_masks.area(told["segmentation"]))
    return told


def _ask_pycocotools(kind: str, items: Sequence[EvaluatedItem]) -> Any:
    truths = [_tell(at, o) for at, item in enumerate(items, 1) for o in item.truth.objects]
    found = [
        {**_tell(at, o), "score": o.confidence} for at, item in enumerate(items, 1) for o in item.objects
    ]
    for told in found:
        del told["iscrowd"]
        if kind == "segm":
            del told["bbox"]  # or they would be taken for boxes
        else:
            told.pop("segmentation", None)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": at, "width": WIDTH_PX, "height": HEIGHT_PX} for at in range(1, 1 + len(items))],
            "categories": [{"id": at, "name": name} for at, name in enumerate(CLASSES, 1)],
            "annotations": [{"id": at, **one} for at, one in enumerate(truths, 1)],
        }
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


@pytest.mark.parametrize("seed", range(30))
def test_map_of_boxes_with_crowds_is_pycocotools_to_the_last_bit(seed: int) -> None:
    items = _draw_items(seed, is_box=True)

    metrics = _measure(items).summarize().metrics

    stats = _ask_pycocotools("bbox", items).stats
    assert [metrics.get(name, -1) for name in STATS] == stats[:6].tolist()
    assert metrics["ar100"] == stats[8]


@pytest.mark.parametrize("seed", range(10))
def test_map_of_boxes_around_outlines_has_sizes_of_the_outlines(seed: int) -> None:
    items = _draw_items(100 + seed, is_box=False)

    metrics = _measure(items).summarize().metrics

    stats = _ask_pycocotools("bbox", items).stats
    assert [metrics.get(name, -1) for name in STATS] == stats[:6].tolist()


@pytest.mark.parametrize("seed", range(10))
def test_map_of_masks_with_crowds_is_that_of_pycocotools(seed: int) -> None:
    items = [
        _make_item(of.key, [o for o in of.truth.objects if _tell(1, o)["area"]], of.objects)
        for of in _draw_items(200 + seed, is_box=False)
    ]  # nobody can find what has no pixel: we leave it out

    metrics = _measure(items, "segment").summarize().metrics

    stats = _ask_pycocotools("segm", items).stats
    for name, expected in zip(STATS, stats[:6].tolist(), strict=True):
        assert metrics.get(name, -1) == pytest.approx(expected, abs=1e-9), name


def test_worlds_have_crowds_that_change_the_figures() -> None:
    changed = 0
    for seed in range(30):
        items = _draw_items(seed, is_box=True)
        plain = [_make_item(of.key, [_tag(o) for o in of.truth.objects], of.objects) for of in items]
        changed += _measure(items).summarize().metrics["map"] != _measure(plain).summarize().metrics["map"]
    assert changed >= 25


# --- what is counted at the operating confidence --------------------------------------------------


def _make_crowd(*, tags: tuple[Tag, ...] = CROWD) -> tuple[dict[str, Annotation], dict[str, list[Found]]]:
    """Return an image with a cat that is found, and three detections on a crowd of cats."""
    truths = {
        "a": Annotation((make_box("cat", 0, 0, 50), _tag(make_box("cat", 100, 100, 200), *tags))),
        "b": Annotation((make_box("dog", 0, 0, 50),)),
    }
    found = {
        "a": [
            make_box("cat", 0, 0, 50, 0.9),
            make_box("cat", 110, 110, 40, 0.8),
            make_box("cat", 200, 110, 40, 0.7),
            make_box("cat", 100, 100, 200, 0.6),
        ],
        "b": [make_box("dog", 0, 0, 50, 0.9)],
    }
    return truths, found


def _evaluate(measured: Measured) -> Evaluation:
    from mlwf_tui.evaluation.evaluate import summarize

    return summarize(measured)


def test_what_lies_on_a_crowd_is_neither_right_nor_wrong() -> None:
    measured = measure(*_make_crowd(), CLASSES, confidence=0.1)

    found = _evaluate(measured)

    assert (found.metrics["precision"], found.metrics["recall"], found.metrics["f1"]) == (1.0, 1.0, 1.0)
    assert (found.metrics["truth_count"], found.metrics["prediction_count"]) == (2.0, 2.0)
    assert found.confusion == ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    assert [(of.true_positives, of.false_positives, of.false_negatives) for of in found.items] == [
        (1, 0, 0), (1, 0, 0),
    ]  # fmt: skip
    assert [(of.truth_count, of.prediction_count) for of in found.classes] == [(1, 1), (1, 1), (0, 0)]
    assert sum(of.count for of in share_errors(measured)) == 0
    assert sum(of.map50_lost for of in share_errors(measured)) == 0
    assert sum(sum(of.y) for of in found.confidence_histogram) == 2
    calibrated = calibrate(measured)
    assert calibrated is not None and sum(of.count for of in calibrated.bins) == 2


def test_the_best_confidence_does_not_count_what_lies_on_a_crowd() -> None:
    truths, found = _make_crowd()
    found["b"] = [make_box("dog", 0, 0, 50, 0.3)]

    assert measure(truths, found, CLASSES).confidence == 0.3


def test_a_crowd_is_nothing_to_detections_of_other_classes() -> None:
    truths, found = _make_crowd()
    found["a"].append(make_box("dog", 110, 110, 40, 0.8))

    measured = measure(truths, found, CLASSES, confidence=0.1)

    assert _evaluate(measured).confusion[1] == (0, 1, 0, 1)
    assert {of.kind for of in share_errors(measured) if of.count} == {ErrorKind.BACKGROUND}


def test_a_difficult_object_is_ignored_as_one_object_by_its_iou() -> None:
    measured = measure(*_make_crowd(tags=DIFFICULT), CLASSES, confidence=0.1)

    metrics = _evaluate(measured).metrics

    assert (metrics["truth_count"], metrics["prediction_count"]) == (2.0, 4.0)  # two lie in it, and are wrong


def test_a_tag_with_the_value_0_ignores_nothing() -> None:
    measured = measure(*_make_crowd(tags=(Tag("difficult", 0.0),)), CLASSES, confidence=0.1)

    assert _evaluate(measured).metrics["truth_count"] == 3.0


def test_truths_that_are_all_ignored_are_nothing_to_measure_against() -> None:
    truths = {"a": Annotation((_tag(make_box("cat", 0, 0, 50), *CROWD),))}

    with pytest.raises(InvalidInput, match="ignored"):
        measure(truths, {}, CLASSES)


def test_any_iou_asks_how_much_lies_on_a_crowd() -> None:
    truths, found = _make_crowd()
    found["a"].append(make_box("cat", 285, 110, 25, 0.5))  # 15 of 25 pixels of its width lie on the crowd
    measured = measure(truths, found, CLASSES, confidence=0.1)

    counts = {
        iou: Threshold(measured).count(iou=iou).classes[0].prediction_count for iou in (0.5, 0.6, 0.65, 0.9)
    }
    swept = {
        iou: _evaluate(measured.at_iou(iou)).metrics["prediction_count"] for iou in (0.5, 0.6, 0.65, 0.9)
    }

    assert counts == {0.5: 1, 0.6: 1, 0.65: 2, 0.9: 2}
    assert swept == {iou: count + 1 for iou, count in counts.items()}  # and a dog


def test_a_sweep_and_weights_count_as_the_report_does() -> None:
    measured = measure(*_make_crowd(), CLASSES, confidence=0.1)
    own = _evaluate(measured)

    swept = Sweep(measured, own).evaluate(Thresholds(0.1))
    weighed = weigh(measured, iter([np.ones((1, 2))])).metrics

    assert swept == own
    assert {name: float(values[0]) for name, values in weighed.items()} == pytest.approx(
        {name: own.metrics[name] for name in weighed}
    )


def test_the_images_behind_a_number_have_no_ignored_objects() -> None:
    truths, found = _make_crowd()
    truths["a"] = Annotation(truths["a"].objects[::-1])  # the crowd comes first
    measured = measure(truths, found, CLASSES, confidence=0.1)
    evidence = ObjectsEvidence(
        measured, lambda key: order_boxes(truths[key].objects, found[key], measured.names), lambda: ()
    )

    from mlwf_tui.entities.evidence import Pick

    seen = evidence.look("a", Pick(), Thresholds(0.1))
    below = evidence.list_items(Pick(confidence=(0.0, 1.0)), Thresholds(0.95))

    assert [(of.truth_class, of.confidence, of.verdict.value) for of in seen] == [("cat", 0.9, "found")]
    assert seen[0].truth == truths["a"].objects[1].geometry
    assert [(of.key, of.count) for of in below] == [("a", 1), ("b", 1)]


@pytest.mark.parametrize("task", ["detect", "segment", "obb"])
def test_a_note_says_how_many_objects_are_ignored(task: str) -> None:
    truths, found = _make_crowd()
    truths["b"] = Annotation((*truths["b"].objects, _tag(make_box("dog", 200, 100, 30), *DIFFICULT)))
    items = [_make_item(key, truths[key].objects, found[key]) for key in truths]

    evaluation = _measure(items, task, confidence=0.1).summarize()

    assert [note for note in evaluation.notes if "ignored" in note] == [
        "1 object that is a crowd (iscrowd) and 1 that is difficult are ignored: nobody has to find them, "
        "and the 3 predictions on them count as neither right nor wrong."
    ]
    assert evaluation.metrics["prediction_count"] == 2.0
    assert evaluation.metrics["precision"] == 1.0


def test_keypoints_of_a_crowd_are_ignored() -> None:
    points = ((10.0, 10.0), (60.0, 10.0), (10.0, 60.0))
    far = tuple((x + 100, y + 100) for x, y in points)
    truths = [
        AnnotatedObject("cat", Geometry(GeometryKind.KEYPOINTS, points)),
        AnnotatedObject("cat", Geometry(GeometryKind.KEYPOINTS, far), tags=CROWD),
    ]
    found = [AnnotatedObject("cat", of.geometry, score) for of in truths for score in (0.9, 0.8)]

    metrics = _measure([_make_item("a", truths, found)], "pose", confidence=0.1).summarize().metrics

    assert (metrics["truth_count"], metrics["prediction_count"]) == (1.0, 2.0)


# --- pixels ---------------------------------------------------------------------------------------


def test_pixels_of_a_crowd_are_left_out() -> None:
    truths = [
        _tag(make_box("cat", 0, 0, 200), *CROWD),
        make_box("cat", 10, 10, 50),
        make_box("dog", 210, 0, 20),
    ]
    found = [
        make_box("cat", 10, 10, 50, 0.9),
        make_box("dog", 100, 100, 40, 0.9),
        make_box("dog", 210, 0, 20, 0.9),
    ]

    evaluation = _measure([_make_item("a", truths, found)], "semantic").summarize()

    assert all(evaluation.metrics[name] == 1.0 for name in ("miou", "pixel_accuracy", "miou_with_background"))
    matrix = next(of for of in evaluation.sections if of.title == "Confusion in pixels")
    assert isinstance(matrix, MatrixSection)
    assert int(np.sum(matrix.rows)) == WIDTH_PX * HEIGHT_PX - 200 * 200 + 50 * 50
    assert any("1 object that is a crowd (iscrowd) is left out" in note for note in evaluation.notes)
