"""Makes a small folder in each format that can be imported: the same three images, the same four boxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.plugins.importers.cityscapes import CLASSES as CITYSCAPES_CLASSES
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
    is_whole: bool = False  # whether one bad link makes the folder unreadable
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


def make_coco_stuff(folder: Path) -> Path:
    """Write COCO's stuff, here with boxes."""
    make_coco(folder, BOXES, class_names=CLASSES)
    path = folder / "annotations/instances_train2017.json"
    path.rename(path.with_name("stuff_train2017.json"))
    return folder


def make_cvat(folder: Path) -> Path:
    """Write annotations.xml with a label for each class."""
    labels = "".join(
        f"<label><name>{name}</name><color>#ff0000</color><attributes></attributes></label>"
        for name in CLASSES
    )
    images = []
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "images/train" / name, seed)
        boxes = "".join(
            f'<box label="{label}" source="manual" occluded="0" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"'
            ' z_order="0"></box>'
            for label, x0, y0, x1, y1 in of_image
        )
        size = f'width="{WIDTH_PX}" height="{HEIGHT_PX}"'
        images.append(f'<image id="{seed}" name="{name}" subset="train" {size}>{boxes}</image>')
    task = f"<meta><task><labels>{labels}</labels></task></meta>"
    text = f"<annotations><version>1.1</version>{task}{''.join(images)}</annotations>"
    (folder / "annotations.xml").write_text(text)
    return folder


def draw_boxes(boxes: Sequence[Box], values: Sequence[int]) -> NDArray[np.int64]:
    """Return numbers (H, W): 0, and each box's value inside of it, later ones over earlier ones."""
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.int64)
    for (_, x0, y0, x1, y1), value in zip(boxes, values, strict=True):
        pixels[int(y0) : int(y1), int(x0) : int(x1)] = value
    return pixels


