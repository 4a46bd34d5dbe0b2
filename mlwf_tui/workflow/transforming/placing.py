"""Puts the items of one manifest beside those of another, below a dataset; not a verb."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from operator import itemgetter

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.joining import join_schemas
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.errors import Conflict
from mlwf_tui.store.manifests import (
    EncodedItem,
    iter_shards,
    move_row,
    read_shard,
    read_summary,
    write_rows,
)
from mlwf_tui.store.store import Store
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.refs import with_dataset


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The head of an item's row; what is behind it is skipped, not decoded."""

    dataset: str
    name: str


_by_key = itemgetter(0)
_head_decoder = msgspec.msgpack.Decoder(_Head)


def place_beside(
    store: Store, writer: StoreWriter, base: Digest, added: Digest, dataset: str
) -> tuple[ManifestSummary, tuple[str, ...]]:
    """Store what `base` becomes with the items of `added` below `dataset`, and say what does not fit.

    An item that is there already, the very same, stays. No image is read, and memory stays flat.

    Raises:
        Conflict: another item has the key of one that is added.
        CorruptData: a manifest cannot be read.
    """
    ours, theirs = read_summary(store, base), read_summary(store, added)
    joined = join_schemas(ours.schema, theirs.schema)
    rows = heapq.merge(_iter_moved(store, base, ""), _iter_moved(store, added, dataset), key=_by_key)
    return write_rows(writer, joined.schema, _iter_single(rows)), joined.conflicts


def check_free(store: Store, base: Digest, keys: Iterable[str], dataset: str) -> None:
    """See to it that none of some keys, which come in order, is taken in `base` below a dataset.

    Raises:
        Conflict: one is.
        CorruptData: the manifest cannot be read.
    """
    prefix = f"{dataset}/"
    taken = (item.key for item in _iter_moved(store, base, "") if item.key.startswith(prefix))
    for before, key in pairwise(heapq.merge(taken, (prefix + key for key in keys))):
        if before == key:
            raise _refuse(key)


def _iter_moved(store: Store, manifest: Digest, dataset: str) -> Iterator[EncodedItem]:
    """Yield a manifest's rows below a dataset: in key order still, since all keys begin alike."""
    for shard in iter_shards(store, manifest):
        for row in read_shard(store, shard):
            head = _head_decoder.decode(row)
            place = with_dataset(head.dataset, dataset)
            yield move_row(bytes(row), dataset=place, name=head.name, split=None, is_annotated=True)


def _iter_single(rows: Iterator[EncodedItem]) -> Iterator[EncodedItem]:
    for key, alike in groupby(rows, key=_by_key):
        first, *others = alike
        if any(other.row != first.row for other in others):
            raise _refuse(key)
        yield first


def _refuse(key: str) -> Conflict:
    return Conflict(
        f"There is another item {key} already; nothing was changed.",
        hint="Choose another dataset, or a project of its own.",
    )
