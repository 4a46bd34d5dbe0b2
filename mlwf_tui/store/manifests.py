"""Manifests: the immutable Merkle trees that describe project states; written, edited, read, compared.

Items stand in the order of their keys as UTF-8 bytes, which is also the order of Python's strings.
Which manifest a set of items makes does not depend on how it came about: the same items and schema
always give the same digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.change import Aspect, ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.errors import Conflict, CorruptData, InvalidInput
from mlwf_tui.store.edits import edit_tree
from mlwf_tui.store.nodes import (
    HEADER_FORMAT,
    HEADER_VERSION,
    Header,
    KeptNodes,
    read_header,
    read_leaf,
    read_root,
    write_header,
    write_tree,
)
from mlwf_tui.store.rows import (
    Count,
    Digest32,
    KeyRow,
    decode,
    decode_item,
    encode_item,
    from_schema_row,
    to_schema_row,
)
from mlwf_tui.store.store import Store
from mlwf_tui.store.walks import iter_found, iter_leaves, iter_row_changes, iter_rows
from mlwf_tui.store.writer import StoreWriter


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A row whose larger values stay encoded; see rows.py for what they are."""

    dataset: str
    name: str
    blob: msgspec.Raw
    size_bytes: int
    width_px: msgspec.Raw
    height_px: msgspec.Raw
    split: Split
    tags: msgspec.Raw
    objects: msgspec.Raw
    custom: msgspec.Raw = msgspec.Raw()  # left out where neither it nor anything behind it is there
    origins: msgspec.Raw = msgspec.Raw()

    def encode(self) -> bytes:
        """Return the row with what is in it by now."""
        values = [getattr(self, name) for name in self.__struct_fields__]
        if self.origins:
            values[-2] = self.custom or _NO_CUSTOM
        else:
            values = values[:-1] if self.custom else values[:-2]
        return _encoder.encode(values)


class StoredImage(KeyRow, array_like=True, gc=False):
    """The head of an item's row, up to what it says of the image; what is behind it is skipped."""

    blob: Digest32
    size_bytes: Count
    width_px: Count
    height_px: Count


_encoder = msgspec.msgpack.Encoder()
_row_decoder = msgspec.msgpack.Decoder(_Row)
_image_decoder = msgspec.msgpack.Decoder(StoredImage)
_NOTHING = msgspec.Raw(_encoder.encode(()))
_FIX_ARRAY, _ARRAY_16, _ARRAY_32 = 0x90, 0xDC, 0xDD  # how MessagePack begins an array
_NO_CUSTOM = msgspec.Raw(_encoder.encode({}))
_SIDES: tuple[tuple[Aspect, Callable[[_Row], object]], ...] = (
    (Aspect.PIXELS, attrgetter("blob")),
    (Aspect.SIZE, attrgetter("width_px", "height_px")),
    (Aspect.SPLIT, attrgetter("split")),
    (Aspect.TAGS, attrgetter("tags")),
    (Aspect.CUSTOM, lambda row: row.custom or _NO_CUSTOM),
    (Aspect.OBJECTS, attrgetter("objects")),
)


class EncodedItem(NamedTuple):
    """An item as its manifest holds it; the same item always makes the same row."""

    key: str
    row: bytes
    object_count: int
    size_bytes: int


def encode(item: Item, boxes: Boxes | None = None) -> EncodedItem:
    """Return the row of an item, and what a manifest's header counts of it.

    `boxes` are its objects where it has none itself; the row is the same as if it had them.

    Raises:
        InvalidInput: an item that no manifest may hold.
    """
    count = len(item.annotation.objects) if boxes is None else len(boxes.corners)
    return EncodedItem(item.key, encode_item(item, boxes), count, item.size_bytes)


def move_row(row: bytes, *, dataset: str, name: str, split: Split | None, is_annotated: bool) -> EncodedItem:
    """Return the row of the same image under another key.

    `split` None keeps that of the row. Without `is_annotated` the new row has no annotation.
    The objects are passed on unopened, which is a tenth of the work of decoding them.

    Raises:
        CorruptData: it is no row.
    """
    moved = decode(_row_decoder, row)
    moved.dataset, moved.name = dataset, name
    if split is not None:
        moved.split = split
    if not is_annotated:
        moved.tags = moved.objects = _NOTHING
        moved.custom = msgspec.Raw()
    return EncodedItem(f"{dataset}/{name}", moved.encode(), _count(moved.objects), moved.size_bytes)


