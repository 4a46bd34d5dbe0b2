"""Random truths and half-right predictions to measure."""

from __future__ import annotations

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry

CLASSES = ("cat", "dog", "bird")

World = tuple[dict[str, Annotation], dict[str, list[AnnotatedObject]]]


def make_box(
    name: str, left: float, top: float, size: float, confidence: float | None = None
) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(left, top, left + size, top + size), confidence)


def draw_world(seed: int, items: int = 12, skill: float = 0.8) -> World:
    """Return random truths and predictions that are right in a share `skill` of cases, scores all different.

    The same seed gives the same truths, whatever the skill.
    """
    of_truths, of_predictions = np.random.default_rng(seed), np.random.default_rng((seed, int(skill * 1e6)))
    truths: dict[str, Annotation] = {}
    predictions: dict[str, list[AnnotatedObject]] = {}
    for number in range(items):
        objects = [
            make_box(
                str(of_truths.choice(CLASSES)),
                of_truths.uniform(0, 200),
                of_truths.uniform(0, 200),
                of_truths.uniform(10, 120),
            )
            for _ in range(int(of_truths.integers(0, 6)))
        ]
        truths[f"d/{number:05d}"] = Annotation(tuple(objects))
        predictions[f"d/{number:05d}"] = _predict(objects, of_predictions, skill)
    return truths, predictions


def _predict(
    objects: list[AnnotatedObject], random: np.random.Generator, skill: float
) -> list[AnnotatedObject]:
    found = []
    for labelled in objects:
        if random.random() < skill:
            name = labelled.class_name if random.random() < skill else str(random.choice(CLASSES))
            (left, top), (right, _) = labelled.geometry.points
            size = right - left
            shift = random.normal(0, size * 0.08, 2)
            found.append(make_box(name, left + shift[0], top + shift[1], size, float(random.random())))
    if random.random() < 0.5:
        found.append(make_box("dog", 300, 300, 40, float(random.random() * 0.5)))
    return found
