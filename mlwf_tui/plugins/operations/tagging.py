"""tag: give tags to items or objects that meet a condition, or take them away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema, Tag, TagDefinition
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.dropping import read_object_condition
from mlwf_tui.plugins.operations.filtering import read_item_condition
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class TagParams:
    tag: str = param("", "name of the tag")
    value: str = param("", "its value; one that reads as a number becomes one; empty gives it none")
    where: str = param("", "which get it: count(cat) > 3 for items, area < 100 for objects; empty for all")
    target: str = param("items", "what carries the tag", choices=("items", "objects"))
    action: str = param("add", "give it, or take it away", choices=("add", "remove"))


class TagItems:
    """Items whose tags, or those of their objects, follow from a condition."""

    name = "tag"
    summary = "tag items or objects that meet a condition, or take tags away"
    group = "annotations"
    version = 1
    is_random = False
    params_type: type[Any] = TagParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: TagParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item.

        Raises:
            InvalidParameter: no tag is named, or the condition does not parse or names an unknown class.
        """
        _check(schema, params)
        for position, source in enumerate(items):
            yield PlannedItem(_tag(source.item, params), position)

    def transform_schema(self, schema: LabelSchema, params: TagParams) -> LabelSchema:
        """Return the schema with the tag; raises InvalidParameter."""
        _check(schema, params)
        if params.action == "remove":
            return schema
        value = _read_value(params.value)
        kind = "none" if value is None else "text" if isinstance(value, str) else "number"
        known = next((t for t in schema.tags if t.name == params.tag), None)
        if known is None:
            return replace(schema, tags=(*schema.tags, TagDefinition(params.tag, kind, target=params.target)))
        return replace(schema, tags=tuple(_widen(t, value, kind, params) for t in schema.tags))


def _check(schema: LabelSchema, params: TagParams) -> None:
    if not params.tag.strip():
        raise InvalidParameter("No tag is named.", hint="Name one: -p tag=crowded.")
    if params.where:
        read = read_item_condition if params.target == "items" else read_object_condition
        read(params.where).check_classes(schema)


def _widen(known: TagDefinition, value: str | float | None, kind: str, params: TagParams) -> TagDefinition:
    """Return a tag's definition so that the new value and target fit it."""
    if known.name != params.tag:
        return known
    target = known.target if known.target in (params.target, "any") else "any"
    if known.value_type == "choice" and isinstance(value, str):
        values = known.values if value in known.values else (*known.values, value)
        return replace(known, values=values, target=target)
    if value is None or known.value_type == kind:
        return replace(known, target=target)
    return replace(known, value_type=kind if known.value_type == "none" else "text", target=target)


def _tag(item: Item, params: TagParams) -> Item:
    annotation = item.annotation
    if params.target == "items":
        if params.where and not read_item_condition(params.where).matches(item):
            return item
        tags = _change(annotation.tags, params)
        return item if tags == annotation.tags else replace(item, annotation=replace(annotation, tags=tags))
    condition = read_object_condition(params.where) if params.where else None
    objects = tuple(
        structs.replace(o, tags=_change(o.tags, params))
        if condition is None or condition.matches(item, o)
        else o
        for o in annotation.objects
    )
    is_same = objects == annotation.objects
    return item if is_same else replace(item, annotation=replace(annotation, objects=objects))


def _change(tags: Sequence[Tag], params: TagParams) -> tuple[Tag, ...]:
    """Return the tags with the new one in the place of one of its name, or without it."""
    others = tuple(tag for tag in tags if tag.name != params.tag)
    return others if params.action == "remove" else (*others, Tag(params.tag, _read_value(params.value)))


def _read_value(text: str) -> str | float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return number if number - number == 0 else text  # inf and nan are words here
