"""What a sync leaves in the folder and in the label schema: no class lost, no annotation without an image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import BothChanged, sync
from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.state import get_state, write_state
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image


@pytest.fixture
def folder(imported: Workspace, tmp_path: Path, observer: KeepingObserver) -> Path:
    checkout(imported, "cells", tmp_path / "out", observer=observer)
    return tmp_path / "out"


def list_items(workspace: Workspace) -> dict[str, Item]:
    manifest = workspace.catalog.projects.get("cells").manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


def read_schema(workspace: Workspace) -> LabelSchema:
    return read_summary(workspace.store, workspace.catalog.projects.get("cells").manifest).schema


def edit(path: Path, change: Any) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def place(folder: Path, name: str) -> Path:
    return folder / "main" / "ann" / f"{name}.json"


def relabel(folder: Path, name: str, class_name: str) -> None:
    edit(place(folder, name), lambda document: document["objects"][0].update(classTitle=class_name))


def recolour(folder: Path, color: str) -> None:
    edit(folder / "meta.json", lambda document: document["classes"][0].update(color=color))


def test_a_class_that_objects_bring_stands_in_the_folder_and_is_not_lost_later(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    sync(imported, folder, observer=observer)
    named = json.loads((folder / "meta.json").read_text())["classes"]
    assert "nucleus" in [definition["title"] for definition in named]
    assert read_status(imported, folder, observer=observer).is_clean
    recolour(folder, "#123456")
    sync(imported, folder, observer=observer)
    assert "nucleus" in read_schema(imported).class_names
    assert read_schema(imported).classes[0].color == "#123456"


def test_new_classes_have_colours_of_their_own(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    for name, class_name in (("a.jpg", "nucleus"), ("b.jpg", "blast")):
        relabel(folder, name, class_name)
        sync(imported, folder, observer=observer)
    colors = [definition.color for definition in read_schema(imported).classes]
    assert len(set(colors)) == len(colors) == 4


def test_a_class_that_is_taken_out_while_objects_have_it_stays_and_is_named(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = read_schema(imported)
    edit(folder / "meta.json", lambda document: document.update(classes=[]))
    result = sync(imported, folder, observer=observer)
    assert read_schema(imported) == before
    assert result.problems == tuple(
        Problem("meta.json", f"does not define {name}, which objects have; the class stays")
        for name in before.class_names
    )
    assert sync(imported, folder, observer=observer).problems == ()
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_class_that_no_object_has_can_be_taken_out(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    def add(document: Any) -> None:
        document["classes"].append({**document["classes"][0], "title": "ghost"})

    edit(folder / "meta.json", add)
    assert sync(imported, folder, observer=observer).is_schema_changed
    assert list_runs(imported)[0].result["summary"] == "classes and tags"
    assert "ghost" in read_schema(imported).class_names
    edit(folder / "meta.json", lambda document: document["classes"].pop())
    sync(imported, folder, observer=observer)
    assert "ghost" not in read_schema(imported).class_names


def test_a_broken_meta_json_is_not_written_over(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    (folder / "meta.json").write_text("{ half")
    sync(imported, folder, observer=observer)
    assert (folder / "meta.json").read_text() == "{ half"
    assert "nucleus" in read_schema(imported).class_names


def test_the_annotations_of_removed_and_renamed_images_go_with_them(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    images = folder / "main" / "img"
    (images / "a.jpg").unlink()
    (images / "b.jpg").rename(images / "moved.jpg")
    result = sync(imported, folder, observer=observer)
    assert (result.items_removed, result.items_renamed, result.problems) == (1, 1, ())
    assert not place(folder, "a.jpg").exists()
    assert not place(folder, "b.jpg").exists()
    assert place(folder, "moved.jpg").exists()
    write_image(images / "a.jpg", seed=77)
    sync(imported, folder, observer=observer)
    assert list_items(imported)["main/a.jpg"].annotation.objects == ()
    assert len(list_items(imported)["main/moved.jpg"].annotation.objects) == 2


def test_an_annotation_that_a_kill_kept_from_being_removed_is_named_and_used_by_no_image(
    imported: Workspace, folder: Path, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = folder / "main" / "img" / "a.jpg"
    image.unlink()

    def die(self: TreeFiles, path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TreeFiles, "remove", die)
    with pytest.raises(KeyboardInterrupt):
        sync(imported, folder, observer=observer)
    monkeypatch.undo()
    assert place(folder, "a.jpg").exists()
    named = read_status(imported, folder, observer=observer).problems
    assert Problem("main/ann/a.jpg.json", "has no image") in named
    sync(imported, folder, observer=observer)
    assert "main/a.jpg" not in list_items(imported)


def test_exchanged_names_keep_their_annotations(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    images, before = folder / "main" / "img", list_items(imported)
    (images / "a.jpg").rename(images / "x.jpg")
    (images / "b.jpg").rename(images / "a.jpg")
    (images / "x.jpg").rename(images / "b.jpg")
    sync(imported, folder, observer=observer)
    assert place(folder, "a.jpg").exists()
    assert place(folder, "b.jpg").exists()
    after = list_items(imported)
    assert after["main/a.jpg"].blob == before["main/b.jpg"].blob
    assert read_status(imported, folder, observer=observer).is_clean


def test_an_edited_annotation_whose_image_is_gone_stays_and_is_named_each_time(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    relabel(folder, "a.jpg", "nucleus")
    (folder / "main" / "img" / "a.jpg").unlink()
    for _ in range(2):
        result = sync(imported, folder, observer=observer)
        assert [problem.reason for problem in result.problems] == ["has no image"]
        assert place(folder, "a.jpg").exists()
    assert "main/a.jpg" not in list_items(imported)


@pytest.mark.parametrize("spoilt", [{"geometryType": "blob"}, {"points": {"exterior": [[1e999, 1]]}}])
def test_an_annotation_that_can_be_read_in_part_leaves_its_item_whole(
    imported: Workspace, folder: Path, observer: KeepingObserver, spoilt: dict[str, Any]
) -> None:
    before = list_items(imported)
    edit(place(folder, "b.jpg"), lambda document: document["objects"][0].update(spoilt))
    for _ in range(2):  # it is said as long as it is so
        result = sync(imported, folder, observer=observer)
        assert [problem.path for problem in result.problems] == ["main/ann/b.jpg.json"]
    assert list_items(imported) == before
    assert read_status(imported, folder, observer=observer).problems != ()


def test_an_unknown_split_leaves_the_item_as_it_was_and_is_named_each_time(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = list_items(imported)
    edit(place(folder, "b.jpg"), lambda document: document.update(split="TRAIN"))
    for _ in range(2):
        assert len(sync(imported, folder, observer=observer).problems) == 1
    assert list_items(imported) == before


@pytest.mark.parametrize("of", ["ann/b.jpg.json", "img/b.jpg"])
def test_a_folder_in_the_place_of_a_file_hides_it_and_removes_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver, of: str
) -> None:
    before = list_items(imported)
    path = folder / "main" / of
    path.unlink()
    path.mkdir()
    result = sync(imported, folder, observer=observer)
    assert result.problems == (Problem(f"main/{of}", "is a folder where a file was; what that said stays"),)
    assert list_items(imported) == before
    path.rmdir()
    checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert path.is_file()
    assert read_status(imported, folder, observer=observer).is_clean


@pytest.mark.parametrize("name", ["ann", "img"])
@pytest.mark.parametrize("is_file_there", [False, True])
def test_a_dataset_that_lost_one_of_its_two_folders_loses_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver, name: str, is_file_there: bool
) -> None:
    before = list_items(imported)
    shutil.rmtree(folder / "main" / name)
    if is_file_there:
        (folder / "main" / name).touch()
    result = sync(imported, folder, observer=observer)
    assert [problem.path for problem in result.problems] == [f"main/{name}"]
    assert list_items(imported) == before
    with pytest.raises(Conflict, match="cannot take in"):
        checkout(imported, "cells", folder, observer=observer)
    checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert len(list((folder / "main" / name).iterdir())) == 5
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_dataset_whose_place_a_file_has_loses_nothing_and_is_named_once(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = list_items(imported)
    shutil.rmtree(folder / "main")
    (folder / "main").touch()
    result = sync(imported, folder, observer=observer)
    assert [problem.path for problem in result.problems] == ["main"]
    assert list_items(imported) == before


def test_a_checkout_says_of_classes_that_were_edited_that_a_sync_takes_them_in(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    recolour(folder, "#123456")
    with pytest.raises(Conflict, match="edits that were not synced: meta"):
        checkout(imported, "cells", folder, observer=observer)


def test_a_dataset_that_is_gone_is_removed(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    shutil.rmtree(folder / "main")
    result = sync(imported, folder, observer=observer)
    assert (result.items_removed, result.problems) == (5, ())


def test_a_folder_that_is_no_checkout_and_is_refused_stays_as_it_was(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(NotFound):
        sync(imported, tmp_path / "mine", observer=observer)
    with pytest.raises(Conflict):
        checkout(imported, "cells", tmp_path / "mine", observer=observer)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_checkout_of_a_deleted_project_says_so_and_stays(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    name = next(iter(list_items(imported).values())).name
    project = imported.catalog.projects.get("cells")
    imported.catalog.projects.rename(project.id, "spots")
    delete(imported, "spots")
    relabel(folder, name, "spot")
    before = place(folder, name).read_text()
    with pytest.raises(NotFound, match="a checkout of spots, and that project was deleted") as told:
        read_status(imported, folder, observer=observer)
    assert f"mlwf undelete {project.id}" in told.value.hint
    with pytest.raises(NotFound, match="that project was deleted"):
        sync(imported, folder, observer=observer)
    assert place(folder, name).read_text() == before


@pytest.fixture
def other(imported: Workspace, folder: Path, tmp_path: Path, observer: KeepingObserver) -> Path:
    """A second checkout of the same version, by which the project changes meanwhile."""
    checkout(imported, "cells", tmp_path / "other", observer=observer)
    return tmp_path / "other"


def test_what_cannot_be_read_is_put_aside_where_the_project_has_changed(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    for part in ("img/c.jpg", "ann/c.jpg.json"):
        (other / "main" / part).unlink()
    relabel(other, "a.jpg", "nucleus")
    recolour(other, "#123456")
    sync(imported, other, observer=observer)
    broken = [place(folder, name) for name in ("a.jpg", "b.jpg", "c.jpg")] + [folder / "meta.json"]
    for path in broken:
        path.write_text("{ half")
    result = sync(imported, folder, observer=observer)
    assert len(result.problems) == 4
    kept = folder / result.kept_in
    assert {str(path.relative_to(kept)) for path in kept.rglob("*.json")} == {
        "main/ann/a.jpg.json",
        "main/ann/c.jpg.json",
        "meta.json",
    }
    assert {path.read_text() for path in kept.rglob("*.json")} == {"{ half"}
    assert place(folder, "b.jpg").read_text() == "{ half"
    assert "nucleus" in place(folder, "a.jpg").read_text()
    assert not place(folder, "c.jpg").exists()
    status = read_status(imported, folder, observer=observer)
    assert [problem.path for problem in status.problems] == ["main/ann/b.jpg.json"]
    assert sync(imported, folder, observer=observer).kept_in == ""


def test_what_cannot_be_read_is_not_moved_to_an_items_new_name(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    (other / "main" / "img" / "a.jpg").rename(other / "main" / "img" / "A.jpg")
    sync(imported, other, observer=observer)
    edit(place(folder, "a.jpg"), lambda document: document.update(size=float("nan")))
    broken = place(folder, "a.jpg").read_bytes()
    result = sync(imported, folder, observer=observer)
    assert (folder / result.kept_in / "main" / "ann" / "a.jpg.json").read_bytes() == broken
    assert place(folder, "A.jpg").read_bytes() == place(other, "A.jpg").read_bytes()
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_link_is_put_aside_where_the_project_has_changed(
    imported: Workspace, folder: Path, other: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    relabel(other, "a.jpg", "nucleus")
    sync(imported, other, observer=observer)
    (tmp_path / "mine.json").write_text("{}")
    place(folder, "a.jpg").unlink()
    place(folder, "a.jpg").symlink_to(tmp_path / "mine.json")
    result = sync(imported, folder, observer=observer)
    assert (folder / result.kept_in / "main" / "ann" / "a.jpg.json").is_symlink()
    assert "nucleus" in place(folder, "a.jpg").read_text()
    assert read_status(imported, folder, observer=observer).is_clean


def test_what_cannot_be_read_survives_a_sync_that_was_killed(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    (other / "main" / "img" / "a.jpg").rename(other / "main" / "img" / "A.jpg")
    sync(imported, other, observer=observer)
    place(folder, "a.jpg").write_text("{ half")
    target = imported.catalog.projects.get("cells").manifest
    write_state(folder, msgspec.structs.replace(get_state(folder), target=target))
    sync(imported, folder, observer=observer)
    assert place(folder, "a.jpg").read_text() == "{ half"
    assert place(folder, "A.jpg").read_bytes() == place(other, "A.jpg").read_bytes()


def test_a_meta_json_that_is_gone_is_named_each_time_until_it_is_written_anew(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    content = (folder / "meta.json").read_bytes()
    (folder / "meta.json").unlink()
    gone = (Problem("meta.json", "is gone; the classes stay as they were"),)
    for _ in range(2):
        assert sync(imported, folder, observer=observer).problems == gone
        assert read_status(imported, folder, observer=observer).problems == gone
    checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert (folder / "meta.json").read_bytes() == content
    assert read_status(imported, folder, observer=observer).problems == ()


@pytest.fixture
def tagged(imported: Workspace, folder: Path, observer: KeepingObserver) -> Path:
    """A checkout with a tag of an object, one of an item, and one that nothing carries."""

    def tag(document: Any) -> None:
        document["tags"].append({"name": "night", "value": "very"})
        document["objects"][0]["tags"].append({"name": "truncated", "value": None})

    edit(place(folder, "a.jpg"), tag)
    names = ("truncated", "night", "spare")
    tags = [{"name": name, "value_type": "any_string" if name == "night" else "none"} for name in names]
    edit(folder / "meta.json", lambda document: document.update(tags=tags))
    sync(imported, folder, observer=observer)
    return folder


def test_a_tag_that_is_taken_out_while_something_carries_it_stays_and_is_named(
    imported: Workspace, tagged: Path, observer: KeepingObserver
) -> None:
    before = read_schema(imported)
    annotated = list_items(imported)["main/a.jpg"]
    edit(tagged / "meta.json", lambda document: document.pop("tags"))
    result = sync(imported, tagged, observer=observer)
    assert [problem.reason for problem in result.problems] == [
        f"does not define the tag {name}, which items or objects carry; it stays"
        for name in ("truncated", "night")
    ]
    assert read_schema(imported).tags == before.tags[:2]
    assert list_items(imported)["main/a.jpg"] == annotated
    assert sync(imported, tagged, observer=observer).problems == ()
    assert [tag["name"] for tag in json.loads((tagged / "meta.json").read_text())["tags"]] == [
        "truncated", "night",
    ]  # fmt: skip


def test_tags_that_annotations_bring_are_defined(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    edit(place(folder, "a.jpg"), lambda document: document["tags"].append({"name": "night", "value": 3}))
    assert sync(imported, folder, observer=observer).problems == ()
    assert [(tag.name, tag.value_type) for tag in read_schema(imported).tags] == [("night", "number")]
    assert "night" in (folder / "meta.json").read_text()


def write_split(folder: Path, name: str, split: str) -> None:
    edit(place(folder, name), lambda document: document.update(split=split))


@pytest.fixture
def both(imported: Workspace, folder: Path, other: Path, observer: KeepingObserver) -> Path:
    """A checkout whose split of two items was changed, which the project has changed to another."""
    for name in ("a.jpg", "b.jpg"):
        write_split(other, name, "test")
        write_split(folder, name, "val")
    relabel(folder, "d.jpg", "nucleus")
    sync(imported, other, observer=observer)
    return folder


def read_splits(workspace: Workspace) -> list[str]:
    items = list_items(workspace)
    return [items[f"main/{name}"].split.value for name in ("a.jpg", "b.jpg")]


def test_a_side_is_chosen_for_each_conflict(
    imported: Workspace, both: Path, observer: KeepingObserver
) -> None:
    with pytest.raises(BothChanged) as caught:
        sync(imported, both, choices={"main/a.jpg": Side.OURS}, observer=observer)
    assert [conflict.key for conflict in caught.value.conflicts] == ["main/b.jpg#split"]
    assert read_splits(imported) == ["test", "test"]
    choices = {"main/a.jpg": Side.OURS, "main/b.jpg#split": Side.THEIRS}
    edited = place(both, "a.jpg").read_bytes()
    result = sync(imported, both, choices=choices, observer=observer)
    assert read_splits(imported) == ["test", "val"]
    assert (result.conflicts_settled, result.edits_given_up) == (2, 1)
    kept = both / result.kept_in
    assert [str(path.relative_to(kept)) for path in kept.rglob("*.json")] == ["main/ann/a.jpg.json"]
    assert (kept / "main/ann/a.jpg.json").read_bytes() == edited
    assert read_status(imported, both, observer=observer).is_clean


@pytest.mark.parametrize("key", ["main/d.jpg", "main/a.jpg#pixels"])
def test_a_choice_for_no_conflict_changes_nothing(
    imported: Workspace, both: Path, observer: KeepingObserver, key: str
) -> None:
    with pytest.raises(InvalidParameter, match="no conflict"):
        sync(imported, both, choices={key: Side.OURS}, policy=Side.OURS, observer=observer)
    assert "nucleus" not in read_schema(imported).class_names


def test_edits_that_give_way_to_the_project_are_put_aside(
    imported: Workspace, both: Path, observer: KeepingObserver
) -> None:
    result = sync(imported, both, policy=Side.OURS, observer=observer)
    assert read_splits(imported) == ["test", "test"]
    kept = both / result.kept_in
    assert sorted(path.name for path in kept.rglob("*.json")) == ["a.jpg.json", "b.jpg.json"]
    assert "nucleus" in read_schema(imported).class_names
    assert read_status(imported, both, observer=observer).is_clean


def test_an_edit_that_gives_way_is_put_aside_also_where_names_were_exchanged(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    blob = list_items(imported)["main/a.jpg"].blob
    write_split(other, "a.jpg", "test")
    write_split(folder, "a.jpg", "val")
    sync(imported, other, observer=observer)
    for kept, suffix in (("img", ""), ("ann", ".json")):
        one, two, between = (folder / "main" / kept / f"{name}.jpg{suffix}" for name in "abx")
        one.rename(between)
        two.rename(one)
        between.rename(two)
    edited = place(folder, "b.jpg").read_bytes()
    result = sync(imported, folder, choices={"main/a.jpg": Side.OURS}, observer=observer)
    assert (folder / result.kept_in / "main/ann/b.jpg.json").read_bytes() == edited
    item = list_items(imported)["main/b.jpg"]
    assert (item.blob, item.split) == (blob, Split.TEST)
    assert read_status(imported, folder, observer=observer).is_clean


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, at: int) -> None:
    """Let whoever works on a folder die before its files are moved or written for the `at`th time."""
    count = 0

    def die(self: TreeFiles, *words: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            raise KeyboardInterrupt
        return whole(self, *words, **options)

    whole = getattr(TreeFiles, name)
    monkeypatch.setattr(TreeFiles, name, die)


def read_kept(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KILLS = [("rename", 1), ("rename", 2), ("make_names_durable", 1), ("write", 1), ("write", 2), ("write", 3)]


@pytest.mark.parametrize(("name", "at"), KILLS)
def test_edits_that_give_way_are_put_aside_and_named_though_the_sync_was_killed(
    imported: Workspace,
    both: Path,
    other: Path,
    observer: KeepingObserver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    at: int,
) -> None:
    for seed, of in ((71, other), (72, both)):
        write_image(of / "main" / "img" / "a.jpg", seed=seed)
    sync(imported, other, observer=observer)
    given_up = [both / "main/img/a.jpg", place(both, "a.jpg"), place(both, "b.jpg")]
    edits = {path.read_bytes() for path in given_up}
    kill_at(monkeypatch, name, at)
    with pytest.raises(KeyboardInterrupt):
        sync(imported, both, policy=Side.OURS, observer=observer)
    monkeypatch.undo()
    status = read_status(imported, both, observer=observer)
    assert (status.is_interrupted, status.changes) == (True, ())
    head = imported.catalog.projects.get("cells").manifest
    result = sync(imported, both, policy=Side.OURS, observer=observer)
    assert imported.catalog.projects.get("cells").manifest == head
    assert read_kept(both / result.kept_in) == edits
    assert (both / "main/img/a.jpg").read_bytes() == (other / "main/img/a.jpg").read_bytes()
    assert read_status(imported, both, observer=observer).is_clean
    assert sync(imported, both, observer=observer).kept_in == ""


def test_a_sync_that_goes_on_takes_no_former_edits_place_among_those_put_aside(
    imported: Workspace, both: Path, other: Path, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = {place(both, name).read_bytes() for name in ("a.jpg", "b.jpg")}
    kill_at(monkeypatch, "write", 1)
    with pytest.raises(KeyboardInterrupt):
        sync(imported, both, policy=Side.OURS, observer=observer)
    monkeypatch.undo()
    checkout(imported, "cells", other, observer=observer)
    for name, later, again in (("a.jpg", "train", "val"), ("c.jpg", "val", "test")):
        write_split(other, name, later)
        place(both, name).write_bytes(place(other, name).read_bytes())
        write_split(both, name, again)
        edits.add(place(both, name).read_bytes())
    sync(imported, other, observer=observer)
    with pytest.raises(BothChanged):
        sync(imported, both, observer=observer)
    result = sync(imported, both, policy=Side.OURS, observer=observer)
    assert read_kept(both / result.kept_in) == edits
    assert read_status(imported, both, observer=observer).is_clean


def test_edits_that_somebody_removed_meanwhile_are_named_nowhere(
    imported: Workspace, both: Path, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, "rename", 1)
    with pytest.raises(KeyboardInterrupt):
        sync(imported, both, policy=Side.OURS, observer=observer)
    monkeypatch.undo()
    for name in ("a.jpg", "b.jpg"):
        place(both, name).unlink()
    assert sync(imported, both, observer=observer).kept_in == ""
    assert read_splits(imported) == ["test", "test"]


def test_a_definition_that_gives_way_to_the_projects_is_put_aside(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    recolour(other, "#123456")
    recolour(folder, "#654321")
    sync(imported, other, observer=observer)
    result = sync(imported, folder, policy=Side.OURS, observer=observer)
    assert "#654321" in (folder / result.kept_in / "meta.json").read_text()
    assert "#123456" in (folder / "meta.json").read_text()


def test_conflicts_are_listed_and_chosen_by_their_keys(
    imported: Workspace, both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["--home", str(imported.home), "sync", str(both)]
    assert main([*call, "--json"]) == 5
    told = json.loads(capsys.readouterr().out)["error"]
    assert [conflict["key"] for conflict in told["conflicts"]] == ["main/a.jpg#split", "main/b.jpg#split"]
    assert main(call) == 5
    assert "main/b.jpg#split  test  val" in capsys.readouterr().out
    assert main([*call, "--choose", "main/a.jpg=ours", "--policy", "theirs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  2 that both had changed: of 1 the project's was taken, of the others the folder's"
    assert lines[-1].startswith("  what did not come in and was in the way is in")


def test_status_tells_only_what_a_person_edited_where_a_sync_was_interrupted(
    imported: Workspace,
    folder: Path,
    other: Path,
    observer: KeepingObserver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (other / "main" / "img" / "a.jpg").rename(other / "main" / "img" / "moved.jpg")
    (other / "main" / "img" / "b.jpg").unlink()
    for name in ("c.jpg", "d.jpg"):
        relabel(other, name, "nucleus")
    write_image(other / "main" / "img" / "new.jpg", seed=70)
    sync(imported, other, observer=observer)
    written = 0

    def die_in_the_middle(self: TreeFiles, path: str, content: bytes, *, is_replacing: bool) -> bytes:
        nonlocal written
        written += 1
        if written == 3:
            raise KeyboardInterrupt
        return write(self, path, content, is_replacing=is_replacing)

    write = TreeFiles.write
    monkeypatch.setattr(TreeFiles, "write", die_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        sync(imported, folder, observer=observer)
    monkeypatch.undo()
    status = read_status(imported, folder, observer=observer)
    assert (status.is_interrupted, status.changes, status.is_schema_changed) == (True, (), False)
    relabel(folder, "d.jpg", "blast")
    write_image(folder / "main" / "img" / "mine.jpg", seed=71)
    changes = read_status(imported, folder, observer=observer).changes
    assert [(change.kind, change.key) for change in changes] == [
        (ChangeKind.CHANGED, "main/d.jpg"),
        (ChangeKind.ADDED, "main/mine.jpg"),
    ]
    sync(imported, folder, observer=observer)
    assert {"main/mine.jpg", "main/moved.jpg", "main/new.jpg"} <= list_items(imported).keys()
    assert read_status(imported, folder, observer=observer).is_clean


def test_files_that_a_sync_writes_for_itself_are_not_counted_as_the_projects(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    relabel(folder, "a.jpg", "nucleus")  # which is written into meta.json
    write_image(folder / "main" / "img" / "new.jpg", seed=70)  # which gets an annotation
    assert sync(imported, folder, observer=observer).files_written == 0
    assert place(folder, "new.jpg").exists()


def test_files_that_are_moved_or_are_meta_json_are_counted(
    imported: Workspace, folder: Path, other: Path, observer: KeepingObserver
) -> None:
    (other / "main" / "img" / "a.jpg").rename(other / "main" / "img" / "moved.jpg")
    recolour(other, "#123456")
    sync(imported, other, observer=observer)
    assert sync(imported, folder, observer=observer).files_written == 3


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("main/img/a.jpg", "c.jpg"),
        ("main/ann/a.jpg.json", "c.jpg.json"),
        ("meta.json", "notes/other.json"),
    ],
)
def test_a_link_in_the_place_of_a_file_is_named_each_time_and_changes_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver, path: str, leads_to: str
) -> None:
    before = imported.catalog.projects.get("cells").manifest
    (folder / "notes").mkdir()
    (folder / "notes" / "other.json").write_text('{"classes": [{"title": "other"}]}')
    content = (folder / path).read_bytes()
    (folder / path).unlink()
    (folder / path).symlink_to(leads_to)
    told = (Problem(path, "is a link where a file was; what that said stays"),)
    for _ in range(2):
        assert sync(imported, folder, observer=observer).problems == told
        status = read_status(imported, folder, observer=observer)
        assert (status.changes, status.problems) == ((), told)
    assert imported.catalog.projects.get("cells").manifest == before
    result = checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert (folder / result.kept_in / path).is_symlink()
    assert ((folder / path).is_symlink(), (folder / path).read_bytes()) == (False, content)
    assert read_status(imported, folder, observer=observer).is_clean


def test_a_link_that_is_put_where_nothing_was_is_a_new_image(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    (folder / "main" / "img" / "new.jpg").symlink_to("c.jpg")
    assert sync(imported, folder, observer=observer).items_added == 1
    status = read_status(imported, folder, observer=observer)
    assert status.is_clean
    assert status.problems == ()
