"""Imports YOLO folders: a text file of normalised boxes, polygons or keypoints for each image.

Classes and splits come from an Ultralytics `data.yaml` or darknet's `obj.data`; without one, `images/`,
`labels/` and `classes.txt` do. Shapes turn into pixels by each image's own size. What the labels are for
follows from data.yaml or the labels themselves (see `find_task`); `yolo:segment` and so on say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from mlwf_tui.entities.annotation import Annotation, LabelSchema, define_classes
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.plugins.importers.files import (
    Keys,
    Place,
    Report,
    count_images,
    find_place,
    has_images,
    iter_numbered,
    read_bytes,
    report_faults,
    split_lines,
    tell_images,
)
from mlwf_tui.plugins.importers.yolo_config import TASKS, find_class_file, find_config, read_config
from mlwf_tui.plugins.importers.yolo_labels import Labels, find_paired_folders, find_task
from mlwf_tui.plugins.importers.yolo_lines import LineKey, read_line, read_plain_boxes
from mlwf_tui.plugins.importers.yolo_splits import SPLITS, choose_splits, find_places, has_lists
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem, Pairing

LAYOUT: Final = frozenset({"images", *(f"obj_{split}_data" for split in ("train", "valid", "val", "test"))})

_SUFFIXES: Final = IMAGE_SUFFIXES | {".txt"}


class YoloImporter:
    """Boxes, polygons, oriented boxes and keypoints of YOLO text files, as Ultralytics reads them."""

    summary = "YOLO: a text file for each image, classes and splits in data.yaml or classes.txt"
    variants = TASKS

    def __init__(self, task: str = "") -> None:
        self.name = f"yolo:{task}" if task else "yolo"
        self._task = task

    def choose(self, variant: str) -> YoloImporter:
        """Return the importer of one task: detect, segment, pose or obb.

        Raises:
            NotFound: there is no such task.
        """
        if variant not in TASKS:
            raise NotFound(
                f"There is no format 'yolo:{variant}'.", hint=f"After yolo: can stand {', '.join(TASKS)}."
            )
        return YoloImporter(variant)

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence for a data.yaml or obj.data, less for images/ beside labels/ alone."""
        if not has_images(folder):
            return None
        config, images = find_config(folder.root), tell_images(folder)
        if config is not None:
            return Detection(
                0.95, f"{config.name} names classes and splits, {self._tell_task(folder)}, {images}"
            )
        if (names := find_class_file(folder.root)) is not None:
            return Detection(0.85, f"{names.name} names classes, {images}, {self._tell_task(folder)}")
        if any(path.is_dir() for path in (folder.root / "labels", *folder.root.glob("*/labels"))):
            return Detection(0.6, f"labels stands beside {count_images(folder)}")
        return None

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes of data.yaml, obj.data or classes.txt by their index.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        config = read_config(folder.root)
        nodes = {config.class_names[index]: names for index, names in config.keypoint_names.items()}
        in_order = tuple(dict.fromkeys(config.class_names[index] for index in sorted(config.class_names)))
        return LabelSchema(
            tuple(
                msgspec.structs.replace(definition, nodes=nodes.get(definition.name, ()))
                for definition in define_classes(in_order, geometry=None)
            )
        )

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield the images of every split in path order; one without a label file has no objects.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        config = read_config(folder.root)
        if config.doubt:
            report(Problem(config.file_name, config.doubt, is_taken=True))
        report_faults(folder, _SUFFIXES, report)
        finder = FileFinder(folder)
        splits = choose_splits(folder, config, finder, report)
        labels = Labels(folder, finder)
        keys = Keys()
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            source = labels.find(image)
            place = find_place(image, LAYOUT)
            if splits is not None:
                if not splits[position]:
                    continue
                place = Place(place.dataset, SPLITS[splits[position]])
            annotation = None if source else Annotation()
            if item := keys.make_item(image, place, report, source=source, annotation=annotation):
                yield item
        labels.report_orphans(report)

    def find_pairing(self, folder: FolderListing) -> Pairing | None:
        """Return how images and labels belong together: not where lists of images tell the splits.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        return None if has_lists(folder.root, read_config(folder.root)) else find_paired_folders

    def read_key(self, folder: FolderListing) -> dict[str, Any]:
        """Return what the lines mean: class names by index, the task, keypoints.

        `places` tells which folders are taken for those that data.yaml names, so that nothing of the last
        import is believed where that has changed.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        config = read_config(folder.root)
        task = self._task or find_task(folder, config)[0]
        if task == "pose" and config.keypoint_shape is None:
            raise InvalidInput(
                f"{config.file_name} does not say how many keypoints an object has.",
                hint="Add kpt_shape: [count, 2 or 3] to data.yaml.",
            )
        places = find_places(folder.root, config)
        return {
            "class_names": dict(config.class_names),
            "task": task,
            "keypoint_shape": config.keypoint_shape if task == "pose" else None,
            "keypoint_names": dict(config.keypoint_names),
            **({"places": places} if places else {}),
        }

    def read_annotation(
        self, source: FoundFile, key: Mapping[str, Any], width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a label file in pixels; lines that cannot be used are reported.

        Raises:
            InvalidInput: the file is not text.
        """

        def report_line(reason: str) -> None:
            report(Problem(source.relative, reason))

        return self.parse_annotation(read_bytes(source.location), key, width_px, height_px, report_line)

    def parse_annotation(
        self,
        content: bytes,
        key: Mapping[str, Any],
        width_px: int,
        height_px: int,
        report: Callable[[str], None],
    ) -> Description:
        """Return the same from the bytes of the file.

        Raises:
            InvalidInput: they are not text.
        """
        boxes = read_plain_boxes(content, key["class_names"], width_px, height_px)
        if boxes is not None:
            return Description(boxes)
        objects, line_key = [], LineKey(**{name: value for name, value in key.items() if name != "places"})
        for number, line in enumerate(split_lines(content), start=1):
            try:
                if line:
                    objects.append(read_line(line, line_key, width_px, height_px))
            except InvalidInput as error:
                report(f"line {number} {error.message}")
        return Description(Annotation(tuple(objects)))

    def _tell_task(self, folder: FolderListing) -> str:
        try:
            return find_task(folder, read_config(folder.root))[1]
        except InvalidInput as error:
            return error.message.rstrip(".")  # reading it for the import says the same
