"""Reading a manifest's tree: in order from a prefix, one key, or only where two trees differ."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import msgspec

from mlwf_tui.store.nodes import Child, Entry, Node, read_node, read_root
from mlwf_tui.store.store import Store

RowChange = tuple[str, msgspec.Raw | None, msgspec.Raw | None]
"""A key with its row before and after."""


def iter_rows(store: Store, root: Node, prefix: str) -> Iterator[msgspec.Raw]:
    """Yield the rows whose keys begin with `prefix`, reading only the nodes on the way to them."""
    if root.level == 0:
        for key, row in root.entries:
            if key.startswith(prefix) and isinstance(row, msgspec.Raw):
                yield row
        return
    keys = [key for key, _ in root.entries]
    first = max(0, bisect_right(keys, prefix) - 1)  # the child before may hold the first of them
    for key, child in root.entries[first:]:
        if key > prefix and not key.startswith(prefix):
            return
        if isinstance(child, Child):
            yield from iter_rows(store, read_node(store, child, root.level - 1), prefix)


def find_row(store: Store, root: Node, key: str) -> msgspec.Raw | None:
    """Return the row under a key, or None; one node a level is read."""
    node = root
    while True:
        place = bisect_right(node.entries, key, key=lambda entry: entry[0]) - 1
        if place < 0:
            return None
        found, value = node.entries[place]
        if not isinstance(value, Child):
            return value if found == key else None
        node = read_node(store, value, node.level - 1)


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
        left.open()
    elif right.level > left.level:
        right.open()
    elif left.is_same(right):
        left.stack.pop()
        right.stack.pop()
    elif left.level >= 0:
        left.open()
        right.open()
    else:
        yield left.key, left.pop_row(), right.pop_row()


class _Cursor:
    """The unread rest of one tree: entries with their levels, the next on top; rows have level -1."""

    def __init__(self, store: Store, root: bytes) -> None:
        self._store = store
        self.stack: list[tuple[int, Entry]] = []
        self._push(read_root(store, root))

    @property
    def key(self) -> str:
        return self.stack[-1][1][0]

    @property
    def level(self) -> int:
        return self.stack[-1][0]

    def is_same(self, other: _Cursor) -> bool:
        return _identify(self.stack[-1][1]) == _identify(other.stack[-1][1])

    def open(self) -> None:
        """Put the entries of the node on top in its place."""
        level, (_, child) = self.stack.pop()
        if isinstance(child, Child):
            self._push(read_node(self._store, child, level))

    def pop_row(self) -> msgspec.Raw | None:
        row = self.stack.pop()[1][1]
        return None if isinstance(row, Child) else row

    def step_alone(self, *, is_left: bool) -> Iterator[RowChange]:
        """Go on where the other tree has nothing up to its next key."""
        if self.level >= 0:
            self.open()
            return
        key, row = self.key, self.pop_row()
        yield (key, row, None) if is_left else (key, None, row)

    def _push(self, node: Node) -> None:
        self.stack.extend((node.level - 1, entry) for entry in reversed(node.entries))


def _identify(entry: Entry) -> bytes:
    value = entry[1]
    return value.digest if isinstance(value, Child) else bytes(value)
