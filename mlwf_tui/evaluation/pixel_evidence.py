"""The images behind the numbers of a report of pixels: which were found as what, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Never

import numpy as np

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.entities.evidence import BACKGROUND, ItemEvidence, ObjectEvidence, Pick, Verdict, name_nothing
from mlwf_tui.entities.measurement import PixelErrorKind, PixelErrors, Thresholds
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.class_maps import (
    Cells,
    ClassMaps,
    count_cells,
    measure_items,
    sum_pixels,
)
from mlwf_tui.evaluation.columns import Bools, Ints
from mlwf_tui.evaluation.named import find_label, find_place
from mlwf_tui.evaluation.pixels import find_error_pixels
from mlwf_tui.media.filling import read_mask

VERDICTS = tuple(Verdict)
_KINDS: tuple[object, ...] = tuple(PixelErrorKind)


class PixelsEvidence:
    """Looks behind the numbers of maps of classes; counts are pixels. One thread at a time uses it."""

    def __init__(self, maps: ClassMaps, errors: Sequence[PixelErrors] = ()) -> None:
        """`errors` are those that were counted when the report was made: it takes long."""
        self.maps = maps
        self._errors = errors
        self._background = len(maps.names)
        self._counted: Cells | None = None

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""
        return False

    @property
    def own(self) -> Thresholds:
        """The confidence from which on objects were painted."""
        return Thresholds(self.maps.confidence)

    def list_items(self, pick: Pick, at: Thresholds) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts pixels of, those with most of them first.

        Of all images, and of a class, those with the lowest IoU come first.

        Raises:
            InvalidInput: the number is none that pixels have, or there is no such class.
            NotFound: the image was not measured.
        """
        cells, size = self._count(), len(self.maps.keys)
        verdict = judge_pixels(cells.found, cells.truth, self._background)
        by_verdict = [sum_pixels(cells, verdict == place, size) for place in range(len(VERDICTS))]
        label = find_label(self.maps.names, pick.of_class) if pick.of_class else None
        iou = measure_items(cells, size, self._background, label)
        if pick.is_of_all:
            counts = by_verdict[1] + by_verdict[2] + by_verdict[3]
        elif isinstance(pick.error, PixelErrorKind):
            counts = self._count_errors(pick)
        else:
            counts = sum_pixels(cells, self._choose(pick, cells), size)
        chosen = np.flatnonzero(counts)
        if pick.is_of_all:
            chosen = np.array([find_place(self.maps.keys, pick.item)]) if pick.item else np.arange(size)
        is_by_iou = pick.is_of_all or pick == Pick(of_class=pick.of_class)
        rank = np.nan_to_num(iou, nan=2.0) if is_by_iou else np.zeros(size)  # without an IoU they are last
        chosen = chosen[np.lexsort((-counts[chosen], rank[chosen]))]
        found, missed, false, confused = (column.tolist() for column in by_verdict)
        return tuple(
            ItemEvidence(
                key=self.maps.keys[place], found=found[place], missed=missed[place], false=false[place],
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
        place = find_place(self.maps.keys, key)
        truth, found = self.maps.paint(place)
        own = self._select(place)
        if pick.is_of_all:
            is_meant = np.zeros(truth.shape, bool)
        elif isinstance(pick.error, PixelErrorKind):
            is_meant = self._find_errors(key, truth, found, pick)
        else:
            is_meant = self._find_pixels(truth, found, own, pick)
        seen = self._iter_regions(truth, found, own, is_meant)
        return tuple(sorted(seen, key=lambda one: not one.is_meant))

    def _iter_regions(
        self, truth: Ints, found: Ints, own: Cells, is_meant: Bools
    ) -> Iterator[ObjectEvidence]:
        """Yield regions, the largest first, the right ones last; meant pixels (H, W) stand alone."""
        names = (*self.maps.names, "")
        verdict = judge_pixels(own.found, own.truth, self._background)
        order = np.lexsort((-own.pixels, verdict == VERDICTS.index(Verdict.FOUND)))
        truths, predictions = WholeMasks(truth, self._background), WholeMasks(found, self._background)
        for cell in order.tolist():
            said, so = int(own.found[cell]), int(own.truth[cell])
            if said == so == self._background:
                continue
            region = (found == said) & (truth == so)
            for part, is_part_meant in ((region & is_meant, True), (region & ~is_meant, False)):
                if part.any():
                    yield ObjectEvidence(
                        verdict=VERDICTS[int(verdict[cell])],
                        truth_class=names[so],
                        predicted_class=names[said],
                        truth=truths.take(so),
                        predicted=predictions.take(said),
                        region=read_mask(part),
                        pixels=int(np.count_nonzero(part)),
                        iou=_divide(truth == so, found == so) if said == so else 0.0,
                        is_meant=is_part_meant,
                    )

    # --- kinds of errors -----------------------------------------------------------------------

    def _count_errors(self, pick: Pick) -> Ints:
        """Return (I,): the pixels of a kind of errors, of one class or of all that have truths."""
        counts = np.zeros(len(self.maps.keys), np.int64)
        for of in self._list_errors(pick):
            counts[find_place(self.maps.keys, of.key)] += of.counts[_KINDS.index(pick.error)]
        return counts

    def _find_errors(self, key: str, truth: Ints, found: Ints, pick: Pick) -> Bools:
        """Return (H, W): which pixels of an image are errors of the kind that is meant."""
        is_wrong = np.zeros(truth.shape, bool)
        for of in self._list_errors(pick):
            if of.key == key:
                label = self._find_class(of.class_name)
                is_wrong |= find_error_pixels(truth == label, found == label) == _KINDS.index(pick.error)
        return is_wrong

    def _list_errors(self, pick: Pick) -> list[PixelErrors]:
        if pick != Pick(error=pick.error, of_class=pick.of_class, item=pick.item):
            raise InvalidInput(
                f"Pixels are not counted by {pick.describe()}.",
                hint="With error say class or item, and nothing else.",
            )
        if pick.of_class:
            find_label(self.maps.names, pick.of_class)  # refuses a strange one
        if pick.item:
            find_place(self.maps.keys, pick.item)
        return [
            of for of in self._errors
            if pick.of_class in ("", of.class_name) and pick.item in ("", of.key)
        ]  # fmt: skip

    # --- what is meant -------------------------------------------------------------------------

    def _find_pixels(self, truth: Ints, found: Ints, own: Cells, pick: Pick) -> Bools:
        """Return (H, W): which pixels of an image are of cells that are meant."""
        size = self._background + 1
        meant = (own.found * size + own.truth)[self._choose(pick, own)]
        return np.isin(found * size + truth, meant)

    def _choose(self, pick: Pick, cells: Cells) -> Bools:
        """Return (E,): which cells are meant."""
        if (
            pick.error is not None
            or pick.iou is not None
            or pick.slice is not None
            or pick.confidence is not None
        ):
            self._refuse(pick.describe())
        verdict = judge_pixels(cells.found, cells.truth, self._background)
        chosen = np.ones(len(cells.pixels), bool)
        if pick.predicted is not None:
            chosen &= cells.found == self._find_class(pick.predicted)
        if pick.truth is not None:
            chosen &= cells.truth == self._find_class(pick.truth)
        if pick.of_class:
            wanted = find_label(self.maps.names, pick.of_class)
            chosen &= (cells.found == wanted) | (cells.truth == wanted)
        if pick.verdict is not None:
            chosen &= verdict == VERDICTS.index(pick.verdict)
        if pick.is_hit is not None:
            is_hit = cells.found == cells.truth
            chosen &= is_hit == pick.is_hit
            if pick.truth is None:  # of what was found; else of what is there, missed or not
                chosen &= cells.found != self._background
        if pick.item:
            chosen &= cells.image == find_place(self.maps.keys, pick.item)
        return chosen

    def _find_class(self, name: str) -> int:
        names = (*self.maps.names, name_nothing(self.maps.names, BACKGROUND))
        return find_label(names, name) if name else self._background

    def _count(self) -> Cells:
        if self._counted is None:
            self._counted = count_cells(self.maps)
        return self._counted

    def _select(self, place: int) -> Cells:
        """Return the cells of one image."""
        cells = self._count()
        rows = slice(*np.searchsorted(cells.image, (place, place + 1)).tolist())
        return Cells(cells.image[rows], cells.found[rows], cells.truth[rows], cells.pixels[rows])

    def _refuse(self, what: str) -> Never:
        raise InvalidInput(
            f"A report of pixels has no {what}.",
            hint="Say predicted, truth, class, verdict, error (boundary, extent, segment), right or item.",
        )


class WholeMasks:
    """The masks of all classes of a map, each given once."""

    def __init__(self, labels: Ints, background: int) -> None:
        """`labels` (H, W) are classes; the background has no mask."""
        self._labels = labels
        self._given = {background}

    def take(self, label: int) -> Geometry | None:
        """Return the mask of a class; None where it was given before."""
        if label in self._given:
            return None
        self._given.add(label)
        return read_mask(self._labels == label)


def judge_pixels(found: Ints, truth: Ints, background: int) -> Ints:
    """Return what became of pixels as places in VERDICTS; -1 for background that was left as such."""
    is_found, is_so = found != background, truth != background
    return np.select(
        [~is_found & ~is_so, found == truth, ~is_found, ~is_so],
        [-1, *(VERDICTS.index(of) for of in (Verdict.FOUND, Verdict.MISSED, Verdict.FALSE))],
        VERDICTS.index(Verdict.CONFUSED),
    )


def _divide(truth: Bools, found: Bools) -> float:
    """Return the IoU of two masks."""
    return float(np.count_nonzero(truth & found) / np.count_nonzero(truth | found))
