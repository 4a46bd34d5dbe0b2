"""COCO JSON: boxes, polygons, masks, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.coco import CocoImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import HEIGHT_PX, WIDTH_PX, make_coco, write_image


def read(root: Path) -> tuple[dict[str, ReadItem], list[Problem]]:
    items, problems = read_folder(CocoImporter(), root)
    return {f"{item.dataset}/{item.name}".lstrip("/"): item for item in items}, problems


def write_entry(root: Path, **entry: Any) -> Path:
    """Write a folder of one image with one annotation of these fields."""
    make_coco(root, {"a.jpg": []}, class_names=["cat"])
    path = root / "annotations/instances_train2017.json"
    document = json.loads(path.read_text())
    document["annotations"] = [{"id": 1, "image_id": 1, "category_id": 1, **entry}]
    path.write_text(json.dumps(document))
    return root


def write_named(
    root: Path,
    real: list[str],
    told: list[str] | None = None,
    *,
    folder: str = "images",
    category_ids: list[int] | None = None,
) -> Path:
    """Write images to a folder, and a file that calls them otherwise and has an object on each."""
    for seed, name in enumerate(real):
        write_image(root / folder / name, seed)
    document: dict[str, Any] = {"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
    document["images"] = [{"id": id, "file_name": name} for id, name in enumerate(told or real, start=1)]
    document["annotations"] = [
        {"id": 1000 + id, "image_id": id, "category_id": category_id, "bbox": [1, 1, 5, 5]}
        for id, category_id in enumerate(category_ids or [1] * len(told or real), start=1)
    ]
    path = root / "annotations/instances_default.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    return path


def draw(geometry: Geometry) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return a mask geometry as (H, W) of its whole image."""
    left, top, right, bottom = (int(edge) for edge in geometry.bounds)
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    values = np.repeat(np.arange(len(geometry.runs)) % 2 == 1, geometry.runs)
    pixels[top:bottom, left:right] = values.reshape(bottom - top, right - left)
    return pixels


def test_box_and_confidence_are_read(tmp_path: Path) -> None:
    items, _ = read(write_entry(tmp_path, bbox=[4, 5, 10, 20], score=0.5))
    labelled = items["a.jpg"].objects[0]
    assert tuple(labelled.geometry.bounds) == (4, 5, 14, 25)
    assert labelled.confidence == 0.5


def test_one_ring_is_a_polygon(tmp_path: Path) -> None:
    items, _ = read(write_entry(tmp_path, bbox=[1, 1, 8, 8], segmentation=[[1, 1, 9, 1, 5, 9]]))
    geometry = items["a.jpg"].objects[0].geometry
    assert (geometry.kind, geometry.points) == (GeometryKind.POLYGON, ((1, 1), (9, 1), (5, 9)))


def test_several_rings_are_one_mask(tmp_path: Path) -> None:
    rings = [[2, 2, 10, 2, 10, 10, 2, 10], [20, 20, 30, 20, 30, 25, 20, 25]]
    items, _ = read(write_entry(tmp_path, bbox=[2, 2, 28, 23], segmentation=rings))
    geometry = items["a.jpg"].objects[0].geometry
    assert geometry.kind is GeometryKind.MASK
    expected = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    expected[2:10, 2:10] = expected[20:25, 20:30] = True
    assert np.array_equal(draw(geometry), expected)


