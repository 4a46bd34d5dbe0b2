"""Imports CamVid: a folder of images, and one of its name with `annot` of PNGs that say what stands where.

The PNGs hold colours of label_colors.txt, or numbers: places in that file, or SegNet's twelve classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, ClassDefinition, LabelSchema
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Keys,
    Report,
    check_class_name,
    find_place,
    iter_numbered,
    read_bytes,
    read_lines,
    report_faults,
)
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

COLORS_NAME: Final = "label_colors.txt"
_SUFFIX: Final = "annot"
_NO_LAYOUT: Final = frozenset({"images"})
SEGNET: Final = (
    ("Sky", (128, 128, 128)), ("Building", (128, 0, 0)), ("Pole", (192, 192, 128)), ("Road", (128, 64, 128)),
    ("Pavement", (0, 0, 192)), ("Tree", (128, 128, 0)), ("SignSymbol", (192, 128, 128)),
    ("Fence", (64, 64, 128)), ("Car", (64, 0, 128)), ("Pedestrian", (64, 64, 0)),
    ("Bicyclist", (0, 128, 192)), ("Unlabelled", (0, 0, 0)),
)  # fmt: skip
"""Source: SegNet's CamVid, Scripts/test_segmentation_camvid.py."""
_VOID: Final = frozenset({"unlabelled", "void", "background"})

Color = tuple[int, int, int]


class CamVidImporter:
    """Masks of CamVid's semantic PNGs."""

    name = "camvid"
    summary = "CamVid: train/ beside trainannot/ with a PNG of classes for each image, label_colors.txt"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a folder of images has one with `annot` beside it."""
        pages = {page.folder for page in folder.pages if page.list_ending(IMAGE_SUFFIXES)}
        first = next((name for name in sorted(pages) if f"{name}{_SUFFIX}" in pages and name), None)
        if first is None:
            return None
        return Detection(0.93, f"{first}{_SUFFIX} has a picture of classes for the images of {first}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes of label_colors.txt in its order, or SegNet's.

        Raises:
            InvalidInput: the file cannot be used.
        """
        return LabelSchema(
            tuple(
                ClassDefinition(name, f"#{r:02x}{g:02x}{b:02x}") for name, (r, g, b) in _read_colors(folder)
            )
        )

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with the PNG beside it.

        Raises:
            InvalidInput: no folder has one with `annot` beside it.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".txt"}, report)
        if self.detect(folder) is None:
            raise InvalidInput(
                f"There is no folder of annotations beside one of images in {folder.root}.",
                hint="Name another format with --format.",
            )
        finder, keys, used = FileFinder(folder), Keys(), set()
        for _, image in iter_numbered(folder, IMAGE_SUFFIXES):
            if _is_map(image):
                continue
            position = finder.find(f"{image.folder}{_SUFFIX}", f"{image.stem}.png")
            source = None if position is None else finder.get(position)
            if item := keys.make_item(image, find_place(image, _NO_LAYOUT), report, source=source):
                used.add(position)
                yield item
        for position, file in iter_numbered(folder, {".png"}):
            if _is_map(file) and position not in used:
                report(Problem(file.relative, "has no image"))

    def read_key(self, folder: FolderListing) -> list[list[Any]]:
        """Return the classes' names and colours.

        Raises:
            InvalidInput: label_colors.txt cannot be used.
        """
        return [[name, list(color)] for name, color in _read_colors(folder)]

    def read_annotation(
        self, source: FoundFile, key: Sequence[Sequence[Any]], width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return a mask for each class of a PNG, but for what is not labelled.

        Raises:
            InvalidInput: it is no PNG of the image's size.
        """
        from mlwf_tui.plugins.importers.label_maps import decode_map, iter_masks, pack_colors  # numpy

        pixels = decode_map(read_bytes(source.location), (width_px, height_px))
        names: Mapping[int, str] = (
            {number: str(name) for number, (name, _) in enumerate(key)}
            if pixels.ndim == 2
            else {r + (g << 8) + (b << 16): str(name) for name, (r, g, b) in key}
        )
        objects = []
        for number, geometry in iter_masks(pack_colors(pixels)):
            if number not in names:
                report(
                    Problem(source.relative, f"has pixels of {_tell(number, pixels.ndim)}, which is no class")
                )
            elif names[number].lower() not in _VOID:
                objects.append(AnnotatedObject(names[number], geometry))
        return Description(Annotation(tuple(objects)))


def _is_map(image: FoundFile) -> bool:
    return image.folder.endswith(_SUFFIX)


def _tell(number: int, dimensions: int) -> str:
    if dimensions == 2:
        return f"number {number}"
    return f"colour {number & 255} {number >> 8 & 255} {number >> 16}"


def _read_colors(folder: FolderListing) -> Sequence[tuple[str, Color]]:
    """Return names and colours in the order of label_colors.txt: `R G B NAME` a line."""
    file = next((file for _, file in iter_numbered(folder, {".txt"}) if file.name == COLORS_NAME), None)
    if file is None:
        return SEGNET
    found: list[tuple[str, Color]] = []
    try:
        for line in filter(None, read_lines(file.location)):
            words = line.split(maxsplit=3)
            if len(words) != 4 or not all(w.isdecimal() and len(w) < 4 and int(w) < 256 for w in words[:3]):
                raise InvalidInput("has a line that is not three numbers of a colour and a name")
            red, green, blue = map(int, words[:3])
            found.append((check_class_name(words[3]), (red, green, blue)))
    except InvalidInput as error:
        raise InvalidInput(f"{file.relative} {error.message}.", hint="Mend it.") from error
    return found
