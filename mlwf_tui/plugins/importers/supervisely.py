"""Imports Supervisely's project folders, and so checkouts: meta.json, img/ and ann/ for each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import decode_annotation, decode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place, place_annotation
from mlwf_tui.formats.supervisely_meta import decode_node_names, list_unknown_shapes
from mlwf_tui.plugins.importers.files import (
    Report,
    check_class_name,
    iter_numbered,
    name_some,
    read_bytes,
    read_size,
    report_faults,
    tell_images,
)
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

_SUFFIXES: Final = IMAGE_SUFFIXES | {".json"}


class SuperviselyImporter:
    """Every shape and tag of an annotation; what our model has no place for is reported."""

    name = "supervisely"
    summary = "Supervisely: meta.json, img/ and ann/ for each dataset; also what a checkout wrote"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where meta.json defines classes, and a dataset's img holds an image."""
        dataset = _find_dataset(folder)
        if not dataset or _find_meta(folder) is None:
            return None
        try:
            schema = self.read_schema(folder)
        except InvalidInput:
            return None
        classes = f"{len(schema.classes)} class{'es' * (len(schema.classes) != 1)}"
        where = f"{META_NAME} defines {classes}, {tell_images(folder)}"
        return Detection(0.95, f"{where} in datasets such as {dataset}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes and tags of meta.json, with their colours and shapes.

        Raises:
            InvalidInput: there is none, or it cannot be used.
        """
        meta = _find_meta(folder)
        if meta is None:
            raise InvalidInput(
                f"There is no {META_NAME} in {folder.root}.",
                hint="Give the folder that holds it, or name another format with --format.",
            )
        try:
            schema = decode_meta(read_bytes(meta.location))
            for definition in schema.classes:
                check_class_name(definition.name)
        except InvalidInput as error:
            raise InvalidInput(f"{meta.location} {error.message}", hint="Mend the file.") from error
        return schema

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield the images of every dataset's img in path order; one without an annotation says nothing.

        Raises:
            InvalidInput: meta.json is missing or cannot be used.
        """
        self.read_schema(folder)
        report_faults(folder, _SUFFIXES, report)
        _report_shapes(folder, report)
        finder, used = FileFinder(folder), bytearray(folder.count)
        for image in (file for _, file in iter_numbered(folder, IMAGE_SUFFIXES)):
            place = find_place(image.relative)
            if place is None or not place.is_image:
                report(Problem(image.relative, "lies in no img folder of a dataset"))
                continue
            ann, _, name = place_annotation(place.dataset, place.name).rpartition("/")
            position, source = finder.find(ann, name), None
            if position is not None:
                used[position], source = True, finder.get(position)
            yield ImportedItem(image=image, dataset=place.dataset, name=place.name, source=source)
        for position, file in iter_numbered(folder, {".json"}):
            if not used[position] and find_place(file.relative) is not None:
                report(Problem(file.relative, "has no image"))

    def read_key(self, folder: FolderListing) -> dict[str, dict[str, str]] | None:
        """Return what templates call the nodes that annotations name by other ids; mostly nothing.

        Raises:
            InvalidInput: meta.json is missing or cannot be used.
        """
        self.read_schema(folder)
        meta = _find_meta(folder)
        return (decode_node_names(read_bytes(meta.location)) if meta else None) or None

    def read_annotation(
        self,
        source: FoundFile,
        key: Mapping[str, Mapping[str, str]] | None,
        width_px: int,
        height_px: int,
        report: Report,
    ) -> Description:
        """Return the objects, tags, custom values and split of an annotation.

        Raises:
            InvalidInput: it is no annotation at all.
        """
        decoded = decode_annotation(read_bytes(source.location), key or {})
        for problem in decoded.problems:
            report(Problem(source.relative, problem))
        size = read_size(decoded.width_px, decoded.height_px)
        return Description(decoded.annotation, decoded.split, size)


def _report_shapes(folder: FolderListing, report: Report) -> None:
    """Report the classes of shapes that our model lacks: an export would say that they may have any."""
    meta = _find_meta(folder)
    shapes = list_unknown_shapes(read_bytes(meta.location)) if meta else {}
    if meta and shapes:
        named = name_some([f"{name} ({shape})" for name, shape in shapes.items()])
        told = f"has classes of shapes that are not known, which are read as of any shape: {named}"
        report(Problem(meta.relative, told, is_taken=True))


def _find_dataset(folder: FolderListing) -> str:
    """Return the top folder of the first dataset that has an image, or nothing."""
    for page in folder.pages:
        place = find_place(f"{page.folder}/any")  # the folders alone say what an image is
        if place is not None and place.is_image and page.list_ending(IMAGE_SUFFIXES):
            return page.folder.partition("/")[0]
    return ""


def _find_meta(folder: FolderListing) -> FoundFile | None:
    finder = FileFinder(folder)
    position = finder.find("", META_NAME)
    return None if position is None else finder.get(position)
