"""Writes Ultralytics YOLO folders for each task: images/SPLIT, labels/SPLIT and data.yaml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import yaml
from PIL import Image

from mlwf_tui.entities.abilities import SPLITS, Abilities, keep
from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.keypoints import find_extent, find_flip, list_visibility
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.exporters.files import FileNames, flatten
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer

READ_BY_ULTRALYTICS: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

_SPLITS = (Split.TRAIN, Split.VAL, Split.TEST)
_BOX, _POLYGON, _TURNED = GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.ORIENTED_BOX
_KEYPOINTS = GeometryKind.KEYPOINTS
_WITH_AREA = (_BOX, _POLYGON, GeometryKind.MASK, _TURNED)
_MAX_STEM_BYTES = 200  # leaves room for a digest and a suffix in 255
_PRECISION = "a thousandth of a pixel"
_NO_VAL: Final = Problem(
    "data.yaml",
    "names the images of train for val too, since no item is in val, so that what is measured says nothing of"
    " other images; `mlwf transform split PROJECT --to PROJECT` puts items into val",
    is_taken=True,
)


def _declare(target: GeometryKind) -> Abilities:
    kinds = _WITH_AREA if target is not _KEYPOINTS else ()
    return Abilities(
        geometries=keep(_KEYPOINTS) if target is _KEYPOINTS else dict.fromkeys(kinds, target),
        has_several_skeletons=False,
        has_visibility=True,
        has_keypoint_boxes=True,
        is_clipped=True,
        is_closed=True,
        has_unused_classes=True,
        splits=SPLITS,
        image_suffixes=READ_BY_ULTRALYTICS,
        precision=_PRECISION,
    )


@dataclass(slots=True)
class YoloExporter:
    """The folder that the ultralytics trainer reads, for one task; every other shape is converted.

    Without arguments that of detection, in which polygons and masks go out as their bounds.
    """

    name: str = "yolo"
    summary: str = "Ultralytics YOLO: images, text labels with boxes, and data.yaml"
    task: str = "detect"
    abilities: Abilities = _declare(_BOX)

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write the items that have a split; those without, and shapes without area, are reported.

        Every split has its folders. data.yaml names train and val, which Ultralytics asks for, and test where
        it has images. Without images of val, val names those of train, as in Ultralytics' own coco128: it can
        be trained on then, and what is measured is reported as doubtful.

        Raises:
            InvalidInput: no item has a split.
        """
        writer = _Writer(folder, {name: index for index, name in enumerate(schema.class_names)}, self.task)
        for split in _SPLITS:
            (folder / "images" / split).mkdir(parents=True)
            (folder / "labels" / split).mkdir(parents=True)
        for exported in items:
            observer.check_cancelled()
            writer.write_item(exported)
        if not writer.files:
            raise InvalidInput(
                "No item has a split, so there is nothing to train or measure on.",
                hint="Give each item one with `mlwf transform split PROJECT --to PROJECT`.",
            )
        if Split.TRAIN in writer.splits and Split.VAL not in writer.splits:
            writer.problems.append(_NO_VAL)
        _write_config(folder, schema, self.task, writer.splits)
        return ExportSummary(
            files=writer.files, problems=tuple(writer.problems), renamed_count=writer.names.renamed_count
        )

    def count_renamed(self, items: Iterable[Item]) -> int:
        """Return how many items get another name; see the contract `RenamingExporter.count_renamed`."""
        names = FileNames(is_folded=True)
        for item in items:
            if item.split is not Split.NONE:
                _choose_stem(item, names)
        return names.renamed_count


def make_segment() -> YoloExporter:
    """Return the writer of outlines."""
    summary = "Ultralytics YOLO, segmentation: images, text labels with outlines, and data.yaml"
    return YoloExporter("yolo-segment", summary, "segment", _declare(_POLYGON))


def make_obb() -> YoloExporter:
    """Return the writer of oriented boxes."""
    summary = "Ultralytics YOLO, oriented boxes: images, text labels with four corners, and data.yaml"
    return YoloExporter("yolo-obb", summary, "obb", _declare(_TURNED))


