"""Imports a folder for each class, as ImageNet and Ultralytics' classify have them: the class is a tag.

`train/cat/1.jpg`, or `cat/1.jpg` without splits. What lies deeper below a class is a dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlwf_tui.entities.annotation import Annotation, LabelSchema, Tag, TagDefinition, define_classes
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Keys,
    Place,
    Report,
    check_class_name,
    find_folder_place,
    has_images,
    iter_images,
    name_some,
)
from mlwf_tui.plugins.importers.tables import OfManyImages
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final[frozenset[str]] = frozenset()
_SYNSET: Final = re.compile(r"n\d{8}")


class ClassFoldersImporter(OfManyImages):
    """Image-level classes by the name of the folder."""

    name = "imagenet"
    summary = "ImageNet, Ultralytics classify: a folder of images for each class"
    has_annotations = False

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence for WordNet ids, or classes that splits share; else hardly any."""
        by_split = _list_classes(folder)
        names = sorted(set().union(*by_split.values())) if by_split else []
        if not names:
            return None
        if all(map(_SYNSET.fullmatch, names)):
            return Detection(0.85, f"folders are named like WordNet's synsets: {name_some(names)}")
        if told := tell_shared_folders(folder):
            return Detection(0.8, told)
        if len(names) > 1:
            return Detection(0.05, f"each folder of images could be a class: {name_some(names)}")
        return None

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the folders' names as classes and as tags of items, in order."""
        names = tuple(sorted({name for of_split in _list_classes(folder).values() for name in of_split}))
        tags = tuple(TagDefinition(name, target="items") for name in names)
        return LabelSchema(define_classes(names, geometry=None), tags)

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order; one that lies in no class's folder has no tag.

        Raises:
            InvalidInput: there is no image.
        """
        if not has_images(folder):
            raise InvalidInput(
                f"There are no images in {folder.root}.", hint="Give the folder of the classes."
            )
        keys = Keys()
        for image in iter_images(folder, report):
            class_name, place = _find_class(image)
            annotation = below = None
            if class_name:
                annotation = Annotation(tags=(Tag(class_name),))
                # each class may have an image 1.jpg
                below = Place(f"{class_name}/{place.dataset}".rstrip("/"), place.split)
            if item := keys.make_item(image, place, report, annotation=annotation, otherwise=below):
                yield item


def tell_shared_folders(folder: FolderListing) -> str:
    """Return that all splits have the same folders of images, in words; empty where they have not.

    Such folders are classes, or the datasets of images without annotations: nothing tells them apart.
    """
    by_split = _list_classes(folder)
    shared = set.intersection(*by_split.values()) if len(by_split) > 1 else set()
    if len(shared) < 2 or Split.NONE in by_split or all(map(_SYNSET.fullmatch, shared)):
        return ""
    return f"{' and '.join(by_split)} have the same folders of images: {name_some(sorted(shared))}"


def _find_class(image: FoundFile) -> tuple[str, Place]:
    """Return an image's class, empty where it lies in no folder of one, and where it goes."""
    place = find_folder_place(image.folder, LAYOUT)
    class_name, _, rest = place.dataset.partition("/")
    return _clean(class_name), Place(rest, place.split)


def _list_classes(folder: FolderListing) -> dict[Split, set[str]]:
    """Return the names of the classes' folders that hold images, by split."""
    found: dict[Split, set[str]] = {}
    for page in folder.pages:
        if page.folder and page.list_ending(IMAGE_SUFFIXES):
            place = find_folder_place(page.folder, LAYOUT)
            name = _clean(place.dataset.partition("/")[0])
            if name:
                found.setdefault(place.split, set()).add(name)
    return found


def _clean(name: str) -> str:
    try:
        return check_class_name(name)
    except InvalidInput:
        return ""
