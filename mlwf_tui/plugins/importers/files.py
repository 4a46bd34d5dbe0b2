"""How importers use a folder's listing: files by suffix, images in datasets, paths that stay inside."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.annotation import Annotation, find_class_fault
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderListing, FoundFile, Page
from mlwf_tui.entities.folder import show_path as show_path
from mlwf_tui.entities.item import IMAGE_SUFFIXES, MAX_NAME_BYTES, Split, check_name, displace
from mlwf_tui.entities.item import SPLIT_WORDS as SPLIT_WORDS
from mlwf_tui.entities.keys import KeySet
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.importers import ImportedItem

Report = Callable[[Problem], None]

MAX_PATH_LENGTH = 4096
SOME = 3
"""How many names a sentence tells."""
_SIDE_DIGITS = 10
_MAX_SIDE_PX = 1 << 31  # no image is wider
MAX_TEXT_BYTES = 64 << 20  # of one annotation or list file


class Place(NamedTuple):
    """Where an image goes: its dataset ("" for the root of the import) and its split."""

    dataset: str
    split: Split


class Keys(msgspec.Struct):
    """Sees to it that no two images of one import get the same key."""

    _taken: KeySet = msgspec.field(default_factory=KeySet)

    def make_item(
        self,
        image: FoundFile,
        place: Place,
        report: Report,
        *,
        source: FoundFile | None = None,
        annotation: Annotation | None = None,
        otherwise: Place | None = None,
        told_size_px: tuple[int, int] | None = None,
    ) -> ImportedItem | None:
        """Return an image as an item where it can go; None where another has its key, which is reported.

        `otherwise` is where it goes if another of its name has taken its place.
        """
        placed = self.place(image.name, place) or (otherwise and self.place(image.name, otherwise))
        if placed is None:
            report(Problem(image.relative, "has the name of another image of its dataset"))
            return None
        return ImportedItem(
            image=image,
            dataset=placed.dataset,
            name=image.name,
            split=placed.split,
            source=source,
            annotation=annotation,
            told_size_px=told_size_px,
            is_displaced=placed.dataset != place.dataset,
        )

    def place(self, name: str, place: Place) -> Place | None:
        """Return where `name` can go: as asked, else below its split's name, else None."""
        if self._taken.add(f"{place.dataset}/{name}"):
            return place
        below = displace(place.dataset, place.split)
        if below and self._taken.add(f"{below}/{name}"):
            return Place(below, place.split)
        return None


def read_size(width: object, height: object) -> tuple[int, int] | None:
    """Return the size of an image as a file tells it, in numbers or digits; None where it tells none."""
    known = [_read_side(side) for side in (width, height)]
    return (known[0], known[1]) if min(known) > 0 else None


def _read_side(side: object) -> int:
    if isinstance(side, int):
        return side if side <= _MAX_SIDE_PX else 0
    text = side.strip() if isinstance(side, str) else ""
    return _read_side(int(text)) if text.isdecimal() and len(text) <= _SIDE_DIGITS else 0


def iter_images(folder: FolderListing, report: Report) -> Iterator[FoundFile]:
    """Yield the image files of a folder in path order; see `iter_files`."""
    return iter_files(folder, IMAGE_SUFFIXES, report)


def iter_files(folder: FolderListing, suffixes: Collection[str], report: Report) -> Iterator[FoundFile]:
    """Yield the files with one of the lower-case suffixes, in path order.

    Folders, and files with such a suffix, that cannot be used are reported first.
    """
    report_faults(folder, suffixes, report)
    for _, file in iter_numbered(folder, suffixes):
        yield file


def report_faults(folder: FolderListing, suffixes: Collection[str], report: Report) -> None:
    """Report folders, and files with one of the suffixes, that cannot be used."""
    for fault in folder.faults:
        if fault.is_folder or has_suffix(fault.name, suffixes):
            report(fault.to_problem())


def iter_numbered(folder: FolderListing, suffixes: Collection[str]) -> Iterator[tuple[int, FoundFile]]:
    """Yield the files with one of the suffixes in path order, each behind its position in the listing."""
    root = str(folder.root)
    for page in folder.pages:
        for index, name in page.list_ending(suffixes):
            yield page.start + index, page.make_file(root, name, index)


def iter_fitting(
    folder: FolderListing, suffixes: Collection[str], fits: Callable[[Page], bool]
) -> Iterator[FoundFile]:
    """Yield the files with one of the suffixes of those pages that fit; a million others cost little."""
    root = str(folder.root)
    for page in folder.pages:
        if fits(page):
            for index, name in page.list_ending(suffixes):
                yield page.make_file(root, name, index)


def has_suffix(name: str, suffixes: Collection[str]) -> bool:
    """Say whether a file's name ends with one of the lower-case suffixes, written in any case."""
    return name[name.rfind(".") :].lower() in suffixes


def has_images(folder: FolderListing) -> bool:
    """Say whether there is at least one image file; stops at the first."""
    return next(iter_numbered(folder, IMAGE_SUFFIXES), None) is not None