def write_map(path: Path, pixels: NDArray[Any], mode: str = "L") -> None:
    """Write numbers (H, W) as a PNG: of a byte each, of 16 bits (I;16), or of three colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "RGB":
        channels = np.stack([pixels & 255, pixels >> 8 & 255, pixels >> 16], axis=-1)
        Image.fromarray(channels.astype(np.uint8)).save(path)
    else:
        Image.fromarray(pixels.astype(np.uint8 if mode == "L" else np.uint16)).save(path)


def make_panoptic(folder: Path) -> Path:
    """Write panoptic JSON, and a PNG of ids beyond a byte for each image."""
    document: dict[str, list[object]] = {"images": [], "annotations": []}
    document["categories"] = [{"id": at, "name": name, "isthing": 1} for at, name in enumerate(CLASSES, 1)]
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "train2017" / name, seed)
        ids = [300 + at for at in range(len(of_image))]
        file_name = f"{Path(name).stem}.png"
        write_map(folder / "annotations/panoptic_train2017" / file_name, draw_boxes(of_image, ids), "RGB")
        segments = [
            {"id": id, "category_id": CLASSES.index(box[0]) + 1}
            for id, box in zip(ids, of_image, strict=True)
        ]
        document["images"].append({"id": seed, "file_name": name})
        entry = {"image_id": seed, "file_name": file_name, "segments_info": segments}
        document["annotations"].append(entry)
    (folder / "annotations/panoptic_train2017.json").write_text(json.dumps(document))
    return folder


def make_cityscapes(folder: Path) -> Path:
    """Write leftImg8bit and instanceIds of two things."""
    for seed, of_image in enumerate(BOXES.values()):
        stem = f"ulm_{seed:06}_000019"
        write_image(folder / f"leftImg8bit/train/ulm/{stem}_leftImg8bit.png", seed)
        ids = [26_001 + at for at in range(len(of_image))]
        path = folder / f"gtFine/train/ulm/{stem}_gtFine_instanceIds.png"
        write_map(path, draw_boxes(of_image, ids), "I;16")
    return folder


def make_camvid(folder: Path) -> Path:
    """Write train and trainannot, whose numbers are lines of label_colors.txt."""
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "train" / name, seed)
        values = [CLASSES.index(box[0]) + 1 for box in of_image]
        write_map(folder / "trainannot" / f"{Path(name).stem}.png", draw_boxes(of_image, values))
    (folder / "label_colors.txt").write_text("0 0 0 Void\n255 0 0 cat\n0 255 0 dog\n")
    return folder


def make_wider_face(folder: Path) -> Path:
    """Write the faces of a split."""
    lines = []
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "WIDER_train/images/0--Parade" / name, seed)
        lines += [f"0--Parade/{name}", str(len(of_image))]
        lines += [f"{x0} {y0} {x1 - x0} {y1 - y0} 0 0 0 0 0 0" for _, x0, y0, x1, y1 in of_image]
        lines += [] if of_image else ["0 0 0 0 0 0 0 0 0 0"]
    path = folder / "wider_face_split/wider_face_train_bbx_gt.txt"
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n")
    return folder


def make_mot(folder: Path) -> Path:
    """Write one sequence."""
    lines = []
    for seed, of_image in enumerate(BOXES.values()):
        write_image(folder / f"train/MOT16-02/img1/{seed + 1:06}.jpg", seed)
        lines += [
            f"{seed + 1},{track},{x0},{y0},{x1 - x0},{y1 - y0},1,{CLASSES.index(label) + 1},0.5\n"
            for track, (label, x0, y0, x1, y1) in enumerate(of_image, 1)
        ]
    (folder / "train/MOT16-02/gt").mkdir()
    (folder / "train/MOT16-02/gt/gt.txt").write_text("".join(lines))
    (folder / "train/MOT16-02/gt/labels.txt").write_text("cat\ndog\n")
    return folder


def make_open_images(folder: Path) -> Path:
    """Write boxes in shares of the images."""
    rows = ["ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated\n"]
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "images/train" / name, seed)
        rows += [
            f"{Path(name).stem},xclick,/m/{label},1,{x0 / WIDTH_PX},{x1 / WIDTH_PX},"
            f"{y0 / HEIGHT_PX},{y1 / HEIGHT_PX},0,0\n"
            for label, x0, y0, x1, y1 in of_image
        ]
    (folder / "annotations").mkdir()
    (folder / "annotations/oidv6-train-annotations-bbox.csv").write_text("".join(rows))
    names = "".join(f"/m/{name},{name}\n" for name in CLASSES)
    (folder / "annotations/class-descriptions-boxable.csv").write_text(names)
    return folder


def make_datumaro(folder: Path) -> Path:
    """Write one subset."""
    items = []
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "images/train" / name, seed)
        annotations = [
            {"id": at, "type": "bbox", "attributes": {}, "group": 0, "label_id": CLASSES.index(label),
             "bbox": [x0, y0, x1 - x0, y1 - y0], "z_order": 0}
            for at, (label, x0, y0, x1, y1) in enumerate(of_image)
        ]  # fmt: skip
        image = {"path": name, "size": [HEIGHT_PX, WIDTH_PX]}
        items.append({"id": Path(name).stem, "annotations": annotations, "image": image, "attr": {}})
    labels = {"labels": [{"name": name, "parent": "", "attributes": []} for name in CLASSES]}
    document = {"dm_format_version": "1.0", "categories": {"label": labels}, "items": items}
    (folder / "annotations").mkdir()
    (folder / "annotations/train.json").write_text(json.dumps(document))
    return folder


def make_vott(folder: Path) -> Path:
    """Write VoTT's JSON, which datumaro alone reads here."""
    assets = {}
    for seed, (name, of_image) in enumerate(BOXES.items()):
        write_image(folder / "train" / name, seed)
        regions = [
            {"id": str(at), "type": "RECTANGLE", "tags": [label],
             "boundingBox": {"left": x0, "top": y0, "width": x1 - x0, "height": y1 - y0},
             "points": [{"x": x0, "y": y0}, {"x": x1, "y": y0}, {"x": x1, "y": y1}, {"x": x0, "y": y1}]}
            for at, (label, x0, y0, x1, y1) in enumerate(of_image)
        ]  # fmt: skip
        asset = {"id": str(seed), "name": name, "path": f"train/{name}", "format": Path(name).suffix[1:]}
        assets[str(seed)] = {"asset": asset, "regions": regions}
    document = {"tags": [{"name": name, "color": "#ff0000"} for name in CLASSES], "assets": assets}
    (folder / "train-export.json").write_text(json.dumps(document))
    return folder


