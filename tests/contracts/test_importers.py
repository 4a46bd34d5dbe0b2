"""What every importer must do, whoever wrote it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlwf_tui.entities.item import Split, check_dataset, check_name
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.importing.detecting import choose_importer
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver
from tests.format_folders import BOXES, SAMPLES, VARIANTS
from tests.importing import ReadItem, read_folder
from tests.making import write_image

NAMES = Registry().list_names("importers")


def read(name: str, root: Path) -> tuple[list[ReadItem], list[Problem]]:
    return read_folder(Registry().get_importer(name), root)


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(root.rglob("*"))}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def find_first(name: str, folder: Path) -> Path:
    """Return the first image of a sample."""
    return next(folder.rglob(SAMPLES[name].names[0]))


def test_declared_classes_are_in_their_order_and_cover_the_objects(name: str, tmp_path: Path) -> None:
    root = SAMPLES[name].make(tmp_path / "root")
    declared = Registry().get_importer(name).read_schema(scan_folder(root)).class_names
    found = {o.class_name for item in read(name, root)[0] for o in item.objects}
    assert declared == SAMPLES[name].declares
    assert not declared or found <= set(declared)


def test_every_importer_has_a_sample_folder() -> None:
    assert set(NAMES) == set(SAMPLES)


def test_name_is_the_registered_one_and_summary_is_told(name: str) -> None:
    importer = Registry().get_importer(name)
    assert importer.name == name
    assert importer.summary


def test_own_format_is_detected_with_the_highest_confidence(name: str, tmp_path: Path) -> None:
    SAMPLES[name].make(tmp_path)
    found = {other: Registry().get_importer(other).detect(scan_folder(tmp_path)) for other in NAMES}
    confidences = {other: detection.confidence for other, detection in found.items() if detection}
    assert max(confidences, key=lambda other: confidences[other]) == name
    detection = found[name]
    assert detection is not None
    assert 0 < detection.confidence <= 1
    assert detection.reason


def test_own_format_is_chosen_and_no_other_fits_nearly_as_well(name: str, tmp_path: Path) -> None:
    choice = choose_importer(Registry(), scan_folder(SAMPLES[name].make(tmp_path)), "auto")
    assert choice.importer.name.partition(":")[0] == name
    assert choice.others == ()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_chosen_by_itself_and_read_whole(variant: str, tmp_path: Path) -> None:
    root, sample = VARIANTS[variant].make(tmp_path), VARIANTS[variant]
    importer = choose_importer(Registry(), scan_folder(root), "auto").importer
    assert importer.name in (variant, variant.partition(":")[0])  # one of YOLO's follows from its files
    assert importer.read_schema(scan_folder(root)).class_names == sample.declares
    items, problems = read(variant, root)
    assert problems == []
    assert [[labelled.class_name for labelled in item.objects] for item in items] == [
        ["cat"], ["dog", "cat"], [],
    ]  # fmt: skip
    assert {item.split for item in items} == {Split.TRAIN}


def test_the_verb_imports_a_folder_without_a_problem(name: str, tmp_path: Path) -> None:
    root = SAMPLES[name].make(tmp_path / "in")
    with open_workspace(tmp_path / "home") as workspace:
        result = import_folder(workspace, root, "cells", observer=KeepingObserver())
    assert (result.items_added, result.problems) == (len(BOXES), ())


def test_folder_without_images_is_not_detected(name: str, tmp_path: Path) -> None:
    SAMPLES[name].make(tmp_path)
    for path in [*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")]:
        path.unlink()
    assert Registry().get_importer(name).detect(scan_folder(tmp_path)) is None


def test_empty_folder_is_refused_in_words(name: str, tmp_path: Path) -> None:
    assert Registry().get_importer(name).detect(scan_folder(tmp_path)) is None
    with pytest.raises(InvalidInput) as caught:
        read(name, tmp_path)
    assert caught.value.hint


def test_items_have_their_names_splits_and_classes(name: str, tmp_path: Path) -> None:
    items, problems = read(name, SAMPLES[name].make(tmp_path))
    assert problems == []
    assert sorted(item.name for item in items) == sorted(SAMPLES[name].names)
    assert {item.split for item in items} == {Split.TRAIN}
    if SAMPLES[name].has_boxes:
        classes = [[labelled.class_name for labelled in item.objects] for item in items]
        assert classes == [["cat"], ["dog", "cat"], []]


def test_boxes_are_in_pixels_as_the_format_has_them(name: str, tmp_path: Path) -> None:
    if not SAMPLES[name].has_boxes:
        pytest.skip("the sample has no boxes")
    items, _ = read(name, SAMPLES[name].make(tmp_path))
    bounds = [labelled.geometry.bounds for item in items for labelled in item.objects]
    expected = [box[1:] for boxes in BOXES.values() for box in boxes]
    for found, box in zip(bounds, expected, strict=True):
        assert tuple(found) == pytest.approx(box, abs=0.01)


def test_two_readings_are_equal(name: str, tmp_path: Path) -> None:
    SAMPLES[name].make(tmp_path)
    assert read(name, tmp_path) == read(name, tmp_path)


def test_reading_leaves_the_folder_as_it_was(name: str, tmp_path: Path) -> None:
    before = snapshot(SAMPLES[name].make(tmp_path))
    Registry().get_importer(name).detect(scan_folder(tmp_path))
    read(name, tmp_path)
    assert snapshot(tmp_path) == before


def test_paths_are_inside_and_keys_are_unique_good_names(name: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path)
    images = list(folder.rglob(SAMPLES[name].names[0]))
    for path in images:  # a second image of that name, in another split
        copy = Path(str(path).replace("train", "val"))
        if copy != path:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    items, _ = read(name, folder)
    for item in items:
        assert item.path.resolve().is_relative_to(folder.resolve())
        assert item.path.is_file()
        check_name(item.name, "name")
        if item.dataset:
            check_dataset(item.dataset)
    keys = [(item.dataset, item.name) for item in items]
    assert len(keys) == len(set(keys))


def test_link_out_of_the_folder_is_reported_and_not_followed(name: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path / "given")
    secret = write_image(tmp_path / "secret.jpg", 99)
    image = find_first(name, folder)
    image.unlink()
    image.symlink_to(secret)
    image.with_name("linked").symlink_to(tmp_path)
    if SAMPLES[name].is_whole:
        with pytest.raises(InvalidInput):
            read(name, folder)
        return
    items, problems = read(name, folder)
    assert image.name not in {item.name for item in items}
    reasons = {problem.path.rpartition("/")[2]: problem.reason for problem in problems}
    assert "leads out" in reasons[image.name]
    assert "not followed" in reasons["linked"]


def test_link_to_itself_is_reported(name: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path)
    loop = find_first(name, folder).with_name("loop.jpg")
    loop.symlink_to(loop)
    items, problems = read(name, folder)
    assert len(items) == len(BOXES)
    assert [problem.path.rpartition("/")[2] for problem in problems][:1] == ["loop.jpg"]


@pytest.mark.parametrize("bad", ["line\nbreak.jpg", "back\\slash.jpg", "bell\a.jpg"])
def test_name_that_cannot_be_used_is_reported_printably(name: str, bad: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path)
    write_image(find_first(name, folder).with_name(bad), 5)
    items, problems = read(name, folder)
    assert bad not in {item.name for item in items}
    assert problems
    assert problems[0].path.isprintable()


def test_suffixes_in_capitals_are_images(name: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path)
    if SAMPLES[name].is_strict:
        pytest.skip("an image that nothing describes is no item")
    write_image(find_first(name, folder).with_name("LOUD.JPG"), 5)
    assert "LOUD.JPG" in {item.name for item in read(name, folder)[0]}


def test_hidden_files_are_passed_over(name: str, tmp_path: Path) -> None:
    folder = SAMPLES[name].make(tmp_path)
    find_first(name, folder).with_name("._a.jpg").write_bytes(b"fork")
    items, problems = read(name, folder)
    assert len(items) == len(BOXES)
    assert problems == []