def make_pose() -> YoloExporter:
    """Return the writer of keypoints."""
    summary = "Ultralytics YOLO, pose: images, text labels with keypoints, and data.yaml"
    return YoloExporter("yolo-pose", summary, "pose", _declare(_KEYPOINTS))


@dataclass(slots=True)
class _Writer:
    """Writes item by item and remembers which names are taken."""

    folder: Path
    class_index: dict[str, int]
    task: str
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    splits: set[Split] = field(default_factory=set)  # of what was written
    names: FileNames = field(default_factory=lambda: FileNames(is_folded=True))

    def write_item(self, exported: ExportedItem) -> None:
        item = exported.item
        if item.split is Split.NONE:
            self.problems.append(Problem(item.key, "has no split and was left out"))
            return
        data = exported.read_image()
        suffix = find_readable_suffix(data, Path(item.name).suffix.lower())
        stem = _choose_stem(item, self.names)
        image = f"images/{item.split}/{stem}{suffix or '.png'}"
        place_readable(exported, data, self.folder / image, is_readable=bool(suffix))
        label = self.folder / "labels" / item.split / f"{stem}.txt"
        label.write_text("".join(f"{line}\n" for line in self._format_objects(item)), "utf-8")
        self.files[image] = item.key
        self.splits.add(item.split)

    def _format_objects(self, item: Item) -> list[str]:
        kind, format_object = _FORMATS[self.task]
        lines = []
        for number, labelled in enumerate(item.annotation.objects, start=1):
            title = f"object {number} ({labelled.class_name})"
            index = self.class_index.get(labelled.class_name)
            geometry = labelled.geometry
            if index is None:
                self.problems.append(Problem(item.key, f"{title} has a class that the project lacks"))
            elif geometry.kind is not kind:
                self.problems.append(Problem(item.key, f"{title} is a {geometry.kind}, not a {kind}"))
            else:
                numbers = format_object(labelled, item.width_px, item.height_px)
                lines.append(" ".join((str(index), *numbers)))
        return lines


def place_readable(exported: ExportedItem, data: bytes, path: Path, *, is_readable: bool) -> None:
    """Put an image where Ultralytics reads it: as it is, or what it cannot read as PNG."""
    if not is_readable:
        path.write_bytes(convert_to_png(data))
    elif exported.link_image is None or not exported.link_image(path):
        path.write_bytes(data)


def _choose_stem(item: Item, names: FileNames) -> str:
    """Return a name made from the key that no other item of the split has, whatever its suffix."""
    stem = flatten(item)
    if stem.startswith("."):  # which Ultralytics would pass over
        stem = f"_{stem[1:]}"
    return names.choose(item.split, stem, "", item, max_bytes=_MAX_STEM_BYTES)


def find_readable_suffix(data: bytes, suffix: str) -> str:
    """Return a suffix for bytes that Ultralytics reads, its own where that will do; else nothing."""
    found = _find_suffix(data)
    return suffix if found and suffix in READ_BY_ULTRALYTICS else found


def _find_suffix(data: bytes) -> str:
    """Return the suffix that fits the bytes, empty for what Ultralytics does not read."""
    if data.startswith(b"\xff\xd8"):
        return ".jpg"
    if data.startswith(b"\x89PNG"):
        return ".png"
    if data.startswith(b"BM"):
        return ".bmp"
    if data.startswith((b"II", b"MM")):
        return ".tif"
    return ".webp" if data[8:12] == b"WEBP" else ""


def convert_to_png(data: bytes) -> bytes:
    """Return the first picture of an image file as PNG, pixel by pixel, in colour."""
    file = BytesIO()
    with Image.open(BytesIO(data)) as image:
        image.convert("RGB").save(file, "png")
    return file.getvalue()


def _format_box(labelled: AnnotatedObject, width_px: int, height_px: int) -> list[str]:
    return _format_bounds(labelled.geometry.bounds, width_px, height_px)


