"""Imports CVAT's "for images 1.1": annotations.xml with every shape, attributes, tags, groups and skeletons.

Tracks ("for video 1.1") are taken where their frames lie there as images. An ellipse becomes a polygon and a
cuboid the outline around it, their numbers beside them as custom facts. See cvat_shapes.py for the shapes,
cvat_tracks.py for the frames between two shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element, ParseError, iterparse

from mlwf_tui.entities.annotation import AnnotatedObject, ClassDefinition, LabelSchema, Tag, TagDefinition
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.cvat_shapes import read_attributes, read_shape
from mlwf_tui.plugins.importers.cvat_tracks import iter_gaps
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_class_name,
    has_images,
    iter_numbered,
    read_bytes,
    read_size,
    report_faults,
    tell_images,
)
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.plugins.importers.xml_documents import check_declarations
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"images"})
MAX_XML_BYTES: Final = 1 << 30

_LOOKED_AT = 5
_HEAD_BYTES = 4096
_SHAPES: Final = ("box", "polygon", "polyline", "points", "ellipse", "mask", "skeleton", "cuboid")
_FRAME: Final = re.compile(r"\d+")


class CvatImporter(OfManyImages):
    """All shapes of CVAT's XML, coordinates as they are."""

    name = "cvat"
    summary = "CVAT for images 1.1: annotations.xml with all shapes, attributes, tags and tracks"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where an XML file begins with CVAT's annotations, and there are images."""
        files = [file for _, file in islice(iter_numbered(folder, {".xml"}), _LOOKED_AT)]
        first = next((file for file in files if _is_cvat(file)), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.95, f"{first.relative} is CVAT's XML, {tell_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the labels of the task with their colours, skeletons and attributes."""
        classes: dict[str, ClassDefinition] = {}
        tags: dict[str, TagDefinition] = {}
        for source in _choose_sources(folder):
            with suppress(InvalidInput):  # iter_items reports it
                for element in _iter_elements(source, {"label"}):
                    with suppress(InvalidInput):  # it has no usable name; shapes that have it are told
                        _read_label(element, classes, tags)
        return LabelSchema(tuple(classes.values()), tuple(tags.values()))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; one that no file describes has no objects.

        Raises:
            InvalidInput: there is no CVAT XML that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".xml"}, report)
        table = Table.of(folder)

        def read(source: FoundFile) -> None:
            _Source(source, table, report).read()

        table.read_all(_choose_sources(folder), read, report, what="CVAT XML")
        yield from table.iter_items(LAYOUT, report)


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    return [file for _, file in iter_numbered(folder, {".xml"}) if _is_cvat(file)]


def _is_cvat(file: FoundFile) -> bool:
    try:
        with file.path.open("rb") as opened:
            return b"<annotations" in opened.read(_HEAD_BYTES)
    except OSError:
        return False


def _iter_elements(source: FoundFile, wanted: set[str]) -> Iterator[Element]:
    """Yield the finished elements of some tags, one after the other; what is above them does not grow.

    Raises:
        InvalidInput: the file is no XML, or declares entities; the message follows its name.
    """
    content = read_bytes(source.location, MAX_XML_BYTES)
    check_declarations(content)
    try:
        above: list[Element] = []
        for event, element in iterparse(BytesIO(content), ("start", "end")):
            if event == "start":
                above.append(element)
                continue
            above.pop()
            if element.tag in wanted:
                yield element
            if above and (element.tag in wanted or element.tag in ("image", "track", "label")):
                above[-1].remove(element)
    except (ParseError, ValueError, LookupError) as error:
        raise InvalidInput(f"is not well-formed XML: {error}") from error


def _read_label(label: Element, classes: dict[str, ClassDefinition], tags: dict[str, TagDefinition]) -> None:
    """Enter one label of the task; the points of a skeleton are labels too, but no classes."""
    if label.findtext("parent"):
        parent = classes.get(label.findtext("parent") or "")
        if parent is not None:
            nodes = (*parent.nodes, (label.findtext("name") or "").strip())
            classes[parent.name] = ClassDefinition(parent.name, parent.color, None, nodes)
        return
    name = check_class_name(label.findtext("name") or "")
    color = (label.findtext("color") or "").strip()
    is_color = re.fullmatch(r"#[0-9a-fA-F]{6}", color)
    classes.setdefault(name, ClassDefinition(name, color if is_color else "#808080"))
    for attribute in label.iterfind("attributes/attribute"):
        with suppress(InvalidInput):
            title = check_class_name(attribute.findtext("name") or "")
            values = tuple(filter(None, (attribute.findtext("values") or "").split("\n")))
            kinds = {"checkbox": "none", "number": "number", "select": "choice", "radio": "choice"}
            kind = kinds.get(attribute.findtext("input_type") or "", "text")
            tags.setdefault(title, TagDefinition(title, kind, values if kind == "choice" else ()))


