"""What a format cannot hold of classes, skeletons and tags is told, and what it holds comes back."""

from __future__ import annotations

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
    define_classes,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.exporting.definitions import list_definition_losses
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.exporting import write_fitted
from tests.shapes import make_source

NODES = ("head", "tail")
SCHEMA = LabelSchema(
    (
        ClassDefinition("used", "#010203", GeometryKind.KEYPOINTS, NODES, (NODES,)),
        ClassDefinition("unused", "#040506"),
    ),
    (TagDefinition("side", "choice", ("left", "right"), "#070809", "objects"),),
)
POSE = Geometry(GeometryKind.KEYPOINTS, ((10, 10), (30, 30)), names=NODES)


def tell(format: str, schema: LabelSchema = SCHEMA) -> set[str]:
    abilities = Registry().get_exporter(format).abilities
    return {str(loss) for loss in list_definition_losses(abilities, schema, {"used"})}


@pytest.mark.parametrize(
    ("format", "losses"),
    [
        ("supervisely", []),
        ("coco", ["shapes of classes: 1 class", "choices of tags: 1 tag", "colours of tags: 1 tag"]),
        ("cvat", ["shapes of classes: 1 class", "edges of skeletons: 1 class", "colours of tags: 1 tag"]),
        ("voc", [
            "classes that nothing has: 1 class", "colours of classes: 1 class", "shapes of classes: 1 class",
            "skeletons of classes: 1 class", "choices of tags: 1 tag", "colours of tags: 1 tag",
        ]),
        ("yolo-pose", [
            "colours of classes: 2 classes", "shapes of classes: 1 class", "edges of skeletons: 1 class",
            "choices of tags: 1 tag", "colours of tags: 1 tag",
        ]),
    ],
)  # fmt: skip
def test_what_is_lost_of_definitions_is_counted(format: str, losses: list[str]) -> None:
    assert tell(format) == {loss.replace(":", " left out:") for loss in losses}


def test_colours_that_classes_have_by_their_place_are_no_loss() -> None:
    assert tell("voc", LabelSchema(define_classes(("used",), geometry=None))) == set()


@pytest.mark.parametrize("format", ["coco", "cvat", "datumaro_json", "labelme", "yolo-pose"])
def test_what_a_format_says_to_hold_of_definitions_comes_back(format: str, tmp_path: Path) -> None:
    exporter, abilities = Registry().get_exporter(format), Registry().get_exporter(format).abilities
    labelled = AnnotatedObject("used", POSE, tags=(Tag("side", "left"),))
    item = make_source("a.jpg", "main", Split.TRAIN, Annotation((labelled,)))
    write_fitted(exporter, [item], SCHEMA, tmp_path)
    back = Registry().get_importer(format.replace("-", ":")).read_schema(scan_folder(tmp_path))
    classes = {definition.name: definition for definition in back.classes}
    assert ("unused" in classes) is abilities.has_unused_classes
    if "used" in classes:
        assert (classes["used"].color == "#010203") is abilities.has_class_colors
        assert bool(classes["used"].edges) is abilities.has_edges
    assert any(tag.values == ("left", "right") for tag in back.tags) is abilities.has_choices
