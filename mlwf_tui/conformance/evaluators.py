"""What every evaluator must do, as checks that its own tests can run.

    from mlwf_tui.conformance import EVALUATOR_CHECKS, EvaluatorCase

    @pytest.mark.parametrize("check", EVALUATOR_CHECKS)
    def test_my_evaluator_keeps_the_contract(check):
        check(EvaluatorCase.of("my_evaluator"))

Each check raises an AssertionError that says what is not kept. The items are eight small images of the
classes `cat` and `dog`; what they show and what was predicted of them suits the evaluator's first task, and
`bird` is never so and never said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest, Evaluator, Measurement
from mlwf_tui.registry import Registry

WIDTH_PX: Final = 64
HEIGHT_PX: Final = 48
CLASSES: Final = ("cat", "dog", "bird")

_TOLERANCE: Final = 1e-9


class _Nobody:
    """Watches nothing."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        pass

    def metric(self, key: str, value: float, step: int) -> None:
        pass

    def check_cancelled(self) -> None:
        pass


class EvaluatorCase(msgspec.Struct, frozen=True):
    """An evaluator, and what it is tried on."""

    evaluator: Evaluator
    request: EvaluationRequest

    @classmethod
    def of(cls, name: str, request: EvaluationRequest | None = None) -> Self:
        """Return the case of a registered evaluator, with items of its first task or with these.

        Raises:
            NotFound: no entry point has that name.
        """
        evaluator = Registry().get_evaluator(name)
        return cls(evaluator, request or make_request(evaluator.tasks[0]))

    def measure(self, request: EvaluationRequest | None = None) -> Measurement:
        return self.evaluator.measure(request or self.request, _Nobody())

    def weigh(self, measurement: Measurement, *weights: Any) -> Mapping[str, Any]:
        """Return the metrics of weightings (I,) or (b, I), which are handed over as one batch each."""
        import numpy as np

        batches = iter([np.atleast_2d(np.asarray(one, np.float64)) for one in weights])
        return measurement.weigh(batches, lambda: None)


def check_declaration(case: EvaluatorCase) -> None:
    """Name, summary, tasks and the names of metrics are told."""
    evaluator = case.evaluator
    _expect(
        Registry().get_evaluator(evaluator.name).name == evaluator.name, "its name is not its entry point"
    )
    _expect(bool(evaluator.summary and evaluator.tasks), "it has no summary, or no task")
    _expect(bool(evaluator.metric_names), "it names no metric")
    _expect(all(evaluator.metric_names.values()), "a metric has no name for people")


def check_metrics(case: EvaluatorCase) -> None:
    """Metrics are numbers, all of them are named, and the first name is among them."""
    metrics = case.measure().summarize().metrics
    _expect(bool(metrics), "there is no metric")
    for name, value in metrics.items():
        _expect(math.isfinite(value), f"the metric {name} is {value}")
        _expect(name in case.evaluator.metric_names, f"the metric {name} has no name for people")
    headline = next(iter(case.evaluator.metric_names))
    _expect(headline in metrics, f"what models are ranked by, {headline}, is not measured")


def check_storing(case: EvaluatorCase) -> None:
    """What a report keeps is read again as it was written."""
    evaluation = case.measure().summarize()
    read = msgspec.json.decode(msgspec.json.encode(evaluation), type=Evaluation)
    _expect(read == evaluation, "the measured part is another one after it was stored")
    titles = [section.title for section in evaluation.sections]
    _expect(len(titles) == len(set(titles)), f"two sections have one title: {titles}")


def check_determinism(case: EvaluatorCase) -> None:
    """The same items give the same figures, in whatever order they stand; the request is not changed."""
    before = msgspec.json.encode(case.request)
    first, again = (case.measure().summarize() for _ in range(2))
    _expect(first == again, "measuring twice gives other figures")
    _expect(msgspec.json.encode(case.request) == before, "it changes what it is given")
    turned = case.measure(replace(case.request, items=case.request.items[::-1])).summarize()
    _expect(_are_near(first.metrics, turned.metrics), "items in another order give other figures")


def check_weights(case: EvaluatorCase) -> None:
    """With all weights one the figures are those of all items; with all weights two as well."""
    import numpy as np

    measurement = case.measure()
    count = len(measurement.keys)
    _expect(len(set(measurement.keys)) == count, "an item is measured twice")
    _expect({of.key for of in case.request.items} >= set(measurement.keys), "it measures strange items")
    weighed = case.weigh(measurement, np.ones(count), np.full(count, 2))
    metrics = measurement.summarize().metrics
    headline = next(iter(case.evaluator.metric_names))
    _expect(headline in weighed, f"what models are ranked by, {headline}, is not weighed")
    for name, values in weighed.items():
        _expect(np.shape(values) == (2,), f"{name} has the shape {np.shape(values)} for two weightings")
        _expect(name in metrics, f"{name} is weighed, and not measured")
        for value in np.asarray(values, float).tolist():
            near = abs(value - metrics[name]) <= _TOLERANCE
            _expect(near, f"{name} is {metrics[name]}, and {value} by weights that are all alike")


