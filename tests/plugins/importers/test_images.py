"""Plain folders of images."""

from __future__ import annotations

from pathlib import Path

from mlwf_tui.entities.item import Split
from mlwf_tui.plugins.importers.images import ImagesImporter
from tests.importing import read_folder
from tests.making import write_image


def read(root: Path) -> dict[tuple[str, str], Split]:
    items, _ = read_folder(ImagesImporter(), root)
    return {(item.dataset, item.name): item.split for item in items}


def test_sub_folders_are_datasets(tmp_path: Path) -> None:
    for name in ("top.jpg", "cats/a.jpg", "cats/old/b.png"):
        write_image(tmp_path / name)
    assert set(read(tmp_path)) == {("", "top.jpg"), ("cats", "a.jpg"), ("cats/old", "b.png")}


def test_top_folders_named_like_splits_are_splits(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "valid/cats/b.jpg", "Test/c.jpg", "cats/train/d.jpg"):
        write_image(tmp_path / name)
    assert read(tmp_path) == {
        ("", "a.jpg"): Split.TRAIN,
        ("cats", "b.jpg"): Split.VAL,
        ("", "c.jpg"): Split.TEST,
        ("cats/train", "d.jpg"): Split.NONE,
    }


def test_same_name_in_two_splits_is_kept_apart(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "val/a.jpg"):
        write_image(tmp_path / name)
    assert read(tmp_path) == {("", "a.jpg"): Split.TRAIN, ("val", "a.jpg"): Split.VAL}


def test_items_come_in_path_order(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/z.jpg", "a.jpg", "c/a.jpg"):
        write_image(tmp_path / name)
    paths = [item.path.relative_to(tmp_path) for item in read_folder(ImagesImporter(), tmp_path)[0]]
    assert paths == sorted(paths)


def test_other_files_are_not_images(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    (tmp_path / "notes.txt").write_text("x")
    assert set(read(tmp_path)) == {("", "a.jpg")}
