"""Which importer a folder gets, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.importing.detecting import choose_importer, list_format_names
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_coco, make_voc, write_image

BOXES = {"a.jpg": [("cat", 1.0, 2.0, 30.0, 40.0)]}


def make_both(folder: Path) -> Path:
    make_voc(folder, BOXES)
    return make_coco(folder, {"b.jpg": BOXES["a.jpg"]}, class_names=["cat"])


def test_one_that_fits_alone_is_taken_with_its_reason(tmp_path: Path) -> None:
    choice = choose_importer(Registry(), scan_folder(make_voc(tmp_path, BOXES)), "auto")
    assert choice.importer.name == "voc"
    assert "VOC XML" in choice.reason
    assert choice.others == ()


def test_two_that_fit_are_both_told(tmp_path: Path) -> None:
    choice = choose_importer(Registry(), scan_folder(make_both(tmp_path)), "auto")
    assert {choice.importer.name, *(fit.format for fit in choice.others)} == {"coco", "voc"}
    assert all(fit.reason for fit in choice.others)


def test_a_name_decides_between_two(tmp_path: Path) -> None:
    choice = choose_importer(Registry(), scan_folder(make_both(tmp_path)), "voc")
    assert (choice.importer.name, choice.others) == ("voc", ())


def test_the_result_of_an_import_and_its_run_tell_both(tmp_path: Path, workspace: Workspace) -> None:
    result = import_folder(workspace, make_both(tmp_path / "in"), "cells", observer=KeepingObserver())
    assert {result.format, *(fit.format for fit in result.also)} == {"coco", "voc"}
    kept = get_run(workspace, result.run).result
    assert kept["reason"] == result.reason
    assert [fit["format"] for fit in kept["also"]] == [fit.format for fit in result.also]


@pytest.mark.parametrize("name", ["zip", "voc:2007", ""])
def test_a_name_that_no_format_has_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter):
        choose_importer(Registry(), scan_folder(make_voc(tmp_path, BOXES)), name)


def test_a_folder_of_videos_says_what_takes_their_frames(tmp_path: Path) -> None:
    (tmp_path / "my films").mkdir()
    for name in ("my films/a.mp4", "my films/b.MOV", "code.ts"):
        (tmp_path / name).touch()
    with pytest.raises(InvalidInput, match=r"but 2 videos, as my films/a\.mp4") as caught:
        choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert "mlwf apply MODEL 'my films/a.mp4' --to PROJECT" in caught.value.hint
    assert "--format" not in caught.value.hint


def test_a_folder_without_anything_names_the_formats(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert all(name in caught.value.hint for name in list_format_names(Registry())[1:])


def test_variants_are_listed_behind_their_format_and_each_can_be_chosen() -> None:
    names = list_format_names(Registry())
    assert {"voc:segmentation", "open_images:segmentation", "yolo:pose"} <= set(names)
    for name in names[1:]:
        assert Registry().get_importer(name).name == name


def test_folders_that_splits_share_may_be_classes_or_datasets(tmp_path: Path) -> None:
    for place in ("train/one", "train/two", "val/one", "val/two"):
        write_image(tmp_path / place / "a.jpg")
    choice = choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert choice.importer.name == "imagenet"
    assert [(fit.format, "may be datasets" in fit.reason) for fit in choice.others] == [("images", True)]


def test_synsets_are_no_datasets(tmp_path: Path) -> None:
    for place in ("train/n01440764", "train/n01443537", "val/n01440764", "val/n01443537"):
        write_image(tmp_path / place / "a.jpg")
    choice = choose_importer(Registry(), scan_folder(tmp_path), "auto")
    assert (choice.importer.name, choice.others) == ("imagenet", ())
