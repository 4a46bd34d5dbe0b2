"""Imports COCO: instances and keypoints in JSON files, boxes, polygons and run-length masks of any images.

`instances_*.json` below `annotations/` is the known layout; `_annotations.coco.json` beside its images
and a JSON file in the root are taken as well.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from mlwf_tui.entities.annotation import Annotation, ClassDefinition, LabelSchema
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.coco_documents import (
    CategoryEntry,
    CocoFile,
    ImageEntry,
    ObjectEntry,
    decode_object,
    define_category,
    looks_like_coco,
    name_entry,
    read_categories,
)
from mlwf_tui.plugins.importers.coco_shapes import has_outline, read_object
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Keys,
    Place,
    Report,
    find_place,
    has_images,
    ignore_problem,
    iter_files,
    iter_numbered,
    make_unread,
    read_size,
    report_faults,
    tell_images,
)
from mlwf_tui.plugins.importers.image_index import ImageIndex, ImageNotFound
from mlwf_tui.plugins.importers.tables import OfManyImages
from mlwf_tui.plugins.importers.tallies import Tally
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"images"})

_SUFFIXES: Final = IMAGE_SUFFIXES | {".json"}


class _Kind(NamedTuple):
    """One of COCO's kinds of files, which tell the same images in different ways."""

    start: str  # of the files' names
    name: str
    summary: str
    title: str


_INSTANCES: Final = _Kind(
    "instances", "coco", "COCO: instances_*.json with boxes, polygons and run-length masks", "COCO JSON"
)
_KEYPOINTS: Final = _Kind(
    "person_keypoints", "coco_keypoints",
    "COCO keypoints: person_keypoints_*.json with skeletons and visibility", "COCO's keypoints",
)  # fmt: skip
_STUFF: Final = _Kind("stuff", "coco_stuff", "COCO stuff: stuff_*.json with masks of regions", "COCO's stuff")
_OTHERS: Final = (_KEYPOINTS.start, _STUFF.start, "captions", "panoptic", "image_info")


def make_keypoints_importer() -> CocoImporter:
    """Return the importer of person_keypoints files."""
    return CocoImporter(_KEYPOINTS)


def make_stuff_importer() -> CocoImporter:
    """Return the importer of stuff files."""
    return CocoImporter(_STUFF)


class CocoImporter(OfManyImages):
    """Objects of COCO JSON; a category's name is the class. Entries with keypoints become keypoints."""

    def __init__(self, kind: _Kind = _INSTANCES) -> None:
        self.name, self.summary = kind.name, kind.summary
        self._kind = kind

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a JSON file begins like COCO instances and there are images."""
        heads = islice(iter_files(folder, {".json"}, ignore_problem), 20)
        first = next(iter(self._choose_sources(list(heads))), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.9, f"{first.relative} is {self._kind.title}, {tell_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the categories of all files by their id; a file that cannot be read has none."""
        found: dict[str, ClassDefinition] = {}
        for source in self._choose_sources(list(iter_files(folder, {".json"}, ignore_problem))):
            with suppress(InvalidInput):  # iter_items reports it
                categories = read_categories(source, ignore_problem)
                for id in sorted(categories):
                    entry = categories[id]
                    found.setdefault(entry.name, define_category(entry, len(found)))
        return LabelSchema(tuple(found.values()))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; one that no file describes has no objects.

        Raises:
            InvalidInput: there is no COCO JSON file that can be read.
        """
        report_faults(folder, _SUFFIXES, report)
        sources = self._choose_sources([file for _, file in iter_numbered(folder, {".json"})])
        if not sources:
            raise InvalidInput(
                f"There is no COCO JSON in {folder.root}.", hint="Name another format with --format."
            )
        finder = FileFinder(folder)
        files = _read_sources(sources, report)
        described = _Described(folder, finder, files)
        described.match(report)
        yield from iter_described(
            folder,
            described.find_split,
            described.read_annotation,
            described.find_size,
            None if len(files) == len(sources) else described.is_known,
            report,
        )
        described.report_faults(report)

    def _choose_sources(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Return the files that are named so; of instances all that look like COCO, where none is."""
        fitting = [file for file in files if looks_like_coco(file.path)]
        named = [file for file in fitting if file.name.startswith(self._kind.start)]
        if named or self._kind is not _INSTANCES:
            return named
        return [file for file in fitting if not file.name.startswith(_OTHERS)]


