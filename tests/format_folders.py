"""Makes a small folder in each format that can be imported: the same three images, the same four boxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.making import (
    HEIGHT_PX,
    WIDTH_PX,
    Box,
    make_coco,
    make_supervisely,
    make_voc,
    make_yolo,
    write_image,
)

BOXES: Mapping[str, Sequence[Box]] = {
    "a.jpg": [("cat", 4, 5, 20, 30)],
    "b.png": [("dog", 1, 2, 40, 44), ("cat", 30, 10, 60, 40)],
    "c.jpg": [],
}
CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class Sample:
    """How to make a folder of a format, and what reading it must give."""

    make: Callable[[Path], Path]
    declares: tuple[str, ...] = ()  # the classes
    has_boxes: bool = True  # whether the objects are those of BOXES, in order
    names: tuple[str, ...] = tuple(BOXES)
    is_strict: bool = False  # whether an image that no file describes is no item


def make_images(folder: Path) -> Path:
    """Write images below a folder of their split."""
    for seed, name in enumerate(BOXES):
        write_image(folder / "train" / name, seed)
    return folder


def make_class_folders(folder: Path) -> Path:
    """Write a folder for each class of two splits."""
    for seed, (name, of_image) in enumerate(BOXES.items()):
        class_name = of_image[0][0] if of_image else "cat"
        write_image(folder / "train" / {"cat": "n02123045", "dog": "n02084071"}[class_name] / name, seed)
    return folder


def make_labelme(folder: Path) -> Path:
    """Write a JSON file beside each image."""
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "train" / name, seed)
        shapes = [
            {"label": label, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle", "flags": {}}
            for label, x0, y0, x1, y1 in of_image
        ]
        document: dict[str, object] = {
            "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None,
            "imageHeight": HEIGHT_PX, "imageWidth": WIDTH_PX,
        }  # fmt: skip
        (folder / "train" / name).with_suffix(".json").write_text(json.dumps(document))
    return folder


def make_dota(folder: Path) -> Path:
    """Write labelTxt beside images."""
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "train/images" / name, seed)
        lines = [f"{x0} {y0} {x1} {y0} {x1} {y1} {x0} {y1} {label} 0\n" for label, x0, y0, x1, y1 in of_image]
        path = (folder / "train/labelTxt" / name).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("imagesource:GoogleEarth\ngsd:0.146\n" + "".join(lines))
    return folder


def make_kitti(folder: Path) -> Path:
    """Write label_2 beside image_2."""
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "training/image_2" / name, seed)
        lines = [
            f"{label} 0 0 -10 {x0} {y0} {x1} {y1} -1 -1 -1 -1000 -1000 -1000 -10\n"
            for label, x0, y0, x1, y1 in of_image
        ]
        path = (folder / "training/label_2" / name).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))
    return folder


def make_coco_keypoints(folder: Path) -> Path:
    """Write COCO whose categories have a skeleton."""
    make_coco(folder, BOXES, class_names=CLASSES)
    path = folder / "annotations/instances_train2017.json"
    document = json.loads(path.read_text())
    for category in document["categories"]:
        category |= {"keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    for entry in document["annotations"]:
        left, top, width, height = entry["bbox"]
        entry["keypoints"] = [left, top, 2, left + width, top + height, 1]
    path.with_name("person_keypoints_train2017.json").write_text(json.dumps(document))
    path.unlink()
    return folder


SAMPLES: dict[str, Sample] = {
    "coco": Sample(lambda folder: make_coco(folder, BOXES, class_names=CLASSES), declares=CLASSES),
    "coco_keypoints": Sample(make_coco_keypoints, declares=CLASSES),
    "dota": Sample(make_dota),
    "imagenet": Sample(make_class_folders, declares=("n02084071", "n02123045"), has_boxes=False),
    "images": Sample(make_images, has_boxes=False),
    "kitti": Sample(make_kitti),
    "labelme": Sample(make_labelme),
    "supervisely": Sample(
        lambda folder: make_supervisely(folder, BOXES, class_names=CLASSES), declares=CLASSES
    ),
    "voc": Sample(lambda folder: make_voc(folder, BOXES, splits={"train": ["a", "b", "c"]})),
    "yolo": Sample(
        lambda folder: make_yolo(
            folder, {f"train/{name}": boxes for name, boxes in BOXES.items()}, class_names=CLASSES
        ),
        declares=CLASSES,
    ),
}
