"""Combines two manifests that come from one base, reading only what differs; writes nothing.

An item that one side renamed is the same item for the other side's changes; where names went round among
images, an item is its image.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.merge import Arrival, merge_items, settle_key
from mlwf_tui.entities.threeway import Decide, Side, merge_schemas
from mlwf_tui.store.manifests import iter_changes, read_summary
from mlwf_tui.store.renames import trace_changes
from mlwf_tui.store.store import Store


class Combined(msgspec.Struct, frozen=True, kw_only=True):
    """What our manifest becomes: its new label schema, and the items that differ from ours."""

    schema: LabelSchema
    items: tuple[ItemChange, ...]

    @property
    def changes(self) -> Mapping[str, Item | None]:
        """The items by key, None where one is taken away."""
        gone = {change.before.key: None for change in self.items if change.before}
        return gone | {change.after.key: change.after for change in self.items if change.after}


def combine(
    store: Store,
    base: Digest | None,
    ours: Digest,
    theirs: Digest,
    decide: Decide,
    *,
    preferred: Side = Side.OURS,
) -> Combined:
    """Merge two manifests item by item; without a base everything counts as added by its side.

    Where both added a class or tag, alike but for its colour, the `preferred` side's is taken.

    Raises:
        CorruptData: a manifest cannot be read.
    """
    schemas = read_summary(store, ours).schema, read_summary(store, theirs).schema
    if base is None:
        changes = (change for change in iter_changes(store, ours, theirs) if change.after)
        merged = [(c.before, merge_items(None, c.before, c.after, decide)) for c in changes]
        schema = merge_schemas(LabelSchema(), *schemas, decide, preferred=preferred)
        return Combined(schema=schema, items=_list_changes(merged))
    our_changes, our_refilled = trace_changes(store, base, ours)
    sides = _Sides(our_changes, our_refilled, list(trace_changes(store, base, theirs)[0]))
    merged = _part(
        [
            _Merged(before, mine, merge_items(before, mine, other, decide))
            for before, mine, other in sides.iter_items()
        ],
        decide,
    )
    used = sides.our_classes.union(*(_list_classes(item) for _, item in merged))
    before = read_summary(store, base).schema
    schema = merge_schemas(before, *schemas, decide, used=used, preferred=preferred)
    return Combined(schema=schema, items=_list_changes(merged))


class _Merged(msgspec.Struct, frozen=True):
    """One item as it was in the base, is on our side, and becomes."""

    before: Item | None
    mine: Item | None
    item: Item | None

    @property
    def arrival(self) -> Arrival:
        assert self.item is not None  # or it comes under no key
        return self.before, self.item


class _Sides:
    """Every item that their side changed, found on ours as well.

    Of our changes only those are kept, and what came under a key that an item may get back.
    """

    def __init__(
        self, ours: Iterable[ItemChange], our_refilled: Container[str], theirs: Sequence[ItemChange]
    ) -> None:
        self.our_classes: set[str] = set()  # of items that only our side changed
        touched = {change.before.key for change in theirs if change.before}
        arrived = {change.key for change in theirs if _is_arrival(change)}
        mine = []
        for change in ours:
            is_touched = change.before is not None and change.before.key in touched
            is_in_reach = change.key in arrived or change.key in our_refilled
            if is_touched or (_is_arrival(change) and is_in_reach):
                mine.append(change)
            else:
                self.our_classes |= _list_classes(change.after)
        self._ours, self._theirs = _Fates(mine), _Fates(theirs)

    def iter_items(self) -> Iterator[tuple[Item | None, Item | None, Item | None]]:
        """Yield each item as it was in the base, is on our side and on theirs."""
        for key, (before, other) in self._theirs.of_base.items():
            yield before, self._ours.of_base.get(key, (before, before))[1], other
        for key, (before, mine) in self._ours.of_base.items():
            if key not in self._theirs.of_base:
                yield before, mine, before
        for key in dict.fromkeys((*self._theirs.added, *self._ours.added)):
            yield None, self._ours.added.get(key), self._theirs.added.get(key)


class _Fates:
    """What one side made of the base's items, by their keys there, and what it added."""

    def __init__(self, changes: Iterable[ItemChange]) -> None:
        self.of_base: dict[str, tuple[Item, Item | None]] = {}
        self.added: dict[str, Item] = {}
        for change in changes:
            if change.before is not None:
                self.of_base[change.before.key] = change.before, change.after
            elif change.after is not None:
                self.added[change.after.key] = change.after


def _part(merged: Sequence[_Merged], decide: Decide) -> list[tuple[Item | None, Item | None]]:
    """Return each item as it is on our side and as it becomes, no two under one key.

    Where two came under one key, one from each side, that is a conflict, and whichever does not get it
    keeps its key of the base, from which it may push away what came there; what is new has none and goes.
    """
    items = [entry.item for entry in merged]
    places: dict[str, int] = {}
    waiting = list(reversed(range(len(items))))
    while waiting:
        place = waiting.pop()
        item = items[place]
        if item is None:
            continue
        first = places.setdefault(item.key, place)
        if first == place:
            continue
        winner = _choose(merged, items, (first, place), decide)
        loser = first if winner == place else place
        places[item.key] = winner
        items[loser] = _put_back(*merged[loser].arrival)
        waiting.append(loser)
    return [(entry.mine, item) for entry, item in zip(merged, items, strict=True)]


def _choose(
    merged: Sequence[_Merged], items: Sequence[Item | None], places: tuple[int, int], decide: Decide
) -> int:
    """Return which of two items gets the key that both have: one that has it of the base, or else as decided.

    One of the base is back there since it lost another key, or since it stays, as decided before.
    """
    for place in places:
        before, item = merged[place].before, items[place]
        if before and item and before.key == item.key:
            return place
    first, place = places
    mine, item = merged[place].mine, items[place]
    is_ours = mine is not None and item is not None and mine.key == item.key
    ours, theirs = (place, first) if is_ours else (first, place)
    return ours if settle_key(merged[ours].arrival, merged[theirs].arrival, decide) is Side.OURS else theirs


def _put_back(before: Item | None, item: Item) -> Item | None:
    return None if before is None else replace(item, dataset=before.dataset, name=before.name)


def _list_classes(item: Item | None) -> set[str]:
    return set() if item is None else {labelled.class_name for labelled in item.annotation.objects}


def _is_arrival(change: ItemChange) -> bool:
    return change.kind in (ChangeKind.ADDED, ChangeKind.RENAMED)


def _list_changes(merged: Iterable[tuple[Item | None, Item | None]]) -> tuple[ItemChange, ...]:
    """Return what differs between items as they are on our side and as they become, in key order."""
    changes = [_name_change(mine, item) for mine, item in merged if mine != item]
    return tuple(sorted(changes, key=lambda change: change.key))


def _name_change(mine: Item | None, item: Item | None) -> ItemChange:
    if item is None:
        assert mine is not None  # or nothing would differ
        return ItemChange(ChangeKind.REMOVED, mine.key, mine, None)
    if mine is None:
        return ItemChange(ChangeKind.ADDED, item.key, None, item)
    kind = ChangeKind.CHANGED if mine.key == item.key else ChangeKind.RENAMED
    return ItemChange(kind, item.key, mine, item)
