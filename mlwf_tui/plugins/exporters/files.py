"""What writers of formats share: file names that do not collide, folders, and documents in parts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
)
from mlwf_tui.entities.item import MAX_NAME_BYTES, Item, Split
from mlwf_tui.entities.keys import KeySet
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.exporters import ExportedItem

DEFAULT_DATASET: Final = "main"  # whose name stays out of file names
SIDE_SUFFIX_BYTES: Final = 5  # of an annotation file beside its image: .json

_DIGEST_CHARACTERS = 12
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class FileNames:
    """Gives each item a file name whose stem no other file of its folder has, and counts the others.

    An annotation file has its image's stem, so that `a.jpg` and `a.png` need two. `is_folded` keeps names
    apart that differ only in upper and lower case.
    """

    is_folded: bool = False
    renamed_count: int = 0
    _taken: KeySet = field(default_factory=KeySet)

    def choose(self, folder: str, stem: str, suffix: str, item: Item, *, max_bytes: int = 0) -> str:
        """Return the stem for an item's files in `folder`: as asked, else with a digest of its key."""
        limit = max_bytes or MAX_NAME_BYTES - max(len(suffix.encode()), SIDE_SUFFIX_BYTES)
        is_long = len(stem.encode()) > limit
        if is_long or not self._take(folder, stem):
            room = limit - _DIGEST_CHARACTERS - 1
            short = stem.encode()[:room].decode(errors="ignore")
            stem = f"{short}_{hashlib.sha256(item.key.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"
            self._take(folder, stem)
            self.renamed_count += 1
        return stem

    def _take(self, folder: str, stem: str) -> bool:
        return self._taken.add(f"{folder}/{stem.casefold() if self.is_folded else stem}")


@dataclass(slots=True)
class Folders:
    """Makes the folders below a root, each once."""

    root: Path
    _made: set[str] = field(default_factory=set)

    def make(self, relative: str) -> Path:
        """Return the path of a folder, which is there then."""
        path = self.root / relative
        if relative not in self._made:
            path.mkdir(parents=True, exist_ok=True)
            self._made.add(relative)
        return path

    def place(self, exported: ExportedItem, relative: str) -> None:
        """Put an item's image at a path below the root."""
        folder, _, name = relative.rpartition("/")
        exported.place_image(self.make(folder) / name)


def flatten(item: Item) -> str:
    """Return an item's stem behind its dataset; that of the default dataset is bare."""
    stem = split_name(item.name)[0]
    return stem if item.dataset == DEFAULT_DATASET else "__".join((*item.dataset.split("/"), stem))


def split_name(name: str) -> tuple[str, str]:
    """Return stem and suffix; the suffix is empty where there is none."""
    path = Path(name)
    return path.stem, path.suffix


def name_split_folder(split: Split, name: str) -> str:
    """Return a path below its split's folder; at the root where there is no split."""
    return name if split is Split.NONE else f"{split}/{name}"


def require_items(count: int) -> None:
    """Raise InvalidInput where nothing was written."""
    if not count:
        raise InvalidInput(
            "There is no item that the format could hold.", hint="Choose another version or format."
        )


def iter_known(
    item: Item, ids: Mapping[str, int], problems: list[Problem]
) -> Iterator[tuple[int, AnnotatedObject]]:
    """Yield an item's objects behind the ids of their classes; those of other classes are reported."""
    for number, labelled in enumerate(item.annotation.objects, start=1):
        if labelled.class_name in ids:
            yield ids[labelled.class_name], labelled
        else:
            title = f"object {number} ({labelled.class_name})"
            problems.append(Problem(item.key, f"{title} has a class that the project lacks"))


# --- documents in parts --------------------------------------------------------------------------


@dataclass(slots=True)
class JsonList:
    """A list in a JSON file, written entry by entry."""

    file: IO[bytes]
    count: int = 0

    def add(self, entry: Any) -> None:
        """Append one entry."""
        self.file.write((b",\n" if self.count else b"\n") + msgspec.json.encode(entry))
        self.count += 1


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        yield file


def quote_xml(value: object) -> str:
    """Return a value as a quoted XML attribute; what XML cannot hold becomes U+FFFD."""
    return quoteattr(_NOT_XML.sub("\ufffd", format_value(value)))


def escape_xml(value: object) -> str:
    """Return a value as XML text."""
    return escape(_NOT_XML.sub("\ufffd", format_value(value)), {"\r": "&#13;"})


def format_value(value: object) -> str:
    """Return a value as text: whole numbers without a point, others with all their digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def is_whole_number(value: object) -> bool:
    """Say whether a value is a number without a fraction, as ids of groups are."""
    return isinstance(value, int | float) and float(value).is_integer()


# --- keypoints -----------------------------------------------------------------------------------


def number_edges(definition: ClassDefinition) -> list[list[int]]:
    """Return the edges of a skeleton as pairs of its nodes' numbers, from 1 on."""
    places = {name: place for place, name in enumerate(definition.nodes, start=1)}
    return [[places[a], places[b]] for a, b in definition.edges]
