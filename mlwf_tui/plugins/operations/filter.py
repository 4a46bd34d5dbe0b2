"""filter: keep the items, and of them the objects, that meet conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.classes import check_classes, keep_objects
from mlwf_tui.plugins.operations.copies import check_splits
from mlwf_tui.protocols import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class FilterParams:
    classes: tuple[str, ...] = param((), "keep only objects of these classes; empty keeps all")
    splits: tuple[str, ...] = param((), "keep only items of these splits; empty keeps all")
    min_objects: int = param(0, "keep only items with at least so many objects, of those kept", low=0)


class Filter:
    """The items that meet all conditions; pixels stay as they are."""

    name = "filter"
    summary = "keep items by class, split and number of objects"
    group = "selection"
    version = 1
    params_type: type[Any] = FilterParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: FilterParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield what is kept; raises InvalidParameter for a split that does not exist."""
        splits = check_splits(params.splits) or set(Split)
        classes = set(params.classes)
        for position, source in enumerate(items):
            item = keep_objects(source.item, lambda name: not classes or name in classes)
            if _is_kept(item, splits, params.min_objects):
                yield PlannedItem(item, position)

    def transform_schema(self, schema: LabelSchema, params: FilterParams) -> LabelSchema:
        """Return the schema with the kept classes; raises InvalidParameter for an unknown one."""
        check_classes(schema, params.classes)
        if not params.classes:
            return schema
        return replace(schema, classes=tuple(c for c in schema.classes if c.name in params.classes))


def _is_kept(item: Item, splits: set[Split], min_objects: int) -> bool:
    return item.split in splits and len(item.annotation.objects) >= min_objects
