"""Supervisely project folders as we write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    define_classes,
    find_class_fault,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.formats.supervisely import decode_annotation, decode_meta
from mlwf_tui.plugins.exporters.supervisely import SuperviselyExporter
from mlwf_tui.plugins.importers.supervisely import SuperviselyImporter
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.formats.making import draw_items, odd_geometries, schemas, sound_geometries
from tests.importing import read_folder
from tests.making import make_image, make_item, to_exported

JPEG = make_image()

SCHEMA = LabelSchema(define_classes(("cat", "dog")))
ANGLED = Geometry(GeometryKind.ORIENTED_BOX, ((1.0, 2.0), (5.5, 3.0), (5.0, 7.0), (0.5, 6.0)))


def write(folder: Path, items: Sequence[SourceItem]) -> ExportSummary:
    return SuperviselyExporter().write(map(to_exported, items), SCHEMA, folder, KeepingObserver())


def test_datasets_nest_and_hold_images_beside_annotations(tmp_path: Path) -> None:
    items = [
        make_item("a.jpg", [("cat", 4, 5, 20, 30)], objects=[AnnotatedObject("dog", ANGLED, 0.25, "ada")]),
        make_item("ü b.png", dataset="main/deep", split=Split.VAL, seed=1),
    ]

    summary = write(tmp_path, items)

    assert summary.files == {
        "main/img/a.jpg": "main/a.jpg",
        "main/datasets/deep/img/ü b.png": "main/deep/ü b.png",
    }
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()) == [
        "main/ann/a.jpg.json",
        "main/datasets/deep/ann/ü b.png.json",
        "main/datasets/deep/img/ü b.png",
        "main/img/a.jpg",
        "meta.json",
    ]
    assert decode_meta((tmp_path / "meta.json").read_bytes()) == SCHEMA
    first = decode_annotation((tmp_path / "main/ann/a.jpg.json").read_bytes())
    assert (first.annotation, first.split) == (items[0].item.annotation, Split.TRAIN)
    assert (tmp_path / "main/img/a.jpg").read_bytes() == items[0].read_image()


def test_an_item_without_a_place_is_reported(tmp_path: Path) -> None:
    long = "ü" * 124 + ".jpg"
    items = [make_item("a.jpg"), make_item(long), make_item("b.jpg", dataset="meta.json")]

    summary = write(tmp_path, items)

    assert list(summary.files.values()) == ["main/a.jpg"]
    assert [problem.path for problem in summary.problems] == [f"main/{long}", "meta.json/b.jpg"]


def test_no_items_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write(tmp_path, [])


def test_stop_is_heard_between_items_and_leaves_no_meta(tmp_path: Path) -> None:
    items = map(to_exported, [make_item("a.jpg"), make_item("b.jpg")])

    with pytest.raises(Cancelled):
        SuperviselyExporter().write(items, SCHEMA, tmp_path, StoppingObserver(looks_left=1))

    assert not (tmp_path / "meta.json").exists()


@st.composite
def draw_projects(draw: st.DrawFn) -> tuple[LabelSchema, list[Item]]:
    shapes = odd_geometries | st.one_of(*sound_geometries.values())
    items = draw(st.lists(draw_items(shapes), min_size=1, max_size=3))
    drawn = draw(schemas)
    classes = tuple(definition for definition in drawn.classes if not find_class_fault(definition.name))
    placed = [replace(item, dataset=f"main/{number}") for number, item in enumerate(items)]
    return LabelSchema(classes, drawn.tags), placed


@pytest.mark.slow
@settings(max_examples=60)
@given(draw_projects())
def test_any_project_comes_back_to_the_last_bit(project: tuple[LabelSchema, list[Item]]) -> None:
    schema, items = project
    with TemporaryDirectory() as name:
        folder = Path(name)
        exported = [ExportedItem(item, lambda: JPEG) for item in items]
        SuperviselyExporter().write(exported, schema, folder, KeepingObserver())
        importer = SuperviselyImporter()
        back, problems = read_folder(importer, folder)
        assert importer.read_schema(scan_folder(folder)) == schema
    assert problems == []
    assert {item.dataset: (item.annotation, item.split) for item in back} == {
        item.dataset: (item.annotation, item.split) for item in items
    }


def test_what_the_schema_lacks_is_written_for_supervisely_alone(tmp_path: Path) -> None:
    pose = Geometry(GeometryKind.KEYPOINTS, ((1.0, 2.0), (3.0, 4.0)))
    objects = [
        AnnotatedObject("cat", pose, tags=(Tag("age", 3.0), Tag("furry"))),
        AnnotatedObject("dog", pose),
        AnnotatedObject("cow", ANGLED),
    ]
    schema = LabelSchema(
        (
            ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS),
            ClassDefinition("dog", geometry=ANGLED.kind),
        )
    )
    exported = [to_exported(make_item("a.jpg", objects=objects))]
    SuperviselyExporter().write(exported, schema, tmp_path, KeepingObserver())

    written = json.loads((tmp_path / "meta.json").read_bytes())
    assert [(row["title"], row["shape"]) for row in written["classes"]] == [
        ("cat", "graph"), ("dog", "any"), ("cow", "any"),
    ]  # fmt: skip
    for row in written["classes"][:2]:
        assert list(row["geometry_config"]["nodes"]) == ["0", "1"]
    assert [(row["name"], row["value_type"]) for row in written["tags"]] == [
        ("age", "any_number"), ("furry", "none"),
    ]  # fmt: skip
    assert decode_meta((tmp_path / "meta.json").read_bytes()) == schema
