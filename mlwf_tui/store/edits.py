"""Changing a manifest's tree by writing only the nodes on the way to what changed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from mlwf_tui.store.nodes import (
    Child,
    Entry,
    KeptNodes,
    Node,
    read_node,
    read_root,
    split_entries,
    starts_node,
    write_node,
    write_tree,
)
from mlwf_tui.store.store import Store
from mlwf_tui.store.writer import StoreWriter

Changes = Mapping[str, "msgspec.Raw | Child | None"]
"""What stands under a key from now on, None where nothing does."""

_by_key = itemgetter(0)


def edit_tree(
    store: Store, writer: StoreWriter, root: bytes, changes: Changes, kept: KeptNodes | None = None
) -> tuple[bytes, list[msgspec.Raw]]:
    """Return the root of the tree with `changes` made, and the old rows that they took away.

    The new root is the one that `write_tree` would give for the same items: every level is cut by
    its keys alone. Each level is a sorted map, to the rows or to the nodes below; changing one makes
    changes for the map above it. `kept` are nodes that the caller has read before.
    """
    tree = _Tree(store, root, kept)
    replaced: list[msgspec.Raw] = []
    tops: dict[str, Child] = {}
    for level in range(tree.root.level + 1):
        old, tops = _edit_level(tree, writer, level, changes, replaced)
        if old == tops:
            return root, replaced
        gone = dict.fromkeys(old.keys() - tops.keys())
        changes = gone | {key: child for key, child in tops.items() if old.get(key) != child}
    if len(tops) == 1:
        return tree.find_lowest_root(*tops.values()).digest, replaced
    above = tree.root.level + 1 if tops else 0
    return write_tree(writer, sorted(tops.items()), level=above).digest, replaced


def _edit_level(
    tree: _Tree, writer: StoreWriter, level: int, changes: Changes, replaced: list[msgspec.Raw]
) -> tuple[dict[str, Child], dict[str, Child]]:
    """Return the nodes of one level that the changes touch, and those that take their places."""
    old: dict[str, Child] = {}
    segments: list[list[Entry]] = []  # runs of entries without a gap, each from a border on
    emptied: set[str] = set()
    for node, node_changes in _group_by_node(tree, level, changes):
        old[node.first_key] = node
        entries = _merge(tree.read(node, level).entries, node_changes, replaced)
        if not entries:
            emptied.add(node.first_key)
            continue
        before = None
        if not starts_node(entries[0][0], level):  # its border is gone: it joins the node before
            before = tree.find_before(level, node.first_key, emptied)
        if before is None:
            segments.append(entries)
        elif before.first_key in old:
            segments[-1].extend(entries)
        else:
            old[before.first_key] = before
            segments.append([*tree.read(before, level).entries, *entries])
    candidates = {*changes, *old}  # every other key stood inside of a node, where it stays
    new = {
        run[0][0]: tree.write(writer, level, run)
        for segment in segments
        for run in split_entries(segment, level, candidates=candidates)
    }
    return old, new


def _group_by_node(
    tree: _Tree, level: int, changes: Changes
) -> Iterator[tuple[Child, list[tuple[str, msgspec.Raw | Child | None]]]]:
    pending = sorted(changes.items(), key=_by_key)
    start = 0
    while start < len(pending):
        node, upper = tree.locate(level, pending[start][0])
        stop = len(pending) if upper is None else bisect_left(pending, upper, lo=start + 1, key=_by_key)
        yield node, pending[start:stop]
        start = stop


def _merge(
    entries: Sequence[Entry],
    changes: Sequence[tuple[str, msgspec.Raw | Child | None]],
    replaced: list[msgspec.Raw],
) -> list[Entry]:
    merged = dict(entries)
    for key, value in changes:
        old = merged.pop(key, None)
        if isinstance(old, msgspec.Raw):
            replaced.append(old)
        if value is not None:
            merged[key] = value
    return sorted(merged.items(), key=_by_key)


class _Tree:
    """The tree before the edit, and what is new of the one after it."""

    def __init__(self, store: Store, root: bytes, kept: KeptNodes | None) -> None:
        self._store = store
        self._kept = kept
        self.root = read_root(store, root)
        first_key = self.root.entries[0][0] if self.root.entries else ""
        self._root = Child(first_key, root, self.root.item_count)
        self._inner: dict[bytes, Node] = {root: self.root}  # shards are many and read once each
        self._new: dict[bytes, Node] = {}  # inner nodes that cannot be read before the writer ends

    def read(self, node: Child, level: int) -> Node:
        known = self._inner.get(node.digest)
        if known is None:
            known = read_node(self._store, node, level, self._kept)
            if level > 0:
                self._inner[node.digest] = known
        return known

    def write(self, writer: StoreWriter, level: int, entries: list[Entry]) -> Child:
        child = write_node(writer, level, entries)
        if level > 0:
            self._new[child.digest] = Node(level, entries)
        return child

    def locate(self, level: int, key: str) -> tuple[Child, str | None]:
        """Return the node of a level where `key` belongs, and the first key behind it."""
        found, node, upper = self._root, self.root, None
        while node.level > level:
            place = max(0, bisect_right(node.entries, key, key=_by_key) - 1)
            if place + 1 < len(node.entries):
                upper = node.entries[place + 1][0]
            found = _get_child(node, place)
            if node.level - 1 == level:
                break
            node = self.read(found, node.level - 1)
        return found, upper

    def find_before(self, level: int, first_key: str, emptied: set[str]) -> Child | None:
        """Return the node of a level that ends before `first_key`, passing over those emptied."""
        while True:
            found, node = self._root, self.root
            while node.level > level:
                place = bisect_left(node.entries, first_key, key=_by_key) - 1
                if place < 0:
                    return None
                found = _get_child(node, place)
                if node.level - 1 == level:
                    break
                node = self.read(found, node.level - 1)
            if found.first_key >= first_key:
                return None
            if found.first_key not in emptied:
                return found
            first_key = found.first_key

    def find_lowest_root(self, top: Child) -> Child:
        """Return the node that alone makes up its level: a root with one child is no root."""
        for level in range(self.root.level, 0, -1):
            node = self._new.get(top.digest) or self.read(top, level)
            if len(node.entries) > 1:
                break
            top = _get_child(node, 0)
        return top


def _get_child(node: Node, place: int) -> Child:
    child = node.entries[place][1]
    assert isinstance(child, Child)  # only inner nodes are asked
    return child
