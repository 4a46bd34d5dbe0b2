"""filter: keep the items, and of them the objects, that meet conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.selection import Selection
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.expressions.comparing import make_glob
from mlwf_tui.expressions.parse import Condition, parse_item_condition
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.classes import keep_objects
from mlwf_tui.plugins.operations.names import check_classes, check_splits
from mlwf_tui.plugins.operations.ranges import check_range
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class FilterParams:
    where: str = param("", "keep items that meet this: split == train and count(cat) >= 2 or tag(night)")
    classes: tuple[str, ...] = param((), "keep only objects of these classes; empty keeps all")
    min_confidence: float = param(0.0, "keep objects as sure as this, and all drawn by hand", low=0, high=1)
    splits: tuple[str, ...] = param((), "keep only items of these splits; empty keeps all")
    tags: tuple[str, ...] = param((), "keep only items with one of these tags, or with an object that has it")
    names: tuple[str, ...] = param((), "keep only items whose name fits one of these: IMG_*.jpg")
    min_width_px: int = param(0, "keep only images at least this wide", low=0, high=1_000_000)
    min_height_px: int = param(0, "keep only images at least this high", low=0, high=1_000_000)
    min_objects: int = param(0, "keep only items with at least so many objects, of those kept", low=0)
    max_objects: int | None = param(
        None, "keep items with at most so many; 0 for the empty ones", low=0, unset="none"
    )
    invert: bool = param(False, "keep the other items instead")


class Filter:
    """The items that meet all conditions; pixels stay as they are."""

    name = "filter"
    summary = "keep items by an expression, by class, tag, split, name, size and number of objects"
    group = "selection"
    version = 2
    is_random = False
    params_type: type[Any] = FilterParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: FilterParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield what is kept.

        Raises:
            InvalidParameter: a split or class that does not exist, or an expression that does not parse.
            InvalidInput: no item meets an expression with a tag that only objects have, or with a tag or
                custom value that there is not.
        """
        _check(schema, params)
        is_wanted, count = _Test(params), 0
        for position, source in enumerate(items):
            item = _keep(source.item, params)
            if is_wanted(source.item, item) is not params.invert:
                count += 1
                yield PlannedItem(item, position)
        if params.where and not count:
            _check_named(items, schema, read_item_condition(params.where))

    def transform_schema(self, schema: LabelSchema, params: FilterParams) -> LabelSchema:
        """Return the schema with the kept classes; raises InvalidParameter for an unknown one."""
        _check(schema, params)
        if not params.classes:
            return schema
        return replace(schema, classes=tuple(c for c in schema.classes if c.name in params.classes))


@lru_cache(maxsize=16)  # asked for every item
def read_item_condition(text: str) -> Condition:
    """Return a parsed condition on items; raises InvalidParameter with the place."""
    return parse_item_condition(text)


def _check(schema: LabelSchema, params: FilterParams) -> None:
    check_range(params, "min_objects", "max_objects")
    check_splits(params.splits)
    check_classes(schema, params.classes)
    if params.where:
        read_item_condition(params.where).check_classes(schema)


def _check_named(items: Sequence[SourceItem], schema: LabelSchema, condition: Condition) -> None:
    """Refuse a condition that nothing meets where it names a tag or custom value that is not there.

    Data may lack what a condition names, as `not tag(night)`: while something meets it, all is well.
    """
    own: set[str] = set()
    of_objects: set[str] = set()
    customs: set[str] = set()
    for source in items if condition.tags or condition.customs else ():
        annotation = source.item.annotation
        own.update(tag.name for tag in annotation.tags)
        of_objects.update(tag.name for labelled in annotation.objects for tag in labelled.tags)
        customs.update(annotation.custom, *(labelled.custom for labelled in annotation.objects))
    of_items = (tag.name for tag in condition.tags if not tag.is_of_object)
    misplaced = next((name for name in of_items if name in of_objects - own), None)
    if misplaced is not None:
        raise InvalidInput(
            f"filter leaves no item: no item has the tag {misplaced!r}, only objects have it.",
            hint=f"Ask for an object with it: any(tag({misplaced})).",
        )
    try:
        condition.check_tags({*own, *of_objects, *(definition.name for definition in schema.tags)})
        condition.check_customs(customs)
    except InvalidParameter as error:
        message = f"filter leaves no item: {error.message[:1].lower()}{error.message[1:]}"
        raise InvalidInput(message, hint=error.hint) from error


def _keep(item: Item, params: FilterParams) -> Item:
    """Return an item with the objects that are to be kept."""
    objects = item.annotation.objects
    if params.classes:
        objects = keep_objects(objects, params.classes, is_kept=True)
    if params.min_confidence:
        objects = tuple(o for o in objects if o.confidence is None or o.confidence >= params.min_confidence)
    if len(objects) == len(item.annotation.objects):
        return item
    return replace(item, annotation=replace(item.annotation, objects=objects))


class _Test:
    """Whether an item is wanted: by itself, and by the objects of it that are kept."""

    def __init__(self, params: FilterParams) -> None:
        self._params = params
        self._condition = read_item_condition(params.where) if params.where else None
        splits = tuple(sorted(check_splits(params.splits)))
        self._selection = Selection(splits=splits, tags=params.tags)
        self._globs = [make_glob(pattern) for pattern in params.names]

    def __call__(self, item: Item, kept: Item) -> bool:
        params, count = self._params, len(kept.annotation.objects)
        return (
            count >= params.min_objects
            and (params.max_objects is None or count <= params.max_objects)
            and item.width_px >= params.min_width_px
            and item.height_px >= params.min_height_px
            and (not self._globs or any(fits(item.name) for fits in self._globs))
            and self._selection.select(item) is not None
            and (self._condition is None or self._condition.matches(item))
        )
