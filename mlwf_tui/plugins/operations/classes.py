"""rename_classes, drop_classes, recolor_classes: what objects are called, and which classes there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    CLASS_COLORS,
    AnnotatedObject,
    ClassDefinition,
    LabelSchema,
)
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.labels import ObjectOperation
from mlwf_tui.plugins.operations.names import check_classes, check_new_class, parse_pairs


@dataclass(frozen=True, slots=True)
class RenameClassesParams:
    names: tuple[str, ...] = param((), "old=new, more than one with commas: RBC=red cell,WBC=white cell")


def make_rename_classes() -> ObjectOperation:
    """Return the operation that gives classes other names; two with one new name become one."""
    return ObjectOperation(
        name="rename_classes",
        summary="give classes other names, or merge them",
        params_type=RenameClassesParams,
        change=lambda item, _, params: rename_objects(item, _parse_names(params)),
        check=lambda schema, params: check_classes(schema, tuple(_parse_names(params))),
        change_schema=lambda schema, params: rename_schema(schema, _parse_names(params)),
    )


@lru_cache(maxsize=16)  # asked for every item
def _parse_names(params: RenameClassesParams) -> Mapping[str, str]:
    names = parse_pairs(params.names, "names", "RBC=red cell")
    for new in names.values():
        check_new_class(new)
    return names


def rename_objects(item: Item, names: Mapping[str, str]) -> tuple[AnnotatedObject, ...]:
    """Return an item's objects under their new class names; what is not named stays."""
    return tuple(
        structs.replace(labelled, class_name=names[labelled.class_name])
        if labelled.class_name in names
        else labelled
        for labelled in item.annotation.objects
    )


def rename_schema(schema: LabelSchema, names: Mapping[str, str]) -> LabelSchema:
    """Return the schema with the new names in their old order; the first of one name defines it.

    Where classes with other shapes become one, it may have any shape.
    """
    renamed: dict[str, ClassDefinition] = {}
    for definition in schema.classes:
        new = names.get(definition.name, definition.name)
        known = renamed.setdefault(new, replace(definition, name=new))
        if known.geometry is not definition.geometry:
            renamed[new] = replace(known, geometry=None)
    return replace(schema, classes=tuple(renamed.values()))


@dataclass(frozen=True, slots=True)
class DropClassesParams:
    classes: tuple[str, ...] = param((), "classes to leave out, with commas")


def make_drop_classes() -> ObjectOperation:
    """Return the operation that leaves classes out; an item that has no object left is kept."""
    return ObjectOperation(
        name="drop_classes",
        summary="leave out all objects of some classes",
        params_type=DropClassesParams,
        change=lambda item, _, params: keep_objects(item.annotation.objects, params.classes, is_kept=False),
        check=_check_dropped,
        change_schema=lambda schema, params: replace(
            schema, classes=tuple(c for c in schema.classes if c.name not in params.classes)
        ),
    )


def _check_dropped(schema: LabelSchema, params: DropClassesParams) -> None:
    if not params.classes:
        raise InvalidParameter("No class is named.", hint="Name one: -p classes=RBC.")
    check_classes(schema, params.classes)


def keep_objects(
    objects: Sequence[AnnotatedObject], class_names: Sequence[str], *, is_kept: bool
) -> tuple[AnnotatedObject, ...]:
    """Return the objects of some classes, or the others."""
    return tuple(labelled for labelled in objects if (labelled.class_name in class_names) is is_kept)


@dataclass(frozen=True, slots=True)
class RecolorClassesParams:
    colors: tuple[str, ...] = param((), "class=#rrggbb, with commas; empty gives all distinct ones anew")


def make_recolor_classes() -> ObjectOperation:
    """Return the operation that changes the colours of classes; no object is touched."""
    return ObjectOperation(
        name="recolor_classes",
        summary="give classes other colours",
        params_type=RecolorClassesParams,
        change=lambda item, _, params: item.annotation.objects,
        check=lambda schema, params: check_classes(schema, tuple(_parse_colors(params))),
        change_schema=_recolor,
    )


def _parse_colors(params: RecolorClassesParams) -> Mapping[str, str]:
    colors = parse_pairs(params.colors, "colors", "RBC=#e6194b") if params.colors else {}
    for color in colors.values():
        if not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise InvalidParameter(f"{color!r} is no colour.", hint="Write it as #rrggbb, such as #e6194b.")
    return colors


def _recolor(schema: LabelSchema, params: RecolorClassesParams) -> LabelSchema:
    colors = _parse_colors(params) or {
        name: CLASS_COLORS[at % len(CLASS_COLORS)] for at, name in enumerate(schema.class_names)
    }
    classes = tuple(replace(c, color=colors.get(c.name, c.color).lower()) for c in schema.classes)
    return replace(schema, classes=classes)