def find_split(source: FoundFile) -> Split:
    """Return the split that a JSON file's name or folder tells: `instances_val2017`, `train/…`."""
    words = source.stem.lower().replace("-", "_").split("_") + [name.lower() for name in source.folders[-1:]]
    return next((SPLIT_WORDS[word] for word in map(_strip_year, words) if word in SPLIT_WORDS), Split.NONE)


def has_split(image: FoundFile, split: Split) -> bool:
    """Say whether one of an image's folders is named like a split: `val2017`."""
    return any(SPLIT_WORDS.get(_strip_year(name.lower())) is split for name in image.folders)


def iter_described(
    folder: FolderListing,
    find_split: Callable[[int], Split],
    read_annotation: Callable[[int], Annotation],
    find_size: Callable[[int], tuple[int, int] | None],
    is_known: Callable[[int], bool] | None,
    report: Report,
) -> Iterator[ImportedItem]:
    """Yield every image with what is said of the one at its position.

    Pictures of segments are none of them. With `is_known`, images that it does not know are reported:
    they must not pass for ones without objects.
    """
    keys = Keys()
    if is_known is not None:
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            if not is_known(position) and not is_map(image.folder):
                report(Problem(image.relative, "may belong to an annotation file that could not be read"))
    maps = Counter(image.folder for _, image in iter_numbered(folder, IMAGE_SUFFIXES) if is_map(image.folder))
    for name, count in maps.items():
        report(Problem(name, f"holds {format_count(count, 'picture')} of segments, left out of the images"))
    for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
        if (is_known is not None and not is_known(position)) or is_map(image.folder):
            continue
        place = find_place_of(image, find_split(position))
        item = keys.make_item(
            image, place, report, annotation=read_annotation(position), told_size_px=find_size(position)
        )
        if item:
            yield item


@lru_cache(maxsize=256)  # a million images lie in few folders
def is_map(folder: str) -> bool:
    """Say whether the pictures in a folder tell segments, as COCO's panoptic and stuff have them."""
    return any(
        name.startswith("panoptic_") or name.endswith("_pixelmaps") or name == "stuffthingmaps"
        for name in folder.lower().split("/")
    )


def _get_file_name(entry: ImageEntry) -> str:
    return entry.file_name


def _strip_year(word: str) -> str:
    return word.rstrip("0123456789")


def find_place_of(image: FoundFile, split: Split) -> Place:
    """Return where an image goes; the folder of its split (`val2017`) is no dataset, one below it is."""
    asked = find_place(image, LAYOUT)
    if split in (Split.NONE, asked.split):
        return asked
    top, _, rest = asked.dataset.partition("/")
    is_split_folder = SPLIT_WORDS.get(_strip_year(top.lower())) is split
    return Place(rest if is_split_folder else asked.dataset, split)


def _read_sources(sources: Sequence[FoundFile], report: Report) -> list[CocoFile]:
    """Return the files that can be read; others are reported.

    Raises:
        InvalidInput: none can.
    """
    files, faults = [], list[Problem]()
    for source in sources:
        try:
            files.append(CocoFile.read(source, report))
        except InvalidInput as error:
            faults.append(Problem(source.relative, error.message))
            report(faults[-1])
    if not files:
        raise make_unread("COCO JSON", sources[0].root, faults)
    return files


