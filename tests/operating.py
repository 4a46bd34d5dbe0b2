"""Operations followed to the end in this process, without a home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.item import Item
from mlwf_tui.params import build_params
from mlwf_tui.protocols.operations import ImageOperation, PlannedItem, SourceItem
from mlwf_tui.registry import Registry


class Made(NamedTuple):
    """One result; `image` None where the pixels are those of its source, `problem` what is told of it."""

    item: Item
    image: bytes | None
    problem: str = ""


def follow(
    name: str,
    items: Sequence[SourceItem],
    *,
    seed: int = 0,
    schema: LabelSchema | None = None,
    **params: Any,
) -> list[Made]:
    """Plan an operation and make all that it drafts; the schema is that of the items unless given."""
    return list(_iter_made(name, items, seed, schema or define_schema(items), params))


def define_schema(items: Sequence[SourceItem]) -> LabelSchema:
    """Return a schema with the classes that the items' objects have."""
    names = {labelled.class_name for source in items for labelled in source.item.annotation.objects}
    return LabelSchema(define_classes(tuple(sorted(names))))


def _iter_made(
    name: str, items: Sequence[SourceItem], seed: int, schema: LabelSchema, params: dict[str, Any]
) -> Iterator[Made]:
    operation = Registry().get_operation(name)
    built = build_params(operation.params_type, params)
    for planned in operation.plan(items, schema, built, seed=seed):
        if isinstance(planned, PlannedItem):
            yield Made(planned.item, None, planned.problem)
            continue
        sources = [items[position] for position in planned.sources]
        result = cast(ImageOperation, operation).make(planned, sources, built)
        if result is not None:
            yield Made(replace(result.item, size_bytes=len(result.image)), result.image)