def check_parts(case: EvaluatorCase) -> None:
    """Weighing a part is measuring that part; weights of nothing are no number, and no failure."""
    import numpy as np

    measurement = case.measure()
    keys = measurement.keys
    chosen = np.arange(len(keys)) % 2 == 0
    of_part = {key for key, is_chosen in zip(keys, chosen.tolist(), strict=True) if is_chosen}
    part = tuple(item for item in case.request.items if item.key in of_part)
    confidence = measurement.summarize().metrics.get("confidence")
    alone = case.measure(replace(case.request, items=part, confidence=confidence)).summarize().metrics
    for name, values in case.weigh(measurement, chosen).items():
        value = float(values[0])
        if name in alone and not math.isnan(value):
            _expect(abs(value - alone[name]) <= _TOLERANCE, f"{name} of a part is {alone[name]}, not {value}")
    for name, values in case.weigh(measurement, np.zeros(len(keys))).items():
        _expect(np.shape(values) == (1,), f"{name} has another shape where nothing is left")


def check_stopping(case: EvaluatorCase) -> None:
    """Weighing asks between its parts whether it should stop."""
    import numpy as np

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    measurement = case.measure()
    try:
        measurement.weigh(iter([np.ones((1, len(measurement.keys)))]), stop)
    except Stopped:
        return
    raise AssertionError("it cannot be stopped")


def check_silence(case: EvaluatorCase) -> None:
    """A model that says nothing is measured: it is not better than one that says something."""
    items = tuple(replace(item, objects=(), tags=()) for item in case.request.items)
    metrics = case.measure(replace(case.request, items=items)).summarize().metrics
    _expect(all(math.isfinite(value) for value in metrics.values()), "a figure of nothing is no number")


def check_refusals(case: EvaluatorCase) -> None:
    """Without truths, without items, and with a confidence that is none, it says so in words."""
    items = case.request.items
    bare = tuple(replace(item, truth=Annotation()) for item in items)
    nonsense = (_spoil(items[0]), *items[1:])
    for name, given in (("truths", bare), ("items", ()), ("numbers as confidences", nonsense)):
        try:
            case.measure(replace(case.request, items=given)).summarize()
        except InvalidInput:
            continue
        raise AssertionError(f"it measures without {name}")


EVALUATOR_CHECKS: tuple[Callable[[EvaluatorCase], None], ...] = (
    check_declaration,
    check_metrics,
    check_storing,
    check_determinism,
    check_weights,
    check_parts,
    check_stopping,
    check_silence,
    check_refusals,
)


# --- what evaluators are tried on ----------------------------------------------------------------


def make_request(task: str) -> EvaluationRequest:
    """Return items with truths and predictions of a task: some right, some wrong, some missing."""
    return EvaluationRequest(
        items=tuple(_make_item(task, number) for number in range(8)), class_names=CLASSES
    )


def _make_item(task: str, number: int) -> EvaluatedItem:
    name, other = (CLASSES[number % 2], CLASSES[1 - number % 2])
    given: dict[str, Any] = {"key": f"main/{number}.png", "width_px": WIDTH_PX, "height_px": HEIGHT_PX}
    if task == "classify":
        sure = 0.55 + number / 20
        best, second = (other, name) if number % 5 == 3 else (name, other)
        tags = (Tag(best, sure), Tag(second, 1 - sure))
        return EvaluatedItem(**given, truth=Annotation(tags=(Tag(name),)), tags=tags)
    left = 4.0 + number
    truths = (_make_object(task, name, left, 6.0), _make_object(task, other, left + 24, 20.0))
    found = list(_iter_found(task, name, other, left, number))
    return EvaluatedItem(**given, truth=Annotation(truths), objects=tuple(found))


def _iter_found(task: str, name: str, other: str, left: float, number: int) -> Iterator[AnnotatedObject]:
    yield _make_object(task, name, left + number % 3, 6.0, 0.95 - number / 50)
    if number % 3 != 1:
        yield _make_object(task, other if number % 4 else name, left + 25, 21.0, 0.7 - number / 50)
    if number % 4 == 2:
        yield _make_object(task, name, 2.0, 30.0, 0.2 + number / 50)


def _make_object(
    task: str, name: str, left: float, top: float, confidence: float | None = None
) -> AnnotatedObject:
    right, bottom = left + 16.0, top + 12.0
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    match task:
        case "pose":
            points = (*corners[:3], ((left + right) / 2, (top + bottom) / 2))
            geometry = Geometry(GeometryKind.KEYPOINTS, points, names=("a", "b", "c", "d"))
        case "obb":
            middle = (left + 8.0, top + 6.0)
            turned = tuple((x + (y - middle[1]) / 3, y - (x - middle[0]) / 3) for x, y in corners)
            geometry = Geometry(GeometryKind.ORIENTED_BOX, turned)
        case "segment" | "semantic":
            geometry = Geometry(GeometryKind.POLYGON, corners)
        case _:
            geometry = Geometry.rectangle(left, top, right, bottom)
    return AnnotatedObject(name, geometry, confidence)


def _spoil(item: EvaluatedItem) -> EvaluatedItem:
    """Return an item of which something is predicted with a confidence that is no number."""
    if item.tags:
        return replace(item, tags=(Tag(item.tags[0].name, math.nan), *item.tags[1:]))
    return replace(item, objects=(replace(item.objects[0], confidence=math.nan), *item.objects[1:]))


def _are_near(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[name] - other[name]) <= _TOLERANCE for name in one)


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise AssertionError(otherwise)