@dataclass(slots=True)
class _Described:
    """What the JSON files say of the images, by their positions in the listing."""

    folder: FolderListing
    finder: FileFinder
    files: Sequence[CocoFile]
    _file_of: array[int] = field(init=False)  # by position: the number of a file from 1, or 0
    _slot_of: array[int] = field(init=False)
    _widths_px: array[int] = field(init=False)  # by position, as they are told; 0 where they are not
    _heights_px: array[int] = field(init=False)
    _splits: list[Split] = field(init=False)  # of the files
    _outlines: list[int] = field(init=False)  # how many were left out of each file
    _faults: list[Tally] = field(init=False)  # of the objects of each file that are left out
    _doubts: list[Tally] = field(init=False)  # of those that are not

    def __post_init__(self) -> None:
        self._file_of = array("i", [0]) * self.folder.count
        self._slot_of = array("i", [0]) * self.folder.count
        self._widths_px = array("q", [0]) * self.folder.count
        self._heights_px = array("q", [0]) * self.folder.count
        self._splits = [find_split(file.source) for file in self.files]
        self._outlines = [0] * len(self.files)
        self._faults = [Tally(file.source, "annotation") for file in self.files]
        self._doubts = [Tally(file.source, "annotation", is_taken=True) for file in self.files]

    def match(self, report: Report) -> None:
        """Find the image of each description and chain its entries; report what does not fit."""
        index = ImageIndex(self.folder, self.finder)
        for number, file in enumerate(self.files, start=1):
            split, tally = self._splits[number - 1], Tally(file.source, "image")
            for entry in index.iter_sure_first(file.source, file.iter_images(report), _get_file_name):
                try:
                    at = index.find(file.source, entry.file_name, lambda image, s=split: has_split(image, s))  # type: ignore[misc]
                except ImageNotFound as error:
                    tally.add_alike(error.name, error.message, error.of_many)
                    file.miss(entry.id)
                    continue
                if self._file_of[at]:
                    self._tell_twice(at, tally)
                    continue
                self._file_of[at], self._slot_of[at] = number, file.claim(entry.id)
                self._widths_px[at], self._heights_px[at] = read_size(entry.width, entry.height) or (0, 0)
            tally.report(report)
            file.link(report)
        index.report_guesses(report)

    def is_known(self, position: int) -> bool:
        return bool(self._file_of[position])

    def find_split(self, position: int) -> Split:
        return self._splits[self._file_of[position] - 1] if self._file_of[position] else Split.NONE

    def find_size(self, position: int) -> tuple[int, int] | None:
        """Return the width and height that are told of an image."""
        width_px = self._widths_px[position]
        return (width_px, self._heights_px[position]) if width_px else None

    def read_annotation(self, position: int) -> Annotation:
        """Return the objects of an image, in the order of its file."""
        number = self._file_of[position]
        if not number:
            return Annotation()
        file, found, notes = self.files[number - 1], [], list[str]()
        for at, raw in file.iter_entries(self._slot_of[position]):
            try:
                entry, facts = decode_object(raw)
                category = self._get_category(entry, file)
                found.append(read_object(entry, facts, category, notes))
                self._outlines[number - 1] += has_outline(entry)
                while notes:
                    self._doubts[number - 1].add(name_entry(raw, at), notes.pop(0))
            except InvalidInput as error:
                notes.clear()
                self._faults[number - 1].add(name_entry(raw, at), error.message)
        return Annotation(tuple(found))

    def report_faults(self, report: Report) -> None:
        """Say what was wrong with objects, and how many outlines beside keypoints were not taken."""
        for file, count, *tallies in zip(self.files, self._outlines, self._faults, self._doubts, strict=True):
            for tally in tallies:
                tally.report(report)
            if count:
                outlines = f"{format_count(count, 'outline')} beside keypoints"
                report(Problem(file.source.relative, f"{outlines} not taken: an object has one shape"))

    def _tell_twice(self, position: int, tally: Tally) -> None:
        source = self.files[self._file_of[position] - 1].source.relative
        image = self.finder.get(position).relative
        already = f"described by {source} already"
        tally.add_alike(image, f"{image} is {already}", f"are {already}")

    def _get_category(self, entry: ObjectEntry, file: CocoFile) -> CategoryEntry:
        category = file.categories.get(entry.category_id)
        if category is None:
            raise InvalidInput(f"has category {entry.category_id}, which has no name")
        return category
