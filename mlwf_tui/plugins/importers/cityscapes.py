"""Imports Cityscapes: leftImg8bit/SPLIT/CITY beside gtFine or gtCoarse; a city is a dataset.

An instanceIds PNG gives masks, an object of a thing's class the tag `instance`; where there is none the
polygons of the JSON file are taken, in the order in which they cover each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
)
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.plugins.importers.files import (
    Keys,
    Report,
    check_class_name,
    find_place,
    iter_fitting,
    iter_numbered,
    read_bytes,
    read_size,
    report_faults,
)
from mlwf_tui.plugins.importers.objects import make_shape
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"leftimg8bit"})

_IMAGE: Final = re.compile(r"(.+)_leftImg8bit\.png", re.IGNORECASE)
_MAPS: Final = ("gtFine", "gtCoarse")
_ENDINGS: Final = ("instanceIds.png", "polygons.json")
_FIRST_INSTANCE = 1000  # ids from here on are a class times 1000 and the number of an instance
CLASSES: Final = (
    ("unlabeled", "#000000"), ("ego vehicle", "#000000"), ("rectification border", "#000000"),
    ("out of roi", "#000000"), ("static", "#000000"), ("dynamic", "#6f4a00"), ("ground", "#510051"),
    ("road", "#804080"), ("sidewalk", "#f423e8"), ("parking", "#faaaa0"), ("rail track", "#e6968c"),
    ("building", "#464646"), ("wall", "#66669c"), ("fence", "#be9999"), ("guard rail", "#b4a5b4"),
    ("bridge", "#966464"), ("tunnel", "#96785a"), ("pole", "#999999"), ("polegroup", "#999999"),
    ("traffic light", "#faaa1e"), ("traffic sign", "#dcdc00"), ("vegetation", "#6b8e23"),
    ("terrain", "#98fb98"), ("sky", "#4682b4"), ("person", "#dc143c"), ("rider", "#ff0000"),
    ("car", "#00008e"), ("truck", "#000046"), ("bus", "#003c64"), ("caravan", "#00005a"),
    ("trailer", "#00006e"), ("train", "#005064"), ("motorcycle", "#0000e6"), ("bicycle", "#770b20"),
)  # fmt: skip
"""The classes by id. Source: cityscapesScripts, helpers/labels.py."""


class _Polygon(msgspec.Struct):
    label: str
    polygon: list[Any]


class _Document(msgspec.Struct, rename="camel"):
    objects: list[msgspec.Raw]
    img_width: Any = None
    img_height: Any = None


class CityscapesImporter:
    """Masks and polygons of Cityscapes."""

    name = "cityscapes"
    summary = "Cityscapes: leftImg8bit/ beside gtFine/ with instanceIds or polygons"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where images are called so and lie beside gtFine or gtCoarse."""
        image = next((file for file in _iter_images(folder)), None)
        if image is None or not any(
            part in _MAPS for page in folder.pages for part in page.folder.split("/")
        ):
            return None
        return Detection(0.97, f"{image.relative} and the folder {' or '.join(_MAPS)} are Cityscapes'")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the 34 classes with their colours."""
        classes = tuple(ClassDefinition(name, color) for name, color in CLASSES)
        return LabelSchema(classes, (TagDefinition("instance", "number", target="objects"),))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every leftImg8bit image in path order, with what annotates it.

        Raises:
            InvalidInput: there is none.
        """
        report_faults(folder, IMAGE_SUFFIXES | {".json"}, report)
        if next(_iter_images(folder), None) is None:
            raise InvalidInput(
                f"There is no leftImg8bit image in {folder.root}.", hint="Name another format with --format."
            )
        finder, keys = FileFinder(folder), Keys()
        for _, image in iter_numbered(folder, IMAGE_SUFFIXES):
            if any(part in _MAPS for part in image.folders):
                continue
            source = _find_source(image, finder)
            if item := keys.make_item(image, find_place(image, LAYOUT), report, source=source):
                yield item

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: the classes are always the same."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return masks of an instanceIds PNG, or polygons of a JSON file.

        Raises:
            InvalidInput: it is neither, or not of the image's size.
        """
        if source.suffix == ".json":
            return _read_polygons(source, report)
        from mlwf_tui.plugins.importers.label_maps import decode_map, iter_masks, pack_colors  # numpy

        objects = []
        for number, geometry in iter_masks(
            pack_colors(decode_map(read_bytes(source.location), (width_px, height_px)))
        ):
            id = number // _FIRST_INSTANCE if number >= _FIRST_INSTANCE else number
            if not 0 <= id < len(CLASSES):
                report(Problem(source.relative, f"has pixels of id {number}, which has no class"))
                continue
            tags = (Tag("instance", float(number % _FIRST_INSTANCE)),) if number >= _FIRST_INSTANCE else ()
            if id:  # 0 is unlabeled
                objects.append(AnnotatedObject(CLASSES[id][0], geometry, tags=tags))
        return Description(Annotation(tuple(objects)))


def _iter_images(folder: FolderListing) -> Iterator[FoundFile]:
    files = iter_fitting(folder, {".png"}, lambda page: "_leftimg8bit." in page.names.lower())
    return (file for file in files if _IMAGE.fullmatch(file.name))


def _find_source(image: FoundFile, finder: FileFinder) -> FoundFile | None:
    named = _IMAGE.fullmatch(image.name)
    if named is None:
        return None
    for maps in _MAPS:
        for ending in _ENDINGS:
            folder = "/".join(maps if part == "leftImg8bit" else part for part in image.folders)
            position = finder.find(folder, f"{named[1]}_{maps}_{ending}")
            if position is not None:
                return finder.get(position)
    return None


def _read_polygons(source: FoundFile, report: Report) -> Description:
    content = read_bytes(source.location)
    try:
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"is not JSON of Cityscapes: {tell_json_fault(error, content)}") from error
    objects = []
    for number, raw in enumerate(document.objects, start=1):
        try:
            entry = msgspec.json.decode(raw, type=_Polygon)
            is_group = entry.label.endswith("group") and entry.label != "polegroup"
            name = check_class_name(entry.label.removesuffix("group") if is_group else entry.label)
            tags = (Tag("iscrowd"),) if is_group else ()
            polygon = make_shape(GeometryKind.POLYGON, entry.polygon)
            objects.append(AnnotatedObject(name, polygon, tags=tags))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            report(Problem(source.relative, f"object {number} is not as Cityscapes has it: {error}"))
        except InvalidInput as error:
            report(Problem(source.relative, f"object {number} {error.message}"))
    size = read_size(document.img_width, document.img_height)
    return Description(Annotation(tuple(objects)), told_size_px=size)
