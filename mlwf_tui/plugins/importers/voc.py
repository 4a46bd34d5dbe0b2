"""Imports Pascal VOC: an XML file for each image, splits in ImageSets/Main; nothing is written.

`Annotations/` beside `JPEGImages/` is the known layout; XML files beside their images, deeper folders
and several such trees below one root are taken as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Keys,
    Place,
    Report,
    check_bare_name,
    check_class_name,
    count_images,
    find_place,
    has_images,
    ignore_problem,
    iter_files,
    name_some,
    read_bytes,
    read_lines,
    show_path,
)
from mlwf_tui.plugins.importers.xml_documents import parse_xml
from mlwf_tui.protocols import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"annotations", "jpegimages", "images", "xmls"})

_HEAD_BYTES = 2048
_EDGES = ("xmin", "ymin", "xmax", "ymax")


class VocImporter:
    """Boxes of Pascal VOC XML, coordinates exactly as the files have them."""

    name = "voc"
    summary = "Pascal VOC: an XML file for each image, splits in ImageSets/Main"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where XML files begin like VOC annotations and there are images."""
        heads = islice(iter_files(folder, {".xml"}, ignore_problem), 5)
        first = next((file for file in heads if _looks_like_voc(file.path)), None)
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
        files = list(iter_files(folder, IMAGE_SUFFIXES | {".xml", ".txt"}, report))
        annotations = [file for file in files if file.suffix == ".xml"]
        if not annotations:
            raise InvalidInput(
                f"There is no VOC XML in {folder.root}.", hint="Name another format with --format."
            )
        images = [file for file in files if file.suffix in IMAGE_SUFFIXES]
        sources = _match_annotations(annotations, _ImageIndex(images), report)
        splits = _read_splits([file for file in files if _is_list(file)], images, report)
        keys = Keys()
        for image in images:
            asked = find_place(image, LAYOUT)
            split = splits.get(image.relative, asked.split)
            place = keys.place(image.name, Place(asked.dataset, split))
            if place is None:
                report(Problem(image.relative, "has the name of another image of its dataset"))
                continue
            yield ImportedItem(
                image=image,
                dataset=place.dataset,
                name=image.name,
                split=place.split,
                source=sources.get(image.relative),
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


# --- annotations ---------------------------------------------------------------------------------


class _ImageIndex:
    """Finds an annotation's image: in the same dataset and split first, else wherever it is alone."""

    def __init__(self, images: Sequence[FoundFile]) -> None:
        self._by_place: dict[tuple[Place, str], list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for image in images:
            name = image.name
            for known in (name, name.rpartition(".")[0]):
                self._by_place.setdefault((find_place(image, LAYOUT), known), []).append(image.relative)
                self._by_name.setdefault(known, []).append(image.relative)

    def find(self, file: FoundFile, name: str) -> str | None:
        """Return the path of the one image `name` (a file name or a stem) that belongs to `file`."""
        for candidates in (
            self._by_place.get((find_place(file, LAYOUT), name), ()),
            self._by_name.get(name, ()),
        ):
            if len(candidates) == 1:
                return candidates[0]
        return None


def _looks_like_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<annotation" in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _match_annotations(
    files: Sequence[FoundFile], index: _ImageIndex, report: Report
) -> dict[str, FoundFile]:
    """Return the annotation file of each image that has one, by the image's path.

    A file belongs to the image of its own stem, as most tools have it; only where there is none, or
    more than one, the image is the one that the file itself names.
    """
    sources: dict[str, FoundFile] = {}
    for file in files:
        try:
            image = index.find(file, file.name.rpartition(".")[0]) or _read_image_name(file, index)
            if image in sources:
                raise InvalidInput(f"describes {image}, which another file describes already")
        except InvalidInput as error:
            report(Problem(file.relative, error.message))
        else:
            sources[image] = file
    return sources


def _read_image_name(file: FoundFile, index: _ImageIndex) -> str:
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
    return AnnotatedObject(class_name, _read_box(entry), custom=_read_custom(entry))


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


def _read_custom(entry: Element) -> dict[str, str | float | bool]:
    """Return the flags that are set, and the pose where it is told; VOC's defaults say nothing."""
    custom: dict[str, str | float | bool] = {
        flag: True
        for flag in ("difficult", "truncated", "occluded")
        if (entry.findtext(flag) or "").strip() == "1"
    }
    pose = (entry.findtext("pose") or "").strip()
    if pose and pose.lower() != "unspecified":
        custom["pose"] = pose
    return custom


# --- splits --------------------------------------------------------------------------------------


def _read_splits(
    lists: Sequence[FoundFile], images: Sequence[FoundFile], report: Report
) -> Mapping[str, Split]:
    """Return the splits that the lists in every ImageSets/Main give, by image path."""
    splits: dict[str, Split] = {}
    by_base: dict[str, dict[str, FoundFile]] = {}
    for file in lists:
        by_base.setdefault("/".join(file.folders[:-2]), {})[file.name.lower()] = file
    for base, files in by_base.items():
        stems = {image.stem: image.relative for image in images if _is_below(image, base)}
        for name, split in _choose_lists(files):
            _read_list(files[name], split, stems, splits, report)
    return splits


def _is_list(file: FoundFile) -> bool:
    is_in_main = tuple(name.lower() for name in file.folders[-2:]) == ("imagesets", "main")
    return is_in_main and file.suffix == ".txt"


def _is_below(image: FoundFile, base: str) -> bool:
    return not base or image.relative.startswith(f"{base}/")


def _choose_lists(files: Mapping[str, FoundFile]) -> list[tuple[str, Split]]:
    chosen = [("train.txt", Split.TRAIN), ("val.txt", Split.VAL), ("test.txt", Split.TEST)]
    if "train.txt" not in files and "val.txt" not in files:
        chosen[:2] = [("trainval.txt", Split.TRAIN)]
    return [(name, split) for name, split in chosen if name in files]


def _read_list(
    file: FoundFile, split: Split, stems: Mapping[str, str], splits: dict[str, Split], report: Report
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
    known = [stems[name] for name in names if name in stems]
    twice = [path for path in known if splits.get(path, split) is not split]
    if twice:
        report(Problem(file.relative, f"lists images of another split: {name_some(twice)}"))
    for path in known:
        splits.setdefault(path, split)
