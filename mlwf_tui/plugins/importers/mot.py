"""Imports MOT Challenge: a folder for each sequence, img1/ with its frames and gt/gt.txt with its tracks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema, Tag, define_classes
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    MAX_TEXT_BYTES,
    Report,
    check_class_name,
    has_images,
    iter_fitting,
    iter_numbered,
    read_bytes,
    report_faults,
    split_lines,
)
from mlwf_tui.plugins.importers.objects import make_box, read_number
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"img1", "gt"})
CLASSES: Final = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "occluder full", "reflection",
)  # fmt: skip
"""The classes of MOT16 and later, from 1. Source: MOT16, table 5."""
_MAX_BYTES: Final = 4 * MAX_TEXT_BYTES


class MotImporter(OfManyImages):
    """Boxes of MOT's ground truth; which track each is of is a tag."""

    name = "mot"
    summary = "MOT Challenge: img1/ with the frames of a sequence, gt/gt.txt with its tracks"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where gt/gt.txt stands beside img1."""
        source = next(iter(_choose_sources(folder)), None)
        if source is None or not has_images(folder):
            return None
        return Detection(0.97, f"{source.relative} tells the tracks of a sequence")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes of gt/labels.txt by their line, or MOT16's."""
        names = {name: None for source in _choose_sources(folder) for name in _read_names(source, folder)}
        return LabelSchema(define_classes(tuple(names)))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every frame in path order; a sequence is a dataset.

        Raises:
            InvalidInput: there is no gt/gt.txt that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".txt"}, report)
        table = Table.of(folder)

        def read(source: FoundFile) -> None:
            _read_source(source, table, report)

        table.read_all(_choose_sources(folder), read, report, what="gt/gt.txt")
        yield from table.iter_items(LAYOUT, report)


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    files = iter_fitting(folder, {".txt"}, lambda page: page.folder.rpartition("/")[2] == "gt")
    return [file for file in files if file.name == "gt.txt"]


def _read_names(source: FoundFile, folder: FolderListing) -> tuple[str, ...]:
    finder = FileFinder(folder)
    position = finder.find(source.folder, "labels.txt")
    if position is None:
        return CLASSES
    try:
        lines = split_lines(read_bytes(finder.get(position).location))
        return tuple(check_class_name(line) for line in lines if line)
    except InvalidInput:
        return CLASSES  # the numbers still mean what they mostly do


def _read_source(source: FoundFile, table: Table, report: Report) -> None:
    names = _read_names(source, table.folder)
    frames = _find_frames(source, table)
    for number, line in enumerate(split_lines(read_bytes(source.location, _MAX_BYTES)), start=1):
        try:
            if line:
                frame, labelled = _read_line(line.split(","), names)
                if frame not in frames:
                    raise InvalidInput(f"is of frame {frame}, which is no image")
                table.enter(frames[frame], source).objects.append(labelled)
        except InvalidInput as error:
            report(Problem(source.relative, f"line {number} {error.message}"))


def _find_frames(source: FoundFile, table: Table) -> dict[int, int]:
    """Return the positions of a sequence's images by the number that is their name."""
    folder = "/".join((*source.folders[:-1], "img1"))
    return {
        int(image.stem): position
        for position, image in iter_numbered(table.folder, IMAGE_SUFFIXES)
        if image.folder == folder and image.stem.isdecimal() and len(image.stem) < 12
    }


def _read_line(words: list[str], names: tuple[str, ...]) -> tuple[int, AnnotatedObject]:
    """Return frame and object: frame, track, box, whether it counts, class and visibility."""
    if len(words) < 6:
        raise InvalidInput(f"has {format_count(len(words), 'number')}, fewer than frame, track and box")
    numbers = [read_number(word.strip(), "number") for word in words[:9]]
    frame, track, left, top, width, height = numbers[:6]
    index = int(numbers[7]) if len(numbers) > 7 else 1
    if not 1 <= index <= len(names):
        raise InvalidInput(f"has class {index}, which has no name")
    tags = [Tag("track", track)]
    if len(numbers) > 6 and numbers[6] == 0:
        tags.append(Tag("ignored"))
    custom: dict[str, str | float | bool] = {"visibility": numbers[8]} if len(numbers) > 8 else {}
    box = make_box(left, top, left + width, top + height)
    return int(frame), AnnotatedObject(names[index - 1], box, tags=tuple(tags), custom=custom)