def read_stored_image(row: bytes) -> StoredImage:
    """Return what a row says of its item's image.

    Raises:
        CorruptData: it is no row.
    """
    return decode(_image_decoder, row)


def compare_rows(before: bytes, after: bytes) -> tuple[Aspect, ...]:
    """Return the sides of an item that differ between two rows of one key, as `ItemChange.aspects` has them.

    Their values are compared as they are encoded, at a tenth of the cost of two items. So the objects of
    a row that an earlier version wrote differ where their coordinates are written otherwise now.

    Raises:
        CorruptData: one of them is no row.
    """
    old, new = decode(_row_decoder, before), decode(_row_decoder, after)
    return tuple([aspect for aspect, look_at in _SIDES if look_at(old) != look_at(new)])


def write_manifest(writer: StoreWriter, schema: LabelSchema, items: Iterable[Item]) -> ManifestSummary:
    """Store the manifest of `items`, which may come in any order; it is readable once the writer is left.

    Raises:
        Conflict: two items have one key.
        InvalidInput: an item that no manifest may hold.
    """
    rows: dict[str, EncodedItem] = {}
    for item in items:
        encoded = encode(item)
        if encoded.key in rows:
            raise Conflict(f"There are two items {encoded.key}.", hint="Rename one of them.")
        rows[encoded.key] = encoded
    return write_rows(writer, schema, (rows[key] for key in sorted(rows)))


def write_rows(writer: StoreWriter, schema: LabelSchema, rows: Iterable[EncodedItem]) -> ManifestSummary:
    """Store the manifest of rows that come in the order of their keys; memory stays flat.

    Raises:
        Conflict: a row does not stand behind the one before it.
    """
    counts = _Counts()
    root = write_tree(writer, counts.iter_entries(rows))
    return _finish(writer, schema, root.digest, *counts.totals)


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
        CorruptData: `base` is missing or damaged.
        InvalidInput: a key that is not its item's, or an item that no manifest may hold.
    """
    rows = {key: None if item is None else encode(item) for key, item in changes.items()}
    return update_rows(store, writer, base, schema=schema, changes=rows)


def update_rows(
    store: Store,
    writer: StoreWriter,
    base: Digest,
    *,
    schema: LabelSchema,
    changes: Mapping[str, EncodedItem | None],
    kept: KeptNodes | None = None,
) -> ManifestSummary:
    """Store what `base` becomes with rows put in or taken away; as `update_manifest` otherwise.

    `kept` are the nodes that `find_rows` has read before.
    """
    for key, encoded in changes.items():
        if encoded is not None and encoded.key != key:
            raise InvalidInput(
                f"The item {encoded.key} is given under the key {key!r}.", hint="Use its own key."
            )
    header = read_header(store, base)
    rows = {key: None if encoded is None else msgspec.Raw(encoded.row) for key, encoded in changes.items()}
    root, replaced = edit_tree(store, writer, header.root, rows, kept)
    if root == header.root and to_schema_row(schema) == header.schema:
        return _summarize(base, header)  # also one of an earlier version, which is not written anew
    added = [encoded for encoded in changes.values() if encoded is not None]
    gone = [decode(_row_decoder, row) for row in replaced]
    return _finish(
        writer,
        schema,
        root,
        header.item_count + len(added) - len(gone),
        header.object_count + sum(e.object_count for e in added) - sum(_count(row.objects) for row in gone),
        header.size_bytes + sum(e.size_bytes for e in added) - sum(row.size_bytes for row in gone),
    )


def read_summary(store: Store, digest: Digest) -> ManifestSummary:
    """Return what a manifest says of itself; one small blob is read.

    Raises:
        CorruptData: it is missing or damaged, or is no manifest.
    """
    return _summarize(digest, read_header(store, digest))


def iter_items(store: Store, digest: Digest, *, prefix: str = "", start: str = "") -> Iterator[Item]:
    """Yield the items whose keys begin with `prefix`, in key order from `start` on.

    Parts of the tree that hold none of them are not read.

    Raises:
        CorruptData: as `read_summary`.
    """
    root = read_root(store, read_header(store, digest).root)
    return map(decode_item, iter_rows(store, root, prefix, start))


def iter_shards(store: Store, digest: Digest) -> Iterator[Digest]:
    """Yield the digests of a manifest's shards in key order: parts that can be read apart.

    Raises:
        CorruptData: as `read_summary`.
    """
    return (shard for shard, _ in iter_sized_shards(store, digest))


def iter_sized_shards(store: Store, digest: Digest) -> Iterator[tuple[Digest, int]]:
    """Yield the digests of a manifest's shards in key order, each with the number of its items.

    Raises:
        CorruptData: as `read_summary`.
    """
    root = read_header(store, digest).root
    return ((Digest(shard.hex()), count) for shard, count in iter_leaves(store, root, read_root(store, root)))


def read_shard(store: Store, shard: Digest) -> list[msgspec.Raw]:
    """Return the rows of one shard in the order in which they lie there; their keys are not looked at.

    Raises:
        CorruptData: as `read_summary`.
    """
    return read_leaf(store, shard)


def find_item(store: Store, digest: Digest, key: str) -> Item | None:
    """Return the item under a key, or None.

    Raises:
        CorruptData: as `read_summary`.
    """
    row = next(find_rows(store, digest, (key,)), None)
    return None if row is None else decode_item(row[1])


def find_rows(
    store: Store, digest: Digest, keys: Iterable[str], kept: KeptNodes | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield the rows that are there under `keys`, in key order; each node on the way is read once.

    With `kept` a node is read once in several calls.

    Raises:
        CorruptData: as `read_summary`.
    """
    root = read_root(store, read_header(store, digest).root)
    for key, row in iter_found(store, root, sorted(keys), kept):
        yield key, bytes(row)


