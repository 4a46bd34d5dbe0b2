"""Our folders beside Supervisely's own SDK: it opens what we write, and we import what it writes.

MLWF_SUPERVISELY_PYTHON names a Python that has it; it is not one of our libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.plugins.exporters.supervisely import SuperviselyExporter
from mlwf_tui.plugins.importers.supervisely import SuperviselyImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.fakes.observers import KeepingObserver
from tests.importing import read_folder
from tests.making import make_item, to_exported

PYTHON = os.environ.get("MLWF_SUPERVISELY_PYTHON", "")
SCRIPT = Path(__file__).with_name("supervisely_sdk.py")
RING = ((1.0, 1.0), (21.0, 1.0), (21.0, 31.0))
HOLE = ((15.0, 3.0), (19.0, 3.0), (19.0, 9.0))
SHAPES = {
    "box": Geometry.rectangle(3, 2, 30, 20),
    "ring": Geometry(GeometryKind.POLYGON, RING, (HOLE,)),
    "mask": Geometry(GeometryKind.MASK, ((7.0, 5.0), (10.0, 7.0)), runs=(0, 1, 1, 1, 1, 1, 1)),
    "line": Geometry(GeometryKind.POLYLINE, RING),
    "spot": Geometry(GeometryKind.POINT, ((6.0, 4.0),)),
    "turned": Geometry(GeometryKind.ORIENTED_BOX, ((10.0, 10.0), (30.0, 10.0), (30.0, 20.0), (10.0, 20.0))),
    "pose": Geometry(
        GeometryKind.KEYPOINTS,
        ((2.0, 1.0), (4.0, 3.0)),
        names=("nose", "tail"),
        visibility=(Visibility.VISIBLE, Visibility.HIDDEN),
    ),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON, reason="MLWF_SUPERVISELY_PYTHON names no Python that has the package supervisely"
    ),
]


def run(verb: str, folder: Path) -> str:
    done = subprocess.run(
        [PYTHON, str(SCRIPT), verb, str(folder)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def read(folder: Path) -> Any:
    return json.loads(run("read", folder).splitlines()[-1])


def test_the_sdk_opens_what_we_write_with_every_shape(tmp_path: Path) -> None:
    tags = (Tag("age", 3.5), Tag("coat", "red"), Tag("furry"))
    objects = [
        AnnotatedObject(name, shape, 0.5, "ada", tags, {"description": f"a {name}", "depth": 2.0})
        for name, shape in SHAPES.items()
    ]
    bare = Geometry(GeometryKind.KEYPOINTS, ((5.0, 6.0), (7.0, 8.0)))
    objects += [AnnotatedObject("pose", bare), AnnotatedObject("loose", bare), AnnotatedObject("new", bare)]
    first = make_item("a.jpg", dataset="outer", split=Split.VAL)
    annotation = Annotation(tuple(objects), (Tag("night"),), {"description": "a yard", "lens": 3.0})
    items = [
        replace(first, item=replace(first.item, annotation=annotation)),
        make_item("b.jpg", dataset="outer/inner", seed=1),
    ]
    skeleton = ("nose", "tail"), (("nose", "tail"),)
    schema = LabelSchema(
        (
            *(
                ClassDefinition(name, "#0a141e", shape.kind, *(skeleton if name == "pose" else ()))
                for name, shape in SHAPES.items()
            ),
            ClassDefinition("loose", geometry=GeometryKind.KEYPOINTS),
        ),
        (
            TagDefinition("coat", "choice", ("red", "grey"), "#00ff00", "objects"),
            TagDefinition("age", "number"),
        ),
    )
    SuperviselyExporter().write(map(to_exported, items), schema, tmp_path / "ours", KeepingObserver())

    found = read(tmp_path / "ours")

    assert {row["title"]: row["shape"] for row in found["meta"]["classes"]} == {
        "box": "rectangle", "ring": "polygon", "mask": "bitmap", "line": "line", "spot": "point",
        "turned": "oriented_bbox", "pose": "graph", "loose": "graph", "new": "any",
    }  # fmt: skip
    assert set(found["items"]) == {"outer/a.jpg", "outer/inner/b.jpg"}
    seen = found["items"]["outer/a.jpg"]
    assert (seen["description"], seen["customBigData"]) == ("a yard", {"lens": 3})
    labels = {label["classTitle"]: label for label in seen["objects"][: len(SHAPES)]}
    assert labels["box"]["points"]["exterior"] == [[3, 2], [30, 20]]
    assert labels["ring"]["points"]["interior"] == [[[15, 3], [19, 3], [19, 9]]]
    assert labels["pose"]["nodes"]["tail"] == {"loc": [4, 3], "disabled": True}
    assert labels["mask"]["bitmap"]["origin"] == [7, 5]
    assert [tag["name"] for tag in labels["box"]["tags"]] == ["age", "coat", "furry"]
    assert (labels["box"]["description"], labels["box"]["labelerLogin"]) == ("a box", "ada")


def test_what_the_sdk_writes_is_read_with_every_shape(tmp_path: Path) -> None:
    run("write", tmp_path / "theirs")
    importer = SuperviselyImporter()

    items, problems = read_folder(importer, tmp_path / "theirs")
    schema = importer.read_schema(scan_folder(tmp_path / "theirs"))

    assert [problem.reason for problem in problems] == [
        "the image has customBigData deep, which is no text, number or boolean and not kept"
    ]
    by_dataset = {item.dataset: item for item in items}
    assert {dataset: item.name for dataset, item in by_dataset.items()} == {
        "outer": "a.png", "outer/inner": "b.png",
    }  # fmt: skip
    kinds = {name: shape.kind for name, shape in SHAPES.items()}
    assert {definition.name: definition.geometry for definition in schema.classes} == kinds
    (pose,) = [definition for definition in schema.classes if definition.name == "pose"]
    assert (pose.nodes, pose.edges) == (("nose", "tail"), (("nose", "tail"),))
    tags = {definition.name: definition for definition in schema.tags}
    assert tags["age"] == TagDefinition("age", "number", color="#010203")
    assert (tags["coat"].value_type, tags["coat"].values) == ("choice", ("red", "grey"))
    assert [tags[name].target for name in ("age", "coat", "night")] == ["any", "objects", "items"]
    annotation = by_dataset["outer"].annotation
    assert annotation is not None
    assert (annotation.tags, annotation.custom) == ((Tag("night"),), {"description": "a yard", "lens": 3.0})
    found = {labelled.class_name: labelled for labelled in annotation.objects}
    assert {name: found[name].geometry for name in SHAPES if name != "turned"} == {
        name: shape for name, shape in SHAPES.items() if name != "turned"
    }
    assert found["box"].tags == (Tag("age", 3.5), Tag("coat", "red"))
    assert found["box"].custom == {"description": "a box"}
