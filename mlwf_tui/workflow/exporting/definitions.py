"""What a format cannot hold of a project's definitions: of its classes, skeletons and tags; not a verb.

A training gets its classes by their names alone, so that only exports tell of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from mlwf_tui.entities.abilities import Abilities, Loss, Unit
from mlwf_tui.entities.annotation import CLASS_COLORS, ClassDefinition, LabelSchema


def list_definition_losses(
    abilities: Abilities, schema: LabelSchema, used_classes: Container[str]
) -> tuple[Loss, ...]:
    """Return what is lost of definitions where a project is written; `used_classes` are those of the objects.

    A colour is one that somebody chose, and not the one that a class gets by its place.
    """
    return tuple(
        Loss(what=what, count=count, unit=unit, item_count=0, is_left_out=True)
        for what, unit, count in _iter_counts(abilities, schema, used_classes)
        if count
    )


def _iter_counts(
    abilities: Abilities, schema: LabelSchema, used: Container[str]
) -> Iterator[tuple[str, Unit, int]]:
    written = [one for one in schema.classes if abilities.has_unused_classes or one.name in used]
    yield "classes that nothing has", "class", len(schema.classes) - len(written)
    if not abilities.has_class_colors:
        yield "colours of classes", "class", sum(map(_has_own_color, written, range(len(written))))
    if not abilities.has_class_shapes:
        yield "shapes of classes", "class", sum(c.geometry is not None for c in written)
    if not (abilities.has_keypoints and abilities.has_keypoint_names):
        yield "skeletons of classes", "class", sum(bool(c.nodes) for c in written)
    elif not abilities.has_edges:
        yield "edges of skeletons", "class", sum(bool(c.edges) for c in written)
    choices = [tag for tag in schema.tags if tag.value_type == "choice" and tag.values]
    kept = [tag for tag in choices if tag.target != "items"] if abilities.has_choices else []
    yield "choices of tags", "tag", 0 if abilities.item_values == "typed" else len(choices) - len(kept)
    if not abilities.has_tag_colors:
        yield "colours of tags", "tag", sum(bool(tag.color) for tag in schema.tags)


def _has_own_color(definition: ClassDefinition, place: int) -> bool:
    return definition.color not in (CLASS_COLORS[place % len(CLASS_COLORS)], ClassDefinition("").color)
