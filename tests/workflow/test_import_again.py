"""Importing a folder again after edits: what is known is not read, and the result is as if it had been."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path
from typing import IO, Any

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.item import Item
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.store import Store
from mlwf_tui.workflow import import_
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.importing import reading
from mlwf_tui.workflow.importing.cached_items import ChangedItems
from mlwf_tui.workflow.importing.import_result import ImportResult, summarise
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.filling import list_packs
from tests.making import make_coco, write_image
from tests.reimporting import get_manifest, import_again, import_beside_blind, rename, write_label

DAY_NS = 86_400_000_000_000


@pytest.fixture(autouse=True)
def _late_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a minute ahead: files are not too young to be trusted, though just made."""
    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + 60_000_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in YOLO's layout: six images in two datasets, each with a label."""
    root = tmp_path / "given"
    for number, part in enumerate(("one", "two")):
        for name in "abc":
            write_image(root / "images" / part / f"{name}.png", seed=ord(name) + number)
            write_label(root / "labels" / part / f"{name}.txt", number)
    (root / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    return root


def list_items(workspace: Workspace) -> dict[str, Item]:
    return {item.key: item for item in iter_items(workspace.store, get_manifest(workspace))}


def keep_paths_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the paths of files as they are read, from the folder on."""
    paths: list[str] = []
    read_stable = reading.read_stable

    def keep(path: str, signature: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        paths.append(path.partition("/given/")[2])
        return read_stable(path, signature, max_bytes)

    monkeypatch.setattr(reading, "read_stable", keep)
    return paths


@pytest.fixture
def known(workspace: Workspace, folder: Path) -> Workspace:
    """A home that has imported the folder."""
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    return workspace


def test_a_renamed_folder_is_known_without_a_look_at_its_files(known: Workspace, folder: Path) -> None:
    rename(folder, "two", "three")
    assert import_again(known, folder) == set()
    items = list_items(known)
    assert sorted(items) == [f"{part}/{name}.png" for part in ("one", "three", "two") for name in "abc"]
    assert items["three/a.png"].annotation == items["two/a.png"].annotation
    assert import_again(known, folder) == set()
    rename(folder, "three", "two")
    assert import_again(known, folder) == set()


def test_of_a_changed_label_the_image_is_not_read(
    known: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_items(known)["one/b.png"]
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.25)
    read = keep_paths_read(monkeypatch)
    result = import_folder(known, folder, "pets", observer=KeepingObserver())
    assert read == ["labels/one/b.txt"]
    assert (result.items_updated, result.updates) == (1, {"objects": 1})
    after = list_items(known)["one/b.png"]
    assert after == replace(before, annotation=after.annotation)
    assert [labelled.class_name for labelled in after.annotation.objects] == ["dog"]
    monkeypatch.undo()
    write_label(folder / "labels" / "one" / "b.txt", 0, left=0.25)
    assert import_again(known, folder) == {"b.png"}


def test_where_one_file_annotates_all_images_its_change_reads_none(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = {f"{name}.jpg": [("cat", 2.0, 2.0, 20.0, 20.0)] for name in "abc"}
    folder = make_coco(tmp_path / "given", boxes, class_names=("cat",))
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    [path] = folder.rglob("*.json")
    document = json.loads(path.read_text())
    document["annotations"].pop()
    path.write_text(json.dumps(document))
    read = keep_paths_read(monkeypatch)
    result = import_folder(workspace, folder, "pets", observer=KeepingObserver())
    assert (result.items_updated, result.updates, read) == (1, {"objects": 1}, [])


def test_the_image_of_a_changed_label_is_read_where_it_was_left_out(known: Workspace, folder: Path) -> None:
    image = folder / "images" / "one" / "b.png"
    content = image.read_bytes()
    image.write_bytes(b"no image")
    assert import_again(known, folder) == {"b.png"}
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.25)
    assert import_again(known, folder) == {"b.png"}
    image.write_bytes(content)
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.45)
    assert import_again(known, folder) == {"b.png"}


def test_folders_that_change_places_are_known(known: Workspace, folder: Path) -> None:
    rename(folder, "one", "other")
    rename(folder, "two", "one")
    rename(folder, "other", "two")
    assert import_again(known, folder) == set()


def test_a_changed_label_in_a_renamed_folder_is_read(known: Workspace, folder: Path) -> None:
    rename(folder, "two", "three")
    write_label(folder / "labels" / "three" / "b.txt", 0, left=0.25)
    assert import_again(known, folder) == {"b.png"}
    assert [o.class_name for o in list_items(known)["three/b.png"].annotation.objects] == ["cat"]


def test_labels_that_stay_behind_are_not_taken_along(known: Workspace, folder: Path) -> None:
    (folder / "images" / "two").rename(folder / "images" / "three")
    assert import_again(known, folder) == {"a.png", "b.png", "c.png"}
    assert list_items(known)["three/a.png"].annotation.objects == ()


def test_a_renamed_folder_of_labels_alone_is_known(known: Workspace, folder: Path) -> None:
    for path in (folder / "labels" / "two").iterdir():
        path.rename(folder / "images" / "two" / path.name)  # beside its image; this changes its times
    assert import_again(known, folder) == {"a.png", "b.png", "c.png"}


def test_a_file_put_in_the_place_of_another_is_read(known: Workspace, folder: Path, tmp_path: Path) -> None:
    image = folder / "images" / "one" / "a.png"
    status = image.stat()
    other = write_image(tmp_path / "other.png", seed=77)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(image)
    assert import_again(known, folder) == {"a.png"}


def test_files_that_change_places_are_read(known: Workspace, folder: Path) -> None:
    part = folder / "images" / "one"
    for old, new in (("a.png", "x"), ("b.png", "a.png"), ("x", "b.png")):
        (part / old).rename(part / new)
    assert import_again(known, folder) == {"a.png", "b.png"}


def test_a_renamed_file_is_read(known: Workspace, folder: Path) -> None:
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        (folder / kind / "one" / f"a.{suffix}").rename(folder / kind / "one" / f"z.{suffix}")
    assert import_again(known, folder) == {"z.png"}


def test_a_new_file_under_the_name_of_a_renamed_folder_is_read(known: Workspace, folder: Path) -> None:
    rename(folder, "two", "three")
    write_image(folder / "images" / "two" / "a.png", seed=5)
    write_label(folder / "labels" / "two" / "a.txt", 0)
    assert import_again(known, folder) == {"a.png"}


def test_names_of_one_file_are_told_by_reading_them(workspace: Workspace, folder: Path) -> None:
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        os.link(folder / kind / "two" / f"a.{suffix}", folder / kind / "two" / f"linked.{suffix}")
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    rename(folder, "two", "three")
    assert import_again(workspace, folder) == {"a.png", "linked.png"}


def test_a_link_that_is_made_later_makes_its_file_be_read(known: Workspace, folder: Path) -> None:
    os.link(folder / "images" / "one" / "a.png", folder / "images" / "two" / "linked.png")
    assert import_again(known, folder) == {"a.png", "linked.png"}


def test_a_folder_that_becomes_another_split_gives_it_to_what_is_known(
    workspace: Workspace, folder: Path
) -> None:
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images/one\nval: images/two\n")
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images/two\nval: images/one\n")
    assert import_again(workspace, folder) == set()
    assert {key: item.split for key, item in list_items(workspace).items() if key.endswith("a.png")} == {
        "one/a.png": "val",
        "two/a.png": "train",
    }


def test_what_the_project_made_of_bare_images_does_not_move_with_them(known: Workspace, folder: Path) -> None:
    bare = folder / "images"
    import_folder(known, bare, "pets", observer=KeepingObserver())
    assert list_items(known)["two/a.png"].annotation.objects
    (bare / "two").rename(bare / "three")
    assert import_again(known, bare) == set()
    assert list_items(known)["three/a.png"].annotation.objects == ()


def test_what_was_changed_in_the_project_is_read_when_its_folder_is_renamed(
    known: Workspace, folder: Path
) -> None:
    commit(known, "pets", message="one")
    write_label(folder / "labels" / "two" / "a.txt", 0, left=0.25)
    assert import_again(known, folder) == {"a.png"}
    restore(known, "pets@1")
    rename(folder, "two", "three")
    assert import_again(known, folder) == {"a.png"}
    assert [o.class_name for o in list_items(known)["three/a.png"].annotation.objects] == ["cat"]


def test_an_item_that_was_left_out_is_tried_again_under_its_new_path(
    workspace: Workspace, folder: Path
) -> None:
    (folder / "images" / "two" / "a.png").write_bytes(b"no image")
    write_label(folder / "labels" / "two" / "b.txt", 7)
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    assert import_again(workspace, folder) == set()
    rename(folder, "two", "three")
    assert import_again(workspace, folder) == {"a.png", "b.png"}


@pytest.mark.parametrize(("share", "read"), [(0.0, "abc"), (0.3, "abc"), (0.6, ""), (0.99, "abc")], ids=str)
def test_a_damaged_cache_costs_readings_and_nothing_else(
    known: Workspace, folder: Path, share: float, read: str
) -> None:
    (path,) = (known.home / "cache" / "imports").iterdir()
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1
    path.write_bytes(content)
    rename(folder, "two", "three")
    assert import_again(known, folder) == {f"{name}.png" for name in read}


def test_files_that_are_too_young_are_read_again(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    youngest_ns = max(path.stat().st_ctime_ns for path in folder.rglob("*"))
    monkeypatch.setattr(time, "time_ns", lambda: youngest_ns + 1_000_000_000)
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    assert import_again(workspace, folder) == {"a.png", "b.png", "c.png"}


def test_many_renamed_folders_are_known_in_any_order(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for part in range(40):
        for name in range(15):
            path = folder / "images" / f"{part:02}" / f"{name:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / "images" / "00" / "00.png", path) if part or name else write_image(path)
            write_label(folder / "labels" / f"{part:02}" / f"{name:02}.txt", (part + name) % 2, name / 30)
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    for part in range(0, 40, 3):
        rename(folder, f"{part:02}", f"{97 * part % 89:02}-{part}")
    write_label(folder / "labels" / "01" / "05.txt", 1, 0.4)
    assert import_again(workspace, folder) == {"05.png"}
    assert import_again(workspace, folder) == set()


def test_a_cache_that_the_disk_refuses_leaves_its_room_to_the_catalog(
    known: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(self: object, file: IO[bytes]) -> None:
        file.write(bytes(100_000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def summarise_later(*words: Any) -> ImportResult:
        drafts.extend((known.home / "cache" / "imports").glob("*.tmp"))
        return summarise(*words)

    drafts: list[Path] = []
    monkeypatch.setattr(ChangedItems, "copy_to", fill_up)
    monkeypatch.setattr(import_, "summarise", summarise_later)
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.25)
    result = import_folder(known, folder, "pets", observer=KeepingObserver())
    assert (result.items_updated, drafts) == (1, [])
    monkeypatch.undo()
    assert import_again(known, folder) == {"b.png"}


def test_what_a_killed_import_has_drafted_is_removed_after_an_hour(known: Workspace, folder: Path) -> None:
    old, young = ((known.home / "cache" / "imports" / f"{name}.tmp") for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.25)
    assert import_again(known, folder) == {"b.png"}
    assert (old.exists(), young.exists()) == (False, True)


def test_a_draft_that_cannot_be_removed_keeps_no_cache_from_being_written(
    known: Workspace, folder: Path
) -> None:
    stuck = known.home / "cache" / "imports" / "stuck.tmp"
    stuck.mkdir()
    os.utime(stuck, (time.time() - 7200, time.time() - 7200))
    write_label(folder / "labels" / "one" / "b.txt", 1, left=0.25)
    assert import_again(known, folder) == {"b.png"}
    assert import_again(known, folder) == set()  # it is known what the last one found
    assert stuck.exists()


def lose_packs(workspace: Workspace, *, keep_small: bool = False) -> None:
    """Remove the packs, or the largest alone, and let the store notice."""
    packs = sorted(list_packs(workspace.home), key=lambda pack: pack.stat().st_size)
    for pack in packs[-1:] if keep_small else packs:
        pack.unlink()
    Store(workspace.home / "store").close()


def test_images_that_the_store_has_lost_are_stored_again(known: Workspace, folder: Path) -> None:
    write_label(folder / "labels" / "one" / "a.txt", 1)
    import_again(known, folder)  # whose pack holds the manifest, and no image
    lose_packs(known, keep_small=True)
    lost = [item.blob for item in list_items(known).values()]
    assert not any(known.store.contains(blob) for blob in lost)
    result, read = import_beside_blind(known, folder)
    assert (result.items_added, result.items_unchanged) == (0, 6)
    assert read == {"a.png", "b.png", "c.png"}
    assert all(known.store.read(item.blob) for item in list_items(known).values())


def test_a_manifest_that_is_lost_comes_back_from_the_folder(known: Workspace, folder: Path) -> None:
    manifest = get_manifest(known)
    lose_packs(known)
    result, _ = import_beside_blind(known, folder)
    assert (result.items_added, result.items_unchanged) == (0, 6)
    assert get_manifest(known) == manifest
    assert all(known.store.read(item.blob) for item in list_items(known).values())


def test_another_folder_does_not_take_the_place_of_a_lost_manifest(known: Workspace, folder: Path) -> None:
    manifest = get_manifest(known)
    lose_packs(known)
    write_label(folder / "labels" / "one" / "a.txt", 1)
    with pytest.raises(CorruptData, match="does not give it back"):
        import_folder(known, folder, "pets", observer=KeepingObserver())
    assert get_manifest(known) == manifest


def test_after_a_loss_one_import_reads_all_and_the_next_nothing(known: Workspace, folder: Path) -> None:
    lose_packs(known)
    assert import_again(known, folder) == {"a.png", "b.png", "c.png"}
    assert import_again(known, folder) == set()


def test_edits_that_an_import_replaces_are_counted_and_undo_brings_them_back(
    workspace: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    import_folder(workspace, folder, "pets", observer=observer)
    transform(workspace, "drop_classes", ["pets"], to="pets", params={"classes": "cat"}, observer=observer)
    edited = get_manifest(workspace)
    write_label(folder / "labels" / "two" / "b.txt", 1, left=0.25)
    write_image(folder / "images" / "two" / "new.png", seed=99)
    again = import_folder(workspace, folder, "pets", observer=observer)
    assert again.edits_replaced == 3, "the dropped cats, not what changed in the folder"
    assert (again.items_added, again.items_updated) == (1, 4)
    undo(workspace, "pets")
    assert get_manifest(workspace) == edited


def test_an_import_that_replaces_no_edit_says_nothing_of_them(
    workspace: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    import_folder(workspace, folder, "pets", observer=observer)
    write_label(folder / "labels" / "two" / "b.txt", 1, left=0.25)
    assert import_folder(workspace, folder, "pets", observer=observer).edits_replaced == 0


def test_edits_are_counted_where_all_is_read_anew(
    workspace: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    import_folder(workspace, folder, "pets", observer=observer)
    transform(workspace, "drop_classes", ["pets"], to="pets", params={"classes": "cat"}, observer=observer)
    (folder / "data.yaml").write_text("names: [cat, wolf]\ntrain: images\n")
    assert import_folder(workspace, folder, "pets", observer=observer).edits_replaced == 3
