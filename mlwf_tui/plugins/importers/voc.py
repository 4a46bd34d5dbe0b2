"""Imports Pascal VOC: an XML file for each image, splits in ImageSets/Main; nothing is written.

`Annotations/` beside `JPEGImages/` is the known layout; XML files beside their images, deeper folders
and several such trees below one root are taken as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema, Tag
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Place,
    Report,
    check_bare_name,
    check_class_name,
    count_images,
    find_place,
    has_images,
    iter_numbered,
    name_some,
    read_bytes,
    read_lines,
    report_faults,
    show_path,
)
from mlwf_tui.plugins.importers.pairs import StemIndex, iter_paired, match_sources
from mlwf_tui.plugins.importers.xml_documents import parse_xml
from mlwf_tui.protocols import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"annotations", "jpegimages", "images", "xmls"})

_SUFFIXES: Final = IMAGE_SUFFIXES | {".xml", ".txt"}
_SPLITS: Final = (Split.NONE, Split.TRAIN, Split.VAL, Split.TEST)
_HEAD_BYTES = 2048
_EDGES = ("xmin", "ymin", "xmax", "ymax")


class VocImporter:
    """Boxes of Pascal VOC XML, coordinates exactly as the files have them."""

    name = "voc"
    summary = "Pascal VOC: an XML file for each image, splits in ImageSets/Main"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where XML files begin like VOC annotations and there are images."""
        heads = islice(iter_numbered(folder, {".xml"}), 5)
        first = next((file for _, file in heads if _looks_like_voc(file.path)), None)
        if first is None or not has_images(folder):
            return None
        where = first.folder or "the folder"
        return Detection(0.9, f"{where} holds VOC XML, there are {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with the XML file that describes it.

        Raises:
            InvalidInput: there is no XML file.
        """
        report_faults(folder, _SUFFIXES, report)
        if next(iter_numbered(folder, {".xml"}), None) is None:
            raise InvalidInput(
                f"There is no VOC XML in {folder.root}.", hint="Name another format with --format."
            )
        finder = FileFinder(folder)
        index = StemIndex(folder, finder, LAYOUT)
        sources = match_sources(
            folder, index, {".xml"}, report, read_image=lambda file: _read_image_name(file, index)
        )
        splits = _read_splits(folder, report)
        yield from iter_paired(
            folder, finder, sources, lambda at, image: _find_place(image, splits[at]), report
        )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: an XML file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of an XML file.

        Raises:
            InvalidInput: it is not well-formed, is no VOC annotation, or names a path as its image.
        """
        element = _parse(source.location)
        if named := (element.findtext("filename") or "").strip():
            check_bare_name(named)
        objects = []
        for number, entry in enumerate(element.iterfind("object"), start=1):
            try:
                objects.append(_read_object(entry))
            except InvalidInput as error:
                name = (entry.findtext("name") or "").strip()
                title = f"box {number} ({show_path(name)})" if name else f"box {number}"
                report(Problem(source.relative, f"{title} {error.message}"))
        return Description(Annotation(tuple(objects)))


def _find_place(image: FoundFile, code: int) -> Place:
    place = find_place(image, LAYOUT)
    return Place(place.dataset, _SPLITS[code]) if code else place


# --- annotations ---------------------------------------------------------------------------------


def _looks_like_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<annotation" in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _read_image_name(file: FoundFile, index: StemIndex) -> int:
    named = (_parse(file.location).findtext("filename") or "").strip()
    image = index.find(file, check_bare_name(named)) if named else None
    if image is None:
        raise InvalidInput(f"its image {show_path(named or file.stem)} is missing")
    return image


def _parse(location: str) -> Element:
    element = parse_xml(read_bytes(location))
    if element.tag != "annotation":
        raise InvalidInput(f"is not a VOC annotation: its root is <{show_path(element.tag)}>")
    return element


def _read_object(entry: Element) -> AnnotatedObject:
    class_name = check_class_name(entry.findtext("name") or "")
    return AnnotatedObject(class_name, _read_box(entry), tags=_read_tags(entry))


def _read_box(entry: Element) -> Geometry:
    box = entry.find("bndbox")
    if box is None:
        raise InvalidInput("has no bndbox")
    left, top, right, bottom = (_read_number(box, edge) for edge in _EDGES)
    if right <= left:
        raise InvalidInput(f"has no area: left {left:g}, right {right:g}")
    if bottom <= top:
        raise InvalidInput(f"has no area: top {top:g}, bottom {bottom:g}")
    return Geometry.rectangle(left, top, right, bottom)


def _read_number(box: Element, edge: str) -> float:
    text = (box.findtext(edge) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"has no usable {edge}: {show_path(text)!r}")
    return value


def _read_tags(entry: Element) -> tuple[Tag, ...]:
    """Return the flags that are set, and the pose where it is told; VOC's defaults say nothing."""
    tags = [
        Tag(flag)
        for flag in ("difficult", "truncated", "occluded")
        if (entry.findtext(flag) or "").strip() == "1"
    ]
    pose = (entry.findtext("pose") or "").strip()
    if pose and pose.lower() != "unspecified":
        tags.append(Tag("pose", pose))
    return tuple(tags)


# --- splits --------------------------------------------------------------------------------------


def _read_splits(folder: FolderListing, report: Report) -> bytearray:
    """Return for each position the place in _SPLITS that the lists in every ImageSets/Main give, or 0."""
    splits = bytearray(folder.count)
    by_base: dict[str, dict[str, FoundFile]] = {}
    for _, file in iter_numbered(folder, {".txt"}):
        if _is_list(file):
            by_base.setdefault("/".join(file.folders[:-2]), {})[file.name.lower()] = file
    for base, files in by_base.items():
        stems = {
            image.stem: position
            for position, image in iter_numbered(folder, IMAGE_SUFFIXES)
            if _is_below(image, base)
        }
        for name, split in _choose_lists(files):
            _read_list(files[name], split, stems, splits, report)
    return splits


def _is_list(file: FoundFile) -> bool:
    return tuple(name.lower() for name in file.folders[-2:]) == ("imagesets", "main")


def _is_below(image: FoundFile, base: str) -> bool:
    return not base or image.relative.startswith(f"{base}/")


def _choose_lists(files: Mapping[str, FoundFile]) -> list[tuple[str, Split]]:
    chosen = [("train.txt", Split.TRAIN), ("val.txt", Split.VAL), ("test.txt", Split.TEST)]
    if "train.txt" not in files and "val.txt" not in files:
        chosen[:2] = [("trainval.txt", Split.TRAIN)]
    return [(name, split) for name, split in chosen if name in files]


def _read_list(
    file: FoundFile, split: Split, stems: Mapping[str, int], splits: bytearray, report: Report
) -> None:
    """Enter the images that one list names; an image that stands in two keeps its first split."""
    try:
        names = [line for line in read_lines(file.path) if line]
    except InvalidInput as error:
        report(Problem(file.relative, error.message))
        return
    missing = [name for name in names if name not in stems]
    if missing:
        report(Problem(file.relative, f"lists images that are missing: {name_some(missing)}"))
    code, twice = _SPLITS.index(split), []
    for name in names:
        if name not in stems:
            continue
        if splits[stems[name]] in (0, code):
            splits[stems[name]] = code
        else:
            twice.append(name)
    if twice:
        report(Problem(file.relative, f"lists images of another split: {name_some(twice)}"))
