"""Looks once at a folder of somebody else's files and stays inside of it; not a verb, reads no file."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from zlib import crc32

import msgspec

from mlwf_tui.entities.folder import PAGE_FILES, SIGNATURE_BYTES, Fault, FolderListing, Page
from mlwf_tui.entities.item import check_name
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.importing.signing import (
    FOLDER_FLAGS,
    Signed,
    open_below,
    sign_files,
    sign_status,
    split_names,
)
from mlwf_tui.workflow.importing.signing_hand import Question, SigningHand

_FEWEST_OF_PAGE = PAGE_FILES // 2
_BORDER_BITS = 127
"""Of a name's checksum: where they are zeros a page ends, so that a new file moves no border but its own."""
_MAX_DEPTH = 100  # of folders in folders; no data set is as deep, and each takes up to six frames here


def scan_folder(root: Path, hand: SigningHand | None = None) -> FolderListing:
    """Return what is below `root`, in path order; a hand that has gone ahead there is used up.

    Hidden files and folders (`.git`, `._photo.jpg`) and `__MACOSX` are passed over.
    """
    root = root.resolve()
    with hand if hand and hand.root == root else SigningHand(root) as own:
        scan = _Scan(root, own)
        scan.enter("", str(root), None)
        scan.drain(is_last=True)
    scan.pages.close()
    return FolderListing(root, tuple(scan.pages.done), tuple(scan.faults), own.begun_at_ns)


def _ends_page(name: str, count: int) -> bool:
    return count == PAGE_FILES or not crc32(os.fsencode(name)) & _BORDER_BITS


class _Files(msgspec.Struct, frozen=True):
    """Files of a folder that stand together, with what tells their states."""

    folder: str
    names: Sequence[str]
    signatures: bytes

    def cut(self, start: int, end: int | None = None) -> _Files:
        """Return those between two places."""
        last = len(self.names) if end is None else end
        signatures = self.signatures[start * SIGNATURE_BYTES : last * SIGNATURE_BYTES]
        return _Files(self.folder, self.names[start:last], signatures)


class _Pages(msgspec.Struct):
    """The pages of a listing, filled in path order."""

    done: list[Page] = msgspec.field(default_factory=list)
    _folder: str = ""
    _names: list[str] = msgspec.field(default_factory=list)
    _signatures: list[bytes] = msgspec.field(default_factory=list)

    def add(self, files: _Files) -> None:
        """Put files behind those that are there; another folder begins a page, with files or without."""
        if files.folder != self._folder:
            self.close()
            self._folder = files.folder
        begun, names = 0, files.names
        for place in range(max(0, _FEWEST_OF_PAGE - len(self._names) - 1), len(names)):
            count = len(self._names) + place + 1 - begun
            if count >= _FEWEST_OF_PAGE and _ends_page(names[place], count):
                self._take(files.cut(begun, place + 1))
                self.close()
                begun = place + 1
        self._take(files.cut(begun) if begun else files)

    def close(self) -> None:
        """End the page: what follows a folder's name stands behind its files."""
        if self._names:
            start = self.done[-1].end if self.done else 0
            self.done.append(Page(start, self._folder, "/".join(self._names), b"".join(self._signatures)))
            self._names.clear()
            self._signatures.clear()

    def _take(self, files: _Files) -> None:
        self._names += files.names
        self._signatures.append(files.signatures)


