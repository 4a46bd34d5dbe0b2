"""Pascal VOC as people really have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.importers.voc import VocImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import make_voc, write_image, write_voc_xml


def read(root: Path) -> tuple[dict[str, ReadItem], list[Problem]]:
    items, problems = read_folder(VocImporter(), root)
    return {f"{item.dataset}/{item.name}".lstrip("/"): item for item in items}, problems


def test_coordinates_stay_exactly_as_written(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 1, 2.5, 64, 48)]})
    items, _ = read(tmp_path)
    assert tuple(items["a.jpg"].objects[0].geometry.bounds) == (1, 2.5, 64, 48)


def test_splits_come_from_their_lists_and_trainval_is_ignored(tmp_path: Path) -> None:
    lists = {"train": ["a"], "val": ["b"], "trainval": ["a", "b", "d"], "test": ["c"]}
    make_voc(tmp_path, {f"{stem}.jpg": [] for stem in "abcd"}, splits=lists)
    items, problems = read(tmp_path)
    found = {name: item.split for name, item in items.items()}
    assert found == {
        "a.jpg": Split.TRAIN,
        "b.jpg": Split.VAL,
        "c.jpg": Split.TEST,
        "d.jpg": Split.NONE,
    }
    assert problems == []


def test_trainval_alone_is_train(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": []}, splits={"trainval": ["a"]})
    assert read(tmp_path)[0]["a.jpg"].split is Split.TRAIN


def test_list_that_names_missing_images_is_reported(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": []}, splits={"train": ["a", "gone"]})
    items, problems = read(tmp_path)
    assert items["a.jpg"].split is Split.TRAIN
    assert problems == [Problem("ImageSets/Main/train.txt", "lists images that are missing: gone")]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (("RBC", 5, 1, 5, 9), "box 2 (RBC) has no area: left 5, right 5"),
        (("RBC", 5, 9, 7, 1), "box 2 (RBC) has no area: top 9, bottom 1"),
        (("RBC", float("nan"), 1, 5, 9), "box 2 (RBC) has no usable xmin: 'nan'"),
        (("RBC", 0, 1, float("inf"), 9), "box 2 (RBC) has no usable xmax: 'inf'"),
    ],
)
def test_bad_box_is_left_out_and_reported_alone(
    tmp_path: Path, box: tuple[str, float, float, float, float], reason: str
) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    write_voc_xml(tmp_path / "Annotations/a.xml", "a.jpg", [("WBC", 1, 1, 9, 9), box, ("WBC", 2, 2, 8, 8)])
    items, problems = read(tmp_path)
    assert [o.class_name for o in items["a.jpg"].objects] == ["WBC", "WBC"]
    assert problems == [Problem("Annotations/a.xml", reason)]


def test_number_with_an_underscore_is_none(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("WBC", 10, 1, 19, 9)]})
    path = tmp_path / "Annotations/a.xml"
    path.write_text(path.read_text().replace("<xmin>10<", "<xmin>1_0<"))
    items, problems = read(tmp_path)
    assert items["a.jpg"].objects == ()
    assert problems == [Problem("Annotations/a.xml", "box 1 (WBC) has no usable xmin: '1_0'")]


@pytest.mark.parametrize("content", ["", "garbage"])
def test_annotations_that_are_none_are_told_where_the_layout_is_vocs(tmp_path: Path, content: str) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    (tmp_path / "Annotations/a.xml").write_text(content)
    detection = VocImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.reason == "Annotations holds XML, and JPEGImages stands beside it with 1 image"
    _, problems = read(tmp_path)
    assert [problem.path for problem in problems] == ["Annotations/a.xml"]


def test_flags_and_pose_are_kept_where_they_say_something(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    extra = "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"
    write_voc_xml(tmp_path / "a.xml", "a.jpg", [("cat", 1, 1, 9, 9)], extra=extra)
    items, _ = read(tmp_path)
    assert items["a.jpg"].objects[0].tags == (Tag("truncated"), Tag("pose", "Left"))


OUTLINE = "<polygon>{}</polygon>"
CORNERS = "<x1>1.5</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>8.25</y3>"


def read_outline(folder: Path, inside: str) -> tuple[Geometry, list[Problem]]:
    make_voc(folder, {"a.jpg": []})
    write_voc_xml(folder / "Annotations/a.xml", "a.jpg", [("cat", 1, 1, 9, 9)], extra=OUTLINE.format(inside))
    items, problems = read(folder)
    return items["a.jpg"].objects[0].geometry, problems


def test_an_outline_beside_a_box_is_read(tmp_path: Path) -> None:
    outline = Geometry(GeometryKind.POLYGON, ((1.5, 1), (9, 1), (9, 8.25)))
    assert read_outline(tmp_path, CORNERS) == (outline, [])


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<pt><x>1</x><y>2</y></pt>", "elements are not x1, y1, x2, y2"),
        (CORNERS + "<x5>1</x5><y5>1</y5>", "elements are not x1, y1, x2, y2"),
        (CORNERS + "<x1>1</x1>", "elements are not x1, y1, x2, y2"),
        (CORNERS.replace("8.25", "nan"), "no usable coordinate"),
        ("<x1>1</x1><y1>1</y1>", "has 1 point, too few"),
    ],
)
def test_an_outline_that_cannot_be_used_leaves_the_box(tmp_path: Path, inside: str, reason: str) -> None:
    geometry, (problem,) = read_outline(tmp_path, inside)
    assert geometry == Geometry.rectangle(1, 1, 9, 9)
    assert (problem.path, problem.is_taken) == ("Annotations/a.xml", True)
    assert problem.reason.startswith("box 1 (cat) has ")
    assert reason in problem.reason


def test_an_empty_outline_says_nothing(tmp_path: Path) -> None:
    assert read_outline(tmp_path, "") == (Geometry.rectangle(1, 1, 9, 9), [])


def test_image_without_annotation_is_imported_bare(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 1, 1, 9, 9)], "b.jpg": None})
    items, problems = read(tmp_path)
    assert items["b.jpg"].annotation is None
    assert problems == []


@pytest.mark.parametrize("content", ["<annotation><object>", "", "<html/>", "\0\1\2"])
def test_image_with_an_unreadable_annotation_is_left_out(tmp_path: Path, content: str) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 1, 1, 9, 9)], "b.jpg": []})
    (tmp_path / "Annotations/a.xml").write_text(content)
    items, problems = read(tmp_path)
    assert list(items) == ["b.jpg"]
    assert [problem.path for problem in problems] == ["Annotations/a.xml"]


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>',
        '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><annotation><filename>&z;</filename></annotation>',
        '<!DOCTYPE annotation SYSTEM "http://example.org/x.dtd"><annotation/>',
    ],
)
def test_entities_and_dtds_are_refused(tmp_path: Path, content: str) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    (tmp_path / "Annotations/a.xml").write_text(content)
    items, problems = read(tmp_path)
    assert items == {}
    assert "DTD" in problems[0].reason


@pytest.mark.parametrize("filename", ["../secret.jpg", "/etc/secret.jpg", "sub/a.jpg", "..\\a.jpg"])
def test_filename_that_is_a_path_is_reported_and_not_followed(tmp_path: Path, filename: str) -> None:
    root = make_voc(tmp_path / "given", {"a.jpg": [], "b.jpg": []})
    write_image(tmp_path / "secret.jpg")
    write_voc_xml(root / "Annotations/a.xml", filename, [("cat", 1, 1, 9, 9)])
    items, problems = read(root)
    assert list(items) == ["b.jpg"]
    assert problems[0].path == "Annotations/a.xml"
    assert "not a plain file name" in problems[0].reason


def test_annotation_of_a_missing_image_is_reported(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    write_voc_xml(tmp_path / "Annotations/gone.xml", "gone.jpg", [])
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert problems == [Problem("Annotations/gone.xml", "its image gone.jpg is missing")]


def test_stale_filename_falls_back_to_the_stem(tmp_path: Path) -> None:
    write_image(tmp_path / "JPEGImages/renamed.jpg")
    write_voc_xml(tmp_path / "Annotations/renamed.xml", "old.jpg", [("cat", 1, 1, 9, 9)])
    items, problems = read(tmp_path)
    assert len(items["renamed.jpg"].objects) == 1
    assert problems == []


def test_two_annotations_of_one_image_are_reported(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 1, 1, 9, 9)]})
    write_voc_xml(tmp_path / "Annotations/b.xml", "a.jpg", [("dog", 1, 1, 9, 9)])
    items, problems = read(tmp_path)
    assert items["a.jpg"].objects[0].class_name == "cat"
    assert "describes already" in problems[0].reason


def test_xml_beside_images_in_split_folders_is_taken(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_image(tmp_path / split / "a.jpg")
        write_voc_xml(tmp_path / split / "a.xml", "a.jpg", [(split, 1, 1, 9, 9)])
    items, problems = read(tmp_path)
    assert {key: item.split for key, item in items.items()} == {
        "a.jpg": Split.TRAIN,
        "val/a.jpg": Split.VAL,
    }
    assert items["val/a.jpg"].objects[0].class_name == "valid"
    assert problems == []


def test_several_trees_below_one_root_become_datasets(tmp_path: Path) -> None:
    for year, split in (("VOC2007", "train"), ("VOC2012", "val")):
        make_voc(tmp_path / year, {"a.jpg": [(year, 1, 1, 9, 9)]}, splits={split: ["a"]})
    items, problems = read(tmp_path)
    assert items["VOC2007/a.jpg"].split is Split.TRAIN
    assert items["VOC2012/a.jpg"].split is Split.VAL
    assert items["VOC2012/a.jpg"].objects[0].class_name == "VOC2012"
    assert problems == []


def test_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    names = ("1.jpg", "1.b.png", "10.jpg", "1-1.jpg")
    make_voc(tmp_path, {name: [(name.replace(".", "-"), 1, 1, 9, 9)] for name in names})
    items, problems = read(tmp_path)
    assert problems == []
    assert {key: item.objects[0].class_name for key, item in items.items()} == {
        name: name.replace(".", "-") for name in names
    }


def test_an_annotation_elsewhere_belongs_to_the_only_image_of_its_name(tmp_path: Path) -> None:
    for path in ("day/a.jpg", "night/a.jpg", "day/b.jpg"):
        write_image(tmp_path / path)
    for name in "ab":
        write_voc_xml(tmp_path / f"Annotations/{name}.xml", f"{name}.jpg", [("cat", 1, 1, 9, 9)])
    items, problems = read(tmp_path)
    assert {key: len(item.objects) for key, item in items.items()} == {
        "day/a.jpg": 0, "day/b.jpg": 1, "night/a.jpg": 0,
    }  # fmt: skip
    assert problems == [Problem("Annotations/a.xml", "its image a.jpg is missing")]