@pytest.mark.filterwarnings("ignore:__array__")  # pycocotools and numpy 2
@pytest.mark.parametrize("is_compressed", [False, True])
def test_runs_of_a_crowd_are_read_as_pycocotools_does(tmp_path: Path, is_compressed: bool) -> None:
    pixels = np.random.default_rng(3).random((HEIGHT_PX, WIDTH_PX)) > 0.6
    pixels[:, 20:50] = True  # a run longer than five bits
    pixels[0, 0] = False
    size = [HEIGHT_PX, WIDTH_PX]
    changes = np.flatnonzero(np.diff(pixels.ravel(order="F").astype(np.int8))) + 1
    counts = np.diff(np.concatenate(([0], changes, [pixels.size])))
    segmentation: dict[str, Any] = {"counts": [int(count) for count in counts], "size": size}
    encoded = coco_mask.frPyObjects(segmentation, *size)
    assert np.array_equal(coco_mask.decode(encoded).astype(bool), pixels)
    if is_compressed:
        segmentation = {"counts": encoded["counts"].decode(), "size": size}
    items, _ = read(write_entry(tmp_path, bbox=[0, 0, 64, 48], segmentation=segmentation, iscrowd=1))
    labelled = items["a.jpg"].objects[0]
    assert np.array_equal(draw(labelled.geometry), pixels)
    assert labelled.tags == (Tag("iscrowd"),)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"bbox": [1, 1, 0, 5]}, "has a box without area: width 0, height 5"),
        ({"bbox": [1, 1, 5]}, "has no box of four numbers"),
        ({}, "has no box of four numbers"),
        ({"bbox": [1, 1, 5, 5], "category_id": 9}, "has category 9, which has no name"),
        ({"bbox": [1, 1, 5, 5], "image_id": 9}, "belongs to image 9, which was not read"),
        ({"bbox": [1, 1, 5, 5], "image_id": "9"}, "belongs to image 9, which was not read"),
        (
            {"bbox": [1, 1, 5, 5], "image_id": "1"},
            'has image_id "1", a text, but the image\'s id is a number',
        ),
        ({"segmentation": [[1, 1, 2, 2]]}, "has a polygon that is not a list of at least three points"),
        ({"segmentation": "x"}, "has a segmentation of an unknown form"),
        ({"segmentation": {"counts": [5], "size": [9, 9]}}, "has a mask whose runs do not fill its size"),
        ({"segmentation": {"counts": [81], "size": [9, 9]}}, "has a mask without a pixel"),
        ({"segmentation": {"counts": "a b", "size": [9, 9]}}, "has a compressed mask with characters"),
        ({"bbox": ["x"]}, "the entry is not as COCO has it"),
    ],
)
def test_bad_annotation_is_left_out_and_reported(tmp_path: Path, entry: dict[str, Any], reason: str) -> None:
    items, problems = read(write_entry(tmp_path, **entry))
    assert items["a.jpg"].objects == ()
    assert len(problems) == 1
    assert f"annotation 1: {reason}" in problems[0].reason


def test_a_box_that_cvat_turned_is_an_oriented_box(tmp_path: Path) -> None:
    told = {"occluded": True, "rotation": 90.0}
    items, problems = read(write_entry(tmp_path, bbox=[20, 10, 30, 20], segmentation=[], attributes=told))
    labelled = items["a.jpg"].objects[0]
    assert labelled.geometry.kind is GeometryKind.ORIENTED_BOX
    corners = [coordinate for point in labelled.geometry.points for coordinate in point]
    assert corners == pytest.approx([45, 5, 45, 35, 25, 35, 25, 5])
    assert labelled.tags == (Tag("occluded"),)
    assert problems == []


@pytest.mark.parametrize("segmentation", [None, [[1, 1, 9, 1, 5, 9]]])
@pytest.mark.parametrize("degrees", [0, 0.0, 360.0])
def test_what_is_not_turned_has_no_tag_of_it(tmp_path: Path, segmentation: Any, degrees: float) -> None:
    told = {"occluded": False, "rotation": degrees}
    items, _ = read(write_entry(tmp_path, bbox=[1, 1, 8, 8], segmentation=segmentation, attributes=told))
    labelled = items["a.jpg"].objects[0]
    assert labelled.geometry.kind is not GeometryKind.ORIENTED_BOX
    assert labelled.tags == ()