@dataclass(slots=True, eq=False, repr=False)
class _Scan:
    """A look through folders, with a hand that signs a share of the files."""

    root: Path
    hand: SigningHand
    pages: _Pages = field(default_factory=_Pages)
    faults: list[Fault] = field(default_factory=list)
    waiting: deque[_Files | Fault | Question] = field(default_factory=deque)  # the first is with the hand

    def enter(self, folder: str, name: str, parent: int | None) -> None:
        """List a folder, which is `name` in the folder that `parent` is open on, and those below it."""
        try:
            descriptor = os.open(name, FOLDER_FLAGS, dir_fd=parent)
            try:
                self._list(folder, descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._put(_describe_unread(folder, error))

    def drain(self, *, is_last: bool = False) -> None:
        """Put what waits where it belongs, as far as the hand has come; the last time all of it."""
        while self.waiting:
            first = self.waiting[0]
            if isinstance(first, Question):
                if is_last:
                    self.hand.settle(first)
                if not first.is_settled:
                    return
            self.waiting.popleft()
            if isinstance(first, Question):
                self._take_answer(first)
            elif isinstance(first, Fault):
                self.faults.append(first)
            else:
                self.pages.add(first)

    def _list(self, folder: str, descriptor: int) -> None:
        self._put(_Files(folder, (), b""))
        batches, signed = self.hand.take_listed(folder) or (split_names(os.listdir(descriptor)), [])  # noqa: PTH208
        for place, batch in enumerate(batches):
            if place < len(signed):
                self._take(folder, batch, signed[place], descriptor)
                continue
            question = self.hand.ask(folder, batch)
            if question:
                self.waiting.append(question)
            else:
                self._take(folder, batch, sign_files(descriptor, batch), descriptor)
            self.drain()

    def _take(self, folder: str, names: Sequence[str], signed: Signed, descriptor: int) -> None:
        """Put signed files into the pages, and see to the odd ones among them."""
        files, start = _Files(folder, names, signed[0]), 0
        for place in signed[1]:
            self._put(files.cut(start, place))
            self._see_to(folder, names[place], descriptor)
            start = place + 1
        self._put(files.cut(start) if start else files)

    def _take_answer(self, question: Question) -> None:
        if question.answer and not question.answer[1]:
            self.pages.add(_Files(question.folder, question.names, question.answer[0]))
            return
        # What is odd may be a folder, whose files come before those that wait.
        late = _Scan(self.root, self.hand, self.pages, self.faults)
        try:
            descriptor = open_below(str(self.root), question.folder)
        except OSError as error:
            self.faults.append(_describe_unread(question.folder, error))
            return
        try:
            signed = question.answer or sign_files(descriptor, question.names)
            late._take(question.folder, question.names, signed, descriptor)
        finally:
            os.close(descriptor)
        late.drain(is_last=True)

    def _put(self, found: _Files | Fault) -> None:
        if self.waiting:
            self.waiting.append(found)
        elif isinstance(found, Fault):
            self.faults.append(found)
        else:
            self.pages.add(found)

    def _see_to(self, folder: str, name: str, descriptor: int) -> None:
        """Enter a folder, note a fault, or take what is a file all the same."""
        relative = f"{folder}/{name}" if folder else name
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            is_link = S_ISLNK(status.st_mode)
            if is_link:
                with suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=descriptor)
        except OSError as error:  # it vanished meanwhile, or is a link to itself
            self._put(Fault(relative, name, f"cannot be read: {error.strerror}", False))
            return
        is_folder = S_ISDIR(status.st_mode)
        fault = self._find_fault(relative, name, status, is_link=is_link)
        if is_folder and relative.count("/") >= _MAX_DEPTH:
            fault = f"lies more than {_MAX_DEPTH} folders deep"
        if fault:
            self._put(Fault(relative, name, fault, is_folder))
        elif is_folder:
            self.enter(relative, name, descriptor)
        else:
            self._put(_Files(folder, (name,), sign_status(status)))

    def _find_fault(self, relative: str, name: str, status: os.stat_result, *, is_link: bool) -> str:
        try:
            check_name(name, "name")
        except InvalidInput as error:
            return f"cannot be used: {error.message}"
        if is_link:
            if S_ISDIR(status.st_mode):
                return "is a link to a folder, which is not followed"
            # not Path.resolve, which raises on a link to itself
            if not Path(os.path.realpath(self.root / relative)).is_relative_to(self.root):
                return "is a link that leads out of the folder"
            return "" if S_ISREG(status.st_mode) else "is a link to nothing"
        return "" if S_ISDIR(status.st_mode) or S_ISREG(status.st_mode) else "is not a regular file"


def _describe_unread(folder: str, error: OSError) -> Fault:
    shown = folder.rpartition("/")[2]
    return Fault(folder or ".", shown, f"cannot be read: {error.strerror}", True)
