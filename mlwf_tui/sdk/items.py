"""The items of one state, read straight from the packs; nothing is written, and nothing checked out."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import index
from typing import overload

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Split, is_below
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.sdk.door import Door
from mlwf_tui.workflow.items import (
    ItemSource,
    find_datasets,
    find_item_place,
    find_places,
    read_image,
    read_items,
)

_STEP = 1024  # items that an iteration reads at once


class Items:
    """The items of a version or head in key order: a snapshot that no later change touches.

    Any number of threads may read at once. A pickle, or a fork, opens the home again at its first
    read, so the worker processes of a torch DataLoader can use it as it is. A version's items can
    always be read; those of a head that has moved on, until a collect lets go of them.

    Raises, where anything is read:
        CorruptData: a part of the state is missing or damaged.
        InvalidInput: the home that it came from was closed.
    """

    def __init__(self, door: Door, source: ItemSource, places: Sequence[int] | None = None) -> None:
        self._door = door
        self._source = source
        self._places: Sequence[int] = range(source.item_count) if places is None else places

    @property
    def ref(self) -> str:
        """What was opened, as `open_data` was told."""
        return self._source.ref

    @property
    def schema(self) -> LabelSchema:
        """All classes and tags of the state, in the order that gives classes their index."""
        return self._source.schema

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in key order; a million take little more memory than one."""
        places = iter(self._places)
        while step := tuple(islice(places, _STEP)):
            yield from read_items(self._door.open(), self._source, step)

    @overload
    def __getitem__(self, which: int | str) -> Item: ...

    @overload
    def __getitem__(self, which: slice) -> Items: ...

    def __getitem__(self, which: int | str | slice) -> Item | Items:
        """Return the item at a place in key order, negative from the end, or the one with a key.

        A slice gives some of them, as `select` does, in key order.

        Raises:
            IndexError: there is no such place.
            NotFound: there is no item of that key.
            InvalidParameter: a slice that goes backward.
        """
        if isinstance(which, slice):
            return self._slice(which)
        if isinstance(which, str):
            item = self.find(which)
            if item is None:
                raise NotFound(
                    f"{self.ref} has no item {which!r} here.", hint="A key is DATASET/NAME, as in Item.key."
                )
            return item
        place = index(which)
        if not -len(self) <= place < len(self):
            count = f"{len(self):,} item{'' if len(self) == 1 else 's'}"
            raise IndexError(f"{self.ref} has {count} here, and none at {place}.")
        return read_items(self._door.open(), self._source, (self._places[place],))[0]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.find(key) is not None

    def find(self, key: str) -> Item | None:
        """Return the item of that key, `dataset/name`, if it is here."""
        workspace = self._door.open()
        place = find_item_place(workspace, self._source, key)
        at = bisect_left(self._places, place)
        if at == len(self._places) or self._places[at] != place:
            return None
        item = read_items(workspace, self._source, (place,))[0]
        return item if item.key == key else None

    def select(
        self,
        *,
        split: Split | str | None = None,
        dataset: str | None = None,
        class_name: str | None = None,
        tag: str | None = None,
    ) -> Items:
        """Return those items that fit all that is given, in key order; each is looked at once.

        `dataset` stands for the datasets below it as well, `class_name` for items with at least one
        object of that class, `tag` for items that carry it themselves.

        Raises:
            InvalidParameter: there is no such split, or the state has no such dataset, class or tag.
        """
        if class_name is not None and class_name not in self.schema.class_names:
            names = ", ".join(self.schema.class_names)
            raise InvalidParameter(f"{self.ref} has no class {class_name!r}.", hint=f"It has: {names}.")
        tags = [definition.name for definition in self.schema.tags]
        if tag is not None and tag not in tags:
            raise InvalidParameter(
                f"{self.ref} has no tag {tag!r}.", hint=f"It has: {', '.join(tags) or 'none'}."
            )
        found = find_places(
            self._door.open(),
            self._source,
            split=None if split is None else _read_split(split),
            dataset=dataset,
            class_name=class_name,
            tag=tag,
        )
        if dataset is not None and not found:
            self._check_dataset(dataset)
        if len(self) != self._source.item_count:
            mine = set(self._places)
            found = array("Q", (place for place in found if place in mine))
        return Items(self._door, self._source, found)

    def read_image(self, item: Item) -> bytes:
        """Return an item's image file as it was imported, every byte checked against its digest.

        Raises:
            NotFound: the store does not hold it.
            CorruptData: it is damaged.
        """
        return read_image(self._door.open(), item)

    def _slice(self, which: slice) -> Items:
        if which.step is not None and which.step < 0:
            raise InvalidParameter("Items are in key order.", hint="Use reversed(range(len(items))).")
        return Items(self._door, self._source, self._places[which])

    def _check_dataset(self, dataset: str) -> None:
        names = find_datasets(self._door.open(), self._source)
        if not any(is_below(name, dataset) for name in names):
            raise InvalidParameter(
                f"{self.ref} has no dataset {dataset!r}.", hint=f"It has: {', '.join(sorted(names))}."
            )

    def __repr__(self) -> str:
        return f"<Items of {self.ref}: {len(self):,}>"


def _read_split(split: str) -> Split:
    try:
        return Split(split)
    except ValueError as error:
        raise InvalidParameter(
            f"There is no split {split!r}.", hint=f"There is: {', '.join(Split)}."
        ) from error
