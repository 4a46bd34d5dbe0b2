"""Folders outside of the home: what one look at one found, and how a checkout was edited; no bytes."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.run import Problem

SIGNATURE_BYTES = 40
PAGE_FILES = 1024
"""The most files of a page: packed together, and unpacked where one of them is asked for."""
_OPEN_PAGES = 16


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
        head, _, tail = self.name.rpartition(".")
        return head if head and tail else self.name

    @property
    def suffix(self) -> str:
        """The last suffix in lower case, with its dot."""
        head, _, tail = self.name.rpartition(".")
        return f".{tail}".lower() if head and tail else ""

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


class Page(NamedTuple):
    """Some files of one folder, packed: a million files take some fifty bytes each.

    The same names and signatures as those of `FoundFile`, in the order of the names.
    """

    start: int  # how many files of the listing come before
    folder: str  # its path from the root, empty for the root
    names: str  # a slash stands between two; no name holds one
    signatures: bytes  # SIGNATURE_BYTES each

    def list_names(self) -> list[str]:
        """Return the names of the files."""
        return self.names.split("/")

    def list_ending(self, suffixes: Collection[str]) -> list[tuple[int, str]]:
        """Return the names with one of the lower-case suffixes, in any case, behind their places."""
        firsts = dict.fromkeys(name[name.rfind(".") :] for name in self.names.split("/", 2)[:2])
        # Mostly one suffix, or that of images and of labels, is that of all, which counting tells two
        # hundred or ten times as fast as looking.
        is_of_all = (
            all(suffix[:1] == "." for suffix in firsts)
            and sum(self.names.count(f"{suffix}/") + self.names.endswith(suffix) for suffix in firsts)
            == len(self.signatures) // SIGNATURE_BYTES
        )
        if is_of_all:
            wanted = sum(suffix.lower() in suffixes for suffix in firsts)
            if wanted == len(firsts):
                return list(enumerate(self.list_names()))
            if not wanted:
                return []
        return [
            (index, name)
            for index, name in enumerate(self.list_names())
            if name[name.rfind(".") :].lower() in suffixes
        ]

    def make_file(self, root: str, name: str, index: int) -> FoundFile:
        """Return the file at a place of the page, whose name that is."""
        relative = f"{self.folder}/{name}" if self.folder else name
        at = index * SIGNATURE_BYTES
        return FoundFile(root, relative, self.signatures[at : at + SIGNATURE_BYTES])

    @property
    def end(self) -> int:
        """How many files of the listing come before the next page."""
        return self.start + len(self.signatures) // SIGNATURE_BYTES


_NO_PAGE = Page(0, "", "", b"")


class FolderListing(msgspec.Struct, frozen=True):
    """All files below a root in path order, hidden ones left out, and what could not be listed.

    In path order a folder's files stand where the folder's name does among its neighbours. Links to
    files inside of the root are listed like files; those that lead out, and every linked folder, are
    faults.
    """

    root: Path  # absolute, without links
    pages: tuple[Page, ...]
    faults: tuple[Fault, ...]
    scanned_at_ns: int  # when the look began

    @property
    def is_empty(self) -> bool:
        return not self.pages

    @property
    def count(self) -> int:
        """How many files there are."""
        return self.pages[-1].end if self.pages else 0

    def iter_files(self) -> Iterator[FoundFile]:
        """Yield the files in path order."""
        root = str(self.root)
        for page in self.pages:
            for index, name in enumerate(page.list_names()):
                yield page.make_file(root, name, index)

    def list_signatures(self) -> dict[str, bytes]:
        """Return the signature of each file by its path from the root."""
        found: dict[str, bytes] = {}
        for page in self.pages:  # not by `iter_files`, whose values would triple the time
            signatures = page.signatures
            before = f"{page.folder}/" if page.folder else ""
            for index, name in enumerate(page.list_names()):
                at = index * SIGNATURE_BYTES
                found[before + name] = signatures[at : at + SIGNATURE_BYTES]
        return found


class FileFinder:
    """Finds files of a listing by their paths; fastest where these come in order.

    A file's position is the number of files that come before it in the listing.
    """

    def __init__(self, listing: FolderListing) -> None:
        self._root = str(listing.root)
        self._pages = listing.pages
        self._starts = [page.start for page in listing.pages]
        self._firsts: dict[str, list[tuple[str, int]]] = {}  # of a folder's pages: first name, and number
        for number, page in enumerate(listing.pages):
            self._firsts.setdefault(page.folder, []).append((page.names.partition("/")[0], number))
        self._unpack = lru_cache(maxsize=_OPEN_PAGES)(self._list_names)
        self._page = _NO_PAGE  # the one in which the last file was found
        self._names: list[str] = []
        self._next = 0  # the place behind it

    def get(self, position: int) -> FoundFile:
        """Return the file at a position."""
        index = position - self._page.start
        if not 0 <= index < len(self._names):
            self._open(bisect_right(self._starts, position) - 1)
            index = position - self._page.start
        return self._page.make_file(self._root, self._names[index], index)

    def has_folder(self, folder: str) -> bool:
        """Say whether there are files in a folder itself."""
        return folder in self._firsts

    def find(self, folder: str, name: str) -> int | None:
        """Return the position of the file of that name in a folder."""
        index = self._next
        # Mostly it is the next one.
        if folder != self._page.folder or index >= len(self._names) or self._names[index] != name:
            number, index = self._find_place(folder, name)
            if number < 0:
                return None
            self._open(number)
            if index == len(self._names) or self._names[index] != name:
                return None
        self._next = index + 1
        return self._page.start + index

    def iter_beginning(self, folder: str, start: str) -> Iterator[tuple[int, str]]:
        """Yield position and name of a folder's files whose names begin so."""
        number, index = self._find_place(folder, start)
        while 0 <= number < len(self._pages) and self._pages[number].folder == folder:
            for at, name in enumerate(self._unpack(number)[index:], start=index):
                if not name.startswith(start):
                    return
                yield self._pages[number].start + at, name
            number, index = number + 1, 0

    def _open(self, number: int) -> None:
        self._page, self._names, self._next = self._pages[number], self._unpack(number), 0

    def _find_place(self, folder: str, name: str) -> tuple[int, int]:
        """Return the number of a folder's page and the place in it where a name stands, or would."""
        firsts = self._firsts.get(folder)
        if firsts is None:
            return -1, 0
        number = firsts[max(0, bisect_right(firsts, (name, len(self._pages))) - 1)][1]
        return number, bisect_left(self._unpack(number), name)

    def _list_names(self, number: int) -> list[str]:
        return self._pages[number].list_names()


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
    is_interrupted: bool  # a checkout or sync was killed; running it again ends it
    interrupted_verb: str  # which; empty where an earlier mlwf did not say
    problems: tuple[Problem, ...]

    @property
    def is_clean(self) -> bool:
        return not self.changes and not self.is_schema_changed and not self.is_interrupted

    def count(self, kind: ChangeKind) -> int:
        return sum(change.kind is kind for change in self.changes)
