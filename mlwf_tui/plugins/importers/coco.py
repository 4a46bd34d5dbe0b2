"""Imports COCO: instances in JSON files, boxes and polygons and run-length masks of any images.

`instances_*.json` below `annotations/` is the known layout; `_annotations.coco.json` beside its images
and a JSON file in the root are taken as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

import msgspec

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    LabelSchema,
    define_classes,
)
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Keys,
    Place,
    Report,
    check_class_name,
    count_images,
    find_place,
    has_images,
    ignore_problem,
    iter_files,
    show_path,
)
from mlwf_tui.protocols import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"images"})
MAX_JSON_BYTES: Final = 2 << 30

_HEAD_BYTES = 1 << 16
_T = TypeVar("_T")


class CocoImporter:
    """Instances of COCO JSON; a category's name is the class."""

    name = "coco"
    summary = "COCO: instances_*.json with boxes, polygons and run-length masks"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a JSON file begins like COCO instances and there are images."""
        heads = islice(iter_files(folder, {".json"}, ignore_problem), 20)
        first = next((file for file in heads if _looks_like_coco(file.path)), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.9, f"{first.relative} is COCO JSON, there are {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the categories of all files by their id; a file that cannot be read has none."""
        names: dict[str, None] = {}
        for source in _choose_sources(list(iter_files(folder, {".json"}, ignore_problem))):
            with suppress(InvalidInput):  # iter_items reports it
                categories = _read_categories(source, _decode(source.path), ignore_problem)
                names |= dict.fromkeys(categories[id] for id in sorted(categories))
        return LabelSchema(define_classes(tuple(names), geometry=None))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; one that no file describes has no objects.

        Raises:
            InvalidInput: there is no COCO JSON file that can be read.
        """
        files = list(iter_files(folder, IMAGE_SUFFIXES | {".json"}, report))
        sources = _choose_sources([file for file in files if file.suffix == ".json"])
        if not sources:
            raise InvalidInput(
                f"There is no COCO JSON in {folder.root}.", hint="Name another format with --format."
            )
        images = [file for file in files if file.suffix in IMAGE_SUFFIXES]
        index = _ImageIndex(images)
        described: dict[str, _Described] = {}
        read = [_read_source(source, index, described, report) for source in sources]
        if not any(read):
            raise InvalidInput(
                f"No COCO JSON in {folder.root} could be read.", hint="Mend or replace the files."
            )
        if not all(read):  # their images must not pass for images without objects
            _report_undescribed(images, described, report)
            images = [image for image in images if image.relative in described]
        keys = Keys()
        for image in images:
            found = described.get(image.relative, _Described())
            place = keys.place(image.name, _find_place(image, found.split))
            if place is None:
                report(Problem(image.relative, "has the name of another image of its dataset"))
                continue
            yield ImportedItem(
                image=image,
                dataset=place.dataset,
                name=image.name,
                split=place.split,
                annotation=Annotation(tuple(found.objects)),
            )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: the items come with their annotations."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return nothing: no item has a file of its own."""
        return Description(Annotation())


# --- files ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Described:
    """What the JSON files say of one image."""

    split: Split = Split.NONE
    source: str = ""
    objects: list[AnnotatedObject] = field(default_factory=list)


class _Document(msgspec.Struct):
    """A COCO file; entries are decoded one by one so that a bad one spoils no other."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw] = []
    annotations: list[msgspec.Raw] = []


class _ImageEntry(msgspec.Struct):
    id: int | str
    file_name: str


class _Category(msgspec.Struct):
    id: int
    name: str


class _Entry(msgspec.Struct):
    image_id: int | str
    category_id: int
    id: int | str = ""
    bbox: list[float] | None = None
    segmentation: Any = None
    iscrowd: bool | int = 0
    score: float | None = None


class _ImageIndex:
    """Finds an image by the end of its path, as JSON files name them from folders of their own."""

    def __init__(self, images: Sequence[FoundFile]) -> None:
        self._by_name: dict[str, list[FoundFile]] = {}
        for image in images:
            self._by_name.setdefault(image.name, []).append(image)

    def find(self, source: FoundFile, file_name: str, split: Split) -> str:
        """Return the path of an image: beside its JSON file first, then in a folder of its split.

        Raises:
            InvalidInput: the name leads out of the folder, or no image or several fit.
        """
        path = PurePosixPath(file_name)
        if path.is_absolute() or ".." in path.parts or "\\" in file_name or not path.name:
            raise InvalidInput(f"{show_path(file_name)!r} is not a path below the folder")
        candidates = [
            image
            for image in self._by_name.get(path.name, [])
            if f"/{image.relative}".endswith(f"/{path.as_posix()}")
        ]
        beside = [image for image in candidates if image.folders == (*source.folders, *path.parts[:-1])]
        of_split = [image for image in candidates if _has_split(image, split)]
        for fitting in (beside, of_split, candidates):
            if len(fitting) == 1:
                return fitting[0].relative
        what = "is missing" if not candidates else f"could be any of {len(candidates)} files"
        raise InvalidInput(f"the image {show_path(file_name)} {what}")


def _looks_like_coco(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return any(key in head for key in (b'"images"', b'"annotations"')) and head.lstrip()[:1] == b"{"


def _choose_sources(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Return the instance files: those named so, or else all that look like COCO."""
    fitting = [file for file in files if _looks_like_coco(file.path)]
    named = [file for file in fitting if file.name.startswith("instances")]
    return named or fitting


