"""Folders outside of the home: what one look at one found, and how a checkout was edited; no bytes."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.run import Problem


class FoundFile(NamedTuple):
    """A regular file below the root of a listing.

    `relative` is its POSIX path from the root. `signature` tells one state of the file from another
    without reading it: 40 bytes made of size, times, inode and device.
    """

    root: str
    relative: str
    signature: bytes

    @property
    def path(self) -> Path:
        return Path(self.root, self.relative)

    @property
    def location(self) -> str:
        """The same as text: a Path takes longer to make than a small file to read."""
        return f"{self.root}/{self.relative}"

    @property
    def name(self) -> str:
        return self.relative.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """The last suffix in lower case, with its dot."""
        return Path(self.name).suffix.lower()

    @property
    def folder(self) -> str:
        """The path of the folder that holds the file, empty for the root."""
        return self.relative.rpartition("/")[0]

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders between the root and the file."""
        return tuple(self.relative.split("/")[:-1])


class Fault(msgspec.Struct, frozen=True):
    """Something in a folder that cannot be used, and why; `relative` may hold any character."""

    relative: str
    name: str
    reason: str
    is_folder: bool

    def to_problem(self) -> Problem:
        """Return the fault as a run names it."""
        return Problem(show_path(self.relative), self.reason)


class FolderListing(msgspec.Struct, frozen=True):
    """All files below a root in path order, hidden ones left out, and what could not be listed.

    Links to files inside of the root are listed like files; those that lead out, and every linked
    folder, are faults.
    """

    root: Path  # absolute, without links
    files: tuple[FoundFile, ...]
    faults: tuple[Fault, ...]
    scanned_at_ns: int  # when the look began


def show_path(path: str) -> str:
    """Return a path that is safe to print and to store as UTF-8: odd characters are escaped."""
    if path.isprintable():
        return path
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in ("Cc", "Cs") else character
        for character in path
    )


class FolderChange(msgspec.Struct, frozen=True, kw_only=True):
    """One item that the folder has otherwise; `renamed_from` is its former key, else empty."""

    kind: ChangeKind
    key: str
    renamed_from: str = ""


class FolderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout beside what it was made from, and beside its project's head."""

    folder: str
    project: str
    ref: str  # what was checked out
    changes: tuple[FolderChange, ...]
    is_schema_changed: bool
    is_behind: bool  # the project's head holds something else by now
    is_interrupted: bool  # a checkout was killed; running it again ends it
    problems: tuple[Problem, ...]

    @property
    def is_clean(self) -> bool:
        return not self.changes and not self.is_schema_changed and not self.is_interrupted

    def count(self, kind: ChangeKind) -> int:
        return sum(change.kind is kind for change in self.changes)
