"""Formats whose pixels say what stands where: panoptic, Cityscapes, CamVid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.camvid import CamVidImporter
from mlwf_tui.plugins.importers.cityscapes import CityscapesImporter
from mlwf_tui.plugins.importers.label_maps import decode_map, iter_masks
from mlwf_tui.plugins.importers.panoptic import PanopticImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import make_camvid, make_cityscapes, make_panoptic, write_map
from tests.importing import read_folder
from tests.making import HEIGHT_PX, WIDTH_PX


def draw(geometry: Geometry) -> NDArray[np.bool_]:
    """Return the pixels (H, W) of a mask."""
    assert geometry.kind is GeometryKind.MASK
    (left, top), (right, bottom) = geometry.points
    values = np.repeat(np.arange(len(geometry.runs)) % 2 == 1, geometry.runs)
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    pixels[int(top) : int(bottom), int(left) : int(right)] = values.reshape(
        int(bottom - top), int(right - left)
    )
    return pixels


def test_every_number_of_a_map_becomes_its_pixels() -> None:
    numbers = np.random.default_rng(1).integers(0, 7, (HEIGHT_PX, WIDTH_PX)) * 1000
    found = dict(iter_masks(numbers))
    assert sorted(found) == sorted(set(numbers.ravel().tolist()))
    for number, geometry in found.items():
        assert np.array_equal(draw(geometry), numbers == number)


def test_what_is_no_picture_is_refused_without_a_word_of_python() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_map(b"no picture")
    assert caught.value.message == "is not a whole PNG"


def test_a_map_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    write_map(tmp_path / "a.png", np.zeros((4, 5), np.int64))
    with pytest.raises(InvalidInput) as caught:
        decode_map((tmp_path / "a.png").read_bytes(), (50_000, 4))
    assert "5×4" in caught.value.message


def test_panoptic_segments_become_masks_that_leave_out_what_covers_them(tmp_path: Path) -> None:
    items, problems = read_folder(PanopticImporter(), make_panoptic(tmp_path))
    dog, cat = items[1].objects
    assert problems == []
    assert (dog.class_name, cat.class_name) == ("dog", "cat")
    expected = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    expected[2:44, 1:40] = True
    expected[10:40, 30:60] = False
    assert np.array_equal(draw(dog.geometry), expected)
    assert tuple(cat.geometry.bounds) == (30, 10, 60, 40)


def test_two_panoptic_categories_of_one_id_are_reported(tmp_path: Path) -> None:
    path = make_panoptic(tmp_path) / "annotations/panoptic_train2017.json"
    document = json.loads(path.read_text())
    document["categories"].append({**document["categories"][0], "name": "cow"})
    path.write_text(json.dumps(document))
    _, problems = read_folder(PanopticImporter(), tmp_path)
    assert [problem.path for problem in problems] == ["annotations/panoptic_train2017.json"]
    assert "cow has the id" in problems[0].reason


def test_segments_and_pixels_that_do_not_match_are_reported(tmp_path: Path) -> None:
    path = make_panoptic(tmp_path) / "annotations/panoptic_train2017.json"
    document = json.loads(path.read_text())
    document["annotations"][0]["segments_info"][0]["id"] = 7
    document["annotations"][1]["segments_info"][0]["iscrowd"] = 1
    path.write_text(json.dumps(document))
    items, problems = read_folder(PanopticImporter(), tmp_path)
    assert [problem.reason for problem in problems] == [
        "has pixels of segment 300, which is not described",
        "has no pixel of segment 7",
    ]
    assert items[1].objects[0].tags == (Tag("iscrowd"),)


def test_cityscapes_instances_are_told_apart(tmp_path: Path) -> None:
    items, problems = read_folder(CityscapesImporter(), make_cityscapes(tmp_path))
    assert problems == []
    assert items[0].dataset == "ulm"
    assert [(o.class_name, o.tags) for o in items[1].objects] == [
        ("car", (Tag("instance", 1.0),)),
        ("car", (Tag("instance", 2.0),)),
    ]


def test_cityscapes_without_instances_has_polygons(tmp_path: Path) -> None:
    make_cityscapes(tmp_path)
    for path in list(tmp_path.rglob("*_instanceIds.png")):
        path.unlink()
        polygon = {"label": "cargroup", "polygon": [[1, 2], [9, 2], [9, 8]]}
        bad = {"label": "car", "polygon": [[1, 2]]}
        name = path.name.replace("instanceIds.png", "polygons.json")
        path.with_name(name).write_text(json.dumps({"objects": [polygon, bad]}))
    items, problems = read_folder(CityscapesImporter(), tmp_path)
    assert items[0].objects[0].class_name == "car"
    assert items[0].objects[0].tags == (Tag("iscrowd"),)
    assert items[0].objects[0].geometry.points == ((1, 2), (9, 2), (9, 8))
    assert len(problems) == 3


def test_camvid_numbers_are_lines_of_its_colours(tmp_path: Path) -> None:
    items, problems = read_folder(CamVidImporter(), make_camvid(tmp_path))
    assert problems == []
    assert [o.class_name for o in items[1].objects] == ["cat", "dog"]  # by number; void is no object


def test_camvid_colours_are_found_and_unknown_ones_reported(tmp_path: Path) -> None:
    make_camvid(tmp_path)
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.int64)
    pixels[:5, :5], pixels[10:, 10:] = 255, 9
    write_map(tmp_path / "trainannot/a.png", pixels, "RGB")
    items, problems = read_folder(CamVidImporter(), tmp_path)
    assert [o.class_name for o in items[0].objects] == ["cat"]
    assert problems[0].reason == "has pixels of colour 9 0 0, which is no class"


def test_camvid_without_colours_has_segnets_classes(tmp_path: Path) -> None:
    make_camvid(tmp_path)
    (tmp_path / "label_colors.txt").unlink()
    assert CamVidImporter().read_schema(scan_folder(tmp_path)).class_names[:2] == ("Sky", "Building")


def test_bad_colours_are_refused(tmp_path: Path) -> None:
    make_camvid(tmp_path)
    (tmp_path / "label_colors.txt").write_text("0 0 999 x\n")
    with pytest.raises(InvalidInput):
        read_folder(CamVidImporter(), tmp_path)
