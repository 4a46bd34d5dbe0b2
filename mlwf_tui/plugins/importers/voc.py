"""Imports Pascal VOC: an XML file for each image, splits in ImageSets/Main; nothing is written.

`Annotations/` beside `JPEGImages/` is the known layout; XML files beside their images, deeper folders
and several such trees below one root are taken as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from mlwf_tui.entities.annotation import Annotation, LabelSchema
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.plugins.importers.files import (
    Report,
    check_bare_name,
    count_images,
    has_images,
    iter_numbered,
    read_size,
    report_faults,
    show_path,
    tell_images,
)
from mlwf_tui.plugins.importers.pairs import StemIndex, iter_paired, match_sources
from mlwf_tui.plugins.importers.voc_masks import VocMasksImporter, count_maps
from mlwf_tui.plugins.importers.voc_objects import parse_voc, read_object
from mlwf_tui.plugins.importers.voc_splits import LAYOUT, MAP_FOLDERS, find_split_place, is_map, read_splits
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

VARIANT: Final = "segmentation"

_SUFFIXES: Final = IMAGE_SUFFIXES | {".xml", ".txt"}
_HEAD_BYTES = 2048
_ROOT: Final = re.compile(rb"<annotation[\s>]")  # not CVAT's annotations


class VocImporter:
    """Boxes and outlines of Pascal VOC XML, coordinates exactly as the files have them."""

    name = "voc"
    summary = "Pascal VOC: an XML file for each image, splits in ImageSets/Main"
    variants = (VARIANT,)

    def choose(self, variant: str) -> VocMasksImporter:
        """Return the importer of the masks.

        Raises:
            NotFound: there is no such variant.
        """
        if variant != VARIANT:
            raise NotFound(
                f"There is no format 'voc:{variant}'.", hint=f"After voc: can stand {VARIANT} alone."
            )
        return VocMasksImporter()

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where XML files begin like VOC annotations and there are images.

        Less where they do not but lie as VOC's do: reading them for the import says what is wrong.

        The masks are taken where there are as many pictures of them as XML files, or no XML files.
        """
        heads = islice(iter_numbered(folder, {".xml"}), 5)
        first = next((file for _, file in heads if _looks_like_voc(file.path)), None)
        map_count, xml_count = count_maps(folder), sum(1 for _ in iter_numbered(folder, {".xml"}))
        if map_count and (first is None or map_count >= xml_count):
            return VocMasksImporter().detect(folder)
        if first is None and (bad := _find_layout(folder)):
            told = f"{bad} holds XML, and JPEGImages stands beside it with {count_images(folder)}"
            return Detection(0.6, told)
        if first is None or not has_images(folder):
            return None
        where = first.folder or "the folder"
        masks = f", {VocMasksImporter.name} would read {format_count(map_count, 'mask')}" if map_count else ""
        return Detection(0.9, f"{where} holds VOC XML, {tell_images(folder)}{masks}")

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
        splits = read_splits(folder, report)
        yield from iter_paired(
            folder,
            finder,
            sources,
            lambda at, image: find_split_place(image, splits[at]),
            report,
            is_image=lambda image: not is_map(image),
        )
        if count := count_maps(folder):
            masks = format_count(count, "mask")
            told = f"holds {masks}, which {VocMasksImporter.name} reads and this format does not"
            report(Problem(MAP_FOLDERS[-1], told))

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: an XML file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of an XML file.

        Raises:
            InvalidInput: it is not well-formed, is no VOC annotation, or names a path as its image.
        """
        element = parse_voc(source.location)
        if named := (element.findtext("filename") or "").strip():
            check_bare_name(named)
        objects = []
        for number, entry in enumerate(element.iterfind("object"), start=1):
            name = (entry.findtext("name") or "").strip()
            title = f"box {number} ({show_path(name)})" if name else f"box {number}"
            doubts: list[str] = []
            try:
                objects.append(read_object(entry, doubts.append))
            except InvalidInput as error:
                report(Problem(source.relative, f"{title} {error.message}"))
            else:
                for doubt in doubts:
                    report(Problem(source.relative, f"{title} {doubt}", is_taken=True))
        size = read_size(element.findtext("size/width"), element.findtext("size/height"))
        return Description(Annotation(tuple(objects)), told_size_px=size)


# --- annotations ---------------------------------------------------------------------------------


def _find_layout(folder: FolderListing) -> str:
    """Return the first Annotations folder with XML that stands beside JPEGImages with images, or nothing."""
    places = [(page, *page.folder.rpartition("/")[::2]) for page in folder.pages]
    above = {up for page, up, own in places if own == "JPEGImages" and page.list_ending(IMAGE_SUFFIXES)}
    found = (
        page.folder
        for page, up, own in places
        if own == "Annotations" and up in above and page.list_ending({".xml"})
    )
    return next(found, "")


def _looks_like_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(_ROOT.search(file.read(_HEAD_BYTES)))
    except OSError:
        return False


def _read_image_name(file: FoundFile, index: StemIndex) -> int:
    named = (parse_voc(file.location).findtext("filename") or "").strip()
    image = index.find(file, check_bare_name(named)) if named else None
    if image is None:
        raise InvalidInput(f"its image {show_path(named or file.stem)} is missing")
    return image
