"""Writes a folder of images for each class, as ImageNet and Ultralytics have them; and plain folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlwf_tui.entities.abilities import CLASS_TAG, SPLITS, Abilities
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.class_folders import name_class_folder
from mlwf_tui.plugins.exporters.files import (
    DEFAULT_DATASET,
    FileNames,
    Folders,
    name_split_folder,
    require_items,
    split_name,
)
from mlwf_tui.plugins.exporters.yolo import READ_BY_ULTRALYTICS, find_readable_suffix, place_readable
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer


@dataclass(slots=True)
class ClassFoldersExporter:
    """SPLIT/CLASS/NAME: the class is the item's first tag that is one; objects have no place."""

    name: str = "imagenet"
    summary: str = "ImageNet: a folder of images for each class, below its split's"
    abilities: Abilities = Abilities(geometries={}, item_tags=CLASS_TAG, has_datasets=True)

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write the items that have a class; a dataset but the default one is a folder below the class's.

        Raises:
            InvalidInput: there are none.
        """
        folders, names, classes = Folders(folder), FileNames(), _ClassFolders()
        files: dict[str, str] = {}
        for exported in items:
            observer.check_cancelled()
            item = exported.item
            where = classes.find(item)
            place = _place_readable if self._is_converting else _place
            path = place(exported, where, folders, names)
            files[path] = item.key
        if not files:
            raise InvalidInput(
                "No item has a tag that is a class, so none has a folder to go to.",
                hint="Tag whole items with their class, or choose a format for objects.",
            )
        return ExportSummary(files=files, renamed_count=names.renamed_count + classes.renamed_count)

    def count_renamed(self, items: Iterable[Item]) -> int:
        """Return how many names will be others; see the contract `RenamingExporter.count_renamed`."""
        names, classes = FileNames(), _ClassFolders()
        for item in items:
            where = classes.find(item)
            if self._is_converting:
                names.choose(where, *split_name(item.name), item)
        return names.renamed_count + classes.renamed_count

    @property
    def _is_converting(self) -> bool:
        return self.abilities.image_suffixes == READ_BY_ULTRALYTICS


def make_classify() -> ClassFoldersExporter:
    """Return the writer of what Ultralytics trains classifiers on."""
    summary = "Ultralytics YOLO, classification: a folder of images for each class, below its split's"
    abilities = Abilities(
        geometries={},
        item_tags=CLASS_TAG,
        has_datasets=True,
        splits=SPLITS,
        image_suffixes=READ_BY_ULTRALYTICS,
    )
    return ClassFoldersExporter("yolo-classify", summary, abilities)


class ImagesExporter:
    """SPLIT/DATASET/NAME: images alone."""

    name = "images"
    summary = "folders of images without annotations, below their split's"
    abilities = Abilities(geometries={}, has_datasets=True, split_folders="without")

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all images.

        Raises:
            InvalidInput: there are none.
        """
        folders, files = Folders(folder), dict[str, str]()
        for exported in items:
            observer.check_cancelled()
            path = name_split_folder(exported.item.split, exported.item.key)
            folders.place(exported, path)
            files[path] = exported.item.key
        require_items(len(files))
        return ExportSummary(files=files)


def _place(exported: ExportedItem, where: str, folders: Folders, names: FileNames) -> str:
    path = f"{where}/{exported.item.name}"
    folders.place(exported, path)
    return path


def _place_readable(exported: ExportedItem, where: str, folders: Folders, names: FileNames) -> str:
    """Put an image where Ultralytics reads it: what it cannot read becomes PNG, whose name may be taken."""
    item: Item = exported.item
    data = exported.read_image()
    stem, own = split_name(item.name)
    suffix = find_readable_suffix(data, own.lower())
    shown = own if suffix == own.lower() else suffix or ".png"
    path = f"{where}/{names.choose(where, stem, shown, item)}{shown}"
    folders.make(where)
    place_readable(exported, data, folders.root / path, is_readable=bool(suffix))
    return path


@dataclass(slots=True)
class _ClassFolders:
    """Gives each class a folder: its name, or what a file system takes of it with a digest."""

    renamed_count: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def find(self, item: Item) -> str:
        """Return the folder of an item: below its split's and its class's, that of a dataset."""
        where = name_split_folder(item.split, self.name(item.annotation.tags[0].name))
        return where if item.dataset == DEFAULT_DATASET else f"{where}/{item.dataset}"

    def name(self, class_name: str) -> str:
        if class_name not in self._names:
            self._names[class_name] = name_class_folder(class_name)
            self.renamed_count += self._names[class_name] != class_name
        return self._names[class_name]