@pytest.mark.parametrize(
    ("told", "value"), [({"rotation": 45}, 45.0), ({"rotation": "left", "occluded": False}, "left")]
)
def test_a_rotation_that_is_not_cvats_is_a_tag(tmp_path: Path, told: Any, value: float | str) -> None:
    items, _ = read(write_entry(tmp_path, bbox=[1, 1, 8, 8], attributes=told))
    labelled = items["a.jpg"].objects[0]
    assert labelled.geometry.kind is GeometryKind.RECTANGLE
    assert labelled.tags == (Tag("rotation", value),)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[]], "has a polygon that is not a list of at least three points"),
        ([[1, 1, 9, 1, 5, 9], [1, 2, 3]], "has a polygon that is not a list of at least three points"),
        ({"counts": [5], "size": [9, 9]}, "has a mask whose runs do not fill its size"),
        ("x", "has a segmentation of an unknown form"),
    ],
)
def test_a_bad_outline_leaves_its_box_and_is_doubtful(tmp_path: Path, segmentation: Any, reason: str) -> None:
    items, problems = read(write_entry(tmp_path, bbox=[4, 5, 10, 20], segmentation=segmentation))
    assert tuple(items["a.jpg"].objects[0].geometry.bounds) == (4, 5, 14, 25)
    told = f"annotation 1: has an outline that cannot be read, and its box is taken: {reason}"
    assert problems == [Problem("annotations/instances_train2017.json", told, is_taken=True)]


def test_a_turned_box_is_turned_beside_a_bad_outline_too(tmp_path: Path) -> None:
    told = {"occluded": False, "rotation": 90.0}
    items, _ = read(write_entry(tmp_path, bbox=[20, 10, 30, 20], segmentation=[[]], attributes=told))
    labelled = items["a.jpg"].objects[0]
    assert (labelled.geometry.kind, labelled.tags) == (GeometryKind.ORIENTED_BOX, ())


def test_further_keys_of_an_annotation_are_custom_data_and_flags_are_tags(tmp_path: Path) -> None:
    known = {"area": 25.0, "iscrowd": 0, "num_keypoints": 0, "segmentation": []}
    facts = {"weather": "sunny", "age": 3, "size": 0.5, "is_good": False, "note": None}
    flags = {"ignore": 1, "truncated": 0, "difficult": True}
    items, problems = read(write_entry(tmp_path, bbox=[1, 1, 5, 5], **known, **facts, **flags))
    labelled = items["a.jpg"].objects[0]
    assert labelled.custom == {"weather": "sunny", "age": 3.0, "size": 0.5, "is_good": False}
    assert labelled.tags == (Tag("ignore"), Tag("difficult"))
    assert problems == []


def test_a_further_key_that_is_no_plain_value_is_reported(tmp_path: Path) -> None:
    items, problems = read(write_entry(tmp_path, bbox=[1, 1, 5, 5], parts=[1], id="x"))
    assert items["a.jpg"].objects[0].custom == {}
    reason = "annotation x: has a fact that is no text, number or truth, and is not taken: parts"
    assert problems == [Problem("annotations/instances_train2017.json", reason, is_taken=True)]


@pytest.mark.parametrize("file_name", ["../secret.jpg", "/etc/secret.jpg", "..\\a.jpg", ""])
def test_file_name_that_leads_out_is_reported(tmp_path: Path, file_name: str) -> None:
    root = make_coco(tmp_path / "given", {"a.jpg": [("cat", 1, 1, 9, 9)]}, class_names=["cat"])
    write_image(tmp_path / "secret.jpg")
    path = root / "annotations/instances_train2017.json"
    document = json.loads(path.read_text())
    document["images"][0]["file_name"] = file_name
    path.write_text(json.dumps(document))
    items, problems = read(root)
    assert list(items) == ["train2017/a.jpg"]  # there, and not described
    assert "not a path below the folder" in problems[0].reason


def test_splits_come_from_the_names_of_the_files(tmp_path: Path) -> None:
    for split in ("train", "val"):
        make_coco(tmp_path, {f"{split}.jpg": [], "same.jpg": []}, split=split, class_names=["cat"])
    items, problems = read(tmp_path)
    assert {key: item.split for key, item in items.items()} == {
        "train.jpg": Split.TRAIN,
        "same.jpg": Split.TRAIN,
        "val.jpg": Split.VAL,
        "val/same.jpg": Split.VAL,
    }
    assert problems == []


def test_json_beside_its_images_is_taken(tmp_path: Path) -> None:
    write_image(tmp_path / "valid/a.jpg")
    document = {
        "images": [{"id": 0, "file_name": "a.jpg"}],
        "categories": [{"id": 0, "name": "cat"}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 1, 5, 5]}],
    }
    (tmp_path / "valid/_annotations.coco.json").write_text(json.dumps(document))
    items, problems = read(tmp_path)
    assert items["a.jpg"].split is Split.VAL
    assert len(items["a.jpg"].objects) == 1
    assert problems == []


