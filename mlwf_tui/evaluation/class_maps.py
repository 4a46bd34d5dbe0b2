"""Items as maps of classes, truth and prediction: objects painted over each other, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.ignored import describe_ignored, is_crowd, is_ignored
from mlwf_tui.evaluation.columns import FILLED, Bools, Floats, Ints
from mlwf_tui.evaluation.measured import check_predictions
from mlwf_tui.media.filling import draw_window
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest

CONFIDENCE = 0.25  # from which on an object is painted, where none was asked for


@dataclass(frozen=True, slots=True)
class Cells:
    """How many pixels of an item are found as one class and are another: E cells that have some."""

    image: Ints  # (E,) ascending
    found: Ints  # (E,) class, K for the background
    truth: Ints  # (E,)
    pixels: Ints  # (E,)


@dataclass(frozen=True)
class ClassMaps:
    """Items whose maps are painted when they are asked for: a thousand of them would be gigabytes."""

    items: tuple[EvaluatedItem, ...]  # in key order
    names: tuple[str, ...]  # of the classes; the label after them is the background's
    confidence: float

    @cached_property
    def keys(self) -> tuple[str, ...]:
        return tuple(item.key for item in self.items)

    @cached_property
    def _index(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def with_names(self, names: tuple[str, ...]) -> ClassMaps:
        """Return the same with labels of these classes, those of its own among them."""
        return ClassMaps(self.items, names, self.confidence)

    def describe_ignored(self) -> str:
        """Return in words, with a verb, the truths that nobody has to find; "" where there are none."""
        ignored = [one for item in self.items for one in _list_truths(item, are_ignored=True)]
        crowds = sum(is_crowd(one) for one in ignored)
        return describe_ignored(crowds, len(ignored) - crowds)

    def paint(self, place: int) -> tuple[Ints, Ints]:
        """Return what is so and what was found of an item, labels (H, W) each.

        Both are background where a truth lies that nobody has to find.
        """
        item = self.items[place]
        return _paint(item, _list_truths(item, are_ignored=False), self._index), self.paint_found(place)

    def paint_found(self, place: int) -> Ints:
        """Return what was found of an item, labels (H, W)."""
        item = self.items[place]
        found = _paint(item, _list_painted(item, self.confidence), self._index)
        if _list_truths(item, are_ignored=True):
            found[~self.find_counted(place)] = len(self.names)
        return found

    def find_counted(self, place: int) -> Bools:
        """Return (H, W): the pixels of an item that count, which are not on what nobody has to find alone."""
        item = self.items[place]
        ignored = _list_truths(item, are_ignored=True)
        if not ignored:
            return np.ones((item.height_px, item.width_px), np.bool_)
        is_free = _cover(item, ignored) & ~_cover(item, _list_truths(item, are_ignored=False))
        return ~is_free

    def iter_painted(self, check: Callable[[], None] = lambda: None) -> Iterator[tuple[Ints, Ints]]:
        """Yield the maps of all items in their order; `check` may raise to stop."""
        for place in range(len(self.items)):
            check()
            yield self.paint(place)


def read_maps(request: EvaluationRequest) -> ClassMaps:
    """Return the maps of truths and predictions, later objects over earlier ones, the surest last.

    Raises:
        InvalidInput: a confidence is no number from 0 to 1.
    """
    items = tuple(sorted(request.items, key=lambda item: item.key))
    check_predictions([item.key for item in items], {item.key: item.objects for item in items})
    seen = {o.class_name for item in items for o in (*item.truth.objects, *item.objects)}
    names = (*request.class_names, *sorted(seen.difference(request.class_names)))
    return ClassMaps(items, names, CONFIDENCE if request.confidence is None else request.confidence)


def count_cells(maps: ClassMaps) -> Cells:
    """Return how many pixels of each item are found as which class and are which."""
    size = len(maps.names) + 1
    columns = [
        np.unique((found * size + truth)[maps.find_counted(place)], return_counts=True)
        for place, (truth, found) in enumerate(maps.iter_painted())
    ]
    image = np.repeat(np.arange(len(columns)), [len(cells) for cells, _ in columns])
    cells = np.concatenate([cells for cells, _ in columns])
    return Cells(image, cells // size, cells % size, np.concatenate([counts for _, counts in columns]))


def measure_items(cells: Cells, item_count: int, class_count: int, label: int | None) -> Floats:
    """Return (I,): the IoU of a class by item, or the mean of the classes that are there or were found.

    NaN where there are none.
    """
    width = class_count + 1
    sides = np.concatenate([cells.image * width + side for side in (cells.truth, cells.found)])
    known, place = np.unique(sides, return_inverse=True)  # (S,) an item's classes
    both = np.bincount(place, np.tile(cells.pixels, 2))
    hits = np.where(cells.found == cells.truth, cells.pixels, 0)
    shared = np.bincount(place[: len(hits)], hits, len(known))
    image, of_class = known // width, known % width
    chosen = of_class < class_count if label is None else of_class == label
    counts = np.bincount(image[chosen], minlength=item_count)
    totals = np.bincount(image[chosen], (shared / (both - shared))[chosen], item_count)
    mean: Floats = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    return mean


def sum_pixels(cells: Cells, chosen: Bools, item_count: int) -> Ints:
    """Return (I,): the pixels of some cells by item."""
    return np.bincount(cells.image[chosen], cells.pixels[chosen], item_count).astype(np.int64)


def _list_truths(item: EvaluatedItem, *, are_ignored: bool) -> list[AnnotatedObject]:
    """Return the annotated objects that have an area: those that are to be found, or the others."""
    filled = (one for one in item.truth.objects if one.geometry.kind in FILLED)
    return [one for one in filled if is_ignored(one) is are_ignored]


def _cover(item: EvaluatedItem, objects: Sequence[AnnotatedObject]) -> Bools:
    """Return the pixels (H, W) of an item that objects cover."""
    covered = np.zeros((item.height_px, item.width_px), np.bool_)
    for one in objects:
        window = draw_window(one.geometry, item.width_px, item.height_px)
        covered[window.rows, window.columns] |= window.pixels
    return covered


def _list_painted(item: EvaluatedItem, confidence: float) -> list[AnnotatedObject]:
    """Return the objects to paint, the surest last; what has no confidence counts as certain."""
    sure = [(1.0 if o.confidence is None else o.confidence, o) for o in item.objects]
    kept = [(of, o) for of, o in sure if of >= confidence and o.geometry.kind in FILLED]
    return [o for _, o in sorted(kept, key=lambda pair: pair[0])]


def _paint(item: EvaluatedItem, objects: Sequence[AnnotatedObject], index: Mapping[str, int]) -> Ints:
    """Return the map of classes (H, W) of one item; what no object covers is background."""
    painted = np.full((item.height_px, item.width_px), len(index), np.int64)
    for one in objects:
        window = draw_window(one.geometry, item.width_px, item.height_px)
        painted[window.rows, window.columns][window.pixels] = index[one.class_name]
    return painted
