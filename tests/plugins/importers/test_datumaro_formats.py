"""Datumaro behind our contract: what it detects and turns, what it may not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datumaro.components.annotation import (
    AnnotationType,
    Bbox,
    Caption,
    Ellipse,
    Label,
    LabelCategories,
    Mask,
    Points,
    PointsCategories,
    Polygon,
    PolyLine,
    RotatedBbox,
)

from mlwf_tui.entities.annotation import Annotation, GeometryKind, Tag, Visibility
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.plugins.importers.datumaro_formats import DENIED, DatumaroFormatsImporter
from mlwf_tui.plugins.importers.datumaro_guard import staying_inside
from mlwf_tui.plugins.importers.datumaro_objects import define_classes_of, turn_item
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.detecting import choose_importer
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import make_images, make_vott
from tests.importing import read_folder
from tests.making import write_image


def turn(*annotations: Any) -> tuple[Annotation, list[Problem]]:
    points = PointsCategories()
    points.add(1, ["nose", "tail"], joints={(1, 2)})
    labels = LabelCategories.from_iterable(["cat", "dog"])
    classes = define_classes_of({AnnotationType.label: labels, AnnotationType.points: points})
    problems: list[Problem] = []
    item = SimpleNamespace(attributes={"weather": "rain"}, annotations=annotations)
    return turn_item(item, classes, "a.jpg", problems.append), problems


def test_every_kind_becomes_ours_to_the_hundredths_that_datumaro_keeps() -> None:
    mask = np.zeros((8, 8), bool)
    mask[2:4, 3:6] = True
    annotation, problems = turn(
        Bbox(1.25, 2.5, 3.13, 4, label=0, attributes={"occluded": True, "truncated": False}, group=7),
        Polygon([0, 0, 1.5, 0, 1, 1], label=0),
        PolyLine([0, 0, 1.5, 0], label=0),
        Points([3.25, 4], label=0),
        Points([3, 4, 0, 0], [2, 0], label=1),
        RotatedBbox(5, 5, 4, 2, 90, label=0),
        Ellipse(0, 0, 4, 2, label=0),
        Mask(mask, label=0, attributes={"is_crowd": True}),
        Label(1),
        Caption("a cat"),
    )
    assert problems == []
    assert annotation.tags == (Tag("dog"),)
    assert annotation.custom == {"weather": "rain", "caption": "a cat"}
    kinds = [labelled.geometry.kind for labelled in annotation.objects]
    kind = GeometryKind
    assert kinds == [
        kind.RECTANGLE, kind.POLYGON, kind.POLYLINE, kind.POINT, kind.KEYPOINTS, kind.ORIENTED_BOX,
        kind.POLYGON, kind.MASK,
    ]  # fmt: skip
    box, keypoints = annotation.objects[0], annotation.objects[4].geometry
    assert box.geometry.points == ((1.25, 2.5), (4.38, 6.5))
    assert box.tags == (Tag("occluded"), Tag("group", 7.0))
    assert keypoints.names == ("nose", "tail")
    assert keypoints.visibility == (Visibility.VISIBLE, Visibility.MISSING)
    assert annotation.objects[5].geometry.bounds == pytest.approx((4, 3, 6, 7))
    assert annotation.objects[6].custom["shape"] == "ellipse"
    assert annotation.objects[7].geometry.points == ((3, 2), (6, 4))
    assert annotation.objects[7].tags == (Tag("iscrowd"),)


def test_what_has_no_class_is_reported() -> None:
    annotation, problems = turn(Bbox(0, 0, 1, 1), Bbox(0, 0, 1, 1, label=9))
    assert annotation.objects == ()
    assert len(problems) == 2


def test_a_format_that_only_datumaro_knows_is_detected(tmp_path: Path) -> None:
    choice = choose_importer(Registry(), scan_folder(make_vott(tmp_path)), "auto")
    assert choice.importer.name == "datumaro:vott_json"
    items, problems = read_folder(choice.importer, tmp_path)
    assert [len(item.objects) for item in items] == [1, 2, 0]
    assert problems == []


def test_boxes_of_createml_stand_around_their_centre(tmp_path: Path) -> None:
    write_image(tmp_path / "train/a.jpg")
    boxes = [{"x": 50, "y": 40, "width": 20, "height": 10}, {"x": 10.5, "y": 8, "width": 3, "height": 2}]
    told = [{"label": "cat", "coordinates": box} for box in boxes]
    document = [{"image": "a.jpg", "annotations": told}]
    (tmp_path / "train/_annotations.createml.json").write_text(json.dumps(document))
    for name in ("", "roboflow_create_ml"):
        items, problems = read_folder(DatumaroFormatsImporter(name), tmp_path)
        found = [labelled.geometry.points for labelled in items[0].objects]
        assert found == [((40, 35), (60, 45)), ((9, 7), (12, 9))]
        assert problems == []


@pytest.mark.parametrize("name", sorted(DENIED))
def test_what_is_denied_says_why(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        Registry().get_importer(f"datumaro:{name}")
    assert DENIED[name] in caught.value.message


def test_a_name_that_datumaro_does_not_have_is_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_folder(DatumaroFormatsImporter("nonsense"), make_vott(tmp_path))
    assert "vott_json" in caught.value.hint


def test_a_folder_of_images_alone_does_not_load_the_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from mlwf_tui.registry import Registry\n"
        "from mlwf_tui.workflow.importing.detecting import choose_importer\n"
        "from mlwf_tui.workflow.importing.scan import scan_folder\n"
        f"choose_importer(Registry(), scan_folder(Path({str(make_images(tmp_path))!r})), 'auto')\n"
        "sys.exit('datumaro' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_entity_is_refused_before_datumaro_sees_it(tmp_path: Path) -> None:
    make_vott(tmp_path)
    (tmp_path / "a.xml").write_text('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>')
    with pytest.raises(InvalidInput) as caught:
        read_folder(DatumaroFormatsImporter("vott_json"), tmp_path)
    assert "DTD" in caught.value.message


def test_the_guard_keeps_reading_inside_and_forbids_the_rest(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.txt").write_text("x")
    (tmp_path / "secret").write_text("x")
    (inside / "link").symlink_to(tmp_path / "secret")
    with staying_inside(inside):
        assert (inside / "a.txt").read_text() == "x"
        for path in (tmp_path / "secret", inside / "../secret", inside / "link"):
            with pytest.raises(PermissionError):
                path.read_text()
        with pytest.raises(PermissionError):
            (inside / "new").write_text("x")
        with pytest.raises(PermissionError):
            os.listdir(tmp_path)  # noqa: PTH208
        with pytest.raises(PermissionError):
            os.system("true")
    assert (tmp_path / "secret").read_text() == "x"
