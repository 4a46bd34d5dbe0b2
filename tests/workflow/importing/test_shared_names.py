"""Images of one name in two splits: each keeps the item that it became, whatever comes and goes beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.export import export
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image
from tests.reimporting import import_beside_blind, write_label


@pytest.fixture(autouse=True)
def _late_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a minute ahead: files are not too young to be trusted, though just made."""
    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + 60_000_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A YOLO folder: a, b and c of train, d and e of val."""
    root = tmp_path / "given"
    for split, names in (("train", "abc"), ("valid", "de")):
        for name in names:
            add(root, split, name)
    (root / "data.yaml").write_text("names: [cat]\ntrain: train/images\nval: valid/images\n")
    return root


def add(root: Path, split: str, name: str) -> None:
    write_image(root / split / "images" / f"{name}.png", seed=ord(name) + len(split))
    write_label(root / split / "labels" / f"{name}.txt", 0, ord(name) / 200)


def remove(root: Path, split: str, name: str) -> None:
    (root / split / "images" / f"{name}.png").unlink()
    (root / split / "labels" / f"{name}.txt").unlink()


def list_items(workspace: Workspace, project: str = "pets") -> dict[str, Item]:
    manifest = workspace.catalog.projects.get(project).manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


def import_first(workspace: Workspace, folder: Path) -> dict[str, Item]:
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    return list_items(workspace)


def test_a_new_image_of_a_taken_name_is_one_more_item(workspace: Workspace, folder: Path) -> None:
    before = import_first(workspace, folder)
    add(folder, "train", "d")
    result, _ = import_beside_blind(workspace, folder)
    assert (result.items_added, result.items_updated, result.items_unchanged) == (1, 0, 5)
    after = list_items(workspace)
    assert {key: item for key, item in after.items() if key in before} == before
    assert after["train/d.png"].split is Split.TRAIN
    result, _ = import_beside_blind(workspace, folder)
    assert result.items_unchanged == 6


def test_edits_of_images_that_share_a_name_stay_with_their_items(workspace: Workspace, folder: Path) -> None:
    import_first(workspace, folder)
    add(folder, "train", "d")
    import_beside_blind(workspace, folder)
    before = list_items(workspace)
    write_label(folder / "valid" / "labels" / "d.txt", 0, 0.2)
    add(folder, "train", "e")
    add(folder, "train", "f")
    result, _ = import_beside_blind(workspace, folder)
    after = list_items(workspace)
    assert (result.items_added, result.items_updated) == (2, 1)
    assert {key for key in before if before[key] != after[key]} == {"main/d.png"}
    assert after["main/d.png"].split is Split.VAL
    assert set(after) - set(before) == {"train/e.png", "main/f.png"}


def test_an_image_does_not_follow_its_namesake_that_has_gone(workspace: Workspace, folder: Path) -> None:
    add(folder, "valid", "c")
    before = import_first(workspace, folder)
    remove(folder, "train", "c")
    assert import_beside_blind(workspace, folder)[0].items_updated == 0
    assert list_items(workspace) == before
    add(folder, "train", "c")
    assert import_beside_blind(workspace, folder)[0].items_unchanged == 6
    assert list_items(workspace) == before


def test_an_image_that_is_moved_to_another_split_stays_the_same_item(
    workspace: Workspace, folder: Path
) -> None:
    before = import_first(workspace, folder)
    for kind, name in (("images", "d.png"), ("labels", "d.txt")):
        (folder / "valid" / kind / name).rename(folder / "train" / kind / name)
    result, _ = import_beside_blind(workspace, folder)
    assert (result.items_added, result.items_updated) == (0, 1)
    assert list_items(workspace)["main/d.png"] == replace(before["main/d.png"], split=Split.TRAIN)


def test_other_class_names_leave_each_image_its_key(workspace: Workspace, folder: Path) -> None:
    import_first(workspace, folder)
    add(folder, "train", "d")
    import_beside_blind(workspace, folder)
    before = list_items(workspace)
    text = (folder / "data.yaml").read_text().replace("[cat]", "[dog]")
    (folder / "data.yaml").write_text(text)
    import_beside_blind(workspace, folder)
    assert {key: item.blob for key, item in list_items(workspace).items()} == {
        key: item.blob for key, item in before.items()
    }


def test_a_dataset_that_all_goes_below_changes_nothing_of_it(workspace: Workspace, folder: Path) -> None:
    import_folder(workspace, folder, "pets", dataset="x/y", observer=KeepingObserver())
    before = list_items(workspace)
    add(folder, "train", "d")
    import_beside_blind(workspace, folder, dataset="x/y")
    after = list_items(workspace)
    assert {key: item for key, item in after.items() if key in before} == before
    assert set(after) - set(before) == {"x/y/train/d.png"}


def test_one_file_of_all_images_leaves_each_its_key_too(workspace: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "given"

    def add_described(split: str) -> None:
        write_image(root / split / "d.png", seed=len(split))
        entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, len(split), 4]}
        document = {
            "images": [{"id": 1, "file_name": "d.png", "width": 64, "height": 48}],
            "annotations": [entry],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (root / split / "_annotations.coco.json").write_text(json.dumps(document))

    add_described("valid")
    before = import_first(workspace, root)
    add_described("train")
    import_beside_blind(workspace, root)
    after = list_items(workspace)
    assert {key: item for key, item in after.items() if key in before} == before
    assert len(after) == 2


@pytest.mark.parametrize(
    "format",
    ["coco", "coco_panoptic", "cvat", "datumaro_json", "images", "labelme", "supervisely", "voc", "yolo"],
)
def test_an_export_that_is_imported_again_has_all_of_them(
    workspace: Workspace, folder: Path, tmp_path: Path, format: str
) -> None:
    add(folder, "valid", "c")
    before = import_first(workspace, folder)
    export(workspace, "pets", tmp_path / "out", format=format, observer=KeepingObserver())
    result = import_folder(workspace, tmp_path / "out", "back", format=format, observer=KeepingObserver())
    assert result.problems == ()
    after = list_items(workspace, "back")
    assert sorted(item.blob for item in after.values()) == sorted(item.blob for item in before.values())
    if format not in ("voc", "yolo"):  # whose files have their datasets in their names
        assert {key: (item.blob, item.split) for key, item in after.items()} == {
            key: (item.blob, item.split) for key, item in before.items()
        }
