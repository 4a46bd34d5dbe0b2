"""The words of a three-way merge, and merging what has names: label schemas, tags; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema, TagDefinition
from mlwf_tui.entities.change import describe_class, describe_tag_definition

T = TypeVar("T")
Definition = TypeVar("Definition", ClassDefinition, TagDefinition)

REMOVED = "removed"


class Side(StrEnum):
    """Whose state is meant: that of the project merged into, or that of what is merged."""

    OURS = "ours"
    THEIRS = "theirs"


class MergeConflict(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that both sides changed, each in its own way; `ours` and `theirs` say how, in words."""

    key: str  # of this conflict: `main/a.jpg`, `main/a.jpg#split`, `class car`
    item: str  # the key of the item, which stands for all of its conflicts; empty for a class or tag
    what: str  # item, name, pixels, split, tag NAME, custom KEY, object N, class, tag
    ours: str
    theirs: str


Decide = Callable[[MergeConflict], Side]
"""Settles a conflict for one side."""


def merge_maps(
    base: Mapping[str, T],
    ours: Mapping[str, T],
    theirs: Mapping[str, T],
    settle: Callable[[str, T | None, T | None], Side],
) -> dict[str, T]:
    """Merge name by name, in the order of the side that changed it, ours where both did."""
    order = (*theirs, *ours) if list(ours) == list(base) else (*ours, *theirs)
    merged: dict[str, T] = {}
    for name in dict.fromkeys(order):
        before, mine, other = base.get(name), ours.get(name), theirs.get(name)
        value = mine
        if mine != other and other != before and (mine == before or settle(name, mine, other) is Side.THEIRS):
            value = other
        if value is not None:
            merged[name] = value
    return merged


def merge_schemas(
    base: LabelSchema,
    ours: LabelSchema,
    theirs: LabelSchema,
    decide: Decide,
    *,
    used: Collection[str] = (),
    preferred: Side = Side.OURS,
) -> LabelSchema:
    """Return the merged label schema.

    Of what both sides added with other colours alone, which an import may have chosen, that of the
    `preferred` side stands. A class that one side removed stays where it is `used`: where merged items
    carry it.
    """
    classes = merge_maps(
        _by_name(base.classes),
        _by_name(ours.classes),
        _by_name(theirs.classes),
        _settle_definitions("class", base.class_names, decide, preferred),
    )
    known = {**_by_name(base.classes), **_by_name(theirs.classes), **_by_name(ours.classes)}
    kept = [known[name] for name in known if name in used and name not in classes]
    tags = merge_maps(
        _by_name(base.tags),
        _by_name(ours.tags),
        _by_name(theirs.tags),
        _settle_definitions("tag", _by_name(base.tags), decide, preferred),
    )
    return LabelSchema((*classes.values(), *kept), tuple(tags.values()))


def _by_name(definitions: Iterable[Definition]) -> dict[str, Definition]:
    return {definition.name: definition for definition in definitions}


def _settle_definitions(
    kind: str, base_names: Collection[str], decide: Decide, preferred: Side
) -> Callable[[str, Definition | None, Definition | None], Side]:
    def settle(name: str, mine: Definition | None, other: Definition | None) -> Side:
        if name not in base_names and mine and other and replace(mine, color=other.color) == other:
            return preferred
        ours, theirs = _tell_definition(mine), _tell_definition(other)
        return decide(MergeConflict(key=f"{kind} {name}", item="", what=kind, ours=ours, theirs=theirs))

    return settle


def _tell_definition(definition: object) -> str:
    match definition:
        case ClassDefinition():
            return describe_class(definition)
        case TagDefinition():
            return f"value {describe_tag_definition(definition)}"
        case _:
            return REMOVED
