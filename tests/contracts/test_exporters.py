"""What every exporter must do, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mlwf_tui.entities.annotation import LabelSchema, Tag, define_classes
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary, RenamingExporter
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.registry import Registry
from tests.exporting import fit_all, fit_to, write_fitted
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import make_item

NAMES = Registry().list_names("exporters")
SCHEMA = LabelSchema(define_classes(("cat", "dog"), geometry=None))


def tag_as_cat(source: SourceItem) -> SourceItem:
    """Return an item that is of a class as a whole, for formats that ask for one."""
    annotation = msgspec.structs.replace(source.item.annotation, tags=(Tag("cat"),))
    return SourceItem(msgspec.structs.replace(source.item, annotation=annotation), source.read_image)


ITEMS = [
    tag_as_cat(source)
    for source in (
        make_item("a.jpg", [("cat", 4, 5, 20, 30)]),
        make_item("a.png", [("dog", 4, 5, 20, 30)], seed=1),
        make_item("a.jpg", dataset="other/deep", split=Split.VAL, seed=2),
        make_item("b c'ü.jpg", [("cat", 0, 0, 64, 48)], split=Split.TEST, seed=3),
    )
]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write(name: str, items: list[SourceItem], folder: Path) -> ExportSummary:
    folder.mkdir()
    return write_fitted(Registry().get_exporter(name), items, SCHEMA, folder)[0]


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


def test_linked_images_are_asked_for_and_copied_where_that_fails(name: str, tmp_path: Path) -> None:
    placed: list[Path] = []

    def link(path: Path) -> bool:
        placed.append(path)
        return False

    exporter = Registry().get_exporter(name)
    fitter, sources = fit_to(exporter, ITEMS, SCHEMA)
    fitted = [(fitter.fit(source.item), source.read_image) for source in sources]
    exported = [ExportedItem(item, read, link) for item, read in fitted if item is not None]
    summary = exporter.write(exported, fitter.schema, tmp_path, KeepingObserver())
    assert {path.relative_to(tmp_path).as_posix() for path in placed} == set(summary.files)
    assert all((tmp_path / path).is_file() for path in summary.files)


def test_names_that_cannot_be_kept_are_changed_and_counted(name: str, tmp_path: Path) -> None:
    long = "ü" * 125
    items = [make_item(f"{long}.jpg"), make_item("a.jpg"), make_item("a.png"), make_item("a.b.jpg")]
    summary = write(name, [tag_as_cat(item) for item in items], tmp_path / "out")
    reported = {problem.path for problem in summary.problems if not problem.is_taken}
    assert {*summary.files.values(), *reported} == {item.item.key for item in items}
    assert len({Path(path).name.casefold() for path in summary.files}) == len(summary.files)
    changed = sum(not Path(path).name.endswith(Path(key).name) for path, key in summary.files.items())
    assert summary.renamed_count == changed
    exporter = Registry().get_exporter(name)
    assert isinstance(exporter, RenamingExporter) or not changed
    if isinstance(exporter, RenamingExporter):
        fitter, sources = fit_to(exporter, [tag_as_cat(item) for item in items], SCHEMA)
        fitted = filter(None, (fitter.fit(source.item) for source in sources))
        assert exporter.count_renamed(fitted) == changed, "a dry run counts it"


def test_files_that_two_case_folding_systems_tell_apart_are_all_there(name: str, tmp_path: Path) -> None:
    items = [make_item("a.jpg"), make_item("A.jpg", seed=1), make_item("a.JPG", seed=2)]
    summary = write(name, [tag_as_cat(item) for item in items], tmp_path / "out")
    assert len(summary.files) == len(items)
    for path, key in summary.files.items():
        source = next(item for item in items if item.item.key == key)
        assert (tmp_path / "out" / path).read_bytes() == source.read_image()


def test_no_items_at_all_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write(name, [], tmp_path / "out")


def test_stop_is_heard_between_items(name: str, tmp_path: Path) -> None:
    exporter = Registry().get_exporter(name)
    schema, items = fit_all(exporter, ITEMS, SCHEMA)
    exported = (ExportedItem(item, ITEMS[0].read_image) for item in items)
    with pytest.raises(Cancelled):
        exporter.write(exported, schema, tmp_path, StoppingObserver(looks_left=1))
