"""Supervisely project folders as we write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, LabelSchema, define_classes
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.formats.supervisely import decode_annotation, decode_meta
from mlwf_tui.plugins.exporters.supervisely import SuperviselyExporter
from mlwf_tui.protocols import ExportSummary, SourceItem
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import make_item, to_exported

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
