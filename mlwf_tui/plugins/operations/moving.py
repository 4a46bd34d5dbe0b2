"""copy and move: items into other datasets; no pixel is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, check_dataset, is_below
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.filtering import read_item_condition
from mlwf_tui.plugins.operations.names import check_datasets, join_stem
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class MoveParams:
    to: str = param("", "dataset to put them into, may nest with /; empty keeps each in its own")
    datasets: tuple[str, ...] = param((), "datasets that are meant, with those below them; empty takes all")
    where: str = param("", "which of their items: split == test and not empty; empty takes all")
    flat: bool = param(False, "put them right into it, without the datasets that they were in")
    ending: str = param("", "what their names get behind the stem, such as _copy")


@dataclass(frozen=True, slots=True)
class Moving:
    """Puts items into a dataset, keeping them where they were as well or not; names stay unique."""

    name: str
    summary: str
    keeps: bool
    group: str = "merging"
    version: int = 1
    is_random: bool = False
    params_type: type[Any] = MoveParams

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: MoveParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield all items, those that are meant in their new dataset.

        Raises:
            InvalidParameter: a dataset that does not exist, or nothing that would be changed.
        """
        _check(schema, params)
        check_datasets(items, params.datasets)
        condition = read_item_condition(params.where) if params.where else None
        taken = {source.item.key for source in items}
        for position, source in enumerate(items):
            item = source.item
            is_meant = _is_in(item, params) and (condition is None or condition.matches(item))
            if self.keeps or not is_meant:
                yield PlannedItem(item, position)
            if is_meant:
                yield PlannedItem(_move(item, params, taken), position)

    def transform_schema(self, schema: LabelSchema, params: MoveParams) -> LabelSchema:
        """Return the schema as it is; raises InvalidParameter."""
        _check(schema, params)
        return schema


def make_copy_items() -> Moving:
    """Return the operation that puts copies of items into a dataset."""
    return Moving("copy", "put copies of items into a dataset, beside the items", keeps=True)


def make_move_items() -> Moving:
    """Return the operation that puts items into another dataset."""
    return Moving("move", "put items into another dataset, or under other names", keeps=False)


def _check(schema: LabelSchema, params: MoveParams) -> None:
    if not (params.to or params.ending or params.flat):
        raise InvalidParameter("It is not said where to.", hint="Name a dataset: -p to=night/rain.")
    if params.to:
        check_dataset(params.to)
    if params.where:
        read_item_condition(params.where).check_classes(schema)


def _is_in(item: Item, params: MoveParams) -> bool:
    return not params.datasets or any(is_below(item.dataset, name) for name in params.datasets)


def _move(item: Item, params: MoveParams, taken: set[str]) -> Item:
    parts = [params.to, "" if params.flat else item.dataset]
    dataset = "/".join(part for part in parts if part) if params.to or params.flat else item.dataset
    moved = replace(item, dataset=dataset)
    if not params.ending and moved.key not in taken:
        taken.add(moved.key)
        return moved
    return add_ending(moved, params.ending, taken)


def add_ending(item: Item, ending: str, taken: set[str]) -> Item:
    """Return the item with `ending` behind its name's stem, and a number where that is taken already."""
    path, number = PurePosixPath(item.name), 0
    while True:
        tail = f"{ending}{f'_{number}' if number else ''}{path.suffix}"
        named = replace(item, name=join_stem(path.stem, tail))
        if named.key not in taken:
            taken.add(named.key)
            return named
        number += 1
