"""Makes small image folders and items for tests: numpy and Pillow, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.protocols.exporters import ExportedItem
from mlwf_tui.protocols.operations import SourceItem

Box = tuple[str, float, float, float, float]
"""Class name, left, top, right, bottom in pixels."""

WIDTH_PX, HEIGHT_PX = 64, 48
SUFFIX_FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff"}


def make_image(
    seed: int = 0,
    *,
    width_px: int = WIDTH_PX,
    height_px: int = HEIGHT_PX,
    format: str = "jpeg",
    boxes: Sequence[Box] = (),
    orientation: int = 1,
) -> bytes:
    """Return an encoded image: dark noise, with every box painted white."""
    pixels = np.random.default_rng(seed).integers(0, 60, (height_px, width_px, 3), dtype=np.uint8)
    for _, left, top, right, bottom in boxes:
        pixels[int(top) : int(bottom), int(left) : int(right)] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    options = {"exif": exif} if orientation != 1 else {}
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def write_image(path: Path, seed: int = 0, *, boxes: Sequence[Box] = ()) -> Path:
    """Write an image of the kind that its suffix says; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    path.write_bytes(make_image(seed, format=SUFFIX_FORMATS.get(suffix, suffix[1:]), boxes=boxes))
    return path


def make_voc(
    folder: Path,
    boxes: Mapping[str, Sequence[Box] | None],
    *,
    splits: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a VOC folder: an image for each file name, with XML where its boxes are not None.

    `splits` maps the names of lists (train, val, …) to the stems they hold.
    """
    for seed, (name, of_image) in enumerate(boxes.items()):
        write_image(folder / "JPEGImages" / name, seed, boxes=of_image or ())
        if of_image is not None:
            write_voc_xml(folder / "Annotations" / f"{Path(name).stem}.xml", name, of_image)
    for split, stems in (splits or {}).items():
        path = folder / "ImageSets" / "Main" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{stem}\n" for stem in stems), "utf-8")
    return folder


def write_voc_xml(path: Path, filename: str, boxes: Sequence[Box], *, extra: str = "") -> Path:
    """Write one VOC annotation; `extra` goes into every object as it is."""
    objects = "".join(
        f"<object><name>{name}</name>{extra}<bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom in boxes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation><filename>{filename}</filename>{objects}</annotation>", "utf-8")
    return path


def make_yolo(folder: Path, boxes: Mapping[str, Sequence[Box]], *, class_names: Sequence[str]) -> Path:
    """Write a YOLO folder with data.yaml; the keys are `SPLIT/NAME`."""
    for seed, (key, of_image) in enumerate(boxes.items()):
        write_image(folder / "images" / key, seed, boxes=of_image)
        label = (folder / "labels" / key).with_suffix(".txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("".join(_format_yolo(box, class_names) for box in of_image), "utf-8")
    splits = sorted({key.split("/")[0] for key in boxes})
    lines = [f"{split}: images/{split}" for split in splits]
    names = [f"  {index}: {json.dumps(name)}" for index, name in enumerate(class_names)]
    (folder / "data.yaml").write_text("\n".join([*lines, "names:", *names]) + "\n", "utf-8")
    return folder


def _format_yolo(box: Box, class_names: Sequence[str]) -> str:
    name, left, top, right, bottom = box
    x, y = (left + right) / 2 / WIDTH_PX, (top + bottom) / 2 / HEIGHT_PX
    width, height = (right - left) / WIDTH_PX, (bottom - top) / HEIGHT_PX
    return f"{class_names.index(name)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"


def make_coco(
    folder: Path, boxes: Mapping[str, Sequence[Box]], *, split: str = "train", class_names: Sequence[str]
) -> Path:
    """Write images below `SPLIT2017/` and `annotations/instances_SPLIT2017.json`."""
    document: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": []}
    for index, name in enumerate(class_names, start=1):
        document["categories"].append({"id": index, "name": name})
    for image_id, (name, of_image) in enumerate(boxes.items(), start=1):
        write_image(folder / f"{split}2017" / name, image_id, boxes=of_image)
        size = {"width": WIDTH_PX, "height": HEIGHT_PX}
        document["images"].append({"id": image_id, "file_name": name, **size})
        for class_name, left, top, right, bottom in of_image:
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": image_id,
                    "category_id": class_names.index(class_name) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "iscrowd": 0,
                }
            )
    path = folder / "annotations" / f"instances_{split}2017.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")
    return folder


def make_supervisely(
    folder: Path, boxes: Mapping[str, Sequence[Box]], *, split: str = "train", class_names: Sequence[str]
) -> Path:
    """Write `meta.json` and a dataset `main` with an image and an annotation for each file name."""
    for seed, (name, of_image) in enumerate(boxes.items()):
        write_image(folder / "main" / "img" / name, seed, boxes=of_image)
        objects = [
            {
                "classTitle": class_name,
                "geometryType": "rectangle",
                "points": {"exterior": [[left, top], [right, bottom]], "interior": []},
                "tags": [],
            }
            for class_name, left, top, right, bottom in of_image
        ]
        size = {"height": HEIGHT_PX, "width": WIDTH_PX}
        path = folder / "main" / "ann" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"size": size, "split": split, "tags": [], "objects": objects}), "utf-8")
    classes = [{"title": name, "shape": "rectangle", "color": "#336699"} for name in class_names]
    (folder / "meta.json").write_text(json.dumps({"classes": classes, "tags": []}), "utf-8")
    return folder


def make_item(
    name: str = "a.jpg",
    boxes: Sequence[Box] = (),
    *,
    dataset: str = "main",
    split: Split = Split.TRAIN,
    objects: Sequence[AnnotatedObject] = (),
    seed: int = 0,
    width_px: int = WIDTH_PX,
    height_px: int = HEIGHT_PX,
) -> SourceItem:
    """Return an item with its image, every box painted white; the digest is not the store's."""
    suffix = Path(name).suffix.lower()
    format = SUFFIX_FORMATS.get(suffix, suffix[1:])
    data = make_image(seed, width_px=width_px, height_px=height_px, format=format, boxes=boxes)
    of_boxes = tuple(
        AnnotatedObject(class_name, Geometry.rectangle(left, top, right, bottom))
        for class_name, left, top, right, bottom in boxes
    )
    item = Item(
        dataset=dataset,
        name=name,
        blob=Digest(hashlib.sha256(data).hexdigest()),
        size_bytes=len(data),
        width_px=width_px,
        height_px=height_px,
        split=split,
        annotation=Annotation((*of_boxes, *objects)),
    )
    return SourceItem(item, lambda: data)


def to_exported(source: SourceItem) -> ExportedItem:
    """Return a source as an exporter takes it."""
    return ExportedItem(source.item, source.read_image)
