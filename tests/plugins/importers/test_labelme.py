"""LabelMe's JSON: every shape, flags, groups, and what cannot be used."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlwf_tui.entities.annotation import Annotation, GeometryKind, LabelSchema, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.plugins.exporters.labelme import LabelMeExporter
from mlwf_tui.plugins.importers.labelme import LabelMeImporter
from tests.exporting import write_fitted
from tests.importing import ReadItem, read_folder
from tests.making import HEIGHT_PX, WIDTH_PX, write_image
from tests.shapes import make_source

KIND = GeometryKind


def read_shape(folder: Path, *shapes: dict[str, Any], **more: Any) -> tuple[ReadItem, list[str]]:
    write_image(folder / "a.jpg")
    document = {
        "shapes": [{"label": "cat", **shape} for shape in shapes], "imagePath": "a.jpg", "imageData": None,
        "imageWidth": WIDTH_PX, "imageHeight": HEIGHT_PX, **more,
    }  # fmt: skip
    (folder / "a.json").write_text(json.dumps(document))
    items, problems = read_folder(LabelMeImporter(), folder)
    return items[0], [problem.reason for problem in problems]


@pytest.mark.parametrize(
    ("shape_type", "points", "kind"),
    [
        ("polygon", [[1.25, 2], [9, 2], [9, 8.5]], KIND.POLYGON),
        ("rectangle", [[9, 8.5], [1.25, 2]], KIND.RECTANGLE),
        ("rectangle", [[1.25, 2], [9, 2], [9, 8.5], [1.25, 8.5]], KIND.RECTANGLE),
        ("oriented_rectangle", [[1.25, 4], [5, 2], [9, 6], [5, 8.5]], KIND.ORIENTED_BOX),
        ("line", [[1.25, 2], [9, 8.5]], KIND.POLYLINE),
        ("linestrip", [[1.25, 2], [9, 8.5], [3, 3]], KIND.POLYLINE),
        ("points", [[1.25, 2], [9, 8.5]], KIND.KEYPOINTS),
    ],
)
def test_a_shape_keeps_its_coordinates(
    tmp_path: Path, shape_type: str, points: list[list[float]], kind: GeometryKind
) -> None:
    item, problems = read_shape(tmp_path, {"shape_type": shape_type, "points": points})
    assert problems == []
    geometry = item.objects[0].geometry
    assert geometry.kind is kind
    assert geometry.bounds == (1.25, 2, 9, 8.5)


def test_a_file_and_its_image_may_code_their_accents_otherwise(tmp_path: Path) -> None:
    write_image(tmp_path / "caf\u00e9.jpg")
    shape = {"label": "cat", "shape_type": "rectangle", "points": [[1, 2], [9, 8]]}
    document = {"shapes": [shape], "imagePath": "cafe\u0301.jpg"}
    (tmp_path / "cafe\u0301.json").write_text(json.dumps(document))
    items, problems = read_folder(LabelMeImporter(), tmp_path)
    assert [len(item.objects) for item in items] == [1]
    assert problems == []


def test_a_point_is_one(tmp_path: Path) -> None:
    item, _ = read_shape(tmp_path, {"shape_type": "point", "points": [[1.25, 2]]})
    assert item.objects[0].geometry.points == ((1.25, 2),)


def test_a_circle_is_a_polygon_that_knows_its_radius(tmp_path: Path) -> None:
    item, _ = read_shape(tmp_path, {"shape_type": "circle", "points": [[20, 20], [23, 24]]})
    assert item.objects[0].custom == {"shape": "circle", "x": 20, "y": 20, "radius": 5}
    assert item.objects[0].geometry.bounds == pytest.approx((15, 15, 25, 25))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_mask_lies_at_its_corner(tmp_path: Path, mode: str) -> None:
    picture = BytesIO()
    Image.fromarray(np.array([[0, 1, 1], [0, 0, 1]], np.uint8)).convert(mode).save(picture, "png")
    mask = base64.b64encode(picture.getvalue()).decode()
    item, problems = read_shape(
        tmp_path, {"shape_type": "mask", "points": [[10, 20], [12, 21]], "mask": mask}
    )
    assert problems == []
    assert item.objects[0].geometry.points == ((11, 20), (13, 22))
    assert item.objects[0].geometry.runs == (0, 2, 1, 1)


def test_flags_groups_and_texts_are_kept(tmp_path: Path) -> None:
    shape = {
        "points": [[1, 2], [9, 2], [9, 8]], "flags": {"wet": True, "dry": False}, "group_id": 3,
        "description": "x",
    }  # fmt: skip
    item, _ = read_shape(tmp_path, shape, flags={"night": True, "day": False})
    assert item.objects[0].tags == (Tag("wet"), Tag("group", 3.0))
    assert item.objects[0].custom == {"description": "x"}
    assert item.annotation is not None
    assert item.annotation.tags == (Tag("night"),)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"shape_type": "polygon", "points": [[1, 2], [3, 4]]}, "2 points"),
        ({"shape_type": "cube", "points": []}, "not known"),
        ({"shape_type": "mask", "points": [[1, 2], [3, 4]], "mask": "AAAA"}, "not a whole PNG"),
        ({"shape_type": "circle", "points": [[1, 2]]}, "circle of 1 point,"),
        ({"label": "", "points": []}, "has no class"),
        ({"label": 5, "points": []}, "not as LabelMe has it"),
    ],
)
def test_a_bad_shape_is_reported_alone(tmp_path: Path, shape: dict[str, Any], reason: str) -> None:
    item, problems = read_shape(tmp_path, shape, {"points": [[1, 2], [9, 2], [9, 8]]})
    assert len(item.objects) == 1
    assert reason in problems[0]


def test_points_and_descriptions_are_written_as_they_were_read(tmp_path: Path) -> None:
    shape = {"shape_type": "points", "points": [[1.25, 2], [9, 8.5]], "description": "wet"}
    item, _ = read_shape(tmp_path / "in", shape)
    source = make_source("a.jpg", "main", Split.NONE, Annotation(tuple(item.objects)))
    _, losses = write_fitted(LabelMeExporter(), [source], LabelSchema(), tmp_path / "out")
    assert losses == ()
    (written,) = json.loads((tmp_path / "out" / "main" / "a.json").read_text())["shapes"]
    assert {name: written[name] for name in shape} == shape


def test_an_image_that_is_embedded_alone_is_missing(tmp_path: Path) -> None:
    read_shape(tmp_path, imageData="AAAA")
    (tmp_path / "a.jpg").unlink()
    write_image(tmp_path / "b.jpg")
    items, problems = read_folder(LabelMeImporter(), tmp_path)
    assert [item.name for item in items] == ["b.jpg"]
    assert "a.jpg is missing" in problems[0].reason
