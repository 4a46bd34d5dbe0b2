"""WIDER FACE, MOT, Open Images, Datumaro: files that describe many images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.annotation import GeometryKind, Tag, Visibility
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.datumaro_json import DatumaroImporter
from mlwf_tui.plugins.importers.mot import MotImporter
from mlwf_tui.plugins.importers.open_images import OpenImagesImporter
from mlwf_tui.plugins.importers.wider_face import WiderFaceImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import make_datumaro, make_mot, make_open_images, make_wider_face
from tests.importing import ReadItem, read_folder

KIND = GeometryKind


def test_faces_have_their_attributes_and_their_event(tmp_path: Path) -> None:
    path = make_wider_face(tmp_path) / "wider_face_split/wider_face_train_bbx_gt.txt"
    path.write_text("0--Parade/a.jpg\n2\n4 5 16 25 2 1 0 0 1 0\n4 5 0 0 0 0 0 1 0 0\n")
    items, problems = read_folder(WiderFaceImporter(), tmp_path)
    assert items[0].dataset == "0--Parade"
    assert items[0].objects[0].tags == (Tag("blur", 2.0), Tag("expression"), Tag("occluded", 1.0))
    assert [problem.reason for problem in problems] == ["line 4 has a box without area: 4, 5, 4, 5"]


def test_a_count_that_is_none_ends_the_reading(tmp_path: Path) -> None:
    path = make_wider_face(tmp_path) / "wider_face_split/wider_face_train_bbx_gt.txt"
    path.write_text("0--Parade/a.jpg\nmany\n")
    with pytest.raises(InvalidInput):
        read_folder(WiderFaceImporter(), tmp_path)


def test_tracks_are_tags_and_a_sequence_a_dataset(tmp_path: Path) -> None:
    path = make_mot(tmp_path) / "train/MOT16-02/gt/gt.txt"
    path.write_text("1,7,4.5,5,16,25,0,1,0.25\n9,7,4,5,16,25,1,1,1\n1,7,4,5,16,25,1,12,1\n1,7,4\n")
    items, problems = read_folder(MotImporter(), tmp_path)
    assert items[0].dataset == "MOT16-02"
    assert items[0].objects[0].tags == (Tag("track", 7.0), Tag("ignored"))
    assert items[0].objects[0].custom == {"visibility": 0.25}
    assert items[0].objects[0].geometry.bounds == (4.5, 5, 20.5, 30)
    assert len(problems) == 3


def test_mot_without_names_has_its_own(tmp_path: Path) -> None:
    (make_mot(tmp_path) / "train/MOT16-02/gt/labels.txt").unlink()
    assert MotImporter().read_schema(scan_folder(tmp_path)).class_names[0] == "pedestrian"


def test_open_images_has_flags_and_image_labels(tmp_path: Path) -> None:
    folder = make_open_images(tmp_path) / "annotations"
    (folder / "oidv6-train-annotations-bbox.csv").write_text(
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsGroupOf\n"
        "a,x,/m/cat,1,0.25,0.5,0.25,0.5,1,1\na,x,/m/cat,1,0.25,nan,0.25,0.5,0,0\nz,x,/m/cat,1,0,1,0,1,0,0\n"
    )
    (folder / "train-annotations-human-imagelabels.csv").write_text(
        "ImageID,Source,LabelName,Confidence\na,verification,/m/dog,1\na,verification,/m/cat,0\n"
    )
    items, problems = read_folder(OpenImagesImporter(), tmp_path)
    assert items[0].objects[0].tags == (Tag("occluded"), Tag("group_of"))
    assert items[0].objects[0].geometry.bounds == (16, 12, 32, 24)
    assert items[0].annotation is not None
    assert items[0].annotation.tags == (Tag("dog"),)
    assert len(problems) == 2
    schema = OpenImagesImporter().read_schema(scan_folder(tmp_path))
    assert [tag.name for tag in schema.tags] == ["cat", "dog"]


def read_datumaro(folder: Path, *annotations: dict[str, Any]) -> tuple[ReadItem, list[str]]:
    path = make_datumaro(folder) / "annotations/train.json"
    document = json.loads(path.read_text())
    skeleton = {"label_id": 1, "labels": ["nose", "tail"], "joints": [[1, 2]]}
    document["categories"]["points"] = {"items": [skeleton]}
    document["items"][0]["annotations"] = [{"id": 0, "label_id": 0, **one} for one in annotations]
    path.write_text(json.dumps(document))
    items, problems = read_folder(DatumaroImporter(), folder)
    return items[0], [problem.reason for problem in problems]


def test_every_kind_of_datumaro_is_read(tmp_path: Path) -> None:
    item, problems = read_datumaro(
        tmp_path,
        {"type": "polygon", "points": [1.125, 2, 9, 2, 9, 8]},
        {"type": "polyline", "points": [1, 2, 9, 2], "attributes": {"occluded": True}, "group": 3},
        {"type": "points", "points": [1, 2], "visibility": [2]},
        {"type": "points", "label_id": 1, "points": [1, 2, 0, 0], "visibility": [1, 0]},
        {"type": "mask", "rle": {"counts": [64 * 48 - 1, 1], "size": [48, 64]}},
        {"type": "ellipse", "points": [1, 2, 9, 8]},
        {"type": "label", "label_id": 1},
        {"type": "caption", "caption": "a cat"},
    )
    assert problems == []
    kinds = [labelled.geometry.kind for labelled in item.objects]
    assert kinds == [KIND.POLYGON, KIND.POLYLINE, KIND.POINT, KIND.KEYPOINTS, KIND.MASK, KIND.POLYGON]
    assert item.objects[0].geometry.points[0] == (1.125, 2)
    assert item.objects[1].tags == (Tag("occluded"), Tag("group", 3.0))
    assert item.objects[3].geometry.names == ("nose", "tail")
    assert item.objects[3].geometry.visibility == (Visibility.HIDDEN, Visibility.MISSING)
    assert item.objects[4].geometry.points == ((63, 47), (64, 48))
    assert item.annotation is not None
    assert item.annotation.tags == (Tag("dog"),)
    assert item.annotation.custom == {"caption": "a cat"}


@pytest.mark.parametrize(
    "annotation",
    [
        {"type": "bbox", "bbox": [1, 2, 3]},
        {"type": "bbox", "bbox": [1, 2, 3, 4], "label_id": 9},
        {"type": "cuboid_3d"},
        {"type": "mask", "rle": 5},
        {"type": 5},
        {"type": "points", "label_id": 1, "points": [1, 2], "visibility": [2]},
    ],
)
def test_a_bad_annotation_of_datumaro_is_reported_alone(annotation: dict[str, Any], tmp_path: Path) -> None:
    item, problems = read_datumaro(tmp_path, annotation, {"type": "points", "points": [1, 2]})
    assert len(item.objects) == 1
    assert len(problems) == 1


def test_an_image_that_is_named_by_a_path_of_another_computer_is_found_and_doubtful(tmp_path: Path) -> None:
    source = make_datumaro(tmp_path) / "annotations/train.json"
    document = json.loads(source.read_text())
    document["items"][0]["image"]["path"] = "D:\\data\\train\\a.jpg"
    source.write_text(json.dumps(document))
    items, problems = read_folder(DatumaroImporter(), tmp_path)
    assert len(items[0].objects) == 1
    assert [problem.is_taken for problem in problems] == [True]


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/gone.jpg", "gone.jpg"])
def test_a_path_that_leads_out_or_nowhere_is_reported(path: str, tmp_path: Path) -> None:
    source = make_datumaro(tmp_path) / "annotations/train.json"
    document = json.loads(source.read_text())
    document["items"][0]["image"]["path"] = path
    source.write_text(json.dumps(document))
    items, problems = read_folder(DatumaroImporter(), tmp_path)
    assert items[0].objects == ()
    assert len(problems) == 1