@pytest.mark.parametrize("real", [["a.jpg", "b.jpg", "c.jpg"], ["a.jpg", "b.jpg"]])
def test_an_id_of_several_images_leaves_its_annotations_out(tmp_path: Path, real: list[str]) -> None:
    path = write_named(tmp_path, real, ["a.jpg", "b.jpg", "c.jpg"], category_ids=[1, 5, 1])
    document = json.loads(path.read_text())
    document["images"][2]["id"] = 2
    document["annotations"].pop()
    path.write_text(json.dumps(document))
    items, problems = read(tmp_path)
    assert {name: len(item.objects) for name, item in items.items()} == {
        "a.jpg": 1, **dict.fromkeys(real[1:], 0)
    }  # fmt: skip
    told = [problem.reason for problem in problems if not problem.is_taken]
    assert "annotation 1002: belongs to image 2, an id that several images have" in told


def test_an_image_that_is_described_twice_keeps_its_annotations(tmp_path: Path) -> None:
    path = write_named(tmp_path, ["a.jpg"])
    document = json.loads(path.read_text())
    document["images"] *= 2
    path.write_text(json.dumps(document))
    items, problems = read(tmp_path)
    assert len(items["a.jpg"].objects) == 1
    assert "described by" in problems[0].reason


def test_no_numbers_leave_out_what_they_stand_in_alone(tmp_path: Path) -> None:
    path = write_named(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    document = json.loads(path.read_text())
    document["annotations"][0]["bbox"][2] = float("nan")
    document["annotations"][1]["area"] = float("-inf")
    document["annotations"][2]["note"] = 'NaN, "-Infinity'
    path.write_text(json.dumps(document))
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [0, 1, 1]
    assert items["c.jpg"].objects[0].custom == {"note": 'NaN, "-Infinity'}
    told = {problem.reason: problem.is_taken for problem in problems}
    assert told.pop("has NaN or Infinity, read as nothing: 2 values")
    assert [reason.startswith("annotation 1001") for reason in told] == [True]


def test_missing_image_is_reported(tmp_path: Path) -> None:
    make_coco(tmp_path, {"a.jpg": [], "b.jpg": []}, class_names=["cat"])
    (tmp_path / "train2017/b.jpg").unlink()
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert [problem.reason for problem in problems] == ["the image b.jpg is missing"]


def test_missing_images_and_their_annotations_are_a_line_each(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(1, 7)]
    path = write_named(tmp_path, names)
    for name in names[1:]:
        (tmp_path / "images" / name).unlink()
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1]
    source = path.relative_to(tmp_path).as_posix()
    assert problems == [
        Problem(source, "5 images are missing: 2.jpg, 3.jpg, 4.jpg and 2 more"),
        Problem(source, "5 annotations belong to images that were not read: 1002, 1003, 1004 and 2 more"),
    ]


def test_what_is_wrong_with_many_annotations_is_a_line_for_each_kind(tmp_path: Path) -> None:
    path = write_named(tmp_path, [f"{number}.jpg" for number in range(1, 7)])
    document = json.loads(path.read_text())
    for entry in document["annotations"][:4]:
        entry["bbox"][2] = 0
    del document["annotations"][3]["id"]
    document["annotations"][4]["bbox"] = "x"
    document["annotations"][5]["category_id"] = 9
    path.write_text(json.dumps(document))
    _, problems = read(tmp_path)
    sizes = "1001 (width 0, height 5), 1002 (width 0, height 5), 1003 (width 0, height 5) and 1 more"
    assert [problem.reason for problem in problems] == [
        f"4 annotations have a box without area: {sizes}",
        "annotation 1005: the entry is not as COCO has it: Expected `array | null`, got `str` - at `$.bbox`",
        "annotation 1006: has category 9, which has no name",
    ]


