"""The images that a newer model won and lost against an older one by their pixels, and where on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlwf_tui.entities.evidence import Fate, FatePick, ItemFates, ObjectEvidence, ObjectFate
from mlwf_tui.errors import Conflict, InvalidInput
from mlwf_tui.evaluation.class_maps import Cells, ClassMaps, measure_items, sum_pixels
from mlwf_tui.evaluation.columns import Bools, Floats, Ints
from mlwf_tui.evaluation.named import find_label, find_place
from mlwf_tui.evaluation.pixel_evidence import VERDICTS, WholeMasks, judge_pixels
from mlwf_tui.media.filling import read_mask

FATES = tuple(Fate)
IOU_DIGITS = 9  # what lies beyond is the order in which a mean was added up


@dataclass(frozen=True, slots=True)
class PairCells:
    """How many pixels of an item are a class, and are found as classes by two models: E that have some."""

    image: Ints  # (E,) ascending
    truth: Ints  # (E,) class, K for the background
    newer: Ints  # (E,)
    older: Ints  # (E,)
    pixels: Ints  # (E,)

    def get_side(self, found: Ints) -> Cells:
        """Return what one of the models, whose column is given, makes of them."""
        return Cells(self.image, found, self.truth, self.pixels)

    def select(self, place: int) -> PairCells:
        """Return those of one item."""
        rows = slice(*np.searchsorted(self.image, (place, place + 1)).tolist())
        columns = (self.image, self.truth, self.newer, self.older, self.pixels)
        return PairCells(*(column[rows] for column in columns))


class PixelsPair:
    """Looks behind the numbers of two sets of maps over the same truths; counts are pixels."""

    def __init__(self, new: ClassMaps, old: ClassMaps) -> None:
        """Raise Conflict where the two are not of the same items."""
        if new.keys != old.keys:
            raise Conflict("The two are not of the same items any more.", hint="Compare the models again.")
        names = tuple(dict.fromkeys((*new.names, *old.names)))
        self._new, self._old = new.with_names(names), old.with_names(names)
        self._names = (*names, "")
        self._background = len(names)
        self._cells = _count_cells(self._new, self._old)

    def list_items(self, pick: FatePick) -> tuple[ItemFates, ...]:
        """Return the images of the fate that is meant, those whose IoU changed most first.

        An image that is asked for by its name alone is there whatever became of it.

        Raises:
            InvalidInput: a slice is meant.
            InvalidParameter: neither report has such a class.
            NotFound: there is no such image.
        """
        now, before = self._measure(pick)
        fate, change = judge_iou(now, before)
        pixel_fate = self._judge(self._cells)
        meant = self._sum(self._choose_meant(self._cells, pick))
        fixed, broken, both_wrong, both_right = (
            self._sum(pixel_fate == place) for place in range(len(FATES))
        )
        chosen = self._choose_items(fate, pick)
        chosen = chosen[np.lexsort((now[chosen], -np.abs(change[chosen])))]
        return tuple(
            ItemFates(
                key=self._new.keys[place], fixed=fixed[place], broken=broken[place],
                both_wrong=both_wrong[place], both_right=both_right[place], count=meant[place],
                iou=to_known(now[place]), iou_before=to_known(before[place]),
            )
            for place in chosen.tolist()
        )  # fmt: skip

    def look(self, key: str, pick: FatePick) -> tuple[ObjectFate, ...]:
        """Return an image's regions, one of all that are a class and that each model found as one.

        Those that are meant come first; the whole masks of a class stand at the first region that has it.

        Raises:
            InvalidInput: a slice is meant.
            InvalidParameter: neither report has such a class.
            NotFound: the image was not measured.
        """
        place = find_place(self._new.keys, key)
        own = self._cells.select(place)
        is_meant, fate = self._choose_meant(own, pick), self._judge(own)
        order = np.lexsort((-own.pixels, fate == FATES.index(Fate.BOTH_RIGHT), ~is_meant))
        return tuple(self._iter_regions(place, own, order[fate[order] >= 0], fate, is_meant))

    def _iter_regions(
        self, place: int, own: PairCells, order: Ints, fate: Ints, is_meant: Bools
    ) -> Iterator[ObjectFate]:
        truth, newer = self._new.paint(place)
        older = self._old.paint_found(place)
        truths = WholeMasks(truth, self._background)
        now = _Side(own.newer, own.truth, WholeMasks(newer, self._background), truths, self._names)
        before = _Side(own.older, own.truth, WholeMasks(older, self._background), truths, self._names)
        for cell in order.tolist():
            is_region = (truth == own.truth[cell]) & (newer == own.newer[cell]) & (older == own.older[cell])
            yield ObjectFate(
                fate=FATES[int(fate[cell])],
                newer=now.tell(cell),
                older=before.tell(cell),
                region=read_mask(is_region),
                pixels=int(own.pixels[cell]),
                is_meant=bool(is_meant[cell]),
            )

    # --- what is meant -------------------------------------------------------------------------

    def _choose_meant(self, cells: PairCells, pick: FatePick) -> Bools:
        """Return (E,): which cells are meant."""
        if pick.slice is not None:
            raise InvalidInput(
                f"A comparison of pixels has no {pick.slice[0]}: {pick.slice[1]}.",
                hint="Say fate, class, item or pair.",
            )
        meant = np.isin(self._judge(cells), _list_places(pick))
        if pick.of_class:
            wanted = self._find_class(pick.of_class)
            meant &= (cells.truth == wanted) | (cells.newer == wanted) | (cells.older == wanted)
        if pick.item:
            meant &= cells.image == find_place(self._new.keys, pick.item)
        return meant

    def _choose_items(self, fate: Ints, pick: FatePick) -> Ints:
        """Return the places of the images that are meant, whose fates (I,) are given."""
        chosen = np.flatnonzero(np.isin(fate, _list_places(pick)))
        if not pick.item:
            return chosen
        place = find_place(self._new.keys, pick.item)
        return np.array([place]) if pick.is_of_all else chosen[chosen == place]

    def _find_class(self, name: str) -> int:
        return find_label(self._new.names, name)

    # --- what is counted -----------------------------------------------------------------------

    def _judge(self, cells: PairCells) -> Ints:
        """Return (E,): the fates of cells as places in FATES; -1 for background that both left as such."""
        is_right, was_right = cells.newer == cells.truth, cells.older == cells.truth
        is_left = is_right & was_right & (cells.truth == self._background)
        return np.select(
            [is_left, is_right & was_right, is_right, was_right],
            [-1, *(FATES.index(fate) for fate in (Fate.BOTH_RIGHT, Fate.FIXED, Fate.BROKEN))],
            FATES.index(Fate.BOTH_WRONG),
        )

    def _sum(self, chosen: Bools) -> list[int]:
        """Return (I,): the pixels of some cells by image."""
        counts: list[int] = sum_pixels(
            self._cells.get_side(self._cells.newer), chosen, len(self._new.keys)
        ).tolist()
        return counts

    def _measure(self, pick: FatePick) -> tuple[Floats, Floats]:
        """Return (I,) twice: the IoU of each image, or of a class on it, now and before."""
        label = self._find_class(pick.of_class) if pick.of_class else None
        cells, size = self._cells, len(self._new.keys)
        now, before = (
            measure_items(cells.get_side(found), size, self._background, label)
            for found in (cells.newer, cells.older)
        )
        return now, before


@dataclass(frozen=True, slots=True)
class _Side:
    """What one of the models says of the cells of an image."""

    found: Ints  # (E,)
    truth: Ints  # (E,)
    masks: WholeMasks
    truths: WholeMasks
    names: tuple[str, ...]  # of the classes, the background "" last

    def tell(self, cell: int) -> ObjectEvidence | None:
        """Return what was said of a cell; None where nothing was said of nothing."""
        found, truth = int(self.found[cell]), int(self.truth[cell])
        verdict = int(judge_pixels(self.found[cell], self.truth[cell], len(self.names) - 1))
        if verdict < 0:
            return None
        return ObjectEvidence(
            verdict=VERDICTS[verdict],
            truth_class=self.names[truth],
            predicted_class=self.names[found],
            truth=self.truths.take(truth),
            predicted=self.masks.take(found),
        )


def judge_iou(now: Floats, before: Floats) -> tuple[Ints, Floats]:
    """Return fates as places in FATES, and by how much IoUs changed, of IoUs of any shape.

    NaN is that of what is neither there nor found, which is right; where it is both, the fate is -1. An IoU
    that did not change is both right where it is 1, else both wrong.
    """
    is_known = ~(np.isnan(now) & np.isnan(before))
    full = np.nan_to_num(now, nan=1.0)
    change: Floats = np.round(full - np.nan_to_num(before, nan=1.0), IOU_DIGITS)
    fate = np.select(
        [~is_known, change > 0, change < 0, full < 1],
        [-1, *(FATES.index(of) for of in (Fate.FIXED, Fate.BROKEN, Fate.BOTH_WRONG))],
        FATES.index(Fate.BOTH_RIGHT),
    )
    return fate, change


def to_known(iou: float) -> float | None:
    """Return an IoU as it is told: None where nothing is there and nothing was found."""
    return None if np.isnan(iou) else float(iou)


def _list_places(pick: FatePick) -> list[int]:
    fates = (Fate.FIXED, Fate.BROKEN) if pick.fate is None else (pick.fate,)
    return [FATES.index(fate) for fate in fates]


def _count_cells(new: ClassMaps, old: ClassMaps) -> PairCells:
    """Return how many pixels of each item are which class and are found as which by either."""
    size = len(new.names) + 1
    columns = []
    for place in range(len(new.keys)):
        truth, newer = new.paint(place)
        older = old.paint_found(place)
        cells = (truth * size + newer) * size + older
        columns.append(np.unique(cells[new.find_counted(place)], return_counts=True))
    image = np.repeat(np.arange(len(columns)), [len(cells) for cells, _ in columns])
    cells = np.concatenate([cells for cells, _ in columns])
    pixels = np.concatenate([counts for _, counts in columns])
    return PairCells(image, cells // size**2, cells // size % size, cells % size, pixels)
