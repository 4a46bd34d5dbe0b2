"""What is written opens with the programs that it is written for: pycocotools, Datumaro, Ultralytics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag, Visibility
from mlwf_tui.entities.item import Split
from mlwf_tui.plugins.exporters.runs import compress, measure_columns
from mlwf_tui.protocols.exporters import ExportSummary
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.registry import Registry
from tests.exporting import write_fitted
from tests.importing import read_folder
from tests.making import HEIGHT_PX, WIDTH_PX
from tests.shapes import NODES, SCHEMA, make_mask, make_source

BOX = AnnotatedObject(
    "car", Geometry.rectangle(1.5, 2.25, 30, 40), tags=(Tag("truncated"), Tag("weight", 2.5))
)
POLYGON = AnnotatedObject("car", Geometry(GeometryKind.POLYGON, ((1, 1), (20, 2), (10, 30))))
MASK = AnnotatedObject("tree & <leaf>", make_mask(np.array([[1, 0], [1, 1]], np.bool_), 5, 7))
LINE = AnnotatedObject("car", Geometry(GeometryKind.POLYLINE, ((1, 1), (20, 2), (10, 30))))
TURNED = AnnotatedObject("car", Geometry(GeometryKind.ORIENTED_BOX, ((20, 10), (30, 20), (20, 30), (10, 20))))
PERSON = AnnotatedObject(
    "person",
    Geometry(
        GeometryKind.KEYPOINTS,
        ((10, 11), (20, 21), (0, 0)),
        names=NODES,
        visibility=(Visibility.VISIBLE, Visibility.HIDDEN, Visibility.MISSING),
    ),
)
ALL = (BOX, POLYGON, MASK, LINE, TURNED, PERSON)


def make_items(objects: Sequence[AnnotatedObject] = ALL) -> list[SourceItem]:
    annotation = Annotation(tuple(objects), (Tag("car"),))
    return [
        make_source("a.jpg", "main", Split.TRAIN, annotation),
        make_source("b.jpg", "other/deep", Split.VAL, annotation),
    ]


def write(name: str, folder: Path, objects: Sequence[AnnotatedObject] = ALL) -> ExportSummary:
    return write_fitted(Registry().get_exporter(name), make_items(objects), SCHEMA, folder)[0]


# --- pycocotools ---------------------------------------------------------------------------------


def test_pycocotools_reads_what_coco_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    write("coco", tmp_path)
    read = COCO(str(tmp_path / "annotations/instances_train.json"))
    assert "ids are numbered anew" in read.dataset["info"]["description"]
    assert {c["name"]: c["id"] for c in read.dataset["categories"]} == dict(
        zip(SCHEMA.class_names, range(1, 1 + len(SCHEMA.classes)), strict=True)
    )
    (image,) = read.loadImgs(read.getImgIds())
    assert (tmp_path / "images/train" / image["file_name"]).is_file()
    by_kind = read.loadAnns(read.getAnnIds())
    assert len(by_kind) == 5  # the polyline has no place
    mask = next(entry for entry in by_kind if isinstance(entry["segmentation"], dict))
    assert read.annToMask(mask).sum() == mask["area"] == 3
    assert by_kind[0]["bbox"] == [1.5, 2.25, 28.5, 37.75]
    person = read.loadCats([3])[0]
    assert (person["keypoints"], person["skeleton"]) == (list(NODES), [[1, 2], [1, 3]])


@given(arrays(np.bool_, (HEIGHT_PX, WIDTH_PX)) | st.just(np.ones((HEIGHT_PX, WIDTH_PX), np.bool_)))
def test_runs_are_compressed_as_pycocotools_does(pixels: NDArray[np.bool_]) -> None:
    from pycocotools import mask

    counts = compress(measure_columns(make_mask(pixels, 0, 0), WIDTH_PX, HEIGHT_PX))
    theirs = mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert counts == theirs["counts"].decode()


# --- Datumaro ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "theirs", "objects"),
    [
        ("datumaro_json", "datumaro", ALL),
        ("coco", "coco", (BOX, POLYGON, MASK)),
        ("voc", "voc", (BOX, POLYGON)),
        ("voc-segmentation", "voc_segmentation", (POLYGON, MASK)),
        ("coco_panoptic", "coco_panoptic", (POLYGON, MASK)),
    ],
)
def test_datumaro_reads_every_item_and_object(
    tmp_path: Path, name: str, theirs: str, objects: Sequence[AnnotatedObject]
) -> None:
    write(name, tmp_path, objects)
    items = read_with_datumaro(tmp_path, theirs)
    assert sorted(item.subset for item in items) == ["train", "val"]
    for item in items:
        assert item.media.data.shape[:2] == (HEIGHT_PX, WIDTH_PX)
        numbers = {found.id or found.group for found in item.annotations if found.type.name != "label"}
        assert len(numbers) == len(objects)  # it makes a box of its own for each of COCO's


@pytest.mark.slow
def test_datumaro_reads_every_shape_of_cvat(tmp_path: Path) -> None:
    shapes = (BOX, POLYGON, LINE, MASK)
    item = make_source("a.jpg", "other/deep", Split.NONE, Annotation(shapes, (Tag("car"),)))
    write_fitted(Registry().get_exporter("cvat"), [item], SCHEMA, tmp_path)
    (read,) = read_with_datumaro(tmp_path, "cvat")  # which takes a file for a subset
    assert read.media.data.shape[:2] == (HEIGHT_PX, WIDTH_PX)
    kinds = sorted(found.type.name for found in read.annotations)
    assert kinds == ["bbox", "label", "mask", "polygon", "polyline"]
    (box,) = (found for found in read.annotations if found.type.name == "bbox")
    assert box.points == [1.5, 2.25, 30.0, 40.0]


@pytest.mark.slow
def test_datumaro_reads_the_class_of_every_image(tmp_path: Path) -> None:
    items = [make_source(f"{split}.jpg", "main", split, Annotation(tags=(Tag("car"),))) for split in Split]
    write_fitted(Registry().get_exporter("imagenet"), items[:2], SCHEMA, tmp_path)
    read = read_with_datumaro(tmp_path, "imagenet_with_subset_dirs")
    assert sorted(item.subset for item in read) == ["train", "val"]
    assert all(len(item.annotations) == 1 for item in read)


@pytest.mark.slow
def test_datumaro_knows_vocs_format_without_splits(tmp_path: Path) -> None:
    write_without_splits(tmp_path)
    from datumaro.components.environment import Environment

    assert "voc" in Environment().detect_dataset(str(tmp_path))
    (item,) = read_with_datumaro(tmp_path, "voc")
    assert (item.id, item.subset) == ("a", "default")


def read_with_datumaro(folder: Path, format: str) -> list[Any]:
    """Return the items of a folder as Datumaro's own importer reads them."""
    from datumaro.components.dataset import Dataset

    return list(Dataset.import_from(str(folder), format))


