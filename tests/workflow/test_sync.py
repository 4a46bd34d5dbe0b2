"""What a sync leaves in the folder and in the label schema: no class lost, no annotation without an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import sync
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
