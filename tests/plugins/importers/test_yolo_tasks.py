"""Ultralytics' tasks beyond boxes: polygons, oriented boxes, keypoints; and how the task is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind, Visibility
from mlwf_tui.entities.keypoints import find_flip
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.plugins.importers.yolo import YoloImporter
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import make_yolo

CORNERS = "0 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n"


def make(folder: Path, line: str, config: str = "") -> Path:
    """Write a folder with one image of 64×48 pixels, whose label is `line`."""
    make_yolo(folder, {"train/a.jpg": []}, class_names=["cat"])
    (folder / "labels/train/a.txt").write_text(line)
    path = folder / "data.yaml"
    path.write_text(path.read_text() + config)
    return folder


def read_one(folder: Path, name: str = "yolo") -> tuple[ReadItem, list[str]]:
    items, problems = read_folder(Registry().get_importer(name), folder)
    return items[0], [problem.reason for problem in problems]


def detect(folder: Path) -> str:
    detection = YoloImporter().detect(scan_folder(folder))
    assert detection is not None
    return detection.reason


def test_four_corners_everywhere_are_oriented_boxes_and_the_reason_is_told(tmp_path: Path) -> None:
    item, problems = read_one(make(tmp_path, CORNERS))
    assert problems == []
    assert item.objects[0].geometry.kind is GeometryKind.ORIENTED_BOX
    assert item.objects[0].geometry.points == ((16, 12), (48, 12), (48, 24), (16, 24))
    assert "four corners" in detect(tmp_path)


def test_a_longer_line_makes_all_of_them_polygons(tmp_path: Path) -> None:
    item, _ = read_one(make(tmp_path, CORNERS + "0 0 0 0.5 0 0.5 0.5\n"))
    assert [o.geometry.kind for o in item.objects] == [GeometryKind.POLYGON] * 2
    assert "polygons" in detect(tmp_path)


def test_the_name_of_the_task_decides(tmp_path: Path) -> None:
    item, _ = read_one(make(tmp_path, CORNERS), "yolo:segment")
    assert item.objects[0].geometry.kind is GeometryKind.POLYGON


def test_a_task_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound):
        Registry().get_importer("yolo:depth")


def test_pose_has_keypoints_visibility_names_and_its_box(tmp_path: Path) -> None:
    config = "kpt_shape: [3, 3]\nkpt_names:\n  0: [nose, tail, paw]\n"
    folder = make(tmp_path, "0 0.5 0.5 0.5 0.5 0.25 0.25 2 0.5 0.5 1 0 0 0\n", config)
    item, problems = read_one(folder)
    assert problems == []
    geometry = item.objects[0].geometry
    assert geometry.kind is GeometryKind.KEYPOINTS
    assert geometry.names == ("nose", "tail", "paw")
    assert geometry.points[:2] == ((16, 12), (32, 24))
    assert geometry.visibility == (Visibility.VISIBLE, Visibility.HIDDEN, Visibility.MISSING)
    assert item.objects[0].custom == {"box_left": 16, "box_top": 12, "box_right": 48, "box_bottom": 36}
    assert YoloImporter().read_schema(scan_folder(folder)).classes[0].nodes == ("nose", "tail", "paw")


def test_keypoints_without_names_are_named_by_what_a_mirrored_image_exchanges(tmp_path: Path) -> None:
    config = "kpt_shape: [4, 2]\nflip_idx: [0, 3, 2, 1]\n"
    folder = make(tmp_path, "0 0.5 0.5 0.5 0.5 0.25 0.25 0.5 0.5 0.5 0.6 0.6 0.5\n", config)
    item, problems = read_one(folder)
    assert problems == []
    names = ("1", "2 left", "3", "2 right")
    assert item.objects[0].geometry.names == names
    assert find_flip(names) == (0, 3, 2, 1)
    assert YoloImporter().read_schema(scan_folder(folder)).classes[0].nodes == names


@pytest.mark.parametrize(
    ("config", "is_doubtful"),
    [
        ("kpt_names:\n  0: [left paw, tail, right paw]\nflip_idx: [2, 1, 0]\n", False),
        ("kpt_names:\n  0: [left paw, tail, right paw]\nflip_idx: [1, 0, 2]\n", True),
        ("kpt_names:\n  0: [nose, tail, paw]\nflip_idx: [2, 1, 0]\n", True),
        ("kpt_names:\n  0: [nose, tail, paw]\nflip_idx: [0, 1, 2]\n", False),
        ("flip_idx: [1, 2, 0]\n", True),
        ("flip_idx: []\n", False),
    ],
)
def test_an_exchange_that_the_names_do_not_tell_is_reported(
    config: str, is_doubtful: bool, tmp_path: Path
) -> None:
    folder = make(tmp_path, "", f"kpt_shape: [3, 3]\n{config}")
    problems: list[Problem] = []
    list(YoloImporter().iter_items(scan_folder(folder), problems.append))
    assert [(one.path, one.is_taken) for one in problems] == [("data.yaml", True)] * is_doubtful


def test_two_numbers_a_keypoint_are_visible_unless_negative(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.5 0.5 0.25 0.25 -1 -1\n"
    item, problems = read_one(make(tmp_path, line, "kpt_shape: [2, 2]\n"))
    assert problems == []
    assert item.objects[0].geometry.visibility == (Visibility.VISIBLE, Visibility.MISSING)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.5 0.5 0.5 0.5 0.25 0.25\n", "not a class, a box and 2 × 3"),
        ("0 0.5 0.5 0.5 0.5 0.25 0.25 7 0.5 0.5 1\n", "visibility is not"),
        ("0 0.5 0.5 0.5 0.5 nan 0.25 2 0.5 0.5 1\n", "not finite"),
        ("0 0.5 0.5 0.5 0.5 5 0.25 2 0.5 0.5 1\n", "not between 0 and 1"),
    ],
)
def test_a_bad_pose_is_reported(line: str, reason: str, tmp_path: Path) -> None:
    item, problems = read_one(make(tmp_path, line, "kpt_shape: [2, 3]\n"))
    assert item.objects == ()
    assert reason in problems[0]


@pytest.mark.parametrize(
    "config",
    [
        *("kpt_shape: [0, 3]", "kpt_shape: 17", "kpt_shape: [2, 3]\nkpt_names: [a]"),
        *("kpt_shape: [2, 3]\nflip_idx: [0]", "kpt_shape: [2, 3]\nflip_idx: [0, 2]"),
        *("kpt_shape: [2, 3]\nflip_idx: [0, 0]", "kpt_shape: [2, 3]\nflip_idx: [true, false]"),
    ],
)
def test_a_bad_skeleton_is_refused(config: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_one(make(tmp_path, "", f"{config}\n"))


def test_pose_without_a_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_one(make(tmp_path, ""), "yolo:pose")


def test_an_oriented_box_without_area_is_reported(tmp_path: Path) -> None:
    _, problems = read_one(make(tmp_path, "0 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1\n"))
    assert "without area" in problems[0]
