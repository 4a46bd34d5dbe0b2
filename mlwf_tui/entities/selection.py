"""Which items and objects of a project a person means: by dataset, split, class and tag."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Annotation, LabelSchema, Tag
from mlwf_tui.entities.item import Item, Split, is_below
from mlwf_tui.errors import InvalidParameter


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a project; all that is given must fit, and of each field any one entry.

    `datasets` take those below them. `classes` leaves objects of other classes out, and keeps the item:
    an image without the wanted thing is what a detector learns silence from. With `only_matching` such
    items are left out too. `tags` takes items that carry one, or have an object that does.
    """

    datasets: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    only_matching: bool = False
    items: tuple[str, ...] = ()  # keys

    @property
    def is_everything(self) -> bool:
        return self == WHOLE

    def check(self, schema: LabelSchema) -> None:
        """Raise InvalidParameter for a class that the label schema does not have.

        Tags are not looked for there: what an import has read may carry tags that nothing declares.
        """
        known = schema.class_names
        for name in self.classes:
            if name not in known:
                hint = f"There are: {', '.join(known[:20])}." if known else "It has none."
                raise InvalidParameter(f"The data has no class {name!r}.", hint=hint)

    def select(self, item: Item) -> Item | None:
        """Return what is wanted of an item, or None."""
        if self.datasets and not any(is_below(item.dataset, name) for name in self.datasets):
            return None
        if self.splits and item.split not in self.splits:
            return None
        if self.items and item.key not in self.items:
            return None
        if self.tags and not self._has_tag(item.annotation):
            return None
        return self._select_classes(item)

    def select_schema(self, schema: LabelSchema) -> LabelSchema:
        """Return the label schema of what is wanted; classes keep their order and lose their index."""
        if not self.classes:
            return schema
        return replace(schema, classes=tuple(c for c in schema.classes if c.name in self.classes))

    def _has_tag(self, annotation: Annotation) -> bool:
        return any(tag.name in self.tags for tag in list_tags(annotation))

    def _select_classes(self, item: Item) -> Item | None:
        annotation = item.annotation
        if self.classes:
            objects = tuple(o for o in annotation.objects if o.class_name in self.classes)
            annotation = replace(annotation, objects=objects)
        is_of_class = any(tag.name in self.classes for tag in annotation.tags)
        if self.only_matching and not annotation.objects and not is_of_class:
            return None
        return item if annotation == item.annotation else replace(item, annotation=annotation)


WHOLE = Selection()
"""All there is."""


def list_tags(annotation: Annotation) -> tuple[Tag, ...]:
    """Return the tags of an item and of its objects."""
    return annotation.tags + tuple(tag for labelled in annotation.objects for tag in labelled.tags)
