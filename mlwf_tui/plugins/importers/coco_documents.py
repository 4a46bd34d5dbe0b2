"""COCO's JSON files: their entries, which are decoded one by one, and which belong to an image.

A file of 860,000 objects is kept as its bytes and a view of each entry; what an entry says is decoded
when its image's turn has come. All of them as objects would take several times the file's size.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from mlwf_tui.entities.annotation import CLASS_COLORS, ClassDefinition
from mlwf_tui.entities.folder import FoundFile
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.plugins.importers.files import Report, check_class_name, show_path
from mlwf_tui.plugins.importers.tallies import Tally

MAX_JSON_BYTES: Final = 2 << 30
MAX_NODES: Final = 1000  # of a skeleton

_HEAD_BYTES = 1 << 16
_IMAGES: Final = re.compile(rb'"images"\s*:')  # not Supervisely's "projectType": "images"
_TEXT_OR_NO_NUMBER: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_ID_DIGITS = 20
_NONE = -1
_T = TypeVar("_T")


class _Categories(msgspec.Struct):
    categories: list[msgspec.Raw] = []


class _Document(msgspec.Struct):
    """A COCO file; entries are decoded one by one so that a bad one spoils no other."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw] = []
    annotations: list[msgspec.Raw] = []


class ImageEntry(msgspec.Struct):
    """An image as a file describes it."""

    id: int | str
    file_name: str
    width: Any = None
    height: Any = None


class CategoryEntry(msgspec.Struct):
    """A category; `keypoints` and `skeleton` (pairs of numbers from 1) where its objects have them."""

    id: int
    name: str
    keypoints: list[str] = []
    skeleton: Any = None
    color: Any = None


class ObjectEntry(msgspec.Struct):
    """An object of an instances or keypoints file."""

    category_id: int
    bbox: list[float] | None = None
    segmentation: Any = None
    keypoints: list[float] | None = None
    iscrowd: bool | int = 0
    score: float | None = None
    attributes: Any = None


class _WholeEntry(ObjectEntry, forbid_unknown_fields=True):
    """The same, with what is not read of it: an entry with more than these has facts of its maker's."""

    id: Any = None
    image_id: Any = None
    area: Any = None
    num_keypoints: Any = None


class _Named(msgspec.Struct):
    id: Any = None


class _Owner(_Named, kw_only=True):
    image_id: int | str


class Entries(Generic[_T]):
    """Decodes entries of one type, with an error that says which one is bad."""

    def __init__(self, wanted: type[_T]) -> None:
        self._decoder = msgspec.json.Decoder(wanted)

    def decode(self, raw: msgspec.Raw, title: str) -> _T:
        """Return an entry.

        Raises:
            InvalidInput: it is not of the type; the message follows its file's name.
        """
        try:
            return self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"{title} is not as COCO has it: {error}") from error


_owners = Entries(_Owner)
_images = Entries(ImageEntry)
_categories = Entries(CategoryEntry)
_names = Entries(_Named)
_objects = Entries(ObjectEntry)
_whole_objects = Entries(_WholeEntry)
_facts = Entries(dict[str, msgspec.Raw])


def name_entry(raw: msgspec.Raw, number: int) -> str:
    """Return what an entry is called in problems: its id, else its place in its list."""
    try:
        return _tell_name(_names.decode(raw, "the entry").id, number)
    except InvalidInput:
        return _tell_name(None, number)


def _tell_name(id: object, number: int) -> str:
    return show_path(str(id)) if isinstance(id, int | str) else f"at place {number}"


def decode_object(raw: msgspec.Raw) -> tuple[ObjectEntry, Mapping[str, Any]]:
    """Return an object's entry, and what else its maker says of it, by name.

    Raises:
        InvalidInput: it is not as COCO has it; the message follows "annotation 3: ".
    """
    with suppress(InvalidInput):
        return _whole_objects.decode(raw, "the entry"), {}
    entry = _objects.decode(raw, "the entry")
    told = _facts.decode(raw, "the entry")
    known = _WholeEntry.__struct_fields__
    return entry, {name: msgspec.json.decode(value) for name, value in told.items() if name not in known}