@dataclass(slots=True)
class _Source:
    """One file that is being read into the table."""

    source: FoundFile
    table: Table
    report: Report
    _frames: dict[int, int] | None = None  # the positions of the images that are frames, by their numbers
    _cuboids: int = 0

    def read(self) -> None:
        for element in _iter_elements(self.source, {"image", "track"}):
            if element.tag == "image":
                self._read_image(element)
            else:
                self._read_track(element)
        if self._cuboids:
            told = f"{format_count(self._cuboids, 'cuboid')} read by outline, corners as custom data"
            self.report(Problem(self.source.relative, told, is_taken=True))

    def _read_image(self, image: Element) -> None:
        name = image.get("name") or ""
        try:
            position = self.table.index.find(self.source, name)
            if position in self.table.entries:
                raise InvalidInput(f"the image {name} is described twice")
        except InvalidInput as error:
            self.report(Problem(self.source.relative, error.message))
            return
        split = SPLIT_WORDS.get((image.get("subset") or "").lower(), Split.NONE)
        entry = self.table.enter(position, self.source, split)
        entry.told_size_px = read_size(image.get("width"), image.get("height"))
        for number, shape in enumerate(image, start=1):
            with self._reporting(f"{name}, shape {number} ({shape.tag})"):
                if shape.tag == "tag":
                    entry.tags.append(Tag(check_class_name(shape.get("label") or "")))
                    entry.tags += read_attributes(shape)
                elif shape.tag in _SHAPES:
                    entry.objects.append(self._read_shape(shape, shape.get("label") or ""))

    def _read_track(self, track: Element) -> None:
        """Enter the shapes that are not outside, each on the image of its frame, and those in between."""
        title, frames = f"track {track.get('id') or ''}", self._find_frames()
        shapes = [(_read_frame(shape), shape) for shape in track if shape.tag in _SHAPES]
        missing = 0
        for frame, shape in shapes:
            if shape.get("outside") == "1":
                continue
            if frame in frames:
                self._enter_tracked(track, shape, frames[frame])
            else:
                missing += 1
        if missing:
            self.report(
                Problem(
                    self.source.relative,
                    f"{title}: {format_count(missing, 'frame')} without an image in the folder",
                )
            )
        for gap in iter_gaps([(frame, shape) for frame, shape in shapes if frame >= 0]):
            between = gap.list_between(frames)
            if not gap.is_drawn() and between:
                undrawn = format_count(len(between), "frame")
                told = f"{title}: {undrawn} between two {gap.before.tag}s, which CVAT alone draws"
                self.report(Problem(self.source.relative, told))
                continue
            for frame in between:
                with self._reporting(f"{title}, frame {frame}"):
                    self._enter_tracked(track, gap.draw(frame), frames[frame])

    def _enter_tracked(self, track: Element, shape: Element, position: int) -> None:
        identifier = track.get("id") or ""
        with self._reporting(f"track {identifier}, {shape.tag}"):
            labelled = self._read_shape(shape, track.get("label") or "", track=identifier)
            self.table.enter(position, self.source).objects.append(labelled)

    def _read_shape(self, shape: Element, label: str, track: str = "") -> AnnotatedObject:
        labelled = read_shape(shape, label, track=track)
        self._cuboids += shape.tag == "cuboid"
        return labelled

    @contextmanager
    def _reporting(self, title: str) -> Iterator[None]:
        try:
            yield
        except InvalidInput as error:
            self.report(Problem(self.source.relative, f"{title} {error.message}"))

    def _find_frames(self) -> dict[int, int]:
        if self._frames is None:
            self._frames = {}
            for position, image in iter_numbered(self.table.folder, IMAGE_SUFFIXES):
                if image.folder.startswith(self.source.folder) and (numbers := _FRAME.findall(image.stem)):
                    self._frames.setdefault(int(numbers[-1][-9:]), position)
        return self._frames


def _read_frame(shape: Element) -> int:
    """Return the number of a shape's frame, or -1 where it has none."""
    text = shape.get("frame") or ""
    return int(text) if text.isdecimal() and len(text) < 10 else -1
