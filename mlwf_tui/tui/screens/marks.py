"""What a person has marked, in the order of it, and what of that a verb is done to; no widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from mlwf_tui.entities.counts import format_count
from mlwf_tui.tui.keys import DATA, MODELS, PARTS, RUNS, STATES, Key
from mlwf_tui.tui.screens.outline import renew_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, Excerpt


class Marks:
    """Keeps the marked entries; `on_change` is told of every change."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._entries: dict[str, Entry] = {}
        self._on_change = on_change

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that is marked, in the order in which it was."""
        return tuple(self._entries.values())

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def toggle(self, entry: Entry) -> None:
        """Mark an entry, or take its mark away."""
        if self._entries.pop(entry.key, None) is None:
            self._entries[entry.key] = entry
        self._on_change()

    def add(self, entries: Iterable[Entry]) -> None:
        """Mark all of these; where all are marked already, take their marks away."""
        wanted = {entry.key: entry for entry in entries}
        if wanted.keys() <= self._entries.keys():
            for key in wanted:
                del self._entries[key]
        else:
            self._entries |= wanted
        self._on_change()

    def drop(self, entries: Iterable[Entry]) -> None:
        """Take the marks of these away."""
        for entry in entries:
            self._entries.pop(entry.key, None)
        self._on_change()

    def clear(self) -> bool:
        """Take all marks away; False where there was none."""
        had_any = bool(self._entries)
        self._entries.clear()
        if had_any:
            self._on_change()
        return had_any

    def renew(self, snapshot: Snapshot, now: datetime) -> None:
        """Take what is marked as the home has it now; what is gone is marked no more."""
        renewed = [renew_entry(entry, snapshot, now) for entry in self._entries.values()]
        self._entries = {entry.key: entry for entry in renewed if entry is not None}
        self._on_change()


def reach(key: Key, entry: Entry | None) -> Entry | None:
    """Return what a key acts on: the entry, or what it lies in where the key cannot act on a part."""
    if entry is None or entry.within is None or not key.kinds or entry.kind in key.kinds:
        return entry
    return entry.within if entry.within.kind in key.kinds else entry


def choose_targets(entry: Entry, marked: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return what a verb that takes several is done to: the marks of the entry's kind, else the entry.

    Of items those count that lie in the same project or version.
    """
    alike = [one for one in marked if one.kind is entry.kind and _find_ref(one) == _find_ref(entry)]
    return tuple(alike) or (entry,)


def choose_compared(entry: Entry, marked: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return what is to be better than what: the marks of the entry's kind, the entry before one alone."""
    targets = choose_targets(entry, marked)
    return targets if len(targets) > 1 or targets[0].key == entry.key else (entry, *targets)


def choose_sides(entry: Entry, marked: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return what is compared: the marks of the entry's kind, with the entry where there is but one."""
    comparable = [one for one in marked if _is_comparable(one, entry)]
    if len(comparable) < 2 and all(one.key != entry.key for one in comparable):
        comparable.append(entry)
    return tuple(comparable)


def join_excerpt(entries: Sequence[Entry]) -> Excerpt:
    """Return as one what the entries of datasets or items of one project or version stand for."""
    excerpts = [entry.entity for entry in entries if isinstance(entry.entity, Excerpt)]
    items = tuple(item for excerpt in excerpts for item in excerpt.items)
    return replace(excerpts[0], items=items, item_count=sum(one.item_count for one in excerpts))


def describe_marks(marked: Sequence[Entry]) -> str:
    """Return how many of what are marked, in few words: "cells@2", "3 runs", "3 runs, 1 model"."""
    if len(marked) == 1 and marked[0].kind not in PARTS | RUNS:
        return marked[0].ref
    counts: dict[str, int] = {}
    for entry in marked:
        counts[entry.kind.value] = counts.get(entry.kind.value, 0) + 1
    return ", ".join(format_count(count, kind) for kind, count in counts.items())


def order_sides(sides: Sequence[Entry]) -> tuple[str | None, str]:
    """Return the refs of what is compared, the older one first; of one alone, with what was before it."""
    if len(sides) == 1:
        return None, sides[0].ref
    first, second = sorted(sides, key=_age)
    return first.ref, second.ref


def _age(entry: Entry) -> tuple[bool, str]:
    """Order heads after versions, and versions by when they were made."""
    made_at = getattr(entry.entity, "created_at", None)
    return entry.kind is EntryKind.PROJECT, made_at.isoformat() if made_at else ""


def _is_comparable(one: Entry, other: Entry) -> bool:
    """Whether two are compared in the same way: data with data, runs and models with each other."""
    return any(one.kind in kinds and other.kind in kinds for kinds in (DATA | STATES, RUNS | MODELS))


def _find_ref(entry: Entry) -> str:
    return entry.entity.ref if isinstance(entry.entity, Excerpt) else ""
