"""Manifests: the immutable Merkle trees that describe project states; written, edited, read, compared.

Items stand in the order of their keys as UTF-8 bytes, which is also the order of Python's strings.
Which manifest a set of items makes does not depend on how it came about: the same items and schema
always give the same digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.errors import Conflict, InvalidInput
from mlwf_tui.store.edits import edit_tree
from mlwf_tui.store.nodes import (
    HEADER_FORMAT,
    HEADER_VERSION,
    Header,
    read_header,
    read_root,
    write_header,
    write_tree,
)
from mlwf_tui.store.rows import decode_item, encode_item, from_schema_row, to_schema_row
from mlwf_tui.store.store import Store
from mlwf_tui.store.walks import find_row, iter_row_changes, iter_rows
from mlwf_tui.store.writer import StoreWriter


def write_manifest(writer: StoreWriter, schema: LabelSchema, items: Iterable[Item]) -> ManifestSummary:
    """Store the manifest of `items`, which may come in any order; it is readable once the writer is left.

    Raises:
        Conflict: two items have one key.
        InvalidInput: an item that no manifest may hold.
    """
    rows: dict[str, msgspec.Raw] = {}
    object_count = size_bytes = 0
    for item in items:
        if item.key in rows:
            raise Conflict(f"There are two items {item.key}.", hint="Rename one of them.")
        rows[item.key] = msgspec.Raw(encode_item(item))
        object_count += len(item.annotation.objects)
        size_bytes += item.size_bytes
    root = write_tree(writer, sorted(rows.items()))
    return _finish(writer, schema, root.digest, len(rows), object_count, size_bytes)


def update_manifest(
    store: Store,
    writer: StoreWriter,
    base: Digest,
    *,
    schema: LabelSchema,
    changes: Mapping[str, Item | None],
) -> ManifestSummary:
    """Store what `base` becomes with `changes` by key (None takes away), writing only what differs.

    The digest is the one that `write_manifest` gives for the same items. `base` lies in the store
    already. Taking away what is not there changes nothing.

    Raises:
        NotFound: there is no manifest `base`.
        InvalidInput: a key that is not its item's, or an item that no manifest may hold.
    """
    header = read_header(store, base)
    rows = {key: _encode_change(key, item) for key, item in changes.items()}
    root, replaced = edit_tree(store, writer, header.root, rows)
    added = [item for item in changes.values() if item is not None]
    gone = [decode_item(row) for row in replaced]
    return _finish(
        writer,
        schema,
        root,
        header.item_count + len(added) - len(gone),
        header.object_count + _count_objects(added) - _count_objects(gone),
        header.size_bytes + _sum_sizes(added) - _sum_sizes(gone),
    )


def read_summary(store: Store, digest: Digest) -> ManifestSummary:
    """Return what a manifest says of itself; one small blob is read.

    Raises:
        NotFound: there is no such manifest.
        CorruptData: its bytes are damaged, or are no manifest.
    """
    return _summarize(digest, read_header(store, digest))


def iter_items(store: Store, digest: Digest, *, prefix: str = "") -> Iterator[Item]:
    """Yield the items whose keys begin with `prefix`, in key order; other parts are not read.

    Raises:
        NotFound, CorruptData: as `read_summary`.
    """
    root = read_root(store, read_header(store, digest).root)
    return map(decode_item, iter_rows(store, root, prefix))


def find_item(store: Store, digest: Digest, key: str) -> Item | None:
    """Return the item under a key, or None.

    Raises:
        NotFound, CorruptData: as `read_summary`.
    """
    row = find_row(store, read_root(store, read_header(store, digest).root), key)
    return None if row is None else decode_item(row)


def iter_changes(store: Store, before: Digest, after: Digest) -> Iterator[ItemChange]:
    """Yield the items that differ, in key order; the work grows with the difference alone.

    Raises:
        NotFound, CorruptData: as `read_summary`.
    """
    roots = read_header(store, before).root, read_header(store, after).root
    for key, old_row, new_row in iter_row_changes(store, *roots):
        old = None if old_row is None else decode_item(old_row)
        new = None if new_row is None else decode_item(new_row)
        yield ItemChange(_name_change(old, new), key, old, new)


def _name_change(old: Item | None, new: Item | None) -> ChangeKind:
    if old is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if new is None else ChangeKind.CHANGED


def _encode_change(key: str, item: Item | None) -> msgspec.Raw | None:
    if item is None:
        return None
    if item.key != key:
        raise InvalidInput(f"The item {item.key} is given under the key {key!r}.", hint="Use its own key.")
    return msgspec.Raw(encode_item(item))


def _count_objects(items: Iterable[Item]) -> int:
    return sum(len(item.annotation.objects) for item in items)


def _sum_sizes(items: Iterable[Item]) -> int:
    return sum(item.size_bytes for item in items)


def _finish(
    writer: StoreWriter,
    schema: LabelSchema,
    root: bytes,
    item_count: int,
    object_count: int,
    size_bytes: int,
) -> ManifestSummary:
    row = to_schema_row(schema)
    header = Header(HEADER_FORMAT, HEADER_VERSION, row, root, item_count, object_count, size_bytes)
    return _summarize(write_header(writer, header), header)


def _summarize(digest: Digest, header: Header) -> ManifestSummary:
    return ManifestSummary(
        digest=digest,
        schema=from_schema_row(header.schema),
        item_count=header.item_count,
        object_count=header.object_count,
        size_bytes=header.size_bytes,
    )
