"""By which rules reports count: figures by two are not mixed, and an older report is read by its own.

Rules 1 know no crowds and no difficult objects, all of which are to be found, and take boxes for the size of
whatever stands in them. A report notes its rules where they say anything else of what it has measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.ignored import CROWD, DIFFICULT, is_ignored
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.model import Report

FIRST, NOW = 1, 2
_OUTLINES = frozenset({GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX})


def find_rules(items: Sequence[Item], evaluator: str) -> int:
    """Return the rules that a report would note: the first ones where those of now say the same."""
    objects = [one for item in items for one in item.annotation.objects]
    has_ignored = evaluator != "classify" and any(map(is_ignored, objects))
    has_outlines = evaluator == "detect" and any(one.geometry.kind in _OUTLINES for one in objects)
    return NOW if has_ignored or has_outlines else FIRST


def note_rules(items: Sequence[Item], evaluator: str) -> dict[str, float]:
    """Return what a report's settings say of its rules; nothing where the first ones say the same."""
    rules = find_rules(items, evaluator)
    return {} if rules == FIRST else {"rules": rules}


def read_rules(report: Report) -> int:
    """Return the rules that a report was counted by."""
    return int(report.settings.get("rules", FIRST))


def apply_rules(items: Sequence[Item], rules: int) -> tuple[Item, ...]:
    """Return items as rules see them: by the first ones every object is to be found."""
    return tuple(items) if rules > FIRST else tuple(map(_unmark, items))


def _unmark(item: Item) -> Item:
    if not any(map(is_ignored, item.annotation.objects)):
        return item
    objects = tuple(
        replace(one, tags=tuple(tag for tag in one.tags if tag.name not in (CROWD, DIFFICULT)))
        for one in item.annotation.objects
    )
    return replace(item, annotation=replace(item.annotation, objects=objects))
