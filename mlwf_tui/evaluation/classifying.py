"""What a classifier's answers are worth: shares that are right, by class, over thresholds; calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from mlwf_tui.entities.evidence import name_nothing
from mlwf_tui.entities.measurement import Calibration
from mlwf_tui.entities.model import ClassMetrics, Curve, Evaluation, ItemOutcome
from mlwf_tui.entities.section import CurveSection, TableSection
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.calibration import count_bins, find_expected_error, find_largest_error
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.tables import list_names, make_matrix, mean_known
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

MOST_RESAMPLED_SCORES = 2_000_000  # of items and classes: beyond it the AUC gets no interval
MOST_CURVES = 8

_CURVE_POINTS = 201
_TEMPERATURES = (0.05, 20.0)
_LEAST_SHARE = 1e-12


@dataclass(frozen=True)
class Classified:
    """Items with their class and what the model says of each class."""

    keys: tuple[str, ...]  # of the items that have a class, ascending
    names: tuple[str, ...]
    label: Ints  # (I,) the class of each item
    scores: Floats  # (I, K) probabilities; 0 for a class that the model did not mention
    left_out: int  # items without a class

    @cached_property
    def order(self) -> Ints:
        """(I, min(5, K)) the surest classes of each item, the best first; ties by the order of classes."""
        return np.argsort(-self.scores, axis=1, kind="stable")[:, :5]

    @cached_property
    def answered(self) -> Bools:
        """(I,) whether the model said anything of the item."""
        answered: Bools = self.scores.max(axis=1) > 0
        return answered

    @cached_property
    def answer(self) -> Ints:
        """(I,) the class that the model chooses; K where it says nothing."""
        return np.where(self.answered, self.order[:, 0], len(self.names))

    @cached_property
    def is_right(self) -> Bools:
        right: Bools = self.answer == self.label
        return right

    @cached_property
    def is_among_five(self) -> Bools:
        """(I,) whether the item's class is among the five surest that the model mentions."""
        mentioned = np.take_along_axis(self.scores, self.order, axis=1) > 0
        among: Bools = ((self.order == self.label[:, None]) & mentioned).any(axis=1)
        return among

    def summarize(self) -> Evaluation:
        """Return the measured part of a report."""
        ones = np.ones((1, len(self.keys)))
        metrics = {name: float(values[0]) for name, values in self._weigh(ones).items()}
        area = float(self._weigh_auc(ones)[0])
        metrics |= {} if np.isnan(area) else {"auc": area}
        calibration = calibrate(self)
        if calibration is not None:
            metrics |= {"ece": calibration.ece, "mce": calibration.mce}
        counts = {"truth_count": len(self.keys), "image_count": len(self.keys) + self.left_out}
        return Evaluation(
            metrics={**metrics, **{name: float(count) for name, count in counts.items()}},
            classes=tuple(self._list_classes()),
            items=tuple(self._list_items()),
            calibration=calibration,
            notes=tuple(self._list_notes()),
            sections=(
                make_matrix(
                    "Confusion",
                    (*self.names, name_nothing(self.names)),
                    self._count_confusion(),
                    "Each image once, as the class that the model is surest of.",
                ),
                self._draw_roc(),
                self._list_confused(),
            ),
        )

    def weigh(self, batches: Iterator[Floats], check: Callable[[], None]) -> Mapping[str, Floats]:
        """Return the metrics of each weighting."""
        parts: list[Mapping[str, Floats]] = []
        for weights in batches:
            check()
            found = self._weigh(weights)
            if self.scores.size <= MOST_RESAMPLED_SCORES:
                found["auc"] = self._weigh_auc(weights)
            parts.append(found)
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}

    def _weigh(self, weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)  # (B,)
        size = len(self.names)
        truths = weights @ _one_hot(self.label, size)  # (B, K)
        said = weights @ _one_hot(self.answer, size)
        hits = weights @ (_one_hot(self.label, size) * self.is_right[:, None])
        has_truth = truths > 0
        precision = np.where(said > 0, hits / np.maximum(said, 1e-300), 0.0)  # never said: 0
        recall = hits / np.maximum(truths, 1e-300)
        f1 = 2 * hits / np.maximum(said + truths, 1e-300)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "top1": weights @ self.is_right / total,
                "top5": weights @ self.is_among_five / total,
                "macro_f1": mean_known(f1, has_truth),
                "macro_precision": mean_known(precision, has_truth),
                "macro_recall": mean_known(recall, has_truth),
            }

    def _weigh_auc(self, weights: Floats) -> Floats:
        """Return (B,): the mean area under the ROC curve of the classes against their rest."""
        areas = [self._find_auc(label, weights) for label in np.unique(self.label).tolist()]
        values = np.stack(areas, axis=1)  # (B, classes with truths)
        return mean_known(np.nan_to_num(values), ~np.isnan(values))

    def _find_auc(self, label: int, weights: Floats) -> Floats:
        """Return (B,): the share of pairs of a class's item and another that are in order; ties are half."""
        score = self.scores[:, label]
        order = np.argsort(score, kind="stable")
        is_first = np.append(True, np.diff(score[order]) > 0)
        starts = np.flatnonzero(is_first)  # of equal scores, rising
        is_class = (self.label == label)[order]
        weight = weights[:, order]
        positive = np.add.reduceat(weight * is_class, starts, axis=1)  # (B, groups)
        negative = np.add.reduceat(weight * ~is_class, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        won = (positive * (below + negative / 2)).sum(axis=1)
        return np.where(pairs > 0, won / np.maximum(pairs, 1e-300), np.nan)

    def _list_classes(self) -> Iterator[ClassMetrics]:
        ones = np.ones((1, len(self.keys)))
        truths = np.bincount(self.label, minlength=len(self.names) + 1).tolist()
        said = np.bincount(self.answer, minlength=len(self.names) + 1).tolist()
        hits = np.bincount(self.label[self.is_right], minlength=len(self.names) + 1).tolist()
        for label, name in enumerate(self.names):
            area = float(self._find_auc(label, ones)[0]) if truths[label] else float("nan")
            yield ClassMetrics(
                name=name,
                truth_count=truths[label],
                prediction_count=said[label],
                map=None,
                map50=None,
                precision=hits[label] / said[label] if said[label] else None,
                recall=hits[label] / truths[label] if truths[label] else None,
                f1=2 * hits[label] / (said[label] + truths[label]) if said[label] + truths[label] else None,
                others={"AUC": None if np.isnan(area) else area},
            )

    def _list_items(self) -> Iterator[ItemOutcome]:
        for key, is_right, answered in zip(
            self.keys, self.is_right.tolist(), self.answered.tolist(), strict=True
        ):
            yield ItemOutcome(
                key=key,
                true_positives=int(is_right),
                false_positives=int(answered and not is_right),
                false_negatives=int(not is_right),
            )

    def _list_notes(self) -> Iterator[str]:
        if self.left_out:
            yield f"{self.left_out:,} images have no class and are left out."
        silent = [name for label, name in enumerate(self.names) if not (self.label == label).any()]
        if silent:
            yield f"No image is of {list_names(silent)}: they are in no mean."
        unsaid = set(range(len(self.names))) - set(self.answer.tolist())
        never = [self.names[label] for label in sorted(unsaid) if (self.label == label).any()]
        if never:
            yield f"The model never says {list_names(never)}: their precision counts as 0 in the means."
        if len(set(self.label.tolist())) == 1:
            yield "All images are of one class: a curve against others cannot be drawn."

    def _count_confusion(self) -> Ints:
        size = len(self.names) + 1
        return np.bincount(self.answer * size + self.label, minlength=size * size).reshape(size, size)

    def _draw_roc(self) -> CurveSection:
        known = [label for label in np.unique(self.label).tolist() if (self.label != label).any()]
        known.sort(key=lambda label: -np.count_nonzero(self.label == label))
        curves = [_trace_roc(self.names[k], self.scores[:, k], self.label == k) for k in known]
        x = np.linspace(0, 1, _CURVE_POINTS)
        if curves:
            mean = np.mean([np.interp(x, one.x, one.y) for one in curves], axis=0)
            curves.insert(0, Curve(name="mean of all", x=tuple(x.tolist()), y=tuple(mean.tolist())))
        more = len(curves) - 1 - MOST_CURVES
        return CurveSection(
            title="ROC",
            curves=tuple(curves[: MOST_CURVES + 1]),
            x_label="false positive rate",
            y_label="true positive rate",
            note="Each class against all others." + (f" {more:,} further classes." if more > 0 else ""),
        )

    def _list_confused(self) -> TableSection:
        table = self._count_confusion()[:-1, :-1].copy()
        np.fill_diagonal(table, 0)
        order = np.argsort(-table, axis=None, kind="stable")[:20]
        pairs = [(int(at // len(table)), int(at % len(table))) for at in order.tolist()]
        totals = np.bincount(self.label, minlength=len(self.names))
        return TableSection(
            title="Most confused",
            header=("said", "is", "images", "share of its images"),
            rows=tuple(
                (self.names[said], self.names[truth], int(table[said, truth]),
                 float(table[said, truth] / totals[truth]))
                for said, truth in pairs
                if table[said, truth]
            ),
        )  # fmt: skip


def classify(request: EvaluationRequest) -> Classified:
    """Read what is so and what was said. An item's class is its first tag that is the name of one.

    Raises:
        InvalidInput: no item has a class, or a probability is no number from 0 to 1.
    """
    items = sorted(request.items, key=lambda item: item.key)
    seen = {tag.name for item in items for tag in item.tags}
    names = (*request.class_names, *sorted(seen.difference(request.class_names)))
    index = {name: place for place, name in enumerate(names)}
    true_names = set(request.class_names)
    labels = [next((t.name for t in item.truth.tags if t.name in true_names), None) for item in items]
    chosen = [(item, label) for item, label in zip(items, labels, strict=True) if label is not None]
    if not chosen:
        raise InvalidInput(
            "No image has a tag that is the name of a class.",
            hint="Tag the images with their classes, or choose a split whose images are tagged.",
        )
    scores = np.zeros((len(chosen), len(names)))
    for row, (item, _) in enumerate(chosen):
        for tag in item.tags:
            scores[row, index[tag.name]] = _read_share(item, tag.name, tag.value)
    return Classified(
        keys=tuple(item.key for item, _ in chosen),
        names=names,
        label=np.array([index[label] for _, label in chosen], np.int64),
        scores=scores,
        left_out=len(items) - len(chosen),
    )


def calibrate(classified: Classified) -> Calibration | None:
    """Return how well the probability of the answer agrees with its being right; None where none was given.

    Temperature scaling divides the logits of all classes; each half of the items is scaled by what suits
    the other half, so that what is said of it holds for items that it was not fitted to.
    """
    chosen = classified.answered
    scores, label, is_right = (
        classified.scores[chosen],
        classified.label[chosen],
        classified.is_right[chosen],
    )
    if not len(scores):
        return None
    bins = count_bins(scores.max(axis=1), is_right)
    logits = np.log(np.maximum(scores, _LEAST_SHARE))  # (I, K)
    is_first = np.arange(len(label)) % 2 == 0
    scaled = np.empty(len(label))
    for half in (is_first, ~is_first):
        temperature = _fit_temperature(logits[~half], label[~half])
        scaled[half] = _scale(logits[half], temperature).max(axis=1, initial=0)
    scaled_bins = count_bins(scaled, is_right)
    return Calibration(
        bins=bins,
        ece=find_expected_error(bins),
        mce=find_largest_error(bins),
        temperature=_fit_temperature(logits, label),
        ece_scaled=find_expected_error(scaled_bins),
        mce_scaled=find_largest_error(scaled_bins),
    )


def _fit_temperature(logits: Floats, label: Ints) -> float:
    """Return by what logits are best divided: where the truths are most likely."""
    if not len(label):
        return 1.0
    rows = np.arange(len(label))

    def lose(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[rows, label]))

    found = minimize_scalar(lose, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def _scale(logits: Floats, temperature: float) -> Floats:
    scaled = logits / temperature
    shares: Floats = np.exp(scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True))
    return shares


def _read_share(item: EvaluatedItem, name: str, value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:  # NaN is neither
        raise InvalidInput(
            f"The model says {value} of the class {name} on {item.key}, which is no number from 0 to 1.",
            hint="Its weights may be broken: train it again, or choose another checkpoint.",
        )
    return float(value)


def _trace_roc(name: str, score: Floats, is_class: Bools) -> Curve:
    """Return the true over the false positive rate at all thresholds, thinned to what can be drawn."""
    order = np.argsort(-score, kind="stable")
    is_last = np.append(np.diff(score[order]) < 0, True)  # equal scores are taken together
    true = np.append(0, np.cumsum(is_class[order])[is_last]) / np.count_nonzero(is_class)
    false = np.append(0, np.cumsum(~is_class[order])[is_last]) / np.count_nonzero(~is_class)
    if len(true) > _CURVE_POINTS:
        kept = np.unique(np.linspace(0, len(true) - 1, _CURVE_POINTS).astype(int))
        true, false = true[kept], false[kept]
    return Curve(name=name, x=tuple(false.tolist()), y=tuple(true.tolist()))


def _one_hot(label: Ints, size: int) -> Floats:
    """Return (I, K); a label beyond the classes is none of them."""
    table = np.zeros((len(label), size + 1))
    table[np.arange(len(label)), label] = 1.0
    return table[:, :size]
