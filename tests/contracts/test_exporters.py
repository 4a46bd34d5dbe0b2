"""What every exporter must do, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.protocols import ExportSummary, SourceItem
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.scan import scan_folder
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.importing import read_folder
from tests.making import make_item, to_exported

NAMES = Registry().list_names("exporters")
SCHEMA = LabelSchema(define_classes(("cat", "dog")))
ITEMS = [
    make_item("a.jpg", [("cat", 4, 5, 20, 30)]),
    make_item("a.png", [("dog", 4, 5, 20, 30)], seed=1),
    make_item("a.jpg", dataset="other/deep", split=Split.VAL, seed=2),
    make_item("b c'ü.jpg", [("cat", 0, 0, 64, 48)], split=Split.TEST, seed=3),
]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write(name: str, items: list[SourceItem], folder: Path) -> ExportSummary:
    folder.mkdir()
    exported = (to_exported(source) for source in items)
    return Registry().get_exporter(name).write(exported, SCHEMA, folder, KeepingObserver())


def test_name_is_the_registered_one_and_summary_is_told(name: str) -> None:
    exporter = Registry().get_exporter(name)
    assert exporter.name == name
    assert exporter.summary


def test_every_item_is_written_once_with_its_bytes(name: str, tmp_path: Path) -> None:
    summary = write(name, ITEMS, tmp_path / "out")
    by_key = {key: path for path, key in summary.files.items()}
    assert set(by_key) == {source.item.key for source in ITEMS}
    assert len(summary.files) == len(ITEMS)
    for source in ITEMS:
        assert (tmp_path / "out" / by_key[source.item.key]).read_bytes() == source.read_image()
    assert summary.problems == ()


def test_nothing_is_written_outside_of_the_folder(name: str, tmp_path: Path) -> None:
    summary = write(name, ITEMS, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for path in summary.files:
        assert (tmp_path / "out" / path).resolve().is_relative_to(tmp_path / "out")


def test_two_writings_are_equal(name: str, tmp_path: Path) -> None:
    assert write(name, ITEMS, tmp_path / "a").files == write(name, ITEMS, tmp_path / "b").files


def test_what_was_written_comes_back_through_the_importer(name: str, tmp_path: Path) -> None:
    write(name, ITEMS, tmp_path / "out")
    importer = Registry().get_importer(name)
    assert importer.detect(scan_folder(tmp_path / "out")) is not None
    back, problems = read_folder(importer, tmp_path / "out")
    assert problems == []
    found = sorted(
        (item.split, labelled.class_name, [round(edge, 2) for edge in labelled.geometry.bounds])
        for item in back
        for labelled in item.objects
    )
    expected = sorted(
        (source.item.split, labelled.class_name, [round(edge, 2) for edge in labelled.geometry.bounds])
        for source in ITEMS
        for labelled in source.item.annotation.objects
    )
    assert found == expected


def test_no_items_at_all_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write(name, [], tmp_path / "out")


def test_stop_is_heard_between_items(name: str, tmp_path: Path) -> None:
    exported = (to_exported(source) for source in ITEMS)
    with pytest.raises(Cancelled):
        Registry().get_exporter(name).write(exported, SCHEMA, tmp_path, StoppingObserver(looks_left=1))
