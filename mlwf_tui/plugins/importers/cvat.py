"""Imports CVAT's "for images 1.1": annotations.xml with every shape, attributes, tags, groups and skeletons.

Tracks ("for video 1.1") are taken where their frames lie there as images. An ellipse becomes a polygon, its
numbers beside it as custom facts. See cvat_shapes.py for the shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element, ParseError, iterparse

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema, Tag, TagDefinition
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.cvat_shapes import read_attributes, read_shape
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    check_class_name,
    count_images,
    has_images,
    iter_numbered,
    read_bytes,
    report_faults,
)
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.plugins.importers.xml_documents import check_declarations
from mlwf_tui.protocols import Detection, ImportedItem

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
        return Detection(0.95, f"{first.relative} is CVAT's XML, there are {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the labels of the task with their colours, skeletons and attributes."""
        classes: dict[str, ClassDefinition] = {}
        tags: dict[str, TagDefinition] = {}
        for source in _choose_sources(folder):
            with suppress(InvalidInput):  # iter_items reports it
                for element in _iter_elements(source, {"label"}):
                    _read_label(element, classes, tags)
        return LabelSchema(tuple(classes.values()), tuple(tags.values()))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; one that no file describes has no objects.

        Raises:
            InvalidInput: there is no CVAT XML that can be read.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".xml"}, report)
        sources = _choose_sources(folder)
        if not sources:
            raise InvalidInput(
                f"There is no CVAT XML in {folder.root}.", hint="Name another format with --format."
            )
        table, read = Table.of(folder), 0
        for source in sources:
            try:
                _read_source(source, table, report)
                read += 1
            except InvalidInput as error:
                table.has_unread = True
                report(Problem(source.relative, error.message))
        if not read:
            raise InvalidInput(
                f"No CVAT XML in {folder.root} could be read.", hint="Mend or replace the files."
            )
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


def _read_source(source: FoundFile, table: Table, report: Report) -> None:
    frames: dict[int, int] | None = None
    for element in _iter_elements(source, {"image", "track"}):
        if element.tag == "image":
            _read_image(element, source, table, report)
        else:
            frames = _find_frames(source, table) if frames is None else frames
            _read_track(element, source, frames, table, report)


def _read_image(image: Element, source: FoundFile, table: Table, report: Report) -> None:
    name = image.get("name") or ""
    try:
        position = table.index.find(source, name)
        if position in table.entries:
            raise InvalidInput(f"the image {name} is described twice")
    except InvalidInput as error:
        report(Problem(source.relative, error.message))
        return
    entry = table.enter(position, source, SPLIT_WORDS.get((image.get("subset") or "").lower(), Split.NONE))
    for number, shape in enumerate(image, start=1):
        try:
            if shape.tag == "tag":
                entry.tags.append(Tag(check_class_name(shape.get("label") or "")))
                entry.tags += read_attributes(shape)
            elif shape.tag in _SHAPES:
                entry.objects.append(read_shape(shape, shape.get("label") or ""))
        except InvalidInput as error:
            report(Problem(source.relative, f"{name}, shape {number} ({shape.tag}) {error.message}"))


def _find_frames(source: FoundFile, table: Table) -> dict[int, int]:
    """Return the positions of the images that are frames, by the number in their names."""
    found: dict[int, int] = {}
    for position, image in iter_numbered(table.folder, IMAGE_SUFFIXES):
        if image.folder.startswith(source.folder) and (numbers := _FRAME.findall(image.stem)):
            found.setdefault(int(numbers[-1][-9:]), position)
    return found


def _read_track(
    track: Element, source: FoundFile, frames: dict[int, int], table: Table, report: Report
) -> None:
    """Enter the boxes of a track that are not outside, each on the image of its frame."""
    identifier, missing = track.get("id") or "", 0
    for shape in track:
        try:
            if shape.tag not in _SHAPES or shape.get("outside") == "1":
                continue
            frame = shape.get("frame") or ""
            position = frames.get(int(frame)) if frame.isdecimal() and len(frame) < 10 else None
            if position is None:
                missing += 1
                continue
            labelled = read_shape(shape, track.get("label") or "", track=identifier)
            table.enter(position, source).objects.append(labelled)
        except InvalidInput as error:
            report(Problem(source.relative, f"track {identifier}, {shape.tag} {error.message}"))
    if missing:
        report(
            Problem(source.relative, f"track {identifier}: {missing:,} frames are no images of the folder")
        )
