"""Supervisely's project folders, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.exporters.supervisely import SuperviselyExporter
from mlwf_tui.plugins.importers.coco import CocoImporter
from mlwf_tui.plugins.importers.supervisely import SuperviselyImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.fakes.observers import KeepingObserver
from tests.importing import read_folder
from tests.making import make_item, make_supervisely, to_exported, write_image

SCHEMA = LabelSchema(
    (ClassDefinition("cat", "#123456", GeometryKind.POLYGON), ClassDefinition("dog", "#abcdef")),
    (TagDefinition("night"), TagDefinition("score", "number")),
)
POLYGON = Geometry(GeometryKind.POLYGON, ((1.5, 2.0), (9.0, 3.0), (4.0, 8.25)))
LABELLED = AnnotatedObject("cat", POLYGON, 0.5, "ada", (Tag("score", 2.5),), {"occluded": True})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_supervisely(tmp_path / "given", {"a.jpg": [("cat", 1, 2, 30, 40)]}, class_names=["cat"])


def test_all_that_was_exported_comes_back(tmp_path: Path) -> None:
    items = [
        make_item("a.jpg", objects=[LABELLED]),
        make_item("a.jpg", dataset="main/deep", split=Split.VAL, seed=1),
        make_item("ü b.png", [("dog", 1, 1, 9, 9)], dataset="img/ann/datasets", split=Split.NONE, seed=2),
    ]
    SuperviselyExporter().write(map(to_exported, items), SCHEMA, tmp_path, KeepingObserver())
    importer = SuperviselyImporter()
    back, problems = read_folder(importer, tmp_path)
    assert problems == []
    assert importer.read_schema(scan_folder(tmp_path)) == SCHEMA
    found = {(item.dataset, item.name): (item.split, item.annotation) for item in back}
    assert found == {
        (source.item.dataset, source.item.name): (source.item.split, source.item.annotation)
        for source in items
    }


def test_its_meta_is_not_taken_for_coco(folder: Path) -> None:
    meta = folder / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "projectType": "images"}))
    assert CocoImporter().detect(scan_folder(folder)) is None


def test_an_image_without_an_annotation_says_nothing(folder: Path) -> None:
    write_image(folder / "main" / "img" / "b.jpg", 5)
    items, problems = read_folder(SuperviselyImporter(), folder)
    assert problems == []
    assert [(item.name, item.annotation is None) for item in items] == [("a.jpg", False), ("b.jpg", True)]


def test_classes_of_shapes_that_are_not_known_are_named(folder: Path) -> None:
    meta = folder / "meta.json"
    document = json.loads(meta.read_text())
    document["classes"] += [{"title": "van", "shape": "cuboid", "color": "#102030"}]
    meta.write_text(json.dumps(document))
    _, (problem,) = read_folder(SuperviselyImporter(), folder)
    assert (problem.path, problem.is_taken) == ("meta.json", True)
    assert problem.reason.endswith("read as of any shape: van (cuboid)")


def test_what_has_no_place_is_named(folder: Path) -> None:
    write_image(folder / "top.jpg", 5)
    write_image(folder / "main" / "loose.jpg", 6)
    (folder / "main" / "ann" / "ghost.jpg.json").write_text("{}")
    (folder / "main" / "ann" / "notes.txt").write_text("x")
    items, problems = read_folder(SuperviselyImporter(), folder)
    assert [item.name for item in items] == ["a.jpg"]
    assert {problem.path: problem.reason for problem in problems} == {
        "main/loose.jpg": "lies in no img folder of a dataset",
        "top.jpg": "lies in no img folder of a dataset",
        "main/ann/ghost.jpg.json": "has no image",
    }


def test_a_broken_annotation_spoils_no_other(folder: Path) -> None:
    write_image(folder / "main" / "img" / "b.jpg", 5)
    (folder / "main" / "ann" / "b.jpg.json").write_text("{")
    items, problems = read_folder(SuperviselyImporter(), folder)
    assert [item.name for item in items] == ["a.jpg"]
    assert [problem.path for problem in problems] == ["main/ann/b.jpg.json"]


def test_what_an_annotation_cannot_keep_is_reported(folder: Path) -> None:
    path = folder / "main" / "ann" / "a.jpg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"description": ["blurred"], "split": "odd"}))
    items, problems = read_folder(SuperviselyImporter(), folder)
    assert len(items[0].objects) == 1
    assert items[0].split is Split.NONE
    assert [problem.path for problem in problems] == ["main/ann/a.jpg.json"] * 2


@pytest.mark.parametrize("content", ["{", "[]", '{"classes": 3}', '{"classes": [{"title": "\\u001b["}]}'])
def test_a_meta_that_cannot_be_used_is_refused_in_words(folder: Path, content: str) -> None:
    (folder / "meta.json").write_text(content)
    importer = SuperviselyImporter()
    assert importer.detect(scan_folder(folder)) is None
    with pytest.raises(InvalidInput, match=r"meta\.json") as caught:
        read_folder(importer, folder)
    assert caught.value.hint


def test_other_folders_with_a_meta_json_are_not_taken_for_it(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "b" / "c.jpg", 1)
    (tmp_path / "meta.json").write_text('{"classes": []}')
    assert SuperviselyImporter().detect(scan_folder(tmp_path)) is None


def test_an_empty_annotation_is_told_from_none(folder: Path) -> None:
    path = folder / "main" / "ann" / "a.jpg.json"
    path.write_text('{"size": {"height": 48, "width": 64}, "objects": []}')
    items, _ = read_folder(SuperviselyImporter(), folder)
    assert items[0].annotation == Annotation()
