"""The items that an operation reads: those of some manifests, in order and by position; not a verb."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import overload

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.store.manifests import EncodedItem, iter_sized_shards, move_row, read_shard
from mlwf_tui.store.rows import decode_item
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.refs import with_dataset

_KEPT_SHARDS = 64  # of some 32 items, decoded: a few megabytes


class Source(msgspec.Struct, frozen=True, array_like=True):
    """One manifest to read; `prefix` is the dataset that its items are put below, mostly none."""

    manifest: Digest
    project: str
    prefix: str = ""

    def read_item(self, store: Store, row: bytes | msgspec.Raw) -> SourceItem:
        """Return a row of this manifest as operations see it."""
        item = decode_item(row)
        origin = Origin(item.blob, item.key, self.manifest)
        if self.prefix:
            item = replace(item, dataset=with_dataset(item.dataset, self.prefix))
        return SourceItem(item, partial(store.read, item.blob), origin, self.project)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a source's row stands, for another process: the number of its Source, and the row."""

    source: int
    row: bytes


class Sources(Sequence[SourceItem]):
    """All items of some sources, one source after the other, each in key order.

    They are read from the store as they are asked for, and only some are remembered. Used by one
    thread at a time.
    """

    def __init__(
        self, store: Store, sources: Sequence[Source], *, between: Callable[[], None] = lambda: None
    ) -> None:
        """Look where the items lie.

        `between` is called now and then as they are read, and may raise: an operation may go through all
        images before it plans its first result.

        Raises:
            CorruptData: a manifest cannot be read.
        """
        self._store = store
        self._between = between
        self.sources = tuple(sources)
        self._shards: list[tuple[int, Digest]] = []  # with the number of the source
        self._starts: list[int] = []  # the position of each shard's first item
        self._count = 0
        for number, source in enumerate(self.sources):
            for shard, item_count in iter_sized_shards(store, source.manifest):
                if item_count:
                    self._shards.append((number, shard))
                    self._starts.append(self._count)
                    self._count += item_count
        self._kept: OrderedDict[int, _Shard] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SourceItem]:
        for number, start in enumerate(self._starts):
            shard = self._open(number)
            for at in range(len(shard.rows)):
                yield self._read(number, start + at)

    @overload
    def __getitem__(self, position: int) -> SourceItem: ...
    @overload
    def __getitem__(self, position: slice) -> list[SourceItem]: ...
    def __getitem__(self, position: int | slice) -> SourceItem | list[SourceItem]:
        if isinstance(position, slice):
            return [self[at] for at in range(*position.indices(self._count))]
        at = position + self._count if position < 0 else position
        if not 0 <= at < self._count:
            raise IndexError(position)
        return self._read(bisect_right(self._starts, at) - 1, at)

    def place(self, position: int) -> Place:
        """Return an item as its manifest holds it, without decoding it."""
        number = bisect_right(self._starts, position) - 1
        return Place(self._shards[number][0], bytes(self._open(number).rows[position - self._starts[number]]))

    def find_row(self, position: int, item: Item) -> EncodedItem | None:
        """Return the row of an item that is the very one read at a position, None where it is another.

        Most items that an operation keeps are: their rows need not be made again.
        """
        number = bisect_right(self._starts, position) - 1
        shard, at = self._open(number), position - self._starts[number]
        read = shard.items[at]
        if read is None or read.item is not item:
            return None
        row = bytes(shard.rows[at])
        if self.sources[self._shards[number][0]].prefix:
            return move_row(row, dataset=item.dataset, name=item.name, split=None, is_annotated=True)
        return EncodedItem(item.key, row, len(item.annotation.objects), item.size_bytes)

    def _read(self, number: int, position: int) -> SourceItem:
        shard, at = self._open(number), position - self._starts[number]
        read = shard.items[at]
        if read is None:
            read = self.sources[self._shards[number][0]].read_item(self._store, shard.rows[at])
            shard.items[at] = read
        return read

    def _open(self, number: int) -> _Shard:
        shard = self._kept.get(number)
        if shard is None:
            self._between()
            shard = _Shard(read_shard(self._store, self._shards[number][1]))
            self._kept[number] = shard
            if len(self._kept) > _KEPT_SHARDS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(number)
        return shard


class _Shard:
    """Rows in key order, and those of their items that were asked for."""

    __slots__ = ("items", "rows")

    def __init__(self, rows: list[msgspec.Raw]) -> None:
        self.rows = rows
        self.items: list[SourceItem | None] = [None] * len(rows)
