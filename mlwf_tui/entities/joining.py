"""Taking what a folder declares into a project's label schema; a three-way merge is in threeway.py.

Classes and tags are the same where their names are. The project's definition stands: its order gives
classes their index, and models were trained on it. What it leaves open is filled in.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema, TagDefinition, distinguish_colors


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A project's schema with what came in, and what did not fit, a sentence each."""

    schema: LabelSchema
    new_classes: tuple[str, ...] = ()
    new_tags: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def join_schemas(ours: LabelSchema, theirs: LabelSchema) -> Joined:
    """Return our schema with their classes and tags behind ours; where both define one, ours stands.

    A class of ours without a skeleton, and a tag without a colour, gets theirs; a choice gets their texts.
    Which shapes and values the objects have is not looked at: they come in as they are. A class that is new
    and has the colour of one of ours gets another.
    """
    classes, conflicts = {c.name: c for c in ours.classes}, []
    for found in theirs.classes:
        if (known := classes.get(found.name)) is not None:
            classes[found.name] = _fill_class(known, found)
            conflicts += _compare_classes(known, found)
    new = tuple(found for found in theirs.classes if found.name not in classes)
    classes |= {definition.name: definition for definition in distinguish_colors(new, ours.classes)}
    tags = {t.name: t for t in ours.tags}
    for definition in theirs.tags:
        present = tags.get(definition.name)
        tags[definition.name] = definition if present is None else _fill_tag(present, definition)
        conflicts += [] if present is None else _compare_tags(present, definition)
    return Joined(
        schema=LabelSchema(tuple(classes.values()), tuple(tags.values())),
        new_classes=tuple(list(classes)[len(ours.classes) :]),
        new_tags=tuple(list(tags)[len(ours.tags) :]),
        conflicts=tuple(conflicts),
    )


def _fill_class(ours: ClassDefinition, theirs: ClassDefinition) -> ClassDefinition:
    if ours.nodes or not theirs.nodes:
        return ours
    return replace(ours, nodes=theirs.nodes, edges=theirs.edges)


def _compare_classes(ours: ClassDefinition, theirs: ClassDefinition) -> list[str]:
    conflicts = []
    if ours.geometry and theirs.geometry and ours.geometry is not theirs.geometry:
        conflicts.append(
            f"the class {ours.name} is for {_say(ours.geometry)} here and for {_say(theirs.geometry)} there:"
            " the project's definition is kept, and the objects have come in with their own shapes"
        )
    if ours.nodes and theirs.nodes and (ours.nodes, ours.edges) != (theirs.nodes, theirs.edges):
        conflicts.append(
            f"the class {ours.name} has {len(ours.nodes)} nodes here and other ones, {len(theirs.nodes)},"
            " there: the project's skeleton is kept, and the objects have come in with their own nodes"
        )
    return conflicts


def _fill_tag(ours: TagDefinition, theirs: TagDefinition) -> TagDefinition:
    if "choice" == ours.value_type == theirs.value_type:
        ours = replace(ours, values=tuple(dict.fromkeys((*ours.values, *theirs.values))))
    return ours if ours.color else replace(ours, color=theirs.color)


def _compare_tags(ours: TagDefinition, theirs: TagDefinition) -> list[str]:
    conflicts = []
    if ours.value_type != theirs.value_type:
        conflicts.append(
            f"the tag {ours.name} has values of type {ours.value_type} here and {theirs.value_type} there:"
            " the project's definition is kept, and the tags have come in with their own values"
        )
    if ours.target != theirs.target:
        conflicts.append(
            f"the tag {ours.name} is for {ours.target} here and for {theirs.target} there:"
            " the project's definition is kept, and the tags have come in where they were"
        )
    return conflicts


def _say(kind: str) -> str:
    return {"keypoints": "keypoints", "oriented_box": "oriented boxes"}.get(kind, f"{kind}s")
