"""A file that tells another size of an image than it has: imported all the same, and said so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlwf_tui.protocols.observer import Silent
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workspace import Workspace
from tests.making import HEIGHT_PX, WIDTH_PX, write_image

Write = Callable[[Path, int, int], None]


def write_coco(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "images/a.jpg")
    image = {"id": 1, "file_name": "a.jpg", "width": width_px, "height": height_px}
    entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 10], "iscrowd": 0}
    document = {"images": [image], "annotations": [entry], "categories": [{"id": 1, "name": "cat"}]}
    put(root / "annotations/instances_train.json", json.dumps(document))


def write_cvat(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "images/a.jpg")
    box = '<box label="cat" xtl="1" ytl="2" xbr="9" ybr="9"/>'
    image = f'<image id="0" name="a.jpg" width="{width_px}" height="{height_px}">{box}</image>'
    put(root / "annotations.xml", f"<annotations>{image}</annotations>")


def write_supervisely(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "main/img/a.jpg")
    put(root / "meta.json", '{"classes": [{"title": "cat", "shape": "rectangle", "color": "#ff0000"}]}')
    points = {"exterior": [[1, 2], [9, 9]], "interior": []}
    labelled = {"classTitle": "cat", "geometryType": "rectangle", "points": points, "tags": []}
    document = {"size": {"width": width_px, "height": height_px}, "tags": [], "objects": [labelled]}
    put(root / "main/ann/a.jpg.json", json.dumps(document))


def write_labelme(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "a.jpg")
    shape = {"label": "cat", "shape_type": "rectangle", "points": [[1, 2], [9, 9]]}
    document = {"shapes": [shape], "imagePath": "a.jpg", "imageWidth": width_px, "imageHeight": height_px}
    put(root / "a.json", json.dumps(document))


def write_voc(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "JPEGImages/a.jpg")
    size = f"<size><width>{width_px}</width><height>{height_px}</height><depth>3</depth></size>"
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    text = f"<annotation>{size}<object><name>cat</name>{box}</object></annotation>"
    put(root / "Annotations/a.xml", text)


def write_datumaro(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "images/default/a.jpg")
    label = {"id": 0, "type": "bbox", "label_id": 0, "bbox": [1, 2, 9, 9]}
    item = {"id": "a", "annotations": [label], "image": {"path": "a.jpg", "size": [height_px, width_px]}}
    categories = {"label": {"labels": [{"name": "cat"}]}}
    document = {"info": {}, "categories": categories, "items": [item]}
    put(root / "annotations/default.json", json.dumps(document))


def write_cityscapes(root: Path, width_px: int, height_px: int) -> None:
    write_image(root / "leftImg8bit/train/aa/aa_0_0_leftImg8bit.png")
    polygon = {"label": "car", "polygon": [[1, 2], [9, 2], [9, 9]]}
    document = {"imgWidth": width_px, "imgHeight": height_px, "objects": [polygon]}
    put(root / "gtFine/train/aa/aa_0_0_gtFine_polygons.json", json.dumps(document))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def take_in(workspace: Workspace, root: Path) -> ImportResult:
    return import_folder(workspace, root, "p", observer=Silent())


@pytest.mark.parametrize(
    "write",
    [
        write_coco,
        write_cvat,
        write_supervisely,
        write_labelme,
        write_voc,
        write_datumaro,
        write_cityscapes,
    ],
)
def test_another_size_than_the_images_is_told_and_the_objects_are_imported(
    workspace: Workspace, tmp_path: Path, write: Write
) -> None:
    root = tmp_path / "in"
    write(root, 200, 160)
    made = take_in(workspace, root)
    assert made.items_added == 1
    (problem,) = made.problems
    assert problem.is_taken
    assert problem.path.endswith((".jpg", ".png"))
    size = f"{WIDTH_PX}×{HEIGHT_PX}"
    told = f"is {size}, but is annotated as one of 200×160; it was imported, coordinates as they are"
    assert problem.reason == told
    (item,) = iter_items(workspace.store, workspace.catalog.projects.get("p").manifest)
    assert len(item.annotation.objects) == 1
    assert take_in(workspace, root).problems == made.problems, "it is told again"
    write(root, WIDTH_PX, HEIGHT_PX)
    assert take_in(workspace, root).problems == ()


@pytest.mark.parametrize("write", [write_coco, write_cvat, write_labelme, write_voc])
def test_a_size_of_nothing_is_none(workspace: Workspace, tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in", 0, 0)
    assert take_in(workspace, tmp_path / "in").problems == ()