def _format_bounds(box: Bounds, width_px: int, height_px: int) -> list[str]:
    """Return centre and size, normalised."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return _normalise(((x, y), (box.width_px, box.height_px)), width_px, height_px)


def _format_points(labelled: AnnotatedObject, width_px: int, height_px: int) -> list[str]:
    return _normalise(labelled.geometry.points, width_px, height_px)


def _format_pose(labelled: AnnotatedObject, width_px: int, height_px: int) -> list[str]:
    """Return the box of the keypoints, then each with its visibility."""
    box = _widen(find_extent(labelled), width_px, height_px)
    numbers = _format_bounds(box, width_px, height_px)
    for point, seen in zip(labelled.geometry.points, list_visibility(labelled.geometry), strict=True):
        numbers += [*_normalise((point if seen else (0, 0),), width_px, height_px), str(int(seen))]
    return numbers


def _widen(box: Bounds, width_px: int, height_px: int) -> Bounds:
    """Return a box of at least a pixel, inside of the image: Ultralytics passes over boxes without area."""
    left, top = min(max(box.left, 0), width_px - 1), min(max(box.top, 0), height_px - 1)
    right, bottom = min(box.right, width_px), min(box.bottom, height_px)
    return Bounds(left, top, max(right, left + 1), max(bottom, top + 1))


def _normalise(points: Sequence[tuple[float, float]], width_px: int, height_px: int) -> list[str]:
    """Return coordinates as shares of the sides; eight decimals keep a thousandth of a pixel at any size."""
    return [f"{value:.8f}" for x, y in points for value in (x / width_px, y / height_px)]


_FORMATS: Final[dict[str, tuple[GeometryKind, Callable[[AnnotatedObject, int, int], list[str]]]]] = {
    "detect": (_BOX, _format_box),
    "segment": (_POLYGON, _format_points),
    "obb": (_TURNED, _format_points),
    "pose": (_KEYPOINTS, _format_pose),
}


def _write_config(folder: Path, schema: LabelSchema, task: str, splits: Collection[Split]) -> None:
    """Write data.yaml; names are quoted, so that a class called 0 or no stays a text.

    Without `path` the splits are below the file's own folder, so that the folder may be moved. The
    task is for whoever imports it again: four corners may be a box or an outline.
    """
    names = [_Quoted(name) for name in schema.class_names]
    measured = Split.TRAIN if Split.VAL not in splits and Split.TRAIN in splits else Split.VAL
    named = {Split.TRAIN: Split.TRAIN, Split.VAL: measured, Split.TEST: Split.TEST}
    content: dict[str, Any] = {
        **{
            key.value: f"images/{split}"
            for key, split in named.items()
            if key is not Split.TEST or key in splits
        },
        "names": dict(enumerate(names)),
        "task": task,
    }
    if task == "pose":
        content |= _describe_keypoints(schema)
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    (folder / "data.yaml").write_text(text, "utf-8")


def _describe_keypoints(schema: LabelSchema) -> dict[str, Any]:
    """Return how many keypoints every class has, and their names; numbers where it has fewer."""
    nodes = {index: definition.nodes for index, definition in enumerate(schema.classes) if definition.nodes}
    count = max(map(len, nodes.values()), default=0)
    names = {
        index: [_Quoted(name) for name in (*of_class, *map(str, range(len(of_class) + 1, count + 1)))]
        for index, of_class in nodes.items()
    }
    flips = {find_flip(of_class) for of_class in nodes.values() if len(of_class) == count}
    flip = flips.pop() if len(flips) == 1 else ()
    mirrored = {"flip_idx": list(flip)} if flip else {}  # without it Ultralytics does not mirror images
    return {"kpt_shape": [count, 3], "kpt_names": names, **mirrored} if count else {}


class _Quoted(str):
    """A text that YAML is to write in quotes."""


class _Dumper(yaml.SafeDumper):
    """A dumper that knows `_Quoted`."""


def _represent_quoted(dumper: yaml.SafeDumper, text: _Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(_Quoted, _represent_quoted)
