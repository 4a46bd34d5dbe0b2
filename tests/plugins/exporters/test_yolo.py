"""YOLO folders that Ultralytics can read, whatever the items are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, LabelSchema, define_classes
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.exporters.yolo import YoloExporter
from mlwf_tui.protocols.exporters import ExportSummary
from mlwf_tui.protocols.operations import SourceItem
from tests.exporting import write_fitted
from tests.making import make_item


def write(folder: Path, items: list[SourceItem], *class_names: str) -> ExportSummary:
    return write_and_count(folder, items, *class_names)[0]


def write_and_count(
    folder: Path, items: list[SourceItem], *class_names: str
) -> tuple[ExportSummary, list[str]]:
    schema = LabelSchema(define_classes(class_names or ("cat", "dog")))
    summary, losses = write_fitted(YoloExporter(), items, schema, folder)
    return summary, [str(loss) for loss in losses]


def read_label(folder: Path, split: str = "train", stem: str = "a") -> list[list[float]]:
    lines = (folder / "labels" / split / f"{stem}.txt").read_text().splitlines()
    return [[float(word) for word in line.split()] for line in lines]


def test_box_is_normalised_by_its_centre(tmp_path: Path) -> None:
    write(tmp_path, [make_item("a.jpg", [("dog", 16, 12, 48, 36)])])
    assert read_label(tmp_path) == [[1, 0.5, 0.5, 0.5, 0.5]]


def test_box_is_clipped_to_the_image(tmp_path: Path) -> None:
    outside = AnnotatedObject("cat", Geometry.rectangle(-64, -48, 32, 24))
    write(tmp_path, [make_item("a.jpg", objects=[outside])])
    assert read_label(tmp_path) == [[0, 0.25, 0.25, 0.5, 0.5]]


def test_polygon_goes_out_as_its_bounds(tmp_path: Path) -> None:
    polygon = Geometry(GeometryKind.POLYGON, ((0, 0), (32, 0), (0, 24)))
    write(tmp_path, [make_item("a.jpg", objects=[AnnotatedObject("cat", polygon)])])
    assert read_label(tmp_path) == [[0, 0.25, 0.25, 0.5, 0.5]]


@pytest.mark.parametrize(
    ("labelled", "loss"),
    [
        (
            AnnotatedObject("cat", Geometry(GeometryKind.POINT, ((5, 5),))),
            "objects that are points left out: 1 object in 1 item",
        ),
        (
            AnnotatedObject("cat", Geometry.rectangle(70, 1, 80, 5)),
            "objects outside of their image left out: 1 object in 1 item",
        ),
    ],
)
def test_object_that_is_no_box_is_counted(tmp_path: Path, labelled: AnnotatedObject, loss: str) -> None:
    _, losses = write_and_count(tmp_path, [make_item("a.jpg", objects=[labelled])])
    assert read_label(tmp_path) == []
    assert loss in losses


def test_object_of_a_class_that_is_not_declared_is_counted(tmp_path: Path) -> None:
    _, losses = write_and_count(tmp_path, [make_item("a.jpg", [("cow", 1, 1, 5, 5)])])
    assert read_label(tmp_path) == []
    assert losses == ["objects of classes that the project lacks left out: 1 object in 1 item"]


def test_class_names_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    names = ("0", "no", "1e3", "null", "a: b", 'say "hi"', "ü")
    write(tmp_path, [make_item()], *names)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text("utf-8"))
    assert content["names"] == dict(enumerate(names))
    assert "path" not in content  # so that the folder may be moved


@pytest.mark.parametrize(
    ("splits", "named"),
    [
        ("train", {"train": "train", "val": "train"}),
        ("val", {"train": "train", "val": "val"}),
        ("test", {"train": "train", "val": "val", "test": "test"}),
        ("train val", {"train": "train", "val": "val"}),
        ("train test", {"train": "train", "val": "train", "test": "test"}),
    ],
)
def test_splits_are_named_that_ultralytics_asks_for_or_that_have_images(
    tmp_path: Path, splits: str, named: dict[str, str]
) -> None:
    items = [make_item(f"{split}.jpg", split=Split(split)) for split in splits.split()]
    summary = write(tmp_path, items)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text("utf-8"))
    assert {key: content[key] for key in ("train", "val", "test") if key in content} == {
        key: f"images/{split}" for key, split in named.items()
    }
    assert all((tmp_path / content[key]).is_dir() for key in named)
    doubts = [problem.path for problem in summary.problems if problem.is_taken]
    assert doubts == (["data.yaml"] if named["val"] == "train" else [])


def test_item_without_a_split_is_left_out_and_counted(tmp_path: Path) -> None:
    items = [make_item("a.jpg"), make_item("b.jpg", split=Split.NONE)]
    summary, losses = write_and_count(tmp_path, items)
    assert list(summary.files.values()) == ["main/a.jpg"]
    assert losses == ["items without a split left out: 1 item"]


def test_items_without_any_split_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No item has a split") as caught:
        write(tmp_path, [make_item(split=Split.NONE)])
    assert "mlwf transform split" in caught.value.hint


def test_names_that_differ_in_suffix_or_folder_only_get_labels_of_their_own(tmp_path: Path) -> None:
    items = [
        make_item("a.jpg", [("cat", 0, 0, 32, 24)]),
        make_item("a.png", [("dog", 0, 0, 32, 24)]),
        make_item("A.jpg"),
        make_item("b.jpg", dataset="x/y"),
        make_item("y__b.jpg", dataset="x"),
    ]
    summary = write(tmp_path, items)
    assert len(summary.files) == len(items)
    assert len({Path(path).stem.casefold() for path in summary.files}) == len(items)
    assert len(list((tmp_path / "labels/train").iterdir())) == len(items)


def test_long_and_hidden_names_can_be_written(tmp_path: Path) -> None:
    items = [make_item("ü" * 120 + ".jpg", dataset="d" * 200), make_item("a.jpg", dataset=".hidden")]
    summary = write(tmp_path, items)
    assert len(summary.files) == 2
    assert not any(Path(path).name.startswith(".") for path in summary.files)


def test_gif_goes_out_as_what_ultralytics_reads(tmp_path: Path) -> None:
    summary = write(tmp_path, [make_item("a.gif")])
    (path,) = summary.files
    assert path == "images/train/a.png"
    assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")