def looks_like_coco(path: Path) -> bool:
    """Say whether a JSON file begins as COCO's do."""
    head = read_head(path)
    has_images = _IMAGES.search(head) or (b'"annotations"' in head and b'"image_id"' in head)
    return bool(has_images) and head.lstrip()[:1] == b"{"


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


@dataclass(slots=True)
class CocoFile:
    """One decoded file: its images by number, and the entries of each."""

    source: FoundFile
    images: Sequence[msgspec.Raw]
    categories: Mapping[int, CategoryEntry]
    annotations: Sequence[msgspec.Raw]
    _slots: dict[int | str, int]  # of the images that were found, by id
    _missing: set[int | str]  # ids of images that were not
    _shared: set[int | str]  # ids of several images that were
    _first: array[int]  # the number of a slot's first entry
    _next: array[int]  # by number: the next entry of the same slot

    @classmethod
    def read(cls, source: FoundFile, report: Report) -> CocoFile:
        """Decode a file.

        Raises:
            InvalidInput: it is no COCO JSON, or cannot be read; the message follows its name.
        """
        document = _decode(source, _Document, report)
        categories = convert_categories(source, document.categories, report)
        chain = array("q"), array("q")
        return cls(source, document.images, categories, document.annotations, {}, set(), set(), *chain)

    def iter_images(self, report: Report) -> Iterator[ImageEntry]:
        """Yield the images that are described well, and report the others in the end."""
        tally = Tally(self.source, "image")
        for number, raw in enumerate(self.images, start=1):
            try:
                yield _images.decode(raw, "the entry")
            except InvalidInput as error:
                tally.add(name_entry(raw, number), error.message)
        tally.report(report)

    def claim(self, image_id: int | str) -> int:
        """Return the slot of an image that was found; entries without a slot are reported in `link`.

        So are those of an id that another image has too: nobody can know whose they are.
        """
        if image_id in self._slots:
            self._shared.add(image_id)
        return self._slots.setdefault(image_id, len(self._slots))

    def miss(self, image_id: int | str) -> None:
        """Take note of the id of an image that was not found."""
        self._missing.add(image_id)

    def link(self, report: Report) -> None:
        """Chain the entries of each image, in the order of the file, and report those of no one image."""
        shared = self._shared | (self._missing & self._slots.keys())
        self._first = array("q", [_NONE]) * len(self._slots)
        self._next = array("q", [_NONE]) * len(self.annotations)
        last = array("q", [_NONE]) * len(self._slots)
        tally = Tally(self.source, "annotation")
        for number, raw in enumerate(self.annotations):
            try:
                owner = _owners.decode(raw, "the entry")
            except InvalidInput as error:
                tally.add(name_entry(raw, number + 1), error.message)
                continue
            slot = self._slots.get(owner.image_id, _NONE)
            if slot == _NONE or owner.image_id in shared:
                name = _tell_name(owner.id, number + 1)
                reason, of_many = self._tell_unread(owner.image_id)
                tally.add_alike(name, f"annotation {name}: {reason}", of_many)
                continue
            if last[slot] == _NONE:
                self._first[slot] = number
            else:
                self._next[last[slot]] = number
            last[slot] = number
        tally.report(report)

    def _tell_unread(self, image_id: int | str) -> tuple[str, str]:
        """Return why an entry's image is not known, as it is said of one entry and of many."""
        if image_id in self._slots:
            reason = f"belongs to image {show_path(str(image_id))}, an id that several images have"
            return reason, "belong to images whose id several have"
        if isinstance(image_id, int):
            if str(image_id) in self._slots:
                reason = f"has image_id {image_id}, a number, but the image's id is a text"
                return reason, "have an image_id that is a number, but the image's id is a text"
        elif image_id.isdecimal() and len(image_id) < _ID_DIGITS and int(image_id) in self._slots:
            reason = f'has image_id "{image_id}", a text, but the image\'s id is a number'
            return reason, "have an image_id that is a text, but the image's id is a number"
        reason = f"belongs to image {show_path(str(image_id))}, which was not read"
        return reason, "belong to images that were not read"

    def iter_entries(self, slot: int) -> Iterator[tuple[int, msgspec.Raw]]:
        """Yield the entries of an image, each behind its place in the file from 1."""
        number = self._first[slot]
        while number != _NONE:
            yield number + 1, self.annotations[number]
            number = self._next[number]


