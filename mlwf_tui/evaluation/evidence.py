"""The images and objects behind the numbers of a report whose predictions are objects, at any thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.evidence import ItemEvidence, ObjectEvidence, Pick, Verdict
from mlwf_tui.entities.ignored import is_ignored
from mlwf_tui.entities.measurement import ErrorKind, PixelErrorKind, Thresholds
from mlwf_tui.errors import InvalidInput
from mlwf_tui.evaluation.columns import MAX_DETECTIONS, Bools, Floats, FoundTruths, Ints, Objects, list_boxed
from mlwf_tui.evaluation.crossings import Crossings, Entries, find_crossings, list_entries, list_unkept
from mlwf_tui.evaluation.errors import Nearest, find_errors, find_missed, find_nearest
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.named import find_label, find_place, refuse_slice
from mlwf_tui.evaluation.slices import ItemFacts, iter_item_parts, iter_object_parts

VERDICTS = tuple(Verdict)
_KINDS = tuple(ErrorKind)
_NONE = -1


@dataclass(frozen=True, slots=True)
class _Held:
    """What follows from thresholds: entries that stand at them, and the predictions below the confidence."""

    at: Thresholds
    measured: Measured
    entries: Entries
    image: Ints  # (E,)
    verdict: Ints  # (E,) place in VERDICTS
    error: Ints  # (E,) place in ErrorKind of the prediction, -1 for none
    is_missed: Bools  # (E,) whether TIDE counts the truth as missed: no prediction means it
    stands: Bools  # (E,) False of predictions below the confidence: only a bin of confidence counts them


class ObjectsEvidence:
    """Looks behind the numbers of paired objects. One thread at a time uses it."""

    def __init__(
        self,
        measured: Measured,
        read_objects: Callable[[str], Objects],
        read_facts: Callable[[], Sequence[ItemFacts]],
    ) -> None:
        """`read_objects` takes an item's key; `read_facts` returns what parts the items, in their order."""
        self._measured = measured
        self._read_objects = read_objects
        self._read_facts = read_facts
        self._crossings: Crossings | None = None
        self._nearest: Nearest | None = None
        self._held: _Held | None = None

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""
        return True

    @property
    def own(self) -> Thresholds:
        """The thresholds that the report was made at."""
        return Thresholds(self._measured.confidence, self._measured.hit_iou)

    def read_truths(self) -> FoundTruths:
        """Return all truths, and which of them were found at the report's own thresholds."""
        of = self._measured
        return FoundTruths(of.keys, of.names, of.truths.image, of.truths.label, of.is_found)

    def find_members(self, wanted: tuple[str, str]) -> Bools:
        """Return (M,): which truths belong to a slice, given by group and name.

        Raises:
            NotFound: there is no such slice.
        """
        member, is_of_items = self._find_slice(wanted)
        return member[self._measured.truths.image] if is_of_items else member

    def list_items(self, pick: Pick, at: Thresholds) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts something of, those with most of it first.

        Of all images these are the ones with most mistakes, and those without any are there too.

        Raises:
            InvalidInput: hits are not known at that IoU, or there is no such class.
            NotFound: there is no such item or slice.
        """
        held = self._hold(at)
        size = len(self._measured.keys)
        by_verdict = [
            np.bincount(held.image[held.stands & (held.verdict == place)], minlength=size)
            for place in range(len(VERDICTS))
        ]
        found, missed, false, confused = (column.tolist() for column in by_verdict)
        wanted = self._find_items(pick)
        if pick.is_of_all:
            counts = by_verdict[1] + by_verdict[2] + by_verdict[3]
        else:
            counts = np.bincount(held.image[self._choose(pick, held)], minlength=size)
            wanted = wanted & (counts > 0)
        chosen = np.flatnonzero(wanted)
        chosen = chosen[np.argsort(-counts[chosen], kind="stable")]
        return tuple(
            ItemEvidence(
                key=self._measured.keys[place], found=found[place], missed=missed[place], false=false[place],
                confused=confused[place], count=int(counts[place]),
            )
            for place in chosen.tolist()
        )  # fmt: skip

    def look(self, key: str, pick: Pick, at: Thresholds) -> tuple[ObjectEvidence, ...]:
        """Return an image's objects, those that the number counts first.

        Raises:
            NotFound: the image was not measured.
        """
        held, place = self._hold(at), find_place(self._measured.keys, key)
        of = held.measured
        objects = self._read_objects(key)
        first = int(np.searchsorted(of.detections.image, place))
        first_truth = int(np.searchsorted(of.truths.image, place))
        is_meant = self._choose(pick, held) if not pick.is_of_all else np.zeros(len(held.image), bool)
        seen = []
        for entry in np.flatnonzero((held.image == place) & (held.stands | is_meant)).tolist():
            row, truth_row = int(held.entries.detection[entry]), int(held.entries.truth[entry])
            said = objects.found[row - first] if row >= 0 else None
            truth = objects.truths[truth_row - first_truth] if truth_row >= 0 else None
            seen.append(
                ObjectEvidence(
                    verdict=VERDICTS[int(held.verdict[entry])],
                    truth_class=truth.class_name if truth else "",
                    predicted_class=said.class_name if said else "",
                    truth=truth.geometry if truth and held.stands[entry] else None,  # else it is drawn alone
                    predicted=said.geometry if said else None,
                    confidence=float(of.detections.score[row]) if said else None,
                    iou=float(held.entries.iou[entry]),
                    error=_find_kind(held, entry),
                    truth_place=truth_row if truth and held.stands[entry] else None,
                    is_meant=bool(is_meant[entry]),
                )
            )
        return tuple(sorted(seen, key=lambda one: (not one.is_meant, VERDICTS.index(one.verdict) == 0)))

    def _hold(self, at: Thresholds) -> _Held:
        if self._held is None or self._held.at != at:
            self._held = None  # not two in memory
            self._held = self._make(at)
        return self._held

    def _make(self, at: Thresholds) -> _Held:
        if self._crossings is None or self._nearest is None:
            self._crossings = find_crossings(self._measured)
            self._nearest = find_nearest(self._measured, np.arange(len(self._measured.detections.image)))
        measured = self._measured.at_iou(at.hit_iou).at_confidence(at.confidence)
        standing = list_entries(measured, self._crossings)
        entries = standing.join(list_unkept(measured))
        stands = np.arange(len(entries.iou)) < len(standing.iou)
        row, truth_row = entries.detection, entries.truth
        image = np.where(
            row >= 0,
            np.append(measured.detections.image, _NONE)[row],
            np.append(measured.truths.image, _NONE)[truth_row],
        )
        is_pair = (row >= 0) & (truth_row >= 0)
        is_same = (
            np.append(measured.detections.label, _NONE)[row]
            == np.append(measured.truths.label, _NONE)[truth_row]
        )
        verdict = np.where(truth_row < 0, VERDICTS.index(Verdict.FALSE), VERDICTS.index(Verdict.CONFUSED))
        verdict[row < 0] = VERDICTS.index(Verdict.MISSED)
        verdict[is_pair & is_same] = VERDICTS.index(Verdict.FOUND)
        errors = find_errors(measured, self._nearest)
        return _Held(
            at, measured, entries, image, verdict, np.append(errors.detection, _NONE)[row],
            stands & np.append(find_missed(measured, errors), False)[truth_row], stands,
        )  # fmt: skip

    # --- what is meant -------------------------------------------------------------------------

    def _choose(self, pick: Pick, held: _Held) -> Bools:
        """Return (E,): which entries are meant; predictions below the confidence only by a bin of it."""
        of, entries = held.measured, held.entries
        label = np.append(of.detections.label, _NONE)[entries.detection]
        truth_label = np.append(of.truths.label, _NONE)[entries.truth]
        chosen = held.stands.copy() if pick.confidence is None else np.ones(len(held.image), bool)
        if pick.item:
            chosen &= held.image == find_place(self._measured.keys, pick.item)
        if pick.predicted is not None:
            chosen &= label == self._find_class(pick.predicted)
        if pick.truth is not None:
            chosen &= truth_label == self._find_class(pick.truth)
        if pick.of_class:
            wanted = self._find_class(pick.of_class)
            chosen &= (label == wanted) | (truth_label == wanted)
        if pick.verdict is not None:
            chosen &= held.verdict == VERDICTS.index(pick.verdict)
        if isinstance(pick.error, PixelErrorKind):
            raise InvalidInput(
                f"A report of objects has no {pick.describe()}.",
                hint="Measure pixels: mlwf benchmark MODEL REF -p evaluator=semantic.",
            )
        if pick.error is not None:
            is_missed = pick.error is ErrorKind.MISSED
            chosen &= held.is_missed if is_missed else held.error == _KINDS.index(pick.error)
        if pick.is_hit is not None:
            hit = VERDICTS.index(Verdict.FOUND)
            chosen &= (entries.detection >= 0) & ((held.verdict == hit) == pick.is_hit)
        if pick.iou is not None:
            chosen &= (held.verdict == VERDICTS.index(Verdict.FOUND)) & _lies_in(entries.iou, pick.iou)
        if pick.confidence is not None:
            score = np.append(of.detections.score, -1.0)[entries.detection]
            chosen &= _lies_in(score, pick.confidence)
        if pick.slice is not None:
            chosen &= self._choose_slice(pick.slice, held)
        return chosen

    def _choose_slice(self, wanted: tuple[str, str], held: _Held) -> Bools:
        member, is_of_items = self._find_slice(wanted)
        return member[held.image] if is_of_items else np.append(member, False)[held.entries.truth]

    def _find_slice(self, wanted: tuple[str, str]) -> tuple[Bools, bool]:
        """Return which items (I,) or truths (M,) belong to a slice, and whether it is of items."""
        parts = [(part, False) for part in iter_object_parts(self._measured)]
        if wanted not in [(part.group, part.name) for part, _ in parts]:  # facts are slow to read
            parts += [(part, True) for part in iter_item_parts(self._measured, self._read_facts())]
        for part, is_of_items in parts:
            if (part.group, part.name) == wanted:
                return part.member, is_of_items
        raise refuse_slice(wanted, [(part.group, part.name) for part, _ in parts])

    def _find_items(self, pick: Pick) -> Bools:
        wanted = np.ones(len(self._measured.keys), bool)
        if pick.item:
            wanted[:] = False
            wanted[find_place(self._measured.keys, pick.item)] = True
        return wanted

    def _find_class(self, name: str) -> int:
        return find_label(self._measured.names, name) if name else _NONE


def _find_kind(held: _Held, entry: int) -> ErrorKind | None:
    if held.error[entry] >= 0:
        return _KINDS[int(held.error[entry])]
    return ErrorKind.MISSED if held.is_missed[entry] else None


def _lies_in(values: Floats, bounds: tuple[float, float]) -> Bools:
    """Return which values lie in a bin; the uppermost one has its end, as histograms count."""
    low, high = bounds
    inside: Bools = (values >= low) & ((values < high) | ((high >= 1) & (values <= high)))
    return inside


def order_boxes(
    truths: Sequence[AnnotatedObject], found: Sequence[AnnotatedObject], names: Sequence[str]
) -> Objects:
    """Return an image's objects in the order of the rows that measuring boxes makes of them."""
    index = {name: place for place, name in enumerate(names)}
    boxes = [one for one in list_boxed(truths) if not is_ignored(one)]
    ranked = sorted(found, key=lambda one: (index[one.class_name], -_score(one)))
    counts: dict[str, int] = {}
    kept = []
    for one in ranked:
        counts[one.class_name] = counts.get(one.class_name, 0) + 1
        if counts[one.class_name] <= MAX_DETECTIONS:
            kept.append(one)
    return Objects(sorted(boxes, key=lambda one: index[one.class_name]), kept)


def _score(one: AnnotatedObject) -> float:
    return 1.0 if one.confidence is None else one.confidence
