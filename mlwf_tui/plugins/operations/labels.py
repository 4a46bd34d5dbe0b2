"""What operations on annotations share: every item goes by with another annotation, and no pixel is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.protocols.operations import PlannedItem, SourceItem

ObjectsChange = Callable[[Item, LabelSchema, Any], Iterable[AnnotatedObject]]
"""Returns the objects that an item has afterwards."""


def keep_schema(schema: LabelSchema, params: Any) -> LabelSchema:
    """Return the schema as it is."""
    return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectOperation:
    """An operation that changes the objects of each item by itself.

    `check` is asked before all, and `change_schema` says what the classes are afterwards.
    """

    name: str
    summary: str
    params_type: type[Any]
    change: ObjectsChange
    check: Callable[[LabelSchema, Any], None] = lambda schema, params: None
    change_schema: Callable[[LabelSchema, Any], LabelSchema] = keep_schema
    version: int = 1
    group: str = "annotations"
    is_random: bool = False

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: Any, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item with its objects as they are afterwards.

        Raises:
            InvalidParameter: parameters that do not go together, or a class that does not exist.
        """
        self.check(schema, params)
        for position, source in enumerate(items):
            yield PlannedItem(self._change_item(source.item, schema, params), position)

    def _change_item(self, item: Item, schema: LabelSchema, params: Any) -> Item:
        objects = tuple(self.change(item, schema, params))
        if objects == item.annotation.objects:
            return item
        return replace(item, annotation=replace(item.annotation, objects=objects))

    def transform_schema(self, schema: LabelSchema, params: Any) -> LabelSchema:
        """Return the schema afterwards; raises InvalidParameter for a class that it lacks."""
        self.check(schema, params)
        return self.change_schema(schema, params)


def allow_shapes(schema: LabelSchema, class_names: Sequence[str] = ()) -> LabelSchema:
    """Return the schema with any kind of shape allowed for classes, for all where none is named."""
    classes = tuple(
        replace(c, geometry=None) if not class_names or c.name in class_names else c for c in schema.classes
    )
    return replace(schema, classes=classes)