def iter_changes(store: Store, before: Digest, after: Digest) -> Iterator[ItemChange]:
    """Yield the items that differ, in key order; the work grows with the difference alone.

    Raises:
        CorruptData: as `read_summary`.
    """
    roots = read_header(store, before).root, read_header(store, after).root
    for key, old_row, new_row in iter_row_changes(store, *roots):
        old = None if old_row is None else decode_item(old_row)
        new = None if new_row is None else decode_item(new_row)
        if old != new:  # an earlier version wrote the same item in other bytes
            yield ItemChange(_name_change(old, new), key, old, new)


def _name_change(old: Item | None, new: Item | None) -> ChangeKind:
    if old is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if new is None else ChangeKind.CHANGED


class _Counts(msgspec.Struct):
    """Adds up the rows that pass, and sees to their order."""

    item_count: int = 0
    object_count: int = 0
    size_bytes: int = 0

    @property
    def totals(self) -> tuple[int, int, int]:
        return self.item_count, self.object_count, self.size_bytes

    def iter_entries(self, rows: Iterable[EncodedItem]) -> Iterator[tuple[str, msgspec.Raw]]:
        last = ""
        for key, row, object_count, size_bytes in rows:
            if key <= last:
                problem = f"There are two items {key}." if key == last else f"{key} comes too late."
                raise Conflict(problem, hint="Rename one of them.")
            last = key
            self.item_count += 1
            self.object_count += object_count
            self.size_bytes += size_bytes
            yield key, msgspec.Raw(row)


def _count(encoded: msgspec.Raw) -> int:
    """Return how many values an array of MessagePack has; its beginning says so."""
    head = bytes(memoryview(encoded)[:5])
    kind = head[0] if head else 0
    if kind & 0xF0 == _FIX_ARRAY:
        return kind & 0x0F
    if kind in (_ARRAY_16, _ARRAY_32):
        return int.from_bytes(head[1:3] if kind == _ARRAY_16 else head[1:5], "big")
    raise CorruptData("The manifest holds an item whose objects are no list.")


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
