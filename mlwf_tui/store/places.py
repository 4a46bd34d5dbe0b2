"""Items of a manifest by their place in key order: the million-and-first is as near as the first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.store.nodes import Child, Node, read_header, read_node, read_root
from mlwf_tui.store.rows import decode, decode_item
from mlwf_tui.store.store import Store


class _Named(msgspec.Struct, array_like=True, gc=False):
    """The first field of an object's or tag's row, its class or name; the rest is skipped."""

    name: str


class _TaggedObject(_Named):
    """A row of an object as far as its tags; the shape is not decoded."""

    geometry: msgspec.Raw = msgspec.Raw()
    confidence: float | None = None
    author: str = ""
    tags: Sequence[_Named] = ()


class ItemHead(msgspec.Struct, array_like=True, gc=False):
    """What names an item, without its shapes: decoded six times as fast as an Item."""

    dataset: str
    name: str
    blob: msgspec.Raw
    size_bytes: int
    width_px: int
    height_px: int
    split: str
    tags: Sequence[_Named]
    objects: Sequence[_Named]

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.name}"

    @property
    def tag_names(self) -> list[str]:
        """The tags of the item itself."""
        return [tag.name for tag in self.tags]

    @property
    def class_names(self) -> set[str]:
        return {labelled.name for labelled in self.objects}


class TaggedHead(ItemHead, array_like=True, gc=False):
    """A head with the tags of its objects: half as fast to decode where there are many of them."""

    objects: Sequence[_TaggedObject]

    @property
    def all_tag_names(self) -> set[str]:
        """The tags of the item and of its objects."""
        of_objects = (tag.name for labelled in self.objects for tag in labelled.tags)
        return {*self.tag_names, *of_objects}


_head_decoder = msgspec.msgpack.Decoder(ItemHead)
_tagged_decoder = msgspec.msgpack.Decoder(TaggedHead)


def iter_heads(store: Store, digest: Digest, places: Sequence[int] | None = None) -> Iterator[ItemHead]:
    """Yield the head of every item in key order, or of those at growing `places`.

    Raises:
        CorruptData: as `iter_items_at`.
    """
    root = read_root(store, read_header(store, digest).root)
    wanted = range(root.item_count) if places is None else places
    return (decode(_head_decoder, row) for row in _iter_rows(store, root, wanted, 0))


def iter_tagged_heads(store: Store, digest: Digest, places: Sequence[int]) -> Iterator[TaggedHead]:
    """Yield the heads of the items at growing `places`, with the tags of their objects.

    Raises:
        CorruptData: as `iter_items_at`.
    """
    root = read_root(store, read_header(store, digest).root)
    return (decode(_tagged_decoder, row) for row in _iter_rows(store, root, places, 0))


def iter_items_at(store: Store, digest: Digest, places: Sequence[int]) -> Iterator[Item]:
    """Yield the items at `places`, which count from 0 in key order, and grow.

    A place behind the last gives nothing. Nodes without a wanted item are not read.

    Raises:
        CorruptData: it is missing or damaged, or is no manifest.
    """
    root = read_root(store, read_header(store, digest).root)
    return map(decode_item, _iter_rows(store, root, places, 0))


def find_place(store: Store, digest: Digest, key: str) -> int:
    """Return the place of the first item whose key is not before `key`; behind the last, their number.

    Raises:
        CorruptData: as `iter_items_at`.
    """
    node = read_root(store, read_header(store, digest).root)
    passed = 0
    while node.level:
        number = max(0, bisect_right(node.entries, key, key=lambda entry: entry[0]) - 1)
        children = [child for _, child in node.entries if isinstance(child, Child)]
        passed += sum(child.item_count for child in children[:number])
        node = read_node(store, children[number], node.level - 1)
    return passed + bisect_left(node.entries, key, key=lambda entry: entry[0])


def _iter_rows(store: Store, node: Node, places: Sequence[int], first: int) -> Iterator[msgspec.Raw]:
    """Yield the rows at growing `places` below a node whose first item is at `first`."""
    passed = 0
    for number, (_, value) in enumerate(node.entries):
        if passed == len(places):
            return
        if not isinstance(value, Child):
            if places[passed] == first + number:
                yield value
                passed += 1
            continue
        behind = bisect_left(places, first + value.item_count, passed)
        if behind > passed:
            yield from _iter_rows(
                store, read_node(store, value, node.level - 1), places[passed:behind], first
            )
        passed, first = behind, first + value.item_count
