"""What differs between two project states, and the journal of what was changed by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mlwf_tui.entities.item import Item


class ChangeKind(StrEnum):
    """How an item or a class differs between two states."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item that differs; `before` is None where it was added, `after` where it was removed."""

    kind: ChangeKind
    key: str
    before: Item | None
    after: Item | None

    @property
    def detail(self) -> str:
        """What differs, in a few words: pixels, split, objects."""
        if self.before is None or self.after is None:
            present = self.after or self.before
            count = len(present.annotation.objects) if present else 0
            return f"{count} object{'' if count == 1 else 's'}"
        parts = []
        if self.before.blob != self.after.blob:
            parts.append("pixels")
        if self.before.split != self.after.split:
            parts.append(f"split {self.before.split} → {self.after.split}")
        if self.before.annotation != self.after.annotation:
            before_count = len(self.before.annotation.objects)
            after_count = len(self.after.annotation.objects)
            parts.append(f"objects {before_count} → {after_count}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One class whose definition differs, or whose objects do; counted over the differing items."""

    name: str
    kind: ChangeKind
    objects_added: int
    objects_removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Everything between two states; `items` in key order."""

    before: str  # the refs as given
    after: str
    items: tuple[ItemChange, ...]
    classes: tuple[ClassChange, ...]

    def count(self, kind: ChangeKind) -> int:
        return sum(change.kind == kind for change in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvent:
    """One committed change; `sequence` grows without gaps that matter, so a reader can follow."""

    sequence: int
    at: datetime
    kind: str  # project.created, head.moved, version.created, run.started, run.finished, …
    subject: str  # the id of what changed
    author: str
    payload: Mapping[str, str]
