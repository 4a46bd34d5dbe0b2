"""Pixels of classes: what is covered, what is missed, and whether that lies at borders or is whole things.

Source of the split of errors: Bernhard et al., What's Outside the Intersection? (2024). A wrong pixel is a
boundary error where it lies in a seam between what is right and what is rightly left out, at most twice
`BAND_SHARE` of the diagonal wide; an extent error where it belongs to a piece that is right elsewhere; a
segment error where the whole piece is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mlwf_tui.entities.evidence import BACKGROUND, name_nothing
from mlwf_tui.entities.measurement import PixelErrorKind, PixelErrors
from mlwf_tui.entities.model import ClassMetrics, Evaluation
from mlwf_tui.entities.section import BarSection, TableSection
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.class_maps import read_maps
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.masks import find_boundary_pixels, find_boundary_px
from mlwf_tui.evaluation.tables import list_names, make_matrix, mean_known
from mlwf_tui.protocols.evaluators import EvaluationRequest

BAND_SHARE = 0.01  # of the diagonal

KINDS = tuple(of.value for of in PixelErrorKind)
MOST_IMAGES = 100  # of the table of images

_EIGHT = np.ones((3, 3), bool)  # neighbours, also at the corners


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """Pixels by item and class."""

    shared: Floats  # (I, K) right
    truth: Floats  # (I, K)
    found: Floats  # (I, K)
    boundary_shared: Floats  # (I, K) of the boundaries of Boundary IoU
    boundary_union: Floats  # (I, K)
    extra: Floats  # (I, K, 3) found where it is not so: boundary, extent, segment
    lacking: Floats  # (I, K, 3) missed

    def measure_iou(self) -> Floats:
        """Return (I, K): the IoU of each class; NaN where it is neither there nor found."""
        return divide_iou(self.shared, self.truth, self.found)

    def measure_whole(self) -> Floats:
        """Return (K,): the IoU of each class over all items; NaN where it is neither there nor found."""
        return divide_iou(*(column.sum(axis=0) for column in (self.shared, self.truth, self.found)))


@dataclass(frozen=True)
class Painted:
    """Items as maps of classes, counted; the last class of `names` is the background."""

    keys: tuple[str, ...]
    names: tuple[str, ...]  # of the classes, without the background
    counts: PixelCounts  # of the classes
    confusion: Ints  # (K + 1, K + 1) pixels, rows found, columns truth; the last is the background
    right: Floats  # (I,) pixels that are right, the background among them
    total: Floats  # (I,) pixels that count
    confidence: float
    ignored: str = ""  # the truths that nobody has to find, in words with a verb

    def summarize(self) -> Evaluation:
        """Return the measured part of a report."""
        ones = np.ones((1, len(self.keys)))
        metrics = {name: float(values[0]) for name, values in self._weigh(ones).items()}
        metrics["confidence"] = self.confidence
        metrics["image_count"] = float(len(self.keys))
        return Evaluation(
            metrics={name: value for name, value in metrics.items() if not math.isnan(value)},
            classes=tuple(self._list_classes()),
            notes=tuple(self._list_notes()),
            pixel_errors=tuple(self._iter_errors()),
            sections=(
                *list_error_sections(self.names, self.counts),
                self._list_worst(),
                make_matrix(
                    "Confusion in pixels",
                    (*self.names, name_nothing(self.names, BACKGROUND)),
                    self.confusion,
                    "Each pixel of all images that counts once.",
                ),
            ),
        )

    def weigh(self, batches: Iterator[Floats], check: Callable[[], None]) -> Mapping[str, Floats]:
        """Return the metrics of each weighting."""
        parts = []
        for weights in batches:
            check()
            parts.append(self._weigh(weights))
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}

    def _weigh(self, weights: Floats) -> dict[str, Floats]:
        of = self.counts
        shared, truth, found = weights @ of.shared, weights @ of.truth, weights @ of.found  # (B, K)
        has_truth = truth > 0
        background = self._weigh_background(weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = shared / (truth + found - shared)
            border = (weights @ of.boundary_shared) / (weights @ of.boundary_union)
            f1 = 2 * shared / (truth + found)
            with_background = np.concatenate([iou, background[:, None]], axis=1)
            known = np.concatenate([has_truth, ~np.isnan(background[:, None])], axis=1)
            return {
                "miou": mean_known(iou, has_truth),
                "pixel_accuracy": (weights @ self.right) / (weights @ self.total),
                "boundary_iou": mean_known(border, has_truth),
                "macro_f1": mean_known(f1, has_truth),
                "mean_accuracy": mean_known(shared / truth, has_truth),
                "miou_with_background": mean_known(with_background, known),
            }

    def _weigh_background(self, weights: Floats) -> Floats:
        """Return (B,): the IoU of the background."""
        of = self.counts
        shared = weights @ (self.right - of.shared.sum(axis=1))
        union = 2 * (weights @ self.total) - weights @ (of.truth.sum(axis=1) + of.found.sum(axis=1)) - shared
        with np.errstate(invalid="ignore", divide="ignore"):
            iou: Floats = shared / union
        return iou

    def _list_classes(self) -> Iterator[ClassMetrics]:
        totals = [column.sum(axis=0).tolist() for column in
                  (self.counts.truth, self.counts.found, self.counts.shared,
                   self.counts.boundary_shared, self.counts.boundary_union)]  # fmt: skip
        for name, truth, found, shared, border, around in zip(self.names, *totals, strict=True):
            yield ClassMetrics(
                name=name,
                truth_count=int(truth),
                prediction_count=int(found),
                map=None,
                map50=None,
                precision=shared / found if found else None,
                recall=shared / truth if truth else None,
                f1=2 * shared / (truth + found) if truth + found else None,
                others={
                    "IoU": shared / (truth + found - shared) if truth else None,
                    "boundary IoU": border / around if truth and around else None,
                },
            )

    def measure_items(self) -> Floats:
        """Return (I,): the mean IoU of the classes that are on an item or were found; NaN of none."""
        iou = self.counts.measure_iou()
        return mean_known(iou, ~np.isnan(iou))

    def _list_worst(self) -> TableSection:
        """Return the images by their mean IoU, the lowest first; those with nothing on them are left out."""
        of = self.counts
        iou = self.measure_items()
        known = np.flatnonzero(~np.isnan(iou))
        order = known[np.argsort(iou[known], kind="stable")]
        lacking, extra = of.lacking.sum(axis=(1, 2)), of.extra.sum(axis=(1, 2))
        more = f"The {MOST_IMAGES} worst of {len(order):,}. " if len(order) > MOST_IMAGES else ""
        return TableSection(
            title="Images by IoU",
            header=("item", "IoU", "right", "missed", "too much"),
            rows=tuple(
                (
                    self.keys[row],
                    float(iou[row]),
                    int(of.shared[row].sum()),
                    int(lacking[row]),
                    int(extra[row]),
                )
                for row in order[:MOST_IMAGES].tolist()
            ),
            note=f"{more}The mean of the classes that are on it or were found; then pixels.",
        )

    def _iter_errors(self) -> Iterator[PixelErrors]:
        """Yield the wrong pixels by item and class, of classes that have truths: those of the bars."""
        of = self.counts
        parts = of.extra + of.lacking  # (I, K, 3)
        is_known = of.truth.sum(axis=0) > 0
        for row, label in np.argwhere(parts.any(axis=2) & is_known).tolist():
            boundary, extent, segment = parts[row, label].astype(int).tolist()
            yield PixelErrors(
                key=self.keys[row], class_name=self.names[label], counts=(boundary, extent, segment)
            )

    def _list_notes(self) -> Iterator[str]:
        totals = self.counts.truth.sum(axis=0), self.counts.found.sum(axis=0)
        absent = [name for name, truth in zip(self.names, totals[0], strict=True) if not truth]
        never = [name for name, truth, found in zip(self.names, *totals, strict=True) if truth and not found]
        yield f"Objects from the confidence {self.confidence:.3f} on are painted, the surest last."
        if self.ignored:
            yield f"{self.ignored} left out: where nothing else is, pixels count as neither right nor wrong."
        if absent:
            yield f"No pixel is of {list_names(absent)}: they are in no mean."
        if never:
            yield f"The model never finds {list_names(never)}: they count as 0 in the means."


def paint_items(request: EvaluationRequest, check: Callable[[], None]) -> Painted:
    """Paint truths and predictions of each item, later objects over earlier ones, and count pixels.

    Raises:
        InvalidInput: there is no truth with an area, or a confidence is no number from 0 to 1.
    """
    maps = read_maps(request)
    size = len(maps.names) + 1
    confusion = np.zeros((size, size), np.int64)
    right, total, rows = [], [], []
    for place, (truth, found) in enumerate(maps.iter_painted(check)):
        is_counted = maps.find_counted(place)
        cells = (found * size + truth)[is_counted]
        confusion += np.bincount(cells, minlength=size * size).reshape(size, size)
        right.append(float(np.count_nonzero((truth == found) & is_counted)))
        total.append(float(np.count_nonzero(is_counted)))
        rows.append(count_pixels(truth, found, len(maps.names)))
    counts = stack_counts(rows)
    if not maps.items or not counts.truth.any():
        raise InvalidInput(
            "There is no annotated object with an area to measure against.",
            hint="Choose a split whose items are annotated.",
        )
    return Painted(
        keys=maps.keys,
        names=maps.names,
        counts=counts,
        confusion=confusion,
        right=np.array(right),
        total=np.array(total),
        confidence=maps.confidence,
        ignored=maps.describe_ignored(),
    )


def stack_counts(rows: Sequence[PixelCounts]) -> PixelCounts:
    """Return the counts of items, (K,) each, as those of all, (I, K)."""
    fields = PixelCounts.__slots__
    return PixelCounts(*(np.array([getattr(row, name) for row in rows]) for name in fields))


def count_pixels(truth: Ints, found: Ints, class_count: int) -> PixelCounts:
    """Return the counts of one item, (K,) and (K, 3), of maps of classes (H, W); others are background."""
    made = [np.zeros(class_count) for _ in range(5)] + [np.zeros((class_count, 3)) for _ in range(2)]
    for label in np.union1d(np.unique(truth), np.unique(found)).tolist():
        if label < class_count:
            for column, value in zip(made, _count_class(truth == label, found == label), strict=True):
                column[label] = value
    return PixelCounts(*made)


def _count_class(truth: Bools, found: Bools) -> tuple[float | Floats, ...]:
    height_px, width_px = truth.shape
    boundary_px = find_boundary_px(width_px, height_px)
    band_px = _find_band_px(width_px, height_px)
    rows, columns = _find_bounds(truth | found, 2 * band_px + 1)
    truth, found = truth[rows, columns], found[rows, columns]
    borders = [find_boundary_pixels(one, boundary_px) for one in (truth, found)]
    return (
        float(np.count_nonzero(truth & found)),
        float(np.count_nonzero(truth)),
        float(np.count_nonzero(found)),
        float(np.count_nonzero(borders[0] & borders[1])),
        float(np.count_nonzero(borders[0] | borders[1])),
        split_errors(found & ~truth, truth & found, found, ~truth & ~found, band_px),
        split_errors(truth & ~found, truth & found, truth, ~truth & ~found, band_px),
    )


def split_errors(wrong: Bools, right: Bools, whole: Bools, rest: Bools, band_px: int) -> Floats:
    """Return how many wrong pixels are (boundary, extent, segment) errors.

    `right` are pixels that truth and prediction share, `whole` those whose pieces are looked at (what was
    found, or what is so), `rest` those of neither.
    """
    kinds = _find_kinds(wrong, right, whole, rest, band_px)
    return np.bincount(kinds[wrong], minlength=len(KINDS)).astype(np.float64)


def find_error_pixels(truth: Bools, found: Bools) -> Ints:
    """Return (H, W): the place in KINDS of each wrong pixel of a class; -1 of all others."""
    height_px, width_px = truth.shape
    band_px = _find_band_px(width_px, height_px)
    kinds = np.full(truth.shape, -1)
    if not (truth ^ found).any():
        return kinds
    bounds = _find_bounds(truth | found, 2 * band_px + 1)
    truth, found, inner = truth[bounds], found[bounds], kinds[bounds]
    for wrong, whole in ((found & ~truth, found), (truth & ~found, truth)):
        inner[wrong] = _find_kinds(wrong, truth & found, whole, ~truth & ~found, band_px)[wrong]
    return kinds


def _find_kinds(wrong: Bools, right: Bools, whole: Bools, rest: Bools, band_px: int) -> Ints:
    """Return (H, W): the place in KINDS of each wrong pixel; see `split_errors`. Others are of no meaning."""
    if not wrong.any():
        return np.zeros(wrong.shape, np.int64)
    pieces, count = ndimage.label(whole, _EIGHT)
    has_right = np.zeros(count + 1, bool)
    has_right[np.unique(pieces[right])] = True
    kinds: Ints = np.where(_find_seam(wrong, right, rest, band_px), 0, np.where(has_right[pieces], 1, 2))
    return kinds


def _find_band_px(width_px: int, height_px: int) -> int:
    return max(1, round(BAND_SHARE * math.hypot(width_px, height_px)))


def divide_iou(shared: Floats, truth: Floats, found: Floats) -> Floats:
    """Return IoUs from pixels, of any shape; NaN where nothing is there and nothing was found."""
    union = truth + found - shared
    iou: Floats = np.where(union > 0, shared / np.maximum(union, 1), np.nan)
    return iou


def list_error_sections(names: Sequence[str], counts: PixelCounts) -> Iterator[TableSection | BarSection]:
    """Yield where the union of truths and predictions goes, in all and by class."""
    union = (counts.truth + counts.found - counts.shared).sum(axis=0)  # (K,)
    parts = (counts.extra + counts.lacking).sum(axis=0)  # (K, 3)
    shared = counts.shared.sum(axis=0)
    known = [k for k in range(len(names)) if counts.truth[:, k].sum() > 0]
    whole = max(float(union[known].sum()), 1.0)
    yield BarSection(
        title="Where pixels go wrong",
        names=("right", *KINDS),
        values=(float(shared[known].sum()) / whole, *(parts[known].sum(axis=0) / whole).tolist()),
        label="share of all pixels that are so or were found",
        note=(
            "boundary: a seam along what is right; extent: a part of a piece that is right elsewhere; "
            "segment: a whole piece that is wrong."
        ),
    )
    extra, lacking = counts.extra.sum(axis=0), counts.lacking.sum(axis=0)
    yield TableSection(
        title="Pixels by class",
        header=("class", "IoU", *KINDS, "too much", "missed"),
        rows=tuple(
            (
                names[k], float(shared[k] / union[k]), *(parts[k] / union[k]).tolist(),
                float(extra[k].sum() / union[k]), float(lacking[k].sum() / union[k]),
            )
            for k in sorted(known, key=lambda k: float(shared[k] / union[k]))
        ),
        note="Shares of the union: IoU, boundary, extent and segment add up to 1, and so do IoU, too much "
        "and missed. The worst class first.",
    )  # fmt: skip


def _find_seam(wrong: Bools, right: Bools, rest: Bools, band_px: int) -> Bools:
    """Return the wrong pixels of seams: near both what is right and the rest, in pieces that touch both."""
    if not right.any() or not rest.any():
        return np.zeros_like(wrong)
    to_right, to_rest = (ndimage.distance_transform_edt(~one) for one in (right, rest))
    seed = wrong & (to_right <= band_px) & (to_rest <= band_px)
    if not seed.any():
        return np.zeros_like(wrong)
    seam = wrong & (ndimage.distance_transform_edt(~seed) <= band_px)
    pieces, count = ndimage.label(seam, _EIGHT)
    touches = []
    for one in (right, rest):
        touched = np.zeros(count + 1, bool)
        touched[np.unique(pieces[ndimage.binary_dilation(one, _EIGHT) & seam])] = True
        touches.append(touched)
    is_seam = touches[0] & touches[1]
    is_seam[0] = False
    kept: Bools = is_seam[pieces]
    return kept


def _find_bounds(covered: Bools, margin_px: int) -> tuple[slice, slice]:
    """Return the part of a map that has something, with a margin: what lies beyond changes no count."""
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin_px, 0), int(rows[-1]) + 1 + margin_px),
        slice(max(int(columns[0]) - margin_px, 0), int(columns[-1]) + 1 + margin_px),
    )
