"""The images behind the numbers of a comparison: what the newer model fixed, broke, or misses as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlwf_tui.entities.evidence import (
    Fate,
    FatePick,
    ItemFates,
    ObjectEvidence,
    ObjectFate,
    Pick,
    Verdict,
)
from mlwf_tui.entities.ids import ReportId
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measurement import ComparisonReport
from mlwf_tui.errors import Conflict, NotFound
from mlwf_tui.evaluation.named import find_label, find_place
from mlwf_tui.workflow.reporting.evidence import Evidence, TruthsLooker, open_evidence
from mlwf_tui.workflow.reporting.pairs import PairEvidence
from mlwf_tui.workflow.reporting.pixel_pair_evidence import PixelPairEvidence
from mlwf_tui.workflow.reporting.words import write_table
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.columns import Bools

FATES = tuple(Fate)


class TruthPairEvidence(PairEvidence):
    """What stands behind a pair of reports of truths that are found or not, one by one."""

    is_of_pixels = False

    def __init__(self, new: Evidence, old: Evidence) -> None:
        """Raise Conflict where the two are not of the same truths."""
        import numpy as np

        assert isinstance(new.looker, TruthsLooker) and isinstance(old.looker, TruthsLooker)
        super().__init__(new, old)
        self._looker = new.looker
        self._truths, others = new.looker.read_truths(), old.looker.read_truths()
        older = self._truths.align(others)
        if older is None:
            raise Conflict(
                f"{new.report.name} and {old.report.name} are not of the same truths any more.",
                hint="Compare the models again.",
            )
        self._older = older  # (M,) where the older report has each truth
        now, before = self._truths.is_found, others.is_found[older]
        cases = {Fate.FIXED: now & ~before, Fate.BROKEN: ~now & before, Fate.BOTH_RIGHT: now & before}
        places = [FATES.index(fate) for fate in cases]
        self._fate = np.select(list(cases.values()), places, FATES.index(Fate.BOTH_WRONG))  # (M,)
        self._class_names = tuple(dict.fromkeys((*self._truths.names, *others.names)))

    def list_items(self, pick: FatePick) -> tuple[ItemFates, ...]:
        """Return the images with truths that are meant, those with most of them first.

        An image that is asked for by its name alone is there also where nothing of it is meant.

        Raises:
            InvalidParameter: neither report has such a class.
            NotFound: there is no such slice or image.
        """
        import numpy as np

        of = self._truths
        size = len(of.keys)
        by_fate = [np.bincount(of.image[self._fate == place], minlength=size) for place in range(len(FATES))]
        meant = np.bincount(of.image[self._choose_meant(pick)], minlength=size)
        chosen = np.flatnonzero(meant)
        chosen = chosen[np.argsort(-meant[chosen], kind="stable")]
        if pick.item and pick.is_of_all:
            chosen = np.array([find_place(of.keys, pick.item)])
        fixed, broken, both_wrong, both_right = (column.tolist() for column in by_fate)
        return tuple(
            ItemFates(
                key=of.keys[place], fixed=fixed[place], broken=broken[place], both_wrong=both_wrong[place],
                both_right=both_right[place], count=int(meant[place]),
            )
            for place in chosen.tolist()
        )  # fmt: skip

    def look(self, key: str, pick: FatePick) -> tuple[Item, tuple[ObjectFate, ...]]:
        """Return an image, and what both say of each truth; then what either says of nothing.

        Raises:
            NotFound: the image was not measured.
        """
        item, newer = self._new.look(key, Pick())
        _, older = self._old.look(key, Pick())
        found = [*self._iter_fates(newer, older, pick), *_iter_false(newer, older)]
        return item, tuple(sorted(found, key=lambda one: (not one.is_meant, one.fate is Fate.BOTH_RIGHT)))

    def _iter_fates(
        self, newer: Sequence[ObjectEvidence], older: Sequence[ObjectEvidence], pick: FatePick
    ) -> Iterator[ObjectFate]:
        """Yield what became of each truth of an image."""
        is_meant = self._choose_meant(pick)
        before = {one.truth_place: one for one in older}
        for one in newer:
            place = one.truth_place
            if place is not None:
                yield ObjectFate(
                    fate=FATES[int(self._fate[place])],
                    newer=one,
                    older=before[int(self._older[place])],
                    is_meant=bool(is_meant[place]),
                )

    def _choose_meant(self, pick: FatePick) -> Bools:
        """Return (M,): which truths are meant."""
        import numpy as np

        of = self._truths
        fates = (Fate.FIXED, Fate.BROKEN) if pick.fate is None else (pick.fate,)
        meant = np.isin(self._fate, [FATES.index(fate) for fate in fates])
        if pick.of_class:  # the newer report's own classes come first, as its labels do
            meant &= of.label == find_label(self._class_names, pick.of_class)
        if pick.slice is not None:
            meant &= self._looker.find_members(pick.slice)
        if pick.item:
            meant &= of.image == find_place(of.keys, pick.item)
        return meant


def open_pair(workspace: Workspace, body: ComparisonReport, pair: int = 0) -> PairEvidence:
    """Return what looks behind one of the pairs of a comparison.

    Raises:
        NotFound: there is no such pair, or one of the reports, or their version, was deleted.
        Conflict: the two are not of the same truths any more.
        InvalidInput: predictions were not kept.
    """
    if not 0 <= pair < len(body.pairs):
        raise NotFound(f"There is no pair {pair + 1}.", hint=f"There are {len(body.pairs)}.")
    sides = []
    for model in (body.models[pair], body.models[-1]):
        report = workspace.catalog.reports.get_by_id(ReportId(model.report))
        sides.append(open_evidence(workspace, report, read_evaluation(workspace, report)))
    new, old = sides
    return PixelPairEvidence(new, old) if new.is_of_pixels else TruthPairEvidence(new, old)


def write_fate_table(items: Sequence[ItemFates]) -> str:
    """Return the images as CSV: what became of the truths of each, and how many are meant.

    Of pixels the IoU of each as well, before and now.
    """
    header: tuple[str, ...] = ("item", "fixed", "broken", "both_wrong", "both_right", "count")
    rows: list[tuple[str | float | None, ...]] = [
        (of.key, of.fixed, of.broken, of.both_wrong, of.both_right, of.count) for of in items
    ]
    if any(of.is_of_pixels for of in items):
        header = (*header, "iou_before", "iou")
        rows = [(*row, of.iou_before, of.iou) for row, of in zip(rows, items, strict=True)]
    return write_table(header, rows)


def _iter_false(newer: Sequence[ObjectEvidence], older: Sequence[ObjectEvidence]) -> Iterator[ObjectFate]:
    """Yield what either model says of nothing; answers of whole images are none of these."""
    for one in newer:
        if one.verdict is Verdict.FALSE and one.predicted is not None:
            yield ObjectFate(fate=None, newer=one, older=None)
    for one in older:
        if one.verdict is Verdict.FALSE and one.predicted is not None:
            yield ObjectFate(fate=None, newer=None, older=one)
