"""Imports plain folders of images: sub-folders become datasets, top folders named like splits splits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlwf_tui.entities.annotation import Annotation, LabelSchema
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.class_folders import tell_shared_folders
from mlwf_tui.plugins.importers.files import (
    Keys,
    Report,
    count_images,
    find_place,
    has_images,
    has_suffix,
    iter_images,
)
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem, Pairing

NO_LAYOUT: Final[frozenset[str]] = frozenset()


class ImagesImporter:
    """The last resort: images without annotations."""

    name = "images"
    summary = "folders of images without annotations"
    has_annotations = False

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return faint confidence wherever there is an image at all; more where folders may be datasets."""
        if not has_images(folder):
            return None
        if told := tell_shared_folders(folder):
            return Detection(0.75, f"{told}, which may be datasets")
        return Detection(0.1, f"the folder holds {count_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order.

        Raises:
            InvalidInput: there is none.
        """
        if not has_images(folder):
            raise InvalidInput(
                f"There are no images in {folder.root}.", hint="Give the folder that holds them."
            )
        keys = Keys()
        for image in iter_images(folder, report):
            if item := keys.make_item(image, find_place(image, NO_LAYOUT), report):
                yield item

    def find_pairing(self, folder: FolderListing) -> Pairing:
        """Return that each image stands for itself."""
        return lambda folder, name: (folder,) if has_suffix(name, IMAGE_SUFFIXES) else None

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: there are no annotations."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return nothing: no item has a source."""
        return Description(Annotation())
