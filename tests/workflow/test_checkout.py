"""A version as a folder: written, edited with other tools, synced back, and changed in place."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import msgspec
import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import Busy, Cancelled, Conflict, CorruptData, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.importing.signing import sign_status
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import sync
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workflow.trees import write as writing
from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.state import get_state, write_state
from mlwf_tui.workflow.trees.tree import hold_tree
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.filling import damage_image
from tests.making import make_image, write_image, write_voc_xml


@pytest.fixture
def folder(imported: Workspace, tmp_path: Path, observer: KeepingObserver) -> Path:
    checkout(imported, "cells", tmp_path / "out", observer=observer)
    return tmp_path / "out"


def list_items(workspace: Workspace, project: str = "cells") -> dict[str, Item]:
    manifest = workspace.catalog.projects.get(project).manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


def read_files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".mlwf" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def edit_annotation(folder: Path, name: str, **values: object) -> None:
    path = folder / "main" / "ann" / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def relabel(folder: Path, name: str, class_name: str) -> None:
    path = folder / "main" / "ann" / f"{name}.json"
    document = json.loads(path.read_text())
    document["objects"][0]["classTitle"] = class_name
    path.write_text(json.dumps(document))


def test_a_checkout_holds_every_image_byte_for_byte(imported: Workspace, folder: Path) -> None:
    for item in list_items(imported).values():
        assert (folder / item.dataset / "img" / item.name).read_bytes() == imported.store.read(item.blob)
        assert (folder / item.dataset / "ann" / f"{item.name}.json").is_file()


def test_a_fresh_checkout_is_clean_and_a_second_writes_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    assert read_status(imported, folder, observer=observer).is_clean
    again = checkout(imported, "cells", folder, observer=observer)
    assert (again.files_written, again.files_removed) == (0, 0)


def test_sync_of_an_untouched_checkout_changes_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    head = imported.catalog.projects.get("cells").head
    sync(imported, folder, observer=observer)
    assert imported.catalog.projects.get("cells").head == head


def test_every_kind_of_edit_is_seen_and_synced(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = list_items(imported)
    relabel(folder, "a.jpg", "nucleus")
    write_image(folder / "main" / "img" / "new.jpg", seed=77)
    (folder / "main" / "img" / "b.jpg").unlink()
    (folder / "main" / "ann" / "b.jpg.json").unlink()
    (folder / "main" / "img" / "c.jpg").rename(folder / "main" / "img" / "moved.jpg")
    status = read_status(imported, folder, observer=observer)
    found = {(change.kind, change.key, change.renamed_from) for change in status.changes}
    assert found == {
        (ChangeKind.CHANGED, "main/a.jpg", ""),
        (ChangeKind.ADDED, "main/new.jpg", ""),
        (ChangeKind.REMOVED, "main/b.jpg", ""),
        (ChangeKind.RENAMED, "main/moved.jpg", "main/c.jpg"),
    }
    result = sync(imported, folder, message="edited outside", observer=observer)
    counts = (result.items_added, result.items_updated, result.items_removed, result.items_renamed)
    assert counts == (1, 1, 1, 1)
    assert result.version == 2
    after = list_items(imported)
    assert after["main/a.jpg"].annotation.objects[0].class_name == "nucleus"
    assert after["main/moved.jpg"].annotation == before["main/c.jpg"].annotation
    assert after["main/moved.jpg"].split == before["main/c.jpg"].split
    assert imported.store.read(after["main/new.jpg"].blob) == make_image(77)
    assert "main/b.jpg" not in after
    assert read_status(imported, folder, observer=observer).is_clean


def test_an_image_that_another_program_changed_keeps_its_annotation(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = list_items(imported)["main/a.jpg"]
    write_image(folder / "main" / "img" / "a.jpg", seed=1234)
    sync(imported, folder, observer=observer)
    after = list_items(imported)["main/a.jpg"]
    assert after.blob != before.blob
    assert after.annotation == before.annotation


def test_a_made_image_still_knows_its_root_after_an_edit(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    transform(imported, "flip", ["cells"], to="flipped", params={}, observer=observer)
    made = list_items(imported, "flipped")
    tree = tmp_path / "flipped"
    checkout(imported, "flipped@1", tree, observer=observer)
    relabel(tree, "a_aug1.jpg", "dot")
    write_image(tree / "main" / "img" / "b_aug1.jpg", seed=1234)
    sync(imported, tree, observer=observer)
    after = list_items(imported, "flipped")
    for key in ("main/a_aug1.jpg", "main/b_aug1.jpg"):
        assert after[key] != made[key]
        assert after[key].origins == made[key].origins != ()


def test_a_checkout_in_place_writes_and_moves_only_what_differs(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    inode = (folder / "main" / "img" / "c.jpg").stat().st_ino
    untouched = sign_status((folder / "main" / "img" / "d.jpg").stat())
    (folder / "main" / "img" / "c.jpg").rename(folder / "main" / "img" / "z.jpg")
    (folder / "main" / "ann" / "c.jpg.json").rename(folder / "main" / "ann" / "z.jpg.json")
    relabel(folder, "a.jpg", "nucleus")
    sync(imported, folder, message="second", observer=observer)
    checkout(imported, "cells@1", folder, observer=observer)
    assert (folder / "main" / "img" / "c.jpg").stat().st_ino == inode
    assert sign_status((folder / "main" / "img" / "d.jpg").stat()) == untouched
    checkout(imported, "cells@1", tmp_path / "fresh", observer=observer)
    assert read_files(folder) == read_files(tmp_path / "fresh")
    checkout(imported, "cells@2", folder, observer=observer)
    checkout(imported, "cells@2", tmp_path / "other", observer=observer)
    assert read_files(folder) == read_files(tmp_path / "other")


def test_edits_are_never_overwritten_without_force_and_kept_with_it(
    imported: Workspace, folder: Path, observer: KeepingObserver, voc: Path
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    mine = (folder / "main" / "ann" / "a.jpg.json").read_bytes()
    write_voc_xml(voc / "Annotations" / "b.xml", "b.jpg", [("cell", 1, 1, 9, 9)])
    import_folder(imported, voc, "cells", observer=observer)
    with pytest.raises(Conflict, match=r"a\.jpg"):
        checkout(imported, "cells", folder, observer=observer)
    assert (folder / "main" / "ann" / "a.jpg.json").read_bytes() == mine
    result = checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert (folder / result.kept_in / "main" / "ann" / "a.jpg.json").read_bytes() == mine
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_removed_file_is_an_edit_too(imported: Workspace, folder: Path, observer: KeepingObserver) -> None:
    (folder / "main" / "img" / "a.jpg").unlink()
    with pytest.raises(Conflict, match=r"a\.jpg"):
        checkout(imported, "cells@1", folder, observer=observer)
    checkout(imported, "cells@1", folder, is_forced=True, observer=observer)
    assert (folder / "main" / "img" / "a.jpg").is_file()


def test_files_of_others_stay_where_they_are(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / ".git").mkdir()
    checkout(imported, "cells@1", folder, observer=observer)
    sync(imported, folder, observer=observer)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / ".git").is_dir()


def test_changes_of_both_sides_are_merged_by_sync(
    imported: Workspace, folder: Path, observer: KeepingObserver, voc: Path
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    write_voc_xml(voc / "Annotations" / "b.xml", "b.jpg", [("cell", 1, 1, 9, 9)])
    import_folder(imported, voc, "cells", observer=observer)
    sync(imported, folder, observer=observer)
    after = list_items(imported)
    assert after["main/a.jpg"].annotation.objects[0].class_name == "nucleus"
    assert after["main/b.jpg"].annotation.objects[0].geometry.bounds == (1, 1, 9, 9)
    assert b"[9,9]" in (folder / "main" / "ann" / "b.jpg.json").read_bytes()
    assert read_status(imported, folder, observer=observer).is_clean


def test_what_both_changed_needs_a_policy(
    imported: Workspace, folder: Path, observer: KeepingObserver, voc: Path
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("spot", 2, 2, 12, 12)])
    (voc / "JPEGImages" / "a.jpg").write_bytes(make_image(901))
    (folder / "main" / "img" / "a.jpg").write_bytes(make_image(902))
    import_folder(imported, voc, "cells", observer=observer)
    head = imported.catalog.projects.get("cells").head
    with pytest.raises(Conflict, match=r"main/a\.jpg"):
        sync(imported, folder, observer=observer)
    assert imported.catalog.projects.get("cells").head == head
    result = sync(imported, folder, policy=Side.THEIRS, observer=observer)
    assert imported.store.read(list_items(imported)["main/a.jpg"].blob) == make_image(902)
    assert result.conflicts_settled > 0


def test_a_sync_says_what_it_did_not_take_and_what_it_wrote(
    imported: Workspace,
    folder: Path,
    voc: Path,
    observer: KeepingObserver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "main" / "img" / "a.jpg").write_bytes(make_image(902))
    (voc / "JPEGImages" / "a.jpg").write_bytes(make_image(901))
    import_folder(imported, voc, "cells", observer=observer)
    assert main(["--home", str(imported.home), "sync", str(folder), "--policy", "ours"]) == 0
    *lines, kept = capsys.readouterr().out.splitlines()[1:]
    assert lines == [
        "  1 that both had changed: the project's was taken",
        "  1 file here written or removed: the project had changed",
    ]
    kept_in = kept.removeprefix("  what did not come in and was in the way is in ")
    assert (Path(kept_in) / "main" / "img" / "a.jpg").read_bytes() == make_image(902)
    assert (folder / "main" / "img" / "a.jpg").read_bytes() == make_image(901)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"", b"null"])
def test_a_broken_annotation_is_named_and_what_was_there_stays(
    imported: Workspace, folder: Path, observer: KeepingObserver, content: bytes
) -> None:
    before = list_items(imported)
    (folder / "main" / "ann" / "a.jpg.json").write_bytes(content)
    result = sync(imported, folder, observer=observer)
    assert [problem.path for problem in result.problems] == ["main/ann/a.jpg.json"]
    assert list_items(imported) == before
    again = sync(imported, folder, observer=observer)
    assert again.problems == result.problems


def test_a_damaged_image_is_named_and_the_stored_one_stays(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = list_items(imported)
    (folder / "main" / "img" / "a.jpg").write_bytes(b"\xff\xd8\xff broken")
    result = sync(imported, folder, observer=observer)
    assert [problem.path for problem in result.problems] == ["main/img/a.jpg"]
    assert list_items(imported) == before


def test_an_edit_that_leaves_size_and_mtime_alone_is_seen(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    path = folder / "main" / "ann" / "a.jpg.json"
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"cell"', b'"spot"', 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert [c.key for c in read_status(imported, folder, observer=observer).changes] == ["main/a.jpg"]


def test_a_linked_folder_in_the_way_is_not_written_through(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "main").symlink_to(outside)
    with pytest.raises(Conflict):
        checkout(imported, "cells", tmp_path / "out", is_forced=True, observer=observer)
    assert list(outside.iterdir()) == []


def test_a_link_in_the_place_of_an_image_is_replaced_not_followed(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    secret = write_image(tmp_path / "secret.jpg", 5)
    content = secret.read_bytes()
    image = folder / "main" / "img" / "a.jpg"
    image.unlink()
    image.symlink_to(secret)
    status = read_status(imported, folder, observer=observer)
    assert any("leads out" in problem.reason for problem in status.problems)
    checkout(imported, "cells@1", folder, is_forced=True, observer=observer)
    assert not image.is_symlink()
    assert secret.read_bytes() == content


@pytest.mark.parametrize("way", ["checkout", "sync"])
def test_a_killed_checkout_goes_on_and_takes_nothing_for_an_edit(
    imported: Workspace,
    tmp_path: Path,
    observer: KeepingObserver,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    folder = tmp_path / "out"
    written = 0

    def die_in_the_middle(self: TreeFiles, path: str, content: bytes, *, is_replacing: bool) -> bytes:
        nonlocal written
        written += 1
        if written == 9:  # the label schema, five annotations, two images
            raise KeyboardInterrupt
        return write(self, path, content, is_replacing=is_replacing)

    write = TreeFiles.write
    monkeypatch.setattr(TreeFiles, "write", die_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        checkout(imported, "cells", folder, observer=observer)
    monkeypatch.undo()
    torn = next((folder / "main" / "img").iterdir())
    torn.write_bytes(torn.read_bytes()[:100])
    status = read_status(imported, folder, observer=observer)
    assert (status.is_interrupted, status.is_behind, status.is_schema_changed) == (True, False, False)
    assert (status.changes, status.problems) == ((), ())
    if way == "checkout":
        result = checkout(imported, "cells", folder, observer=observer)
        assert result.files_written == 4  # the torn one, and three images that were not there
    else:
        head = imported.catalog.projects.get("cells").head
        sync(imported, folder, observer=observer)
        assert imported.catalog.projects.get("cells").head == head
    assert read_status(imported, folder, observer=observer).is_clean
    checkout(imported, "cells", tmp_path / "fresh", observer=observer)
    assert read_files(folder) == read_files(tmp_path / "fresh")


def test_an_edit_made_after_a_killed_checkout_is_not_lost(
    imported: Workspace, folder: Path, observer: KeepingObserver, voc: Path
) -> None:

    write_voc_xml(voc / "Annotations" / "b.xml", "b.jpg", [("cell", 1, 1, 9, 9)])
    import_folder(imported, voc, "cells", observer=observer)
    target = imported.catalog.projects.get("cells").manifest
    write_state(folder, msgspec.structs.replace(get_state(folder), target=target))
    relabel(folder, "a.jpg", "nucleus")
    with pytest.raises(Conflict, match=r"a\.jpg"):
        checkout(imported, "cells", folder, observer=observer)


def test_two_at_once_are_kept_apart(
    imported: Workspace, folder: Path, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlwf_tui.workflow.trees.tree._LOCK_TIMEOUT_S", 0.05)
    with hold_tree(imported, folder), pytest.raises(Busy):
        sync(imported, folder, observer=observer)


def test_what_cannot_be_a_checkout_is_refused(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.txt").write_text("x")
    with pytest.raises(Conflict, match="not empty"):
        checkout(imported, "cells", tmp_path / "full", observer=observer)
    with pytest.raises(InvalidParameter, match="inside of the home"):
        checkout(imported, "cells", imported.home / "out", observer=observer)
    with pytest.raises(NotFound):
        read_status(imported, tmp_path / "full", observer=observer)
    with pytest.raises(NotFound):
        checkout(imported, "nothing", tmp_path / "other", observer=observer)
    state = folder / ".mlwf" / "state"
    state.write_bytes(state.read_bytes()[:-3] + b"xyz")
    with pytest.raises(InvalidInput, match="damaged"):
        read_status(imported, folder, observer=observer)
    checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean


def test_classes_are_edited_in_meta_json(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    meta = folder / "meta.json"
    document = json.loads(meta.read_text())
    document["classes"][0]["color"] = "#123456"
    meta.write_text(json.dumps(document))
    assert read_status(imported, folder, observer=observer).is_schema_changed
    sync(imported, folder, message="recoloured", observer=observer)
    assert commit(imported, "cells").created is False
    assert read_status(imported, folder, observer=observer).is_clean


def test_the_folder_may_be_moved(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    shutil.move(folder, tmp_path / "elsewhere")
    status = read_status(imported, tmp_path / "elsewhere", observer=observer)
    assert status.is_clean


def fill(folder: Path, count: int = 10) -> list[Path]:
    return [write_image(folder / "main" / "img" / f"more{n}.jpg", seed=100 + n) for n in range(count)]


def sign(path: Path) -> bytes:
    return sign_status(path.stat())


def rename_dataset(workspace: Workspace, folder: Path, observer: KeepingObserver) -> None:
    """Leave version 2 with many images in `main`, and version 3 in which they are in `other/part`."""
    fill(folder)
    sync(workspace, folder, message="filled", observer=observer)
    (folder / "other" / "datasets").mkdir(parents=True)
    (folder / "main").rename(folder / "other" / "datasets" / "part")
    sync(workspace, folder, message="renamed", observer=observer)


def test_a_renamed_dataset_is_moved_by_its_folders(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    rename_dataset(imported, folder, observer)
    inode = (folder / "other/datasets/part/img").stat().st_ino
    signatures = {path.name: sign(path) for path in (folder / "other/datasets/part/img").iterdir()}
    checkout(imported, "cells@2", folder, observer=observer)
    assert (folder / "main/img").stat().st_ino == inode
    assert {path.name: sign(path) for path in (folder / "main/img").iterdir()} == signatures
    assert not (folder / "other").exists()
    assert read_status(imported, folder, observer=observer).is_clean
    checkout(imported, "cells@2", tmp_path / "fresh", observer=observer)
    assert read_files(folder) == read_files(tmp_path / "fresh")


@pytest.mark.parametrize("place", ["other/datasets/part/img", "main/img"])
def test_a_folder_with_files_of_others_is_not_moved_and_nothing_of_theirs_is_lost(
    imported: Workspace, folder: Path, observer: KeepingObserver, place: str
) -> None:
    rename_dataset(imported, folder, observer)
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / ".hidden").write_text("mine")
    checkout(imported, "cells@2", folder, observer=observer)
    assert (folder / place / ".hidden").read_text() == "mine"
    assert (folder / "main/img/more3.jpg").exists()
    assert not (folder / "other/datasets/part/img/more3.jpg").exists()
    assert read_status(imported, folder, observer=observer).is_clean


def test_an_empty_folder_in_the_new_place_is_no_obstacle(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    rename_dataset(imported, folder, observer)
    (folder / "main/img").mkdir(parents=True)
    checkout(imported, "cells@1", folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean
    checkout(imported, "cells@3", folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_link_in_the_new_place_is_not_followed(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path
) -> None:
    rename_dataset(imported, folder, observer)
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "main").mkdir()
    (folder / "main/img").symlink_to(outside)
    with pytest.raises(Conflict):
        checkout(imported, "cells@2", folder, observer=observer)
    assert list(outside.iterdir()) == []
    (folder / "main/img").unlink()
    checkout(imported, "cells@2", folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean


@pytest.mark.parametrize("way", ["checkout", "sync"])
@pytest.mark.parametrize("name", ["rename", "write"])
def test_what_a_killed_checkout_put_aside_is_named_and_removes_nothing(
    imported: Workspace,
    folder: Path,
    observer: KeepingObserver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    way: str,
) -> None:
    def die(self: TreeFiles, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = list_items(imported)
    image = folder / "main" / "img" / "a.jpg"
    whole, edited = image.read_bytes(), write_image(image, 5).read_bytes()
    monkeypatch.setattr(TreeFiles, name, die)
    with pytest.raises(KeyboardInterrupt):
        checkout(imported, "cells", folder, is_forced=True, observer=observer)
    monkeypatch.undo()
    if way == "checkout":
        kept_in = checkout(imported, "cells", folder, observer=observer).kept_in
    else:
        kept_in = sync(imported, folder, observer=observer).kept_in
    assert (folder / kept_in / "main" / "img" / "a.jpg").read_bytes() == edited
    assert image.read_bytes() == whole
    assert list_items(imported) == before
    assert read_status(imported, folder, observer=observer).is_clean
    assert checkout(imported, "cells", folder, observer=observer).kept_in == ""


def test_a_state_remembers_no_file_that_was_moved_away(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    rename_dataset(imported, folder, observer)
    checkout(imported, "cells@2", folder, observer=observer)
    paths = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(get_state(folder).files) == {path for path in paths if not path.startswith(".mlwf")}


def test_many_files_are_removed_by_several_threads(
    imported: Workspace,
    folder: Path,
    observer: KeepingObserver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 3)
    fill(folder)
    sync(imported, folder, message="filled", observer=observer)
    result = checkout(imported, "cells@1", folder, observer=observer)
    assert result.files_removed == 20
    assert read_status(imported, folder, observer=observer).is_clean
    checkout(imported, "cells@1", tmp_path / "fresh", observer=observer)
    assert read_files(folder) == read_files(tmp_path / "fresh")


def test_a_removal_that_is_stopped_goes_on_later(
    imported: Workspace, folder: Path, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 3)
    fill(folder)
    sync(imported, folder, message="filled", observer=observer)
    looks = 0
    while not read_status(imported, folder, observer=observer).is_interrupted:
        looks += 1
        with pytest.raises(Cancelled):  # before a file was removed, and then in the middle
            checkout(imported, "cells@1", folder, observer=StoppingObserver(looks_left=looks))
    checkout(imported, "cells@1", folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean
    assert not list(folder.rglob("more*"))


@pytest.mark.parametrize("verb", ["first checkout", "checkout over another", "sync", "of an earlier mlwf"])
def test_what_ends_an_interrupted_verb_is_named_and_ends_it(
    imported: Workspace,
    folder: Path,
    tmp_path: Path,
    observer: KeepingObserver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
) -> None:
    def die(self: TreeFiles, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    number = 2 if verb == "checkout over another" else 1
    other = tmp_path / "my other"
    if verb != "first checkout":
        checkout(imported, "cells", other, observer=observer)
    write_image(folder / "main" / "img" / "new.jpg", 71)
    sync(imported, folder, message="more", observer=observer)
    monkeypatch.setattr(TreeFiles, "write", die)
    with pytest.raises(KeyboardInterrupt):
        if "checkout" in verb:
            checkout(imported, f"cells@{number}", other, observer=observer)
        else:
            sync(imported, other, observer=observer)
    monkeypatch.undo()
    if verb == "of an earlier mlwf":
        write_state(other, msgspec.structs.replace(get_state(other), verb=""))
    imported.catalog.projects.rename(imported.catalog.projects.get("cells").id, "spots")
    call = ["--home", str(imported.home)]
    assert main([*call, "status", str(other)]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "interrupted" in line]
    what, _, words = line.partition(" was interrupted; end it with: mlwf ")
    if "checkout" in verb:
        assert (what, words) == ("a checkout", f"checkout spots@{number} '{other}'")
    else:
        named = "a sync" if verb == "sync" else "a checkout or sync"
        assert (what, words) == (named, f"sync '{other}'")
    assert main([*call, *shlex.split(words)]) == 0
    assert read_status(imported, other, observer=observer).is_clean
    has_new = (other / "main" / "img" / "new.jpg").exists()
    assert has_new is (verb != "first checkout")


@pytest.mark.parametrize("is_read_first", [False, True])
def test_an_image_that_replaces_one_that_is_damaged_in_the_store_is_an_edit(
    imported: Workspace, folder: Path, tmp_path: Path, observer: KeepingObserver, is_read_first: bool
) -> None:
    """It cannot be compared with what should be there: in a folder that was not whole yet it stays."""
    path = folder / "main" / "img" / "bad.jpg"
    image = write_image(path, 901).read_bytes()
    sync(imported, folder, observer=observer)
    damage_image(imported, image)
    path = tmp_path / "fresh" / "main" / "img" / "bad.jpg"
    with pytest.raises(CorruptData):
        checkout(imported, "cells", tmp_path / "fresh", observer=observer)
    mine = make_image(5, width_px=16, height_px=16)
    path.write_bytes(mine)
    assert len(mine) <= len(image)
    if is_read_first:
        status = read_status(imported, tmp_path / "fresh", observer=observer)
        assert [(change.kind, change.key) for change in status.changes] == [
            (ChangeKind.CHANGED, "main/bad.jpg")
        ]
    assert sync(imported, tmp_path / "fresh", observer=observer).items_updated == 1
    assert path.read_bytes() == mine
    assert read_status(imported, tmp_path / "fresh", observer=observer).is_clean


def test_an_image_that_is_damaged_in_the_store_is_named_and_the_others_are_written(
    imported: Workspace, folder: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    image = write_image(folder / "main" / "img" / "bad.jpg", 901).read_bytes()
    sync(imported, folder, observer=observer)
    folder = tmp_path / "fresh"
    pack, whole = damage_image(imported, image)
    before = list_items(imported)
    for _ in range(2):
        with pytest.raises(CorruptData, match=r"main/img/bad\.jpg is damaged"):
            checkout(imported, "cells", folder, observer=observer)
        assert sorted(path.name for path in (folder / "main" / "img").iterdir()) == [
            key.removeprefix("main/") for key in sorted(before) if key != "main/bad.jpg"
        ]
        status = read_status(imported, folder, observer=observer)
        assert (status.is_interrupted, status.changes) == (True, ())
        with pytest.raises(CorruptData):
            sync(imported, folder, observer=observer)
        assert list_items(imported) == before
    pack.write_bytes(whole)
    assert checkout(imported, "cells", folder, observer=observer).files_written == 1
    assert (folder / "main" / "img" / "bad.jpg").read_bytes() == image
