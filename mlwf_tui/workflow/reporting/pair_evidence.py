"""The images behind the numbers of a comparison: what the newer model fixed, broke, or misses as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlwf_tui.entities.annotation import LabelSchema
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
from mlwf_tui.workflow.reporting.evidence import Evidence, open_evidence
from mlwf_tui.workflow.reporting.words import write_table
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # numpy, which only what measures needs
    from mlwf_tui.evaluation.columns import Bools

FATES = tuple(Fate)


class PairEvidence:
    """What stands behind a pair of a comparison; each report counts at its own thresholds."""

    def __init__(self, new: Evidence, old: Evidence) -> None:
        """Raise Conflict where the two are not of the same truths."""
        self._new, self._old = new, old
        self._truths = new.looker.read_truths()
        others = old.looker.read_truths()
        same = list(self._truths.keys) == list(others.keys) and list(self._truths.names) == list(others.names)
        if not same:
            raise Conflict(
                f"{new.report.name} and {old.report.name} are not of the same truths any more.",
                hint="Compare the models again.",
            )
        self._was_found = others.is_found

    @property
    def schema(self) -> LabelSchema:
        """The classes of the version that was measured on."""
        return self._new.schema

    @property
    def names(self) -> tuple[str, str]:
        """The newer model and the older."""
        return self._new.report.model_name, self._old.report.model_name

    def list_items(self, pick: FatePick) -> tuple[ItemFates, ...]:
        """Return the images with truths that are meant, those with most of them first.

        Raises:
            NotFound: there is no such slice or image.
        """
        import numpy as np

        of = self._truths
        size = len(of.keys)
        if pick.item and pick.item not in of.keys:
            raise NotFound(f"{pick.item!r} was not measured.", hint="See the report's items.")
        by_fate = [np.bincount(of.image[self._choose(fate)], minlength=size) for fate in FATES]
        meant = np.bincount(of.image[self._choose_meant(pick)], minlength=size)
        chosen = np.flatnonzero(meant)
        chosen = chosen[np.argsort(-meant[chosen], kind="stable")]
        if pick.item:
            chosen = np.array([of.keys.index(pick.item)])
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
        found = list(_iter_fates(newer, older, pick))
        return item, tuple(sorted(found, key=lambda one: (not one.is_meant, one.fate is Fate.BOTH_RIGHT)))

    def _choose(self, fate: Fate) -> Bools:
        """Return (M,): which truths have this fate."""
        now, before = self._truths.is_found, self._was_found
        match fate:
            case Fate.FIXED:
                return now & ~before
            case Fate.BROKEN:
                return ~now & before
            case Fate.BOTH_WRONG:
                return ~now & ~before
            case Fate.BOTH_RIGHT:
                return now & before

    def _choose_meant(self, pick: FatePick) -> Bools:
        import numpy as np

        of = self._truths
        is_changed = self._choose(Fate.FIXED) | self._choose(Fate.BROKEN)
        meant = self._choose(pick.fate) if pick.fate is not None else is_changed
        if pick.of_class:
            meant = meant & np.array([name == pick.of_class for name in of.names], bool)
        if pick.slice is not None:
            meant = meant & self._new.looker.find_members(pick.slice)
        if pick.item:
            meant = meant & (of.image == of.keys.index(pick.item))
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
    return PairEvidence(sides[0], sides[1])


def write_fate_table(items: Sequence[ItemFates]) -> str:
    """Return the images as CSV: what became of the truths of each, and how many are meant."""
    header = ("item", "fixed", "broken", "both_wrong", "both_right", "count")
    return write_table(
        header, [(of.key, of.fixed, of.broken, of.both_wrong, of.both_right, of.count) for of in items]
    )


def _iter_fates(
    newer: Sequence[ObjectEvidence], older: Sequence[ObjectEvidence], pick: FatePick
) -> Iterator[ObjectFate]:
    left = [one for one in older if one.truth_class]
    is_of_images = not any(one.truth or one.predicted for one in (*newer, *older))
    for now in [one for one in newer if one.truth_class][: 1 if is_of_images else None]:
        before = next(
            (one for one in left if (one.truth_class, one.truth) == (now.truth_class, now.truth)), None
        )
        if before is not None:
            left.remove(before)
        fate = _judge(now, before)
        meant = fate is pick.fate if pick.fate is not None else fate in (Fate.FIXED, Fate.BROKEN)
        yield ObjectFate(
            fate=fate, newer=now, older=before,
            is_meant=meant and pick.of_class in ("", now.truth_class),
        )  # fmt: skip
    if is_of_images:
        return
    for one in newer:
        if one.verdict is Verdict.FALSE:
            yield ObjectFate(fate=None, newer=one, older=None)
    for one in older:
        if one.verdict is Verdict.FALSE:
            yield ObjectFate(fate=None, newer=None, older=one)


def _judge(now: ObjectEvidence, before: ObjectEvidence | None) -> Fate:
    is_right = now.verdict is Verdict.FOUND
    was_right = before is not None and before.verdict is Verdict.FOUND
    if is_right:
        return Fate.BOTH_RIGHT if was_right else Fate.FIXED
    return Fate.BROKEN if was_right else Fate.BOTH_WRONG
