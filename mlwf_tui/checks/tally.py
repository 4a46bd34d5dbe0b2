"""Goes through items once and keeps what the rules need: faults, classes by split, shapes, groups."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwf_tui.checks.gathering import MAX_PLACES, make_finding
from mlwf_tui.checks.objects import Fault, iter_faults
from mlwf_tui.checks.shapes import WITH_AREA
from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema
from mlwf_tui.entities.finding import Finding, FindingKind, FoundPlace
from mlwf_tui.entities.item import Item, Split

GROUP_TAG: Final = "group"
RARE_SHARE: Final = 0.1  # of the objects of the commonest class
MIN_SHAPES: Final = 30  # fewer objects of a class say nothing of what is usual
MIN_ODD_FACTOR: Final = 4.0  # times longer or flatter than the median, whatever the spread
ODD_SPREADS: Final = 5.0  # robust standard deviations


class Tally:
    """What was seen of a project so far. Items come in the order of their places, from 0."""

    def __init__(self, schema: LabelSchema) -> None:
        self.item_count = 0
        self.object_count = 0
        self._schema = schema
        self._declared = frozenset(schema.class_names)
        self._counts: Counter[FindingKind] = Counter()
        self._places: defaultdict[FindingKind, list[FoundPlace]] = defaultdict(list)
        self._class_splits: Counter[tuple[str, Split]] = Counter()
        self._undeclared: dict[str, None] = {}
        self._groups: defaultdict[str, dict[Split, str]] = defaultdict(dict)  # to the first item's key
        self._grouped: list[tuple[str, Split, str]] = []
        # Of every object with an area: its class, the log of its width to its height, its item and number.
        self._class_numbers: dict[str, int] = {}
        self._shape_classes = array("I")
        self._ratios = array("f")
        self._shape_places = array("I")
        self._shape_numbers = array("I")

    def add(self, item: Item) -> None:
        """Look at the next item."""
        objects = item.annotation.objects
        if not objects and not item.annotation.tags:
            self._note(FindingKind.UNANNOTATED, FoundPlace(item.key, (), item.split.value))
        for number, labelled in enumerate(objects, start=1):
            self._class_splits[labelled.class_name, item.split] += 1
            self._add_shape(labelled, number)
        for tag in item.annotation.tags:
            if tag.name == GROUP_TAG and tag.value is not None and item.split is not Split.NONE:
                group = f"{tag.value}"
                self._groups[group].setdefault(item.split, item.key)
                self._grouped.append((item.key, item.split, group))
        self._add_faults(item)
        self.item_count += 1
        self.object_count += len(objects)

    def list_findings(self) -> list[Finding]:
        """Return what was found of objects, groups and classes."""
        self._find_group_leaks()
        found = [
            make_finding(kind, count, places=self._places[kind], detail=self._detail(kind))
            for kind, count in self._counts.items()
        ]
        return [*found, *self._list_class_findings()]

    def find_odd_shapes(self) -> dict[int, list[int]]:
        """Return the numbers of objects whose sides are in an unusual proportion, by the place of their item.

        Unusual is what lies five robust standard deviations (1.4826 times the median deviation) of the
        logarithm from its class's median, and at least four times as long or flat as it.
        """
        found: dict[int, list[int]] = defaultdict(list)
        if not self._ratios:
            return found
        classes = np.frombuffer(self._shape_classes, np.uint32)  # (N,)
        ratios = np.frombuffer(self._ratios, np.float32)  # (N,)
        odd = np.zeros(len(ratios), np.bool_)
        for number in range(len(self._class_numbers)):
            members = classes == number
            if np.count_nonzero(members) < MIN_SHAPES:
                continue
            away = np.abs(ratios[members] - np.median(ratios[members]))
            odd[members] = away > max(math.log(MIN_ODD_FACTOR), ODD_SPREADS * 1.4826 * float(np.median(away)))
        for at in np.flatnonzero(odd):
            found[self._shape_places[at]].append(self._shape_numbers[at])
        return found

    def _note(self, kind: FindingKind, place: FoundPlace) -> None:
        self._counts[kind] += 1
        if len(self._places[kind]) < MAX_PLACES:
            self._places[kind].append(place)

    def _add_faults(self, item: Item) -> None:
        by_kind: dict[FindingKind, list[Fault]] = {}
        for fault in iter_faults(item, self._declared):
            by_kind.setdefault(fault.kind, []).append(fault)
        for kind, faults in by_kind.items():
            notes = dict.fromkeys(fault.note for fault in faults)
            if kind is FindingKind.UNDECLARED_CLASS:
                self._undeclared |= notes
            self._note(kind, FoundPlace(item.key, tuple(f.number for f in faults), ", ".join(notes)))

    def _add_shape(self, labelled: AnnotatedObject, number: int) -> None:
        geometry = labelled.geometry
        if geometry.kind not in WITH_AREA or not geometry.points:
            return
        left, top, right, bottom = geometry.bounds
        if right > left and bottom > top:
            known = self._class_numbers
            self._shape_classes.append(known.setdefault(labelled.class_name, len(known)))
            self._ratios.append(math.log((right - left) / (bottom - top)))
            self._shape_places.append(self.item_count)
            self._shape_numbers.append(number)

    def _find_group_leaks(self) -> None:
        for key, split, group in self._grouped:
            others = {other: first for other, first in self._groups[group].items() if other is not split}
            if others:
                other, first = next(iter(others.items()))
                self._note(FindingKind.GROUP_LEAK, FoundPlace(key, (), f"{split}, as {first} in {other}"))
        self._grouped.clear()

    def _detail(self, kind: FindingKind) -> str:
        if kind is FindingKind.UNDECLARED_CLASS:
            return f": {_join(list(self._undeclared))}"
        return ""

    def _list_class_findings(self) -> Iterator[Finding]:
        totals: Counter[str] = Counter()
        for (name, _), count in self._class_splits.items():
            totals[name] += count
        unused = [name for name in self._schema.class_names if not totals[name]]
        tagged = self._schema_tags()
        unused = [name for name in unused if name not in tagged]  # image-level classes are tags
        if unused:
            yield make_finding(
                FindingKind.UNUSED_CLASS, len(unused), classes=unused, detail=f": {_join(unused)}"
            )
        yield from self._list_untrained(totals)
        yield from _list_rare(totals)

    def _schema_tags(self) -> frozenset[str]:
        return frozenset(definition.name for definition in self._schema.tags)

    def _list_untrained(self, totals: Counter[str]) -> Iterator[Finding]:
        trained = {name for (name, split) in self._class_splits if split is Split.TRAIN}
        measured = {
            name for (name, split) in self._class_splits if split in (Split.VAL, Split.TEST)
        } - trained
        names = [name for name in totals if name in measured]
        if names and trained:
            yield make_finding(
                FindingKind.UNTRAINED_CLASS, len(names), classes=names, detail=f": {_join(names)}"
            )


def _list_rare(totals: Counter[str]) -> Iterator[Finding]:
    if len(totals) < 2:
        return
    (common, most), *_ = totals.most_common(1)
    rare = [name for name, count in reversed(totals.most_common()) if count < RARE_SHARE * most]
    if rare:
        counted = _join([f"{name} {totals[name]:,}" for name in rare])
        yield make_finding(
            FindingKind.IMBALANCE, len(rare), classes=rare, detail=f": {counted}; {common} {most:,}"
        )


def _join(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
