"""Reading a manifest's tree: in order from a prefix, one key, or only where two trees differ."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from mlwf_tui.store.nodes import Child, Entry, KeptNodes, Node, read_node, read_root
from mlwf_tui.store.store import Store

RowChange = tuple[str, msgspec.Raw | None, msgspec.Raw | None]
"""A key with its row before and after."""


def iter_rows(store: Store, root: Node, prefix: str, start: str) -> Iterator[msgspec.Raw]:
    """Yield the rows whose keys begin with `prefix`, from `start` on, reading only nodes on the way."""
    start = max(start, prefix)
    keys = [key for key, _ in root.entries]
    if root.level == 0:
        for key, row in root.entries[bisect_left(keys, start) :]:
            if not key.startswith(prefix):
                return
            if isinstance(row, msgspec.Raw):
                yield row
        return
    first = max(0, bisect_right(keys, start) - 1)  # the child before may hold the first of them
    for key, child in root.entries[first:]:
        if key > prefix and not key.startswith(prefix):
            return
        if isinstance(child, Child):
            yield from iter_rows(store, read_node(store, child, root.level - 1), prefix, start)


def iter_leaves(store: Store, digest: bytes, node: Node) -> Iterator[tuple[bytes, int]]:
    """Yield digest and item count of all shards below a node, which `digest` is of; no shard is read."""
    if node.level == 0:
        yield digest, node.item_count
        return
    for _, child in node.entries:
        if not isinstance(child, Child):
            continue
        if node.level == 1:
            yield child.digest, child.item_count
        else:
            yield from iter_leaves(store, child.digest, read_node(store, child, node.level - 1))


def iter_found(
    store: Store, root: Node, keys: Sequence[str], kept: KeptNodes | None = None
) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield the rows under `keys`, which are in order; keys that are not there are passed over."""
    if root.level == 0:
        known = dict(root.entries)
        for key in keys:
            row = known.get(key)
            if isinstance(row, msgspec.Raw):
                yield key, row
        return
    borders = [key for key, _ in root.entries]
    at = 0
    while at < len(keys):
        place = max(0, bisect_right(borders, keys[at]) - 1)
        is_last = place + 1 == len(borders)
        end = len(keys) if is_last else bisect_left(keys, borders[place + 1], lo=at + 1)
        child = root.entries[place][1]
        if isinstance(child, Child):
            node = read_node(store, child, root.level - 1, kept)
            yield from iter_found(store, node, keys[at:end], kept)
        at = end


def iter_row_changes(store: Store, before: bytes, after: bytes) -> Iterator[RowChange]:
    """Yield what differs between the trees of two roots, in key order.

    Both trees are walked at once, always at the smaller key. Two nodes of one digest are passed over
    unread; since borders hang on keys alone, they meet again right behind each difference, also
    where one tree is higher than the other.
    """
    if before == after:
        return
    left, right = _Cursor(store, before), _Cursor(store, after)
    while left.stack and right.stack:
        if left.key < right.key:
            yield from left.step_alone(is_left=True)
        elif right.key < left.key:
            yield from right.step_alone(is_left=False)
        else:
            yield from _step_both(left, right)
    while left.stack:
        yield from left.step_alone(is_left=True)
    while right.stack:
        yield from right.step_alone(is_left=False)


def _step_both(left: _Cursor, right: _Cursor) -> Iterator[RowChange]:
    if left.level > right.level:
        left.push(left.open())
    elif right.level > left.level:
        right.push(right.open())
    elif left.level >= 0:
        _open_both(left, right)
    else:
        key, old, new = left.key, left.pop_row(), right.pop_row()
        if old != new:
            yield key, old, new


def _open_both(left: _Cursor, right: _Cursor) -> None:
    if left.stack[-1] == right.stack[-1]:
        left.stack.pop()
        right.stack.pop()
        return
    old, new = left.open(), right.open()
    known = dict(new.entries)
    same = {key for key, value in old.entries if known.get(key) == value}
    # Most of two nodes is alike: passing over it here, not step by step, is four times as fast.
    left.push(Node(old.level, [entry for entry in old.entries if entry[0] not in same]))
    right.push(Node(new.level, [entry for entry in new.entries if entry[0] not in same]))


class _Cursor:
    """The unread rest of one tree: entries with their levels, the next on top; rows have level -1."""

    def __init__(self, store: Store, root: bytes) -> None:
        self._store = store
        self.stack: list[tuple[int, Entry]] = []
        self.push(read_root(store, root))

    @property
    def key(self) -> str:
        return self.stack[-1][1][0]

    @property
    def level(self) -> int:
        return self.stack[-1][0]

    def open(self) -> Node:
        """Take the node on top and read it."""
        level, (_, child) = self.stack.pop()
        assert isinstance(child, Child)  # only rows have level -1
        return read_node(self._store, child, level)

    def push(self, node: Node) -> None:
        self.stack.extend((node.level - 1, entry) for entry in reversed(node.entries))

    def pop_row(self) -> msgspec.Raw:
        row = self.stack.pop()[1][1]
        assert isinstance(row, msgspec.Raw)
        return row

    def step_alone(self, *, is_left: bool) -> Iterator[RowChange]:
        """Go on where the other tree has nothing up to its next key."""
        if self.level >= 0:
            self.push(self.open())
            return
        key, row = self.key, self.pop_row()
        yield (key, row, None) if is_left else (key, None, row)