def test_an_entry_without_an_id_is_named_by_its_place(tmp_path: Path) -> None:
    path = write_named(tmp_path, ["a.jpg"])
    document = json.loads(path.read_text())
    document["annotations"] += [{"image_id": 9}, {"id": [], "image_id": "x"}]
    document["images"] += [{"id": 7}, {"id": 8, "file_name": 5}, {}]
    path.write_text(json.dumps(document))
    _, problems = read(tmp_path)
    reasons = [problem.reason for problem in problems]
    assert reasons[0].startswith("3 images are not as COCO has it: 7 (Object missing required field `file_n")
    assert "at place 4 (Object missing" in reasons[0]
    assert reasons[1] == "2 annotations belong to images that were not read: at place 2, at place 3"


@pytest.mark.parametrize("file_name", ["images\\a.jpg", ".\\images\\a.jpg", "cafe\u0301/a.jpg"])
def test_a_path_is_read_as_other_systems_write_it(tmp_path: Path, file_name: str) -> None:
    write_named(tmp_path, ["a.jpg"], [file_name], folder="images" if "\\" in file_name else "caf\u00e9")
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1]
    assert problems == []


@pytest.mark.parametrize(
    ("told", "real"), [("cafe\u0301.jpg", "caf\u00e9.jpg"), ("caf\u00e9.jpg", "cafe\u0301.jpg")]
)
def test_accents_may_be_composed_or_not(tmp_path: Path, told: str, real: str) -> None:
    write_named(tmp_path, [real], [told])
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1]
    assert problems == []


def test_of_two_names_that_look_the_same_each_is_its_own(tmp_path: Path) -> None:
    write_named(tmp_path, ["cafe\u0301.jpg", "caf\u00e9.jpg"])
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1, 1]
    assert problems == []


@pytest.mark.parametrize("start", ["/data/upload/1/", "C:\\data\\", "\\\\server\\share\\", "https://host/a/"])
def test_an_image_that_is_named_by_a_path_elsewhere_is_found_and_doubtful(tmp_path: Path, start: str) -> None:
    write_named(tmp_path, ["a.jpg", "b.jpg"], [f"{start}a.jpg", f"{start}b.jpg"])
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1, 1]
    assert [problem.is_taken for problem in problems] == [True]
    named = "2 images are named by paths elsewhere, and were found by how these end"
    assert problems[0].reason == f"{named}: {start}a.jpg as images/a.jpg, {start}b.jpg as images/b.jpg"


def test_an_image_that_is_named_by_its_whole_path_is_sure(tmp_path: Path) -> None:
    write_named(tmp_path, ["a.jpg"], [f"{tmp_path}/images/a.jpg"])
    items, problems = read(tmp_path)
    assert [len(item.objects) for item in items.values()] == [1]
    assert problems == []


def test_of_paths_elsewhere_the_one_that_fits_best_has_the_image(tmp_path: Path) -> None:
    names = ["/data/one/1.jpg", "/data/two/1.jpg"]
    write_named(tmp_path, ["1.jpg", "2.jpg"], names, folder="two", category_ids=[1, 2])
    items, problems = read(tmp_path)
    assert [labelled.class_name for labelled in items["two/1.jpg"].objects] == ["dog"]
    assert problems[0].reason.startswith("two/1.jpg is described by ")


def test_captions_beside_instances_are_ignored(tmp_path: Path) -> None:
    make_coco(tmp_path, {"a.jpg": [("cat", 1, 1, 9, 9)]}, class_names=["cat"])
    source = tmp_path / "annotations/instances_train2017.json"
    (tmp_path / "annotations/captions_train2017.json").write_text(source.read_text())
    items, problems = read(tmp_path)
    assert len(items["a.jpg"].objects) == 1
    assert problems == []


def test_images_of_an_unreadable_file_do_not_pass_for_empty(tmp_path: Path) -> None:
    for split in ("train", "val"):
        make_coco(tmp_path, {f"{split}.jpg": []}, split=split, class_names=["cat"])
    path = tmp_path / "annotations/instances_val2017.json"
    path.write_text(path.read_text()[:-5])
    items, problems = read(tmp_path)
    assert list(items) == ["train.jpg"]
    assert [problem.path for problem in problems] == [
        "annotations/instances_val2017.json",
        "val2017/val.jpg",
    ]