def read_categories(source: FoundFile, report: Report) -> Mapping[int, CategoryEntry]:
    """Return the categories of a file by id; the rest of it is not decoded.

    Raises:
        InvalidInput: as `CocoFile.read`.
    """
    return convert_categories(source, _decode(source, _Categories, report).categories, report)


def convert_categories(
    source: FoundFile, entries: Sequence[msgspec.Raw], report: Report
) -> Mapping[int, CategoryEntry]:
    """Return the good ones of a file's categories by id, with checked names."""
    found: dict[int, CategoryEntry] = {}
    for number, raw in enumerate(entries, start=1):
        try:
            entry = _categories.decode(raw, "the entry")
            entry.name = check_class_name(entry.name)
            if len(entry.keypoints) > MAX_NODES:
                raise InvalidInput(f"has more than {MAX_NODES} keypoints")
            entry.keypoints = [check_class_name(name) for name in entry.keypoints]
            if (first := found.get(entry.id)) and first.name != entry.name:
                same = f"has the id {entry.id} of {first.name}, as which its objects are read"
                raise InvalidInput(f"{entry.name} {same}")
            found[entry.id] = entry
        except InvalidInput as error:
            report(Problem(source.relative, f"category {name_entry(raw, number)}: {error.message}"))
    return found


def define_category(entry: CategoryEntry, index: int) -> ClassDefinition:
    """Return the class of a category; edges that name no keypoint are left out."""
    nodes, count = tuple(entry.keypoints), len(entry.keypoints)
    edges = []
    for pair in entry.skeleton if isinstance(entry.skeleton, list) else ():
        match pair:
            case [int() as a, int() as b] if 1 <= a <= count and 1 <= b <= count:
                edges.append((nodes[a - 1], nodes[b - 1]))
    color = CLASS_COLORS[index % len(CLASS_COLORS)]
    match entry.color:
        case [int() as r, int() as g, int() as b] if all(0 <= part < 256 for part in (r, g, b)):
            color = f"#{r:02x}{g:02x}{b:02x}"
    return ClassDefinition(entry.name, color, None, nodes, tuple(edges))


def _decode(source: FoundFile, wanted: type[_T], report: Report) -> _T:
    path = source.path
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InvalidInput(f"is larger than {MAX_JSON_BYTES >> 30} GB")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(content, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mended, count = _blank_no_numbers(content)
        if count:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                decoded = msgspec.json.decode(mended, type=wanted)
                values = f"{count:,} value{'s' * (count > 1)}"
                report(
                    Problem(source.relative, f"has NaN or Infinity, read as nothing: {values}", is_taken=True)
                )
                return decoded
        raise InvalidInput(f"is not COCO JSON: {tell_json_fault(error, content)}") from error


def _blank_no_numbers(content: bytes) -> tuple[bytes, int]:
    """Return JSON with null for what Python writes there and JSON has not, and how often that was."""
    count = 0

    def blank(found: re.Match[bytes]) -> bytes:
        nonlocal count
        if found.group().startswith(b'"'):
            return found.group()
        count += 1
        return b"null"

    return _TEXT_OR_NO_NUMBER.sub(blank, content), count
