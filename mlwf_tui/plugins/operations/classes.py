"""rename_classes and drop_classes: change what objects are called, or leave classes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.protocols import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class RenameClassesParams:
    names: tuple[str, ...] = param((), "old=new, more than one with commas: RBC=red cell,WBC=white cell")


class RenameClasses:
    """Objects under new class names; two classes with one new name become one."""

    name = "rename_classes"
    summary = "give classes other names, or merge them"
    group = "annotations"
    version = 1
    params_type: type[Any] = RenameClassesParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: RenameClassesParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item; raises InvalidParameter where a pair is not old=new."""
        names = _parse_names(params.names)
        for position, source in enumerate(items):
            yield PlannedItem(_rename_objects(source.item, names), position)

    def transform_schema(self, schema: LabelSchema, params: RenameClassesParams) -> LabelSchema:
        """Return the schema with the new names in their old order; raises InvalidParameter."""
        names = _parse_names(params.names)
        check_classes(schema, tuple(names))
        renamed: dict[str, ClassDefinition] = {}
        for definition in schema.classes:
            new = names.get(definition.name, definition.name)
            renamed.setdefault(new, replace(definition, name=new))
        return replace(schema, classes=tuple(renamed.values()))


@dataclass(frozen=True, slots=True)
class DropClassesParams:
    classes: tuple[str, ...] = param((), "classes to leave out, with commas")


class DropClasses:
    """Items without the objects of some classes; an item that has no object left is kept."""

    name = "drop_classes"
    summary = "leave out all objects of some classes"
    group = "annotations"
    version = 1
    params_type: type[Any] = DropClassesParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: DropClassesParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield every item; raises InvalidParameter where no class is named."""
        dropped = _check_given(params.classes, "classes=RBC")
        for position, source in enumerate(items):
            yield PlannedItem(keep_objects(source.item, lambda name: name not in dropped), position)

    def transform_schema(self, schema: LabelSchema, params: DropClassesParams) -> LabelSchema:
        """Return the schema without the dropped classes; raises InvalidParameter for an unknown one."""
        check_classes(schema, params.classes)
        return replace(schema, classes=tuple(c for c in schema.classes if c.name not in params.classes))


def check_classes(schema: LabelSchema, names: Sequence[str]) -> None:
    """Raise InvalidParameter where a name is not a class of the schema."""
    unknown = [name for name in names if name not in schema.class_names]
    if unknown:
        raise InvalidParameter(
            f"There is no class {unknown[0]!r}.", hint=f"The classes are: {', '.join(schema.class_names)}."
        )


def keep_objects(item: Item, is_kept: Callable[[str], bool]) -> Item:
    """Return the item with the objects whose class name is to be kept."""
    objects = tuple(o for o in item.annotation.objects if is_kept(o.class_name))
    if len(objects) == len(item.annotation.objects):
        return item
    return replace(item, annotation=replace(item.annotation, objects=objects))


def _rename_objects(item: Item, names: Mapping[str, str]) -> Item:
    objects = tuple(
        structs.replace(labelled, class_name=names.get(labelled.class_name, labelled.class_name))
        for labelled in item.annotation.objects
    )
    return replace(item, annotation=replace(item.annotation, objects=objects))


def _parse_names(pairs: Sequence[str]) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for pair in _check_given(pairs, "names=old=new"):
        old, equals, new = (part.strip() for part in pair.partition("="))
        if not (old and equals and new):
            raise InvalidParameter(f"{pair!r} is not old=new.", hint="Write -p names=old=new.")
        if old in names:
            raise InvalidParameter(f"The class {old!r} is renamed twice.", hint="Give it one new name.")
        names[old] = new
    return names


def _check_given(values: Sequence[str], example: str) -> Sequence[str]:
    if not values:
        raise InvalidParameter("No class is named.", hint=f"Name one: -p {example}.")
    return values
