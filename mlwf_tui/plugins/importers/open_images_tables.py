"""What the tables of Open Images share: rows by their columns, names of classes, sizes of images."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import probe_image
from mlwf_tui.plugins.importers.files import (
    check_class_name,
    iter_numbered,
    read_bytes,
    show_path,
)

LAYOUT: Final = frozenset({"images", "annotations"})

_NAMES: Final = re.compile(r".*class-descriptions.*\.csv")
_MASK: Final = re.compile(r".+_[a-z]0\w+_[0-9a-f]{8}\.png")  # IMAGE_CLASS_BOX.png
_MAX_IMAGE_BYTES: Final = 1 << 30


def is_mask(image: FoundFile) -> bool:
    """Say whether a picture is called like a mask of an object."""
    return _MASK.fullmatch(image.name) is not None


def iter_rows(file: FoundFile, needed: Collection[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file, which may be larger than the memory, behind their line numbers.

    Raises:
        InvalidInput: it is no CSV, or lacks a column that is needed; the message follows its name.
    """
    rows = _iter_plain(file)
    header = {name: at for at, name in enumerate(next(rows, []))}
    if not header.keys() >= set(needed):
        raise InvalidInput(f"has no columns {' and '.join(needed)}")
    for number, row in enumerate(rows, start=2):
        yield number, {name: row[at] for name, at in header.items() if at < len(row)}


def read_names(folder: FolderListing) -> Mapping[str, str]:
    """Return the classes' names by their ids (`/m/01g317`); a bad line names none."""
    names: dict[str, str] = {}
    for _, file in iter_numbered(folder, {".csv"}):
        if not _NAMES.fullmatch(file.name):
            continue
        try:
            for row in _iter_plain(file):
                if len(row) >= 2 and row[0] != "LabelName":
                    names.setdefault(row[0], check_class_name(row[1]))
        except InvalidInput:
            continue  # its classes go by their ids
    return names


def tell_missing(count: int) -> str:
    """Return what is said of rows whose image is not in the folder."""
    return f"{format_count(count, 'row')} of images that are not in the folder"


def _iter_plain(file: FoundFile) -> Iterator[list[str]]:
    try:
        with file.path.open(encoding="utf-8", newline="") as lines:
            yield from csv.reader(lines)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not CSV: {error}") from error


@dataclass(slots=True)
class Sizes:
    """Reads the sizes of images by their position, each once."""

    finder: FileFinder
    _known: dict[int, tuple[int, int]] = field(default_factory=dict)

    def read(self, position: int) -> tuple[int, int]:
        """Return width and height of an image.

        Raises:
            InvalidInput: it cannot be read; the message follows an object.
        """
        if position not in self._known:
            image = self.finder.get(position)
            try:
                facts = probe_image(read_bytes(image.location, _MAX_IMAGE_BYTES))
            except InvalidInput as error:
                raise InvalidInput(f"is of {show_path(image.relative)}, which {error.message}") from error
            self._known[position] = facts.width_px, facts.height_px
        return self._known[position]