def count_images(folder: FolderListing, limit: int = 1000) -> str:
    """Return how many images there are, in words; counting stops at `limit`."""
    count = sum(1 for _ in islice(iter_numbered(folder, IMAGE_SUFFIXES), limit))
    return f"{limit} images or more" if count == limit else format_count(count, "image")


def tell_images(folder: FolderListing) -> str:
    """Return `there are 3 images`, as a part of a sentence."""
    told = count_images(folder)
    return f"there {'is' if told.startswith('1 ') else 'are'} {told}"


def ignore_problem(problem: Problem) -> None:
    """Drop a problem: detecting a format reports none, importing will."""


def find_place(file: FoundFile, layout: frozenset[str]) -> Place:
    """Return the dataset and split that the folders of `file` stand for.

    Folders named in `layout` (lower case, such as `images`) say nothing; a top folder named like a
    split is one; the others are the dataset.
    """
    return find_folder_place(file.folder, layout)


@lru_cache(maxsize=4096)  # a million files lie in few folders
def find_folder_place(path: str, layout: frozenset[str]) -> Place:
    """Return the dataset and split of the files in a folder, as `find_place`."""
    folders = [name for name in path.split("/") if name and name.lower() not in layout]
    split = SPLIT_WORDS.get(folders[0].lower(), Split.NONE) if folders else Split.NONE
    if split is not Split.NONE:
        folders = folders[1:]
    return Place("/".join(folders), split)


def resolve_inside(root: Path, path: str) -> Path | None:
    """Return the absolute path of `path` below `root`, or None where it leads out or is no path."""
    if find_path_fault(path):
        return None
    resolved_root = root.resolve()
    # not Path.resolve, which raises on a link to itself
    resolved = Path(os.path.realpath(resolved_root / path))
    return resolved if resolved.is_relative_to(resolved_root) else None


def find_path_fault(path: str) -> str:
    """Return why a text is no path of a folder on any system, or nothing; it follows "which "."""
    if not path:
        return "is empty"
    if "\\" in path:
        return "holds a backslash"
    if "\0" in path:
        return "holds a zero"
    try:
        is_long = any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.split("/"))
    except UnicodeEncodeError:
        return "is no text that UTF-8 can write"
    # asking the system for it would raise
    return "is longer than any path" if is_long or len(path) > MAX_PATH_LENGTH else ""


def check_bare_name(name: str) -> str:
    """Return `name` if it names a file without a folder.

    Raises:
        InvalidInput: it is a path, empty, or holds control characters; the message follows "it ".
    """
    if PurePosixPath(name).is_absolute() or "/" in name or "\\" in name or name in (".", ".."):
        raise InvalidInput(f"points to {show_path(name)!r}, which is not a plain file name")
    try:
        return check_name(name, "file name")
    except InvalidInput as error:
        raise InvalidInput(f"cannot be used: {error.message}") from error


def compose(name: str) -> str:
    """Return a name with its accents composed, as it is compared: macOS writes é as two characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def check_class_name(name: str) -> str:
    """Return a class name without space around it.

    Raises:
        InvalidInput: nothing is left, or it holds a control character; the message follows "box 3 ".
    """
    stripped = name.strip()
    if fault := find_class_fault(stripped):
        raise InvalidInput(fault)
    return stripped


def read_bytes(path: Path | str, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of an annotation file.

    Raises:
        InvalidInput: it cannot be read, or is larger than any such file; the message follows its name.
    """
    try:
        # Plain descriptors: file objects and Path cost three times the reading of a small file.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput("is not a file")
            if status.st_size > max_bytes:
                raise InvalidInput(f"is larger than {max_bytes >> 20} MB")
            # To the size it had: whoever appends to it all the time would never let this end.
            content = os.read(descriptor, status.st_size)
            while len(content) < status.st_size and (
                more := os.read(descriptor, status.st_size - len(content))
            ):
                content += more
            return content
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error


def read_lines(path: Path | str) -> list[str]:
    """Return the lines of a UTF-8 file, stripped, empty ones kept so that numbers fit.

    Raises:
        InvalidInput: as `read_bytes`, or it is not text.
    """
    return split_lines(read_bytes(path))


def split_lines(content: bytes) -> list[str]:
    """Return the lines of UTF-8 text, stripped, empty ones kept so that numbers fit.

    Raises:
        InvalidInput: it is not text; the message follows its file's name.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("is not UTF-8 text") from error
    if "\0" in text:
        raise InvalidInput("is not text")
    return [line.strip() for line in text.splitlines()]


def make_unread(what: str, root: object, faults: Sequence[Problem]) -> InvalidInput:
    """Return the error where no annotation file could be read, with the reason of the first."""
    first, more = faults[0], len(faults) - 1
    others = f" {more} more could not be read either." if more else ""
    return InvalidInput(
        f"No {what} in {root} could be read: {first.path} {first.reason}.{others}",
        hint="Mend or replace the file, or name another format with --format.",
    )


def name_some(names: Sequence[str], count: int | None = None) -> str:
    """Return the first names for a sentence: `a, b, c and 4 more`; `count` where not all are given."""
    count = len(names) if count is None else count
    shown = ", ".join(show_path(name) for name in names[:SOME])
    return f"{shown} and {count - SOME} more" if count > SOME else shown