def test_voc_has_what_its_readers_ask_for(tmp_path: Path) -> None:
    write("voc", tmp_path, (BOX,))
    root = parse(tmp_path / "Annotations/a.xml").getroot()
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == ["64", "48", "3"]
    assert root.findtext("object/truncated") == "1"
    assert root.findtext("object/bndbox/xmin") == "1.5"
    assert root.findtext("object/bndbox/xmax") == "30"
    assert (tmp_path / "ImageSets/Main/train.txt").read_text() == "a\n"
    assert (tmp_path / "ImageSets/Main/val.txt").read_text() == "other__deep__b\n"


def test_images_without_a_split_are_in_a_list_that_says_nothing_to_an_import(tmp_path: Path) -> None:
    write_without_splits(tmp_path)
    assert (tmp_path / "ImageSets/Main/default.txt").read_text() == "a\n"
    (item,), problems = read_folder(Registry().get_importer("voc"), tmp_path)
    assert (item.split, problems) == (Split.NONE, [])


def write_without_splits(folder: Path) -> None:
    item = make_source("a.jpg", "main", Split.NONE, Annotation((BOX,)))
    write_fitted(Registry().get_exporter("voc"), [item], SCHEMA, folder)


def test_labelme_files_stand_beside_their_images(tmp_path: Path) -> None:
    write("labelme", tmp_path)
    document = json.loads((tmp_path / "val/other/deep/b.json").read_text())
    assert (tmp_path / "val/other/deep" / document["imagePath"]).is_file()
    assert document["flags"] == {"car": True}
    assert {shape["shape_type"] for shape in document["shapes"]} == {
        "rectangle", "polygon", "mask", "linestrip", "points", "oriented_rectangle",
    }  # fmt: skip


def test_masks_of_voc_have_its_palette_and_colours(tmp_path: Path) -> None:
    write("voc-segmentation", tmp_path, (MASK,))
    with Image.open(tmp_path / "SegmentationClass/a.png") as picture:
        assert (picture.mode, picture.size) == ("P", (WIDTH_PX, HEIGHT_PX))
        assert (picture.getpalette() or [])[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        assert np.unique(np.asarray(picture)).tolist() == [0, 2]  # the second class
    assert (tmp_path / "ImageSets/Segmentation/train.txt").read_text() == "a\n"
    assert "tree & <leaf>:0,128,0::" in (tmp_path / "labelmap.txt").read_text().splitlines()


def test_more_objects_than_a_palette_holds_come_back(tmp_path: Path) -> None:
    objects = [
        AnnotatedObject("car", make_mask(np.ones((1, 1), np.bool_), at % 60, at // 60)) for at in range(300)
    ]
    write("voc-segmentation", tmp_path, objects)
    items, problems = read_folder(Registry().get_importer("voc:segmentation"), tmp_path)
    assert problems == []
    assert [[o.geometry for o in item.objects] for item in items] == [[o.geometry for o in objects]] * 2


# --- Ultralytics ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task", "count"),
    [("yolo", "detect", 4), ("yolo-segment", "segment", 4), ("yolo-obb", "obb", 4), ("yolo-pose", "pose", 1)],
)
def test_ultralytics_loads_every_label(tmp_path: Path, name: str, task: str, count: int) -> None:
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    write(name, tmp_path)
    config = check_det_dataset(str(tmp_path / "data.yaml"), autodownload=False)
    for split in ("train", "val"):
        dataset = YOLODataset(img_path=config[split], data=config, task=task, augment=False, imgsz=64)
        (label,) = dataset.labels
        assert len(label["cls"]) == count
        if task == "pose":
            assert label["keypoints"].shape == (1, 3, 3)
        if task in ("segment", "obb"):
            assert len(label["segments"]) == count


@pytest.mark.slow
def test_ultralytics_loads_a_classification_tree(tmp_path: Path) -> None:
    from ultralytics.cfg import get_cfg
    from ultralytics.data.dataset import ClassificationDataset

    write("yolo-classify", tmp_path)
    for split in ("train", "val"):
        dataset = ClassificationDataset(str(tmp_path / split), args=get_cfg(overrides={"imgsz": 64}))
        assert dataset.base.classes == ["car"]
        assert len(dataset.samples) == 1
