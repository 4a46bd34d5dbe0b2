"""The images behind the numbers of a report of classes of whole images: what is so, and what was said."""

from __future__ import annotations

import numpy as np

from mlwf_tui.entities.evidence import ItemEvidence, ObjectEvidence, Pick, Verdict
from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.evaluation.classifying import Classified
from mlwf_tui.evaluation.columns import Bools, FoundTruths
from mlwf_tui.evaluation.named import find_label, find_place

MOST_ANSWERS = 5


class AnswersEvidence:
    """Looks behind the numbers of a classifier's report; thresholds change nothing of it."""

    def __init__(self, classified: Classified) -> None:
        self._of = classified

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds change anything."""
        return False

    @property
    def own(self) -> Thresholds:
        """The thresholds that the report was made at: the surest answer stands, whatever its confidence."""
        return Thresholds(0.0)

    def read_truths(self) -> FoundTruths:
        """Return the class of each image, and whether it was said."""
        of = self._of
        return FoundTruths(of.keys, of.names, np.arange(len(of.keys)), of.label, of.is_right)

    def find_members(self, wanted: tuple[str, str]) -> Bools:
        """Refuse: classes of images are not sliced.

        Raises:
            NotFound: always.
        """
        raise NotFound(f"The report has no slice {wanted[0]}: {wanted[1]}.", hint="It has none at all.")

    def list_items(self, pick: Pick, at: Thresholds) -> tuple[ItemEvidence, ...]:
        """Return the images that a number counts, those that are wrong first, the surest of them before.

        Raises:
            InvalidInput: the number is none that classifiers have, or there is no such class.
            NotFound: the image was not measured.
        """
        of = self._of
        chosen = np.flatnonzero(self._choose(pick))
        order = chosen[np.lexsort((-of.scores.max(axis=1)[chosen], of.is_right[chosen]))]
        verdicts = [self._judge(int(place)) for place in order]
        return tuple(
            ItemEvidence(
                key=of.keys[place],
                found=int(verdict is Verdict.FOUND),
                missed=int(verdict is Verdict.MISSED),
                false=0,
                confused=int(verdict is Verdict.CONFUSED),
                count=int(verdict is not Verdict.FOUND) if pick.is_of_all else 1,
            )
            for place, verdict in zip(order.tolist(), verdicts, strict=True)
        )

    def look(self, key: str, pick: Pick, at: Thresholds) -> tuple[ObjectEvidence, ...]:
        """Return what was said of an image, the surest answer first: it is what a number counts.

        Raises:
            InvalidInput: the number is none that classifiers have, or there is no such class.
            NotFound: the image was not measured.
        """
        of, place = self._of, find_place(self._of.keys, key)
        truth, verdict = of.names[int(of.label[place])], self._judge(place)
        is_meant = not pick.is_of_all and bool(self._choose(pick)[place])
        if verdict is Verdict.MISSED:
            return (ObjectEvidence(verdict=verdict, truth_class=truth, truth_place=place, is_meant=is_meant),)
        answers = np.argsort(-of.scores[place], kind="stable")[:MOST_ANSWERS].tolist()
        return tuple(
            ObjectEvidence(
                verdict=verdict
                if rank == 0
                else Verdict.FOUND
                if of.names[label] == truth
                else Verdict.FALSE,
                truth_class=truth if rank == 0 or of.names[label] == truth else "",
                predicted_class=of.names[label],
                confidence=float(of.scores[place, label]),
                truth_place=place if rank == 0 else None,
                is_meant=is_meant and rank == 0,
            )
            for rank, label in enumerate(answers)
            if rank == 0 or of.scores[place, label] > 0
        )

    def _judge(self, place: int) -> Verdict:
        if self._of.is_right[place]:
            return Verdict.FOUND
        return Verdict.CONFUSED if self._of.answered[place] else Verdict.MISSED

    def _choose(self, pick: Pick) -> Bools:
        """Return (I,): which images are meant."""
        of = self._of
        if pick.error is not None or pick.iou is not None or pick.slice is not None:
            raise InvalidInput(
                f"A report of classes of images has no {pick.describe()}.",
                hint="Say predicted, truth, class, verdict, confidence, right or item.",
            )
        chosen = np.ones(len(of.keys), bool)
        if pick.predicted is not None:
            chosen &= of.answer == self._find_class(pick.predicted)
        if pick.truth is not None:
            chosen &= of.label == self._find_class(pick.truth)
        if pick.of_class:
            wanted = self._find_class(pick.of_class)
            chosen &= (of.answer == wanted) | (of.label == wanted)
        if pick.verdict is not None:
            chosen &= np.array([self._judge(place) is pick.verdict for place in range(len(of.keys))])
        if pick.is_hit is not None:
            chosen &= of.is_right == pick.is_hit
        if pick.confidence is not None:
            low, high = pick.confidence
            best = of.scores.max(axis=1)
            chosen &= (best >= low) & ((best < high) | ((high >= 1) & (best <= high)))
        if pick.item:
            chosen &= np.arange(len(of.keys)) == find_place(of.keys, pick.item)
        return chosen

    def _find_class(self, name: str) -> int:
        return find_label(self._of.names, name) if name else len(self._of.names)  # no answer
