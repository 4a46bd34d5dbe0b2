"""Nodes of a manifest's tree: their encoding, where they end, and reading and writing one; no walks."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.rows import Count, Digest32, KeyRow, SchemaRow, decode, shorten_schema
from mlwf_tui.store.store import Store
from mlwf_tui.store.writer import StoreWriter

HEADER_FORMAT = "mlwf.manifest"
HEADER_VERSION = 2
_KNOWN_VERSIONS = (1, HEADER_VERSION)  # the first has all coordinates as they are, and no field left out
_LEAF_BITS = 5  # a shard holds 2^5 items on average
_INNER_BITS = 6  # an inner node 2^6 children
_HASH_BITS = 64


class Leaf(msgspec.Struct, array_like=True, tag=0, forbid_unknown_fields=True):
    """A shard: rows of items in key order, kept encoded until somebody asks."""

    rows: list[msgspec.Raw]


class LeafKeys(msgspec.Struct, array_like=True, tag=0):
    """The same shard with its rows' heads alone."""

    rows: list[KeyRow]


class Child(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A node as its parent names it."""

    first_key: str
    digest: Digest32
    item_count: Count


class Inner(msgspec.Struct, array_like=True, tag=1, forbid_unknown_fields=True):
    """The children of one node in key order; `level` 1 has shards below it."""

    level: int
    children: list[Child]


class Header(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The object whose digest is the manifest's."""

    format: str
    version: int
    schema: SchemaRow
    root: Digest32
    item_count: Count
    object_count: Count
    size_bytes: Count


Entry = tuple[str, "msgspec.Raw | Child"]
"""A key with what stands under it: an item's row in a shard, a child in an inner node."""

_encoder = msgspec.msgpack.Encoder()
_node_decoder = msgspec.msgpack.Decoder(Leaf | Inner)
_leaf_decoder = msgspec.msgpack.Decoder(Leaf)
_leaf_keys_decoder = msgspec.msgpack.Decoder(LeafKeys)
_header_decoder = msgspec.msgpack.Decoder(Header)


class Node:
    """A decoded node: its level (0 is a shard) and its entries in key order."""

    __slots__ = ("entries", "level")

    def __init__(self, level: int, entries: Sequence[Entry]) -> None:
        self.level = level
        self.entries = entries

    @property
    def item_count(self) -> int:
        if self.level == 0:
            return len(self.entries)
        return sum(child.item_count for _, child in self.entries if isinstance(child, Child))


def starts_node(key: str, level: int) -> bool:
    """Return whether `key` begins a new node at `level`, whatever its neighbours are.

    Only the key decides, so an edit moves no border but its own; and a key that begins a node of one
    level begins one of every level below.
    """
    needed = _LEAF_BITS + _INNER_BITS * level
    if needed > _HASH_BITS:
        return False  # no tree gets here; without an end, one key of all zeros would raise it for ever
    value = int.from_bytes(blake3(key.encode()).digest(_HASH_BITS // 8), "little")
    return value & ((1 << needed) - 1) == 0


def split_entries(
    entries: Iterable[Entry], level: int, *, candidates: Container[str] | None = None
) -> Iterator[list[Entry]]:
    """Cut entries in key order into those of one node each.

    With `candidates` no key but these is looked at: those of the others are known to begin no node.
    """
    run: list[Entry] = []
    for entry in entries:
        if run and (candidates is None or entry[0] in candidates) and starts_node(entry[0], level):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def write_node(writer: StoreWriter, level: int, entries: Sequence[Entry]) -> Child:
    """Store one node and return how its parent names it."""
    values = [value for _, value in entries]
    body = [0, values] if level == 0 else [1, level, values]
    digest = writer.put(_encoder.encode(body), kind=RecordKind.NODE)
    first_key = entries[0][0] if entries else ""
    return Child(first_key, bytes.fromhex(digest), Node(level, entries).item_count)


def write_tree(writer: StoreWriter, entries: Iterable[Entry], *, level: int = 0) -> Child:
    """Store nodes over `entries` up to the root, which is the lowest level with a single node."""
    while True:
        children = [write_node(writer, level, run) for run in split_entries(entries, level)]
        if len(children) <= 1:
            return children[0] if children else write_node(writer, 0, ())
        entries = [(child.first_key, child) for child in children]
        level += 1


KeptNodes = dict[bytes, Node]
"""Nodes that stay decoded, by digest, for who looks rows up first and then edits around them."""

MOST_KEPT = 1024
"""About 25 MB of shards."""


def read_node(store: Store, child: Child, level: int, kept: KeptNodes | None = None) -> Node:
    """Return a node and check that it is what its parent says; `kept` is asked first, and filled.

    Raises:
        CorruptData: it is not, or its keys are not in order.
    """
    node = kept.get(child.digest) if kept else None
    if node is None:
        node = read_root(store, child.digest)
        if kept is not None and len(kept) < MOST_KEPT:
            kept[child.digest] = node
    first_key = node.entries[0][0] if node.entries else None
    if (node.level, first_key, node.item_count) != (level, child.first_key, child.item_count):
        raise CorruptData(f"The manifest's node {child.digest.hex()} is not what its parent says.")
    return node


def read_root(store: Store, digest: bytes) -> Node:
    """Return the node with this digest, whatever its level.

    Raises:
        CorruptData: it is no node, or its keys are not in order.
    """
    encoded = store.read(Digest(digest.hex()))
    decoded = decode(_node_decoder, encoded)
    if isinstance(decoded, Leaf):
        heads = decode(_leaf_keys_decoder, encoded).rows  # at once: three times as fast as one by one
        keys = [f"{head.dataset}/{head.name}" for head in heads]
        node = Node(0, list(zip(keys, decoded.rows, strict=True)))
    else:
        keys = [child.first_key for child in decoded.children]
        node = Node(decoded.level, list(zip(keys, decoded.children, strict=True)))
    is_ordered = all(before < after for before, after in pairwise(keys))
    has_wrong_level = isinstance(decoded, Inner) and (decoded.level < 1 or not keys)
    if not is_ordered or has_wrong_level:
        raise CorruptData(f"The manifest's node {digest.hex()} is not in order.")
    return node


def read_leaf(store: Store, digest: Digest) -> list[msgspec.Raw]:
    """Return the rows of a shard without a look at their keys, in a third of the time of `read_root`.

    Raises:
        CorruptData: it is missing or damaged, or is no shard.
    """
    return decode(_leaf_decoder, store.read(digest)).rows


def write_header(writer: StoreWriter, header: Header) -> Digest:
    """Store a header and return the manifest's digest."""
    row = [
        header.format,
        header.version,
        shorten_schema(header.schema),
        header.root,
        header.item_count,
        header.object_count,
        header.size_bytes,
    ]
    return writer.put(_encoder.encode(row), kind=RecordKind.MANIFEST)


def read_header(store: Store, digest: Digest) -> Header:
    """Return the header of a manifest.

    Raises:
        CorruptData: it is missing or damaged, or is no manifest of a version that is known.
    """
    header = decode(_header_decoder, store.read(digest))
    if header.format != HEADER_FORMAT or header.version not in _KNOWN_VERSIONS:
        raise CorruptData(f"The blob {digest} is no manifest, or one of a newer mlwf.")
    return header
