"""The images behind the numbers of a report of pixels: which were found as what, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Never

import numpy as np

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.entities.evidence import ItemEvidence, ObjectEvidence, Pick, Verdict
from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.class_maps import BACKGROUND, Cells, ClassMaps, count_cells
from mlwf_tui.evaluation.columns import Bools, Floats, FoundTruths, Ints
from mlwf_tui.evaluation.named import find_label, find_place
from mlwf_tui.media.filling import read_mask

VERDICTS = tuple(Verdict)


class PixelsEvidence:
    """Looks behind the numbers of maps of classes; counts are pixels. One thread at a time uses it."""

    def __init__(self, maps: ClassMaps) -> None:
        self._maps = maps
        self._background = len(maps.names)
        self._counted: Cells | None = None

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""
        return False

    @property
    def own(self) -> Thresholds:
        """The confidence from which on objects were painted."""
        return Thresholds(self._maps.confidence)

    def read_truths(self) -> FoundTruths:
        """Refuse: pixels are no objects that one model finds and another does not.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            "Pixels are no objects that were fixed or broken: there are no images behind such a number.",
            hint="List the images of one of the reports.",
        )

    def find_members(self, wanted: tuple[str, str]) -> Bools:
        """Refuse: pixels have no slices.

        Raises:
            InvalidInput: always.
        """
        self._refuse(f"{wanted[0]}: {wanted[1]}")

    def list_items(self, pick: Pick, at: Thresholds) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts pixels of, those with most of them first.

        Of all images, and of a class, those with the lowest IoU come first.

        Raises:
            InvalidInput: the number is none that pixels have, or there is no such class.
            NotFound: the image was not measured.
        """
        cells, size = self._count(), len(self._maps.keys)
        verdict = self._judge(cells.found, cells.truth)
        by_verdict = [_sum_by(cells, verdict == place, size) for place in range(len(VERDICTS))]
        iou = self._measure(find_label(self._maps.names, pick.of_class) if pick.of_class else None)
        if pick.is_of_all:
            counts = by_verdict[1] + by_verdict[2] + by_verdict[3]
            chosen = np.array([find_place(self._maps.keys, pick.item)]) if pick.item else np.arange(size)
        else:
            counts = _sum_by(cells, self._choose(pick, cells), size)
            chosen = np.flatnonzero(counts)
        is_by_iou = pick.is_of_all or pick == Pick(of_class=pick.of_class)
        rank = np.nan_to_num(iou, nan=2.0) if is_by_iou else np.zeros(size)  # without an IoU they are last
        chosen = chosen[np.lexsort((-counts[chosen], rank[chosen]))]
        found, missed, false, confused = (column.tolist() for column in by_verdict)
        return tuple(
            ItemEvidence(
                key=self._maps.keys[place], found=found[place], missed=missed[place], false=false[place],
                confused=confused[place], count=int(counts[place]),
                iou=None if np.isnan(iou[place]) else float(iou[place]),
            )
            for place in chosen.tolist()
        )  # fmt: skip

    def look(self, key: str, pick: Pick, at: Thresholds) -> tuple[ObjectEvidence, ...]:
        """Return an image's regions, one of each class that was found as each; those that are meant first.

        The whole masks of a class, truth and prediction, stand at the first region that has it.

        Raises:
            InvalidInput: the number is none that pixels have, or there is no such class.
            NotFound: the image was not measured.
        """
        place = find_place(self._maps.keys, key)
        truth, found = self._maps.paint(place)
        own = self._select(place)
        is_meant = np.zeros(len(own.pixels), bool) if pick.is_of_all else self._choose(pick, own)
        quiet = self._judge(own.found, own.truth) == VERDICTS.index(Verdict.FOUND)
        order = np.lexsort((-own.pixels, quiet, ~is_meant))
        return tuple(self._iter_regions(truth, found, own, order, is_meant))

    def _iter_regions(
        self, truth: Ints, found: Ints, own: Cells, order: Ints, is_meant: Bools
    ) -> Iterator[ObjectEvidence]:
        names = (*self._maps.names, "")
        seen: set[tuple[str, int]] = set()

        def trace_first(side: str, labels: Ints, label: int) -> Geometry | None:
            if label == self._background or (side, label) in seen:
                return None
            seen.add((side, label))
            return read_mask(labels == label)

        for cell in order.tolist():
            said, so = int(own.found[cell]), int(own.truth[cell])
            if said == so == self._background:
                continue
            is_right = said == so
            yield ObjectEvidence(
                verdict=VERDICTS[int(self._judge(own.found[cell], own.truth[cell]))],
                truth_class=names[so],
                predicted_class=names[said],
                truth=trace_first("truth", truth, so),
                predicted=trace_first("found", found, said),
                region=read_mask((found == said) & (truth == so)),
                pixels=int(own.pixels[cell]),
                iou=_divide(truth == so, found == so) if is_right else 0.0,
                is_meant=bool(is_meant[cell]),
            )

    # --- what is meant -------------------------------------------------------------------------

    def _choose(self, pick: Pick, cells: Cells) -> Bools:
        """Return (E,): which cells are meant."""
        if (
            pick.error is not None
            or pick.iou is not None
            or pick.slice is not None
            or pick.confidence is not None
        ):
            self._refuse(pick.describe())
        verdict = self._judge(cells.found, cells.truth)
        chosen = np.ones(len(cells.pixels), bool)
        if pick.predicted is not None:
            chosen &= cells.found == self._find_class(pick.predicted)
        if pick.truth is not None:
            chosen &= cells.truth == self._find_class(pick.truth)
        if pick.of_class:
            wanted = find_label(self._maps.names, pick.of_class)
            chosen &= (cells.found == wanted) | (cells.truth == wanted)
        if pick.verdict is not None:
            chosen &= verdict == VERDICTS.index(pick.verdict)
        if pick.is_hit is not None:
            is_hit = cells.found == cells.truth
            chosen &= (cells.found != self._background) & (is_hit == pick.is_hit)
        if pick.item:
            chosen &= cells.image == find_place(self._maps.keys, pick.item)
        return chosen

    def _find_class(self, name: str) -> int:
        return find_label((*self._maps.names, BACKGROUND), name) if name else self._background

    def _judge(self, found: Ints, truth: Ints) -> Ints:
        """Return what became of cells as places in VERDICTS; -1 for background that was left as such."""
        is_found, is_so = found != self._background, truth != self._background
        return np.select(
            [~is_found & ~is_so, found == truth, ~is_found, ~is_so],
            [-1, *(VERDICTS.index(of) for of in (Verdict.FOUND, Verdict.MISSED, Verdict.FALSE))],
            VERDICTS.index(Verdict.CONFUSED),
        )

    # --- what is counted -----------------------------------------------------------------------

    def _count(self) -> Cells:
        if self._counted is None:
            self._counted = count_cells(self._maps)
        return self._counted

    def _select(self, place: int) -> Cells:
        """Return the cells of one image."""
        cells = self._count()
        rows = slice(*np.searchsorted(cells.image, (place, place + 1)).tolist())
        return Cells(cells.image[rows], cells.found[rows], cells.truth[rows], cells.pixels[rows])

    def _measure(self, label: int | None) -> Floats:
        """Return (I,): the IoU of a class, or the mean of the classes that are there or were found.

        NaN where there are none.
        """
        cells, size = self._count(), len(self._maps.keys)
        width = self._background + 1
        sides = np.concatenate([cells.image * width + side for side in (cells.truth, cells.found)])
        known, place = np.unique(sides, return_inverse=True)  # (S,) an image's classes
        both = np.bincount(place, np.tile(cells.pixels, 2))
        hits = np.where(cells.found == cells.truth, cells.pixels, 0)
        shared = np.bincount(place[: len(hits)], hits, len(known))
        image, of_class = known // width, known % width
        chosen = of_class < self._background if label is None else of_class == label
        counts = np.bincount(image[chosen], minlength=size)
        totals = np.bincount(image[chosen], (shared / (both - shared))[chosen], size)
        mean: Floats = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
        return mean

    def _refuse(self, what: str) -> Never:
        raise InvalidInput(
            f"A report of pixels has no {what}.", hint="Say predicted, truth, class, verdict, right or item."
        )


def _sum_by(cells: Cells, chosen: Bools, size: int) -> Ints:
    """Return (I,): the pixels of some cells by image."""
    return np.bincount(cells.image[chosen], cells.pixels[chosen], size).astype(np.int64)


def _divide(truth: Bools, found: Bools) -> float:
    """Return the IoU of two masks."""
    return float(np.count_nonzero(truth & found) / np.count_nonzero(truth | found))