def test_no_readable_file_at_all_is_refused(tmp_path: Path) -> None:
    make_coco(tmp_path, {"a.jpg": []}, class_names=["cat"])
    (tmp_path / "annotations/instances_train2017.json").write_text('{"images": 5}')
    with pytest.raises(InvalidInput):
        read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[4,", "[four,", "is not COCO JSON: JSON is malformed"),
        ("}]}", "}]", "is not COCO JSON: "),
    ],
)
def test_the_error_of_a_file_that_cannot_be_read_names_it_and_the_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = write_entry(tmp_path, bbox=[4, 5, 10, 20]) / "annotations/instances_train2017.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidInput, match=f"annotations/instances_train2017.json {reason}"):
        read(tmp_path)


def test_two_categories_of_one_id_are_reported(tmp_path: Path) -> None:
    path = write_entry(tmp_path, bbox=[4, 5, 10, 20]) / "annotations/instances_train2017.json"
    document = json.loads(path.read_text())
    document["categories"] = [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]
    path.write_text(json.dumps(document))
    items, problems = read(tmp_path)
    assert CocoImporter().read_schema(scan_folder(tmp_path)).class_names == ("cat",)
    assert items["a.jpg"].objects[0].class_name == "cat"
    reason = "category 1: dog has the id 1 of cat, as which its objects are read"
    assert problems == [Problem("annotations/instances_train2017.json", reason)]


def write_keypoints(folder: Path, **entry: Any) -> Path:
    write_entry(folder, **entry)
    path = folder / "annotations/instances_train2017.json"
    document = json.loads(path.read_text())
    document["categories"][0] |= {"keypoints": ["nose", "tail", "paw"], "skeleton": [[1, 2], [2, 3], [9, 1]]}
    path.write_text(json.dumps(document))
    return folder


def test_keypoints_have_names_visibility_and_their_box(tmp_path: Path) -> None:
    items, problems = read(
        write_keypoints(tmp_path, bbox=[1, 2, 30, 40], keypoints=[5.25, 6, 2, 0, 0, 0, 30, 40, 1])
    )
    labelled = items["a.jpg"].objects[0]
    assert problems == []
    assert labelled.geometry.kind is GeometryKind.KEYPOINTS
    assert labelled.geometry.names == ("nose", "tail", "paw")
    assert [int(value) for value in labelled.geometry.visibility] == [2, 0, 1]
    assert labelled.geometry.bounds == (5.25, 6, 30, 40)  # what is missing does not count
    assert labelled.custom == {"box_left": 1, "box_top": 2, "box_right": 31, "box_bottom": 42}


def test_a_skeleton_is_the_classs_and_what_joins_nothing_is_left_out(tmp_path: Path) -> None:
    definition = CocoImporter().read_schema(scan_folder(write_keypoints(tmp_path))).classes[0]
    assert definition.nodes == ("nose", "tail", "paw")
    assert definition.edges == (("nose", "tail"), ("tail", "paw"))


def test_outlines_beside_keypoints_are_counted(tmp_path: Path) -> None:
    ring = [[1, 1, 9, 1, 9, 9]]
    _, problems = read(
        write_keypoints(tmp_path, bbox=[1, 2, 30, 40], keypoints=[5, 6, 2] * 3, segmentation=ring)
    )
    assert [problem.reason for problem in problems] == [
        "1 outline beside keypoints not taken: an object has one shape"
    ]


@pytest.mark.parametrize("keypoints", [[1, 2], [1, 2, 2], [1, 2, 7] * 3])
def test_bad_keypoints_are_reported(tmp_path: Path, keypoints: list[int]) -> None:
    items, problems = read(write_keypoints(tmp_path, bbox=[1, 2, 30, 40], keypoints=keypoints))
    assert len(problems) == (0 if keypoints == [1, 2] else 1)
    assert len(items["a.jpg"].objects) == (1 if keypoints == [1, 2] else 0)


def test_pictures_of_segments_beside_the_images_are_counted_and_no_images(tmp_path: Path) -> None:
    make_coco(tmp_path, {"a.jpg": []}, class_names=["cat"])
    for folder in ("annotations/panoptic_train2017", "stuff_train2017_pixelmaps"):
        write_image(tmp_path / folder / "a.png")
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert problems == [
        Problem("annotations/panoptic_train2017", "holds 1 picture of segments, left out of the images"),
        Problem("stuff_train2017_pixelmaps", "holds 1 picture of segments, left out of the images"),
    ]