SAMPLES: dict[str, Sample] = {
    "camvid": Sample(make_camvid, declares=("Void", *CLASSES), has_boxes=False),
    "cityscapes": Sample(
        make_cityscapes,
        declares=tuple(name for name, _ in CITYSCAPES_CLASSES),
        has_boxes=False,
        names=tuple(f"ulm_{seed:06}_000019_leftImg8bit.png" for seed in range(len(BOXES))),
    ),
    "coco": Sample(lambda folder: make_coco(folder, BOXES, class_names=CLASSES), declares=CLASSES),
    "coco_keypoints": Sample(make_coco_keypoints, declares=CLASSES),
    "coco_panoptic": Sample(make_panoptic, declares=CLASSES, has_boxes=False, is_strict=True),
    "coco_stuff": Sample(make_coco_stuff, declares=CLASSES),
    "cvat": Sample(make_cvat, declares=CLASSES),
    "datumaro": Sample(make_vott, declares=CLASSES, is_strict=True, is_whole=True),
    "datumaro_json": Sample(make_datumaro, declares=CLASSES),
    "dota": Sample(make_dota),
    "imagenet": Sample(make_class_folders, declares=("n02084071", "n02123045"), has_boxes=False),
    "images": Sample(make_images, has_boxes=False),
    "kitti": Sample(make_kitti),
    "labelme": Sample(make_labelme),
    "mot": Sample(
        make_mot, declares=CLASSES, names=tuple(f"{seed + 1:06}.jpg" for seed in range(len(BOXES)))
    ),
    "open_images": Sample(make_open_images, declares=CLASSES),
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
    "wider_face": Sample(make_wider_face, declares=("face",), has_boxes=False),
}


# --- variants ------------------------------------------------------------------------------------


def make_voc_masks(folder: Path) -> Path:
    """Write VOC's XML files, and PNGs of classes and objects with the colours of labelmap.txt."""
    make_voc(folder, BOXES, splits={"train": ["a", "b", "c"]})
    (folder / "ImageSets/Main").rename(folder / "ImageSets/Segmentation")
    for name, of_image in BOXES.items():
        stem = Path(name).stem
        classes = [CLASSES.index(box[0]) + 1 for box in of_image]
        write_map(folder / f"SegmentationClass/{stem}.png", draw_boxes(of_image, classes))
        numbers = range(1, len(of_image) + 1)
        write_map(folder / f"SegmentationObject/{stem}.png", draw_boxes(of_image, numbers))
    lines = ["background:0,0,0::", *(f"{name}:::" for name in CLASSES)]
    (folder / "labelmap.txt").write_text("\n".join(lines))
    return folder


def make_open_images_masks(folder: Path) -> Path:
    """Write a PNG for each box, and the table of them."""
    make_open_images(folder)
    rows = ["MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n"]
    pairs = [(name, box) for name, of_image in BOXES.items() for box in of_image]
    for number, (name, box) in enumerate(pairs):
        mask = f"{Path(name).stem}_m0{box[0]}_{number:08x}.png"
        write_map(folder / "masks" / mask, draw_boxes([box], [255]))
        rows.append(f"{mask},{Path(name).stem},/m/{box[0]},{number:08x},0,1,0,1,0.5,\n")
    (folder / "annotations/train-annotations-object-segmentation.csv").write_text("".join(rows))
    (folder / "annotations/oidv6-train-annotations-bbox.csv").unlink()
    return folder


def make_yolo_task(task: str) -> Callable[[Path], Path]:
    """Return what writes a folder of one of YOLO's tasks: segment, pose or obb."""

    def make(folder: Path) -> Path:
        make_yolo(folder, {f"train/{name}": [] for name in BOXES}, class_names=CLASSES)
        for name, of_image in BOXES.items():
            lines = []
            for label, *edges in of_image:
                left, right = edges[0] / WIDTH_PX, edges[2] / WIDTH_PX
                top, bottom = edges[1] / HEIGHT_PX, edges[3] / HEIGHT_PX
                ring = f"{left} {top} {right} {top} {right} {bottom} {left} {bottom}"
                box = f"{(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}"
                pose = f"{box} {left} {top} 2 {right} {bottom} 1"
                lines.append(f"{CLASSES.index(label)} {pose if task == 'pose' else ring}\n")
            (folder / "labels/train" / name).with_suffix(".txt").write_text("".join(lines))
        with (folder / "data.yaml").open("a") as file:
            file.write(f"task: {task}\n" + ("kpt_shape: [2, 3]\n" if task == "pose" else ""))
        return folder

    return make


VARIANTS: dict[str, Sample] = {
    "open_images:segmentation": Sample(make_open_images_masks, declares=CLASSES, has_boxes=False),
    "voc:segmentation": Sample(make_voc_masks, declares=CLASSES, has_boxes=False, is_strict=True),
    **{f"yolo:{task}": Sample(make_yolo_task(task), declares=CLASSES) for task in ("segment", "pose", "obb")},
}
"""One of several formats that one importer reads; each is chosen by itself."""
