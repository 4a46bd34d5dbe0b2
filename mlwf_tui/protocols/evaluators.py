"""The contract of evaluators: from truths and predictions of one task to what a report keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.model import Evaluation
from mlwf_tui.protocols.observer import Observer

if TYPE_CHECKING:  # the faces read this file, and need no numpy
    import numpy as np
    from numpy.typing import NDArray


class EvaluatedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One image: what is so, and what the model says; shapes in pixels of the original image."""

    key: str
    width_px: int
    height_px: int
    truth: Annotation
    objects: tuple[AnnotatedObject, ...] = ()  # predicted, best first, down to a confidence of 0.001
    tags: tuple[Tag, ...] = ()  # predicted by a classifier: classes with their probabilities, best first


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured. Keys differ; items come in their order."""

    items: tuple[EvaluatedItem, ...]
    class_names: tuple[str, ...]  # of the data in their order, then those that only the model knows
    confidence: float | None = None  # threshold of what is counted; None lets the evaluator find it


class Measurement(Protocol):
    """What was paired, from which figures follow for all items and for any weighting of them.

    One whose predictions are objects that are paired with truths has them as `measured`, a
    `mlwf_tui.evaluation.measured.Measured`: slices, errors, other thresholds, and what became of single
    objects follow from it. Where the objects are shapes, they are behind its rows as `shaped`, a
    `mlwf_tui.evaluation.shapes.Shaped`. Nothing else asks for these.
    """

    @property
    def keys(self) -> tuple[str, ...]:
        """The items that are measured, in the order of their weights."""

    def summarize(self) -> Evaluation:
        """Return the measured part of a report.

        Its metrics are numbers, none of them NaN: what cannot be said is left out. What a reader must
        know goes to `notes`, a sentence each; `evaluator`, `metric_names` and intervals are filled in by
        whoever asks.
        """

    def weigh(
        self, batches: Iterator[NDArray[np.float64]], check: Callable[[], None]
    ) -> Mapping[str, NDArray[np.float64]]:
        """Return metrics for B weightings (b, I) of the I `keys`, which come in batches: (B,) by name.

        A weight says how often an item counts; with all weights 1 a metric is that of `summarize`, to
        rounding. NaN where a weighting leaves nothing to measure against. Metrics that are not there get
        no interval. `check` is called between parts and may raise to stop.
        """


class Evaluator(Protocol):
    """Measures what models of some tasks say. Runs in a worker; may be slow to import."""

    name: str  # of a task: then its models are measured so unless another one is asked for
    summary: str
    tasks: tuple[str, ...]  # whose models it can measure
    metric_names: Mapping[str, str]  # how its metrics are called; the first is what models are ranked by

    def measure(self, request: EvaluationRequest, observer: Observer) -> Measurement:
        """Pair predictions with truths.

        Raises:
            InvalidInput: nothing can be measured: there are no truths, or what was predicted is no
                prediction.
        """
