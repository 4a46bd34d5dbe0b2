"""What an exporter says that its format holds comes back through the importer; nothing else does."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    Tag,
    Visibility,
)
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.keypoints import KEYPOINT_BOX
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.exporting import fit_all, write_fitted
from tests.importing import ReadItem, read_folder
from tests.shapes import NODES, SCHEMA, draw_items, make_source

IMPORTERS = {"yolo-classify": "imagenet", "yolo": "yolo:detect"}
NAMES = [name for name in Registry().list_names("exporters") if name != "supervisely"]
TOLERANCE_PX = 1e-6
TOLERANCES_PX = {name: 2e-3 for name in NAMES if name.startswith("yolo")}


@pytest.mark.parametrize("name", NAMES)
@given(items=draw_items())
@settings(max_examples=15, deadline=None)
def test_what_a_format_holds_comes_back(name: str, items: list[SourceItem]) -> None:
    exporter = Registry().get_exporter(name)
    _, fitted = fit_all(exporter, items, SCHEMA)
    importer = Registry().get_importer(IMPORTERS.get(name, name.replace("-", ":")))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            summary, _ = write_fitted(exporter, items, SCHEMA, root)
        except InvalidInput:
            assert fitted == []
            return
        read, problems = read_folder(importer, root)
        assert problems == []
        assert all(problem.is_taken for problem in summary.problems)
        back = {summary.files[item.path.relative_to(root).as_posix()]: item for item in read}
    assert back.keys() == {item.key for item in fitted}
    for item in fitted:
        compare(back[item.key], item, exporter.abilities.has_datasets, TOLERANCES_PX.get(name, TOLERANCE_PX))


@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("dataset", ["train", "Val/deep", "train2017"])
@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_called_like_a_split_comes_back_or_is_told(
    name: str, dataset: str, split: Split, tmp_path: Path
) -> None:
    exporter = Registry().get_exporter(name)
    if not exporter.abilities.has_datasets or split not in exporter.abilities.splits:
        return
    item = make_source("a.jpg", dataset, split, Annotation(tags=(Tag("person"),)))
    _, losses = write_fitted(exporter, [item], SCHEMA, tmp_path)
    importer = Registry().get_importer(IMPORTERS.get(name, name.replace("-", ":")))
    (back,), _ = read_folder(importer, tmp_path)
    is_told = "dataset called like a split → read as that split" in {loss.what for loss in losses}
    assert ((back.dataset, back.split) == (dataset, split)) is not is_told


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("coco", ("color", "nodes", "edges")),
        ("datumaro_json", ("color", "nodes", "edges")),
        ("cvat", ("color", "nodes")),
        ("yolo-pose", ("nodes",)),
        ("yolo", ()),
    ],
)
def test_classes_come_back_in_their_order_with_what_the_format_says_of_them(
    name: str, kept: tuple[str, ...], tmp_path: Path
) -> None:
    pose = Geometry(GeometryKind.KEYPOINTS, ((1, 2), (3, 4), (5, 6)), names=NODES)
    item = make_source("a.jpg", "main", Split.TRAIN, Annotation((AnnotatedObject("person", pose),)))
    write_fitted(Registry().get_exporter(name), [item], SCHEMA, tmp_path)
    importer = Registry().get_importer(IMPORTERS.get(name, name.replace("-", ":")))
    back = importer.read_schema(scan_folder(tmp_path)).classes[: len(SCHEMA.classes)]
    for field in ("name", *kept):
        assert [getattr(c, field) for c in back] == [getattr(c, field) for c in SCHEMA.classes], field


def compare(back: ReadItem, item: Item, has_datasets: bool, tolerance_px: float) -> None:
    assert back.split is item.split
    if has_datasets:
        assert (back.dataset or "main", back.name) == (item.dataset, item.name)
    assert set(back.annotation.tags if back.annotation else ()) == set(item.annotation.tags)
    assert len(back.objects) == len(item.annotation.objects)
    for found, expected in zip(back.objects, item.annotation.objects, strict=True):
        assert describe(found) == describe(expected)
        for point, other in zip(list_points(found.geometry), list_points(expected.geometry), strict=True):
            assert point == pytest.approx(other, abs=tolerance_px)


def describe(labelled: AnnotatedObject) -> Mapping[str, Any]:
    """Return all of an object but its coordinates, and the box beside keypoints, which formats need."""
    geometry = labelled.geometry
    return {
        "class": labelled.class_name,
        "kind": geometry.kind,
        "holes": geometry.holes,
        "runs": geometry.runs,
        "names": geometry.names,
        "visibility": list_visibility(geometry),
        "confidence": labelled.confidence,
        "tags": set(labelled.tags),
        "custom": {name: value for name, value in labelled.custom.items() if name not in KEYPOINT_BOX},
    }


def list_visibility(geometry: Geometry) -> list[int]:
    return [int(seen) for seen in geometry.visibility or (Visibility.VISIBLE,) * len(geometry.points)]


def list_points(geometry: Geometry) -> list[tuple[float, float]]:
    """Return the coordinates that mean something."""
    if geometry.kind is not GeometryKind.KEYPOINTS:
        return list(geometry.points)
    seen = list_visibility(geometry)
    return [point for point, is_seen in zip(geometry.points, seen, strict=True) if is_seen]