def _find_split(source: FoundFile) -> Split:
    """Return the split that a JSON file's name or folder tells: `instances_val2017`, `train/…`."""
    words = source.stem.lower().replace("-", "_").split("_") + [name.lower() for name in source.folders[-1:]]
    return next((SPLIT_WORDS[word] for word in map(_strip_year, words) if word in SPLIT_WORDS), Split.NONE)


def _strip_year(word: str) -> str:
    return word.rstrip("0123456789")


def _has_split(image: FoundFile, split: Split) -> bool:
    return any(SPLIT_WORDS.get(_strip_year(name.lower())) is split for name in image.folders)


def _find_place(image: FoundFile, split: Split) -> Place:
    """Return where an image goes; the folder of its split (`val2017`) is no dataset."""
    asked = find_place(image, LAYOUT)
    if split is Split.NONE:
        return asked
    top, _, rest = asked.dataset.partition("/")
    is_split_folder = SPLIT_WORDS.get(_strip_year(top.lower())) is split
    return Place(rest if is_split_folder else asked.dataset, split)


# --- one file ------------------------------------------------------------------------------------


def _read_source(
    source: FoundFile, index: _ImageIndex, described: dict[str, _Described], report: Report
) -> bool:
    """Enter what one JSON file says and report what it cannot; return False where it is unreadable."""
    try:
        document = _decode(source.path)
    except InvalidInput as error:
        report(Problem(source.relative, error.message))
        return False
    split = _find_split(source)
    by_id: dict[int | str, _Described] = {}
    for number, raw in enumerate(document.images, start=1):
        try:
            entry = _convert(raw, _ImageEntry, f"image {number}")
            image = index.find(source, entry.file_name, split)
            if image in described:
                raise InvalidInput(f"{image} is described by {described[image].source} already")
        except InvalidInput as error:
            report(Problem(source.relative, error.message))
            continue
        described[image] = by_id[entry.id] = _Described(split, source.relative)
    class_names = _read_categories(source, document, report)
    _read_annotations(source, document, by_id, class_names, report)
    return True


def _report_undescribed(
    images: Sequence[FoundFile], described: Mapping[str, _Described], report: Report
) -> None:
    for image in images:
        if image.relative not in described:
            report(Problem(image.relative, "may belong to an annotation file that could not be read"))


def _decode(path: Path) -> _Document:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InvalidInput(f"is larger than {MAX_JSON_BYTES >> 30} GB")
        return msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not COCO JSON: {error}") from error


def _convert(raw: msgspec.Raw, wanted: type[_T], title: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{title} is not as COCO has it: {error}") from error


def _read_categories(source: FoundFile, document: _Document, report: Report) -> Mapping[int, str]:
    names: dict[int, str] = {}
    for number, raw in enumerate(document.categories, start=1):
        try:
            category = _convert(raw, _Category, f"category {number}")
            names[category.id] = check_class_name(category.name)
        except InvalidInput as error:
            report(Problem(source.relative, f"category {number}: {error.message}"))
    return names


def _read_annotations(
    source: FoundFile,
    document: _Document,
    by_id: Mapping[int | str, _Described],
    class_names: Mapping[int, str],
    report: Report,
) -> None:
    for number, raw in enumerate(document.annotations, start=1):
        try:
            entry = _convert(raw, _Entry, "the entry")
            if entry.image_id not in by_id:
                raise InvalidInput(f"belongs to image {entry.image_id}, which was not read")
            if entry.category_id not in class_names:
                raise InvalidInput(f"has category {entry.category_id}, which has no name")
            by_id[entry.image_id].objects.append(_read_object(entry, class_names[entry.category_id]))
        except InvalidInput as error:
            report(Problem(source.relative, f"annotation {number}: {error.message}"))


# --- one object ----------------------------------------------------------------------------------


def _read_object(entry: _Entry, class_name: str) -> AnnotatedObject:
    confidence = None if entry.score is None else min(max(entry.score, 0.0), 1.0)
    custom: dict[str, str | float | bool] = {"iscrowd": True} if entry.iscrowd else {}
    return AnnotatedObject(class_name, _read_geometry(entry), confidence=confidence, custom=custom)


def _read_geometry(entry: _Entry) -> Geometry:
    """Return the finest shape that the entry tells: mask, polygon or box."""
    from mlwf_tui.plugins.importers import coco_masks  # numpy, 150 ms that no other format needs

    match entry.segmentation:
        case {"counts": list() as counts, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(counts, width_px, height_px)
        case {"counts": str() as text, "size": [int() as height_px, int() as width_px]}:
            return coco_masks.read_runs(coco_masks.decompress(text), width_px, height_px)
        case [list() as ring]:
            return Geometry(GeometryKind.POLYGON, _read_ring(ring))
        case [list(), *_] as rings:
            return coco_masks.draw_rings([_read_ring(ring) for ring in rings])
        case None | []:
            return _read_box(entry.bbox)
    raise InvalidInput("has a segmentation of an unknown form")


def _read_box(bbox: list[float] | None) -> Geometry:
    if bbox is None or len(bbox) != 4:
        raise InvalidInput("has no box of four numbers")
    left, top, width, height = bbox
    if not all(map(math.isfinite, bbox)):
        raise InvalidInput("has a box with a number that is not finite")
    if width <= 0 or height <= 0:
        raise InvalidInput(f"has a box without area: width {width:g}, height {height:g}")
    return Geometry.rectangle(left, top, left + width, top + height)


def _read_ring(ring: object) -> tuple[tuple[float, float], ...]:
    is_ring = isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0
    if not isinstance(ring, list) or not is_ring or not all(_is_number(value) for value in ring):
        raise InvalidInput("has a polygon that is not a list of at least three points")
    return tuple((float(x), float(y)) for x, y in zip(ring[::2], ring[1::2], strict=True))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
