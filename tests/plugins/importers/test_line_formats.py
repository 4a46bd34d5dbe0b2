"""DOTA, KITTI and class folders: what their files say beyond the boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.plugins.importers.class_folders import ClassFoldersImporter
from mlwf_tui.plugins.importers.dota import DotaImporter
from mlwf_tui.plugins.importers.kitti import KittiImporter
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.detecting import choose_importer
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import make_dota, make_kitti
from tests.importing import read_folder
from tests.making import write_image

BOX = "1.5 2 9 2 9 8 1.5 8"


def read_dota(folder: Path, lines: str) -> tuple[tuple[object, ...], list[str]]:
    (make_dota(folder) / "train/labelTxt/a.txt").write_text(lines)
    items, problems = read_folder(DotaImporter(), folder)
    return (items[0].objects, items[0].annotation), [problem.reason for problem in problems]


def test_dota_keeps_corners_difficulty_and_header(tmp_path: Path) -> None:
    lines = f"imagesource:GoogleEarth\ngsd:0.15\n{BOX} ship 1\n{BOX} ship 2\n{BOX} plane\n"
    make_dota(tmp_path)
    (tmp_path / "train/labelTxt/a.txt").write_text(lines)
    items, problems = read_folder(DotaImporter(), tmp_path)
    assert problems == []
    assert [o.tags for o in items[0].objects] == [(Tag("difficult"),), (Tag("difficult", 2.0),), ()]
    assert items[0].objects[0].geometry.kind is GeometryKind.ORIENTED_BOX
    assert items[0].objects[0].geometry.points == ((1.5, 2), (9, 2), (9, 8), (1.5, 8))
    assert items[0].annotation is not None
    assert items[0].annotation.custom == {"imagesource": "GoogleEarth", "gsd": 0.15}


@pytest.mark.parametrize("line", [f"{BOX}", "1 1 1 1 1 1 1 1 ship 0", f"{BOX} ship nan", f"{BOX} ship 0 0"])
def test_a_bad_line_of_dota_is_reported(line: str, tmp_path: Path) -> None:
    (objects, _), problems = read_dota(tmp_path, f"{line}\n")
    assert objects == ()
    assert len(problems) == 1


def test_kitti_keeps_what_it_knows_in_three_dimensions(tmp_path: Path) -> None:
    make_kitti(tmp_path)
    line = "Car 0.5 2 -1.57 1.5 2 9 8 1.4 1.6 3.9 1.1 1.5 9.2 -1.6 0.9\n"
    (tmp_path / "training/label_2/a.txt").write_text(line)
    items, problems = read_folder(KittiImporter(), tmp_path)
    labelled = items[0].objects[0]
    assert problems == []
    assert labelled.confidence == 0.9
    assert labelled.tags == (Tag("truncated", 0.5), Tag("occluded", 2.0))
    assert labelled.custom == {
        "alpha": -1.57, "height_m": 1.4, "width_m": 1.6, "length_m": 3.9, "x_m": 1.1, "y_m": 1.5, "z_m": 9.2,
        "rotation_y": -1.6,
    }  # fmt: skip
    assert items[1].objects[0].custom == {}  # unknown is not told


def test_a_bad_line_of_kitti_is_reported(tmp_path: Path) -> None:
    (make_kitti(tmp_path) / "training/label_2/a.txt").write_text("Car 0 0\nCar 0 0 0 9 2 1 8 0 0 0 0 0 0 0\n")
    _, problems = read_folder(KittiImporter(), tmp_path)
    assert len(problems) == 2


def test_the_folder_is_the_class_and_its_top_the_split(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            write_image(tmp_path / split / name / "1.jpg")
    choice = choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert choice.importer.name == "imagenet"
    items, problems = read_folder(choice.importer, tmp_path)
    assert problems == []
    assert {(item.split, item.annotation.tags[0].name) for item in items if item.annotation} == {
        (split, name) for split in (Split.TRAIN, Split.VAL) for name in ("cat", "dog")
    }
    assert len({(item.dataset, item.name) for item in items}) == 4


def test_folders_without_splits_are_images_and_the_classes_are_told_beside(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        write_image(tmp_path / name / "1.jpg")
    choice = choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert choice.importer.name == "images"
    assert [fit.format for fit in choice.others] == ["imagenet"]


def test_an_image_in_no_class_has_no_tag(tmp_path: Path) -> None:
    write_image(tmp_path / "cat/1.jpg")
    write_image(tmp_path / "2.jpg")
    items, _ = read_folder(ClassFoldersImporter(), tmp_path)
    assert [item.annotation is None for item in items] == [True, False]
