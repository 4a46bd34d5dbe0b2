"""Items of a manifest by their place in key order: the million-and-first is as near as the first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.store.nodes import Child, Node, read_header, read_node, read_root
from mlwf_tui.store.rows import decode, decode_item
from mlwf_tui.store.store import Store


class _Named(msgspec.Struct, array_like=True, gc=False):
    """The first field of an object's or tag's row, its class or name; the rest is skipped."""

    name: str


class ItemHead(msgspec.Struct, array_like=True, gc=False):
    """What names an item, without its shapes: decoded six times as fast as an Item."""

    dataset: str
    name: str
    blob: msgspec.Raw
    size_bytes: int
    width_px: int
    height_px: int
    split: str
    tags: list[_Named]
    objects: list[_Named]

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.name}"

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags]

    @property
    def class_names(self) -> set[str]:
        return {labelled.name for labelled in self.objects}


_head_decoder = msgspec.msgpack.Decoder(ItemHead)


def iter_heads(store: Store, digest: Digest) -> Iterator[ItemHead]:
    """Yield the head of every item in key order.

    Raises:
        NotFound, CorruptData: as `iter_items_from`.
    """
    root = read_root(store, read_header(store, digest).root)
    return (decode(_head_decoder, row) for row in _iter_rows_from(store, root, 0))


def iter_items_from(store: Store, digest: Digest, place: int) -> Iterator[Item]:
    """Yield the items from the one at `place` on, counted from 0 in key order; nothing before is read.

    Raises:
        NotFound: there is no such manifest.
        CorruptData: its bytes are damaged, or are no manifest.
    """
    root = read_root(store, read_header(store, digest).root)
    return map(decode_item, _iter_rows_from(store, root, place))


def find_place(store: Store, digest: Digest, key: str) -> int:
    """Return the place of the first item whose key is not before `key`; behind the last, their number.

    Raises:
        NotFound, CorruptData: as `iter_items_from`.
    """
    node = read_root(store, read_header(store, digest).root)
    passed = 0
    while node.level:
        number = max(0, bisect_right(node.entries, key, key=lambda entry: entry[0]) - 1)
        children = [child for _, child in node.entries if isinstance(child, Child)]
        passed += sum(child.item_count for child in children[:number])
        node = read_node(store, children[number], node.level - 1)
    return passed + bisect_left(node.entries, key, key=lambda entry: entry[0])


def _iter_rows_from(store: Store, node: Node, place: int) -> Iterator[msgspec.Raw]:
    for _, value in node.entries:
        if not isinstance(value, Child):
            if place <= 0:
                yield value
            place -= 1
        elif place >= value.item_count:
            place -= value.item_count
        else:
            yield from _iter_rows_from(store, read_node(store, value, node.level - 1), place)
            place = 0
