"""Exporting a selection, what a dry run announces, and images that are links."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import RunState
from mlwf_tui.entities.selection import Selection
from mlwf_tui.errors import Cancelled, Conflict, CorruptData, InvalidInput, InvalidParameter
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.export import (
    ExportResult,
    ImagesDamaged,
    export,
    list_export_formats,
    plan_export,
)
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.filling import damage_image
from tests.states import set_state

PICKED = [
    (Selection(splits=(Split.VAL,)), {"d.jpg"}),
    (Selection(splits=(Split.VAL, Split.TEST)), {"d.jpg", "e.png"}),
    (Selection(classes=("spot",)), {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.png"}),
    (Selection(classes=("spot",), only_matching=True), {"b.jpg", "c.jpg"}),
    (Selection(only_matching=True), {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}),
    (Selection(datasets=("main",), splits=(Split.TEST,)), {"e.png"}),
]


def write(workspace: Workspace, folder: Path, **options: object) -> ExportResult:
    observer = KeepingObserver()
    return export(workspace, "cells", folder, observer=observer, **options)  # type: ignore[arg-type]


def read_names(folder: Path) -> set[str]:
    found = (path for path in (folder / "images").rglob("*") if path.is_file())
    return {path.name for path in found}


@pytest.mark.parametrize(("selection", "names"), PICKED)
def test_only_what_is_selected_is_written(
    imported: Workspace, tmp_path: Path, selection: Selection, names: set[str]
) -> None:
    result = write(imported, tmp_path / "out", selection=selection)
    assert result.item_count == len(names)
    assert read_names(tmp_path / "out") == names
    plan = plan_export(imported, "cells", selection=selection, observer=KeepingObserver())
    assert (plan.item_count, plan.object_count) == (len(names), result.object_count)


def test_a_class_takes_the_others_out_of_labels_and_list(imported: Workspace, tmp_path: Path) -> None:
    write(imported, tmp_path / "out", selection=Selection(classes=("spot",)))
    assert (tmp_path / "out/labels/train/a.txt").read_text() == ""
    assert (tmp_path / "out/labels/train/b.txt").read_text().startswith("0 ")
    assert "cell" not in (tmp_path / "out/data.yaml").read_text()


@pytest.mark.parametrize(
    ("selection", "error"),
    [
        (Selection(classes=("cat",)), InvalidParameter),
        (Selection(tags=("night",)), InvalidInput),
        (Selection(datasets=("mai",)), InvalidInput),
    ],
)
def test_what_is_not_there_cannot_be_selected(
    imported: Workspace, tmp_path: Path, selection: Selection, error: type[InvalidInput]
) -> None:
    with pytest.raises(error):
        write(imported, tmp_path / "out", selection=selection)
    with pytest.raises(error):
        plan_export(imported, "cells", selection=selection, observer=KeepingObserver())
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_what_the_real_one_loses_and_leaves_no_trace(
    imported: Workspace, tmp_path: Path
) -> None:
    polygon = Geometry(GeometryKind.POLYGON, ((1, 1), (9, 1), (1, 9)))
    line = Geometry(GeometryKind.POLYLINE, ((1, 1), (9, 1)))

    def annotate(item: Item) -> tuple[AnnotatedObject, ...]:
        shapes = (polygon, polygon, line) if item.name in ("a.jpg", "b.jpg") else ()
        return tuple(AnnotatedObject("cell", shape, tags=(Tag("truncated"),)) for shape in shapes)

    (project,) = list_projects(imported)
    schema = read_summary(imported.store, project.manifest).schema
    items = iter_items(imported.store, project.manifest)
    annotated = [replace(item, annotation=Annotation(annotate(item))) for item in items]
    set_state(imported, "cells", annotated, schema=schema)
    runs = len(list_runs(imported))
    plan = plan_export(imported, "cells", format="yolo", observer=KeepingObserver())
    assert len(list_runs(imported)) == runs
    assert list_versions(imported, "cells") == ()
    assert [str(loss) for loss in plan.losses] == [
        "objects that are polylines left out: 2 objects in 2 items",
        "tags of objects left out: 4 tags in 2 items",
        "polygon → rectangle: 4 objects in 2 items",
    ]
    result = write(imported, tmp_path / "out", format="yolo")
    assert result.losses == plan.losses
    assert (result.item_count, result.object_count) == (plan.item_count, plan.object_count)


@pytest.mark.parametrize("format", ["voc", "labelme", "yolo", "coco"])
def test_a_dry_run_counts_the_names_that_files_cannot_have(
    imported: Workspace, tmp_path: Path, format: str
) -> None:
    (project,) = list_projects(imported)
    schema = read_summary(imported.store, project.manifest).schema
    items = list(iter_items(imported.store, project.manifest))
    twins = [replace(items[0], name=f"twin.{suffix}") for suffix in ("bmp", "jpg", "png")]
    set_state(imported, "cells", [*items, *twins], schema=schema)

    plan = plan_export(imported, "cells", format=format, observer=KeepingObserver())

    renamed = [loss for loss in plan.losses if loss.what.startswith("names of files")]
    assert [loss.count for loss in renamed] == ([] if format == "coco" else [2])
    assert write(imported, tmp_path / "out", format=format).losses == plan.losses


@pytest.mark.parametrize("format", ["coco", "coco_panoptic", "datumaro_json", "voc-segmentation", "yolo"])
def test_objects_of_classes_that_the_project_lacks_are_not_counted_as_written(
    imported: Workspace, tmp_path: Path, format: str
) -> None:
    (project,) = list_projects(imported)
    schema = read_summary(imported.store, project.manifest).schema
    item = next(iter_items(imported.store, project.manifest))
    polygon = Geometry(GeometryKind.POLYGON, ((1, 1), (9, 1), (1, 9)))
    objects = (AnnotatedObject("cell", polygon), AnnotatedObject("ghost", polygon))
    set_state(imported, "cells", [replace(item, annotation=Annotation(objects))], schema=schema)
    result = write(imported, tmp_path / "out", format=format)
    assert result.object_count == 1
    assert "objects of classes that the project lacks left out: 1 object in 1 item" in map(str, result.losses)
    assert all(problem.is_taken for problem in result.problems)


def test_a_format_that_does_not_exist_is_refused_with_those_that_do(
    imported: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        write(imported, tmp_path / "out", format="jpeg2000")
    assert all(name in caught.value.hint for name in list_export_formats(imported))


def test_a_folder_that_holds_something_is_left_alone(imported: Workspace, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(Conflict):
        write(imported, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("selection", [Selection(), Selection(splits=(Split.VAL,))])
def test_progress_goes_to_the_last_item_whatever_is_selected(
    imported: Workspace, tmp_path: Path, selection: Selection
) -> None:
    observer = KeepingObserver()
    export(imported, "cells", tmp_path / "out", selection=selection, observer=observer)
    assert [step[:2] for step in observer.steps] == [(count, 5) for count in range(1, 6)]


def test_a_stopped_export_leaves_nothing(imported: Workspace, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(Cancelled):
        export(imported, "cells", tmp_path / "there" / "out", observer=StoppingObserver(looks_left=3))
    assert list((tmp_path / "there").iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from mlwf_tui.workflow.export import export
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver

class Observer(KeepingObserver):
    def progress(self, step, total, message):
        print("writing", flush=True)
        if sys.stdin.readline():
            os._exit(9)

with open_workspace(Path(sys.argv[1])) as workspace:
    export(workspace, "cells", Path(sys.argv[2]), format="images", observer=Observer())
"""


def test_what_a_killed_export_left_is_removed_by_the_next_one_to_the_same_folder(
    imported: Workspace, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    (there / ".out-notes").mkdir(parents=True)
    command = [sys.executable, "-c", KILLED, str(imported.home), str(there / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "writing\n"
        (left,) = set(there.iterdir()) - {there / ".out-notes"}
        write(imported, there / "out", format="images")
        assert left.exists()  # its writer lives
        shutil.rmtree(there / "out")
        process.communicate("die\n", timeout=30)
    assert left.exists()
    write(imported, there / "out", format="images")
    assert {path.name for path in there.iterdir()} == {".out-notes", "out"}


# --- damage --------------------------------------------------------------------------------------


def damage_items(workspace: Workspace, *names: str) -> list[Item]:
    """Damage the images of some items of `cells` in the store; return all items, each with a class."""
    (project,) = list_projects(workspace)
    items = [
        replace(item, split=Split.TRAIN, annotation=replace(item.annotation, tags=(Tag("cell"),)))
        for item in iter_items(workspace.store, project.manifest)
    ]
    set_state(workspace, "cells", items, schema=read_summary(workspace.store, project.manifest).schema)
    for item in items:
        if item.name in names:
            damage_image(workspace, workspace.store.read(item.blob))
    return items


def read_files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("is_linked", [False, True])
def test_what_is_damaged_is_left_out_of_every_format_as_if_it_were_not_there(
    imported: Workspace, tmp_path: Path, is_linked: bool
) -> None:
    items = damage_items(imported, "b.jpg", "e.png")
    sound = [item for item in items if item.name not in ("b.jpg", "e.png")]
    whole = tuple(item.key for item in sound)
    for format in list_export_formats(imported):
        with pytest.raises(ImagesDamaged, match=r"^2 images are .*: main/b\.jpg, main/e\.png\.") as caught:
            write(imported, tmp_path / "out" / format, format=format, is_linked=is_linked)
        assert [problem.path for problem in caught.value.damaged] == ["main/b.jpg", "main/e.png"]
        assert caught.value.result.item_count == len(sound)
        expected = write(
            imported, tmp_path / "whole" / format, format=format, selection=Selection(items=whole)
        )
        assert read_files(tmp_path / "out" / format) == read_files(tmp_path / "whole" / format)
        assert caught.value.result.object_count == expected.object_count
        assert caught.value.result.losses == expected.losses


def test_an_export_that_misses_images_has_failed_and_its_run_names_them(
    imported: Workspace, tmp_path: Path
) -> None:
    damage_items(imported, "b.jpg")
    with pytest.raises(ImagesDamaged) as caught:
        write(imported, tmp_path / "there" / "out", format="coco")
    (run,) = (run for run in list_runs(imported) if run.verb == "export")
    assert (run.state, run.error, run.hint) == (RunState.FAILED, caught.value.message, caught.value.hint)
    assert [problem["path"] for problem in run.result["problems"]] == ["main/b.jpg"]
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["out"]


def test_nothing_is_written_where_every_image_is_damaged(imported: Workspace, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    items = damage_items(imported, "a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.png")
    with pytest.raises(CorruptData, match=f"All {len(items)} images that fit are damaged") as caught:
        write(imported, tmp_path / "there" / "out", format="coco")
    assert "main/c.jpg and 2 more" in caught.value.message
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("format", ["yolo", "imagenet"])
def test_damage_to_what_the_format_has_no_place_for_is_no_fault(
    imported: Workspace, tmp_path: Path, format: str
) -> None:
    items = damage_items(imported, "b.jpg")
    strange = [
        replace(item, split=Split.NONE, annotation=Annotation()) if item.name == "b.jpg" else item
        for item in items
    ]
    (project,) = list_projects(imported)
    schema = read_summary(imported.store, project.manifest).schema
    set_state(imported, "cells", strange, schema=schema)
    result = write(imported, tmp_path / "out", format=format)
    assert result.item_count == len(items) - 1
    assert [loss.count for loss in result.losses if loss.is_whole and loss.unit == "item"] == [1]


def test_a_sound_shared_file_stands_in_for_an_image_that_was_damaged_since(
    imported: Workspace, tmp_path: Path
) -> None:
    write(imported, tmp_path / "a", is_linked=True)
    damage_items(imported, "b.jpg")
    assert write(imported, tmp_path / "b", is_linked=True).linked_count == 5


# --- links ---------------------------------------------------------------------------------------


def list_images(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "images").rglob("*") if path.is_file())


def test_linked_images_share_one_file_with_the_cache_and_are_read_only(
    imported: Workspace, tmp_path: Path
) -> None:
    first = write(imported, tmp_path / "a", is_linked=True)
    second = write(imported, tmp_path / "b", is_linked=True)
    assert (first.linked_count, second.linked_count) == (5, 5)
    for one, other in zip(list_images(tmp_path / "a"), list_images(tmp_path / "b"), strict=True):
        assert one.samefile(other)
        assert one.stat().st_mode & 0o222 == 0
        assert one.stat().st_nlink == 3


def test_copied_images_share_nothing(imported: Workspace, tmp_path: Path) -> None:
    assert write(imported, tmp_path / "a").linked_count == 0
    assert {path.stat().st_nlink for path in list_images(tmp_path / "a")} == {1}


def test_an_edited_link_is_never_linked_again_and_the_store_is_whole(
    imported: Workspace, tmp_path: Path
) -> None:
    write(imported, tmp_path / "a", is_linked=True)
    edited = list_images(tmp_path / "a")[0]
    whole = edited.read_bytes()
    edited.chmod(0o644)
    with edited.open("r+b") as file:
        file.write(b"\0" * 8)
    write(imported, tmp_path / "b", is_linked=True)
    fresh = list_images(tmp_path / "b")[0]
    assert not fresh.samefile(edited)
    assert fresh.read_bytes() == whole
    assert edited.read_bytes() != whole


def test_images_that_cannot_be_linked_are_copied(
    imported: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: object, target: object, **options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    result = write(imported, tmp_path / "a", is_linked=True)
    assert (result.linked_count, result.item_count) == (0, 5)
    project = list_projects(imported)[0]
    sizes = sorted(item.size_bytes for item in iter_items(imported.store, project.manifest))
    assert sorted(path.stat().st_size for path in list_images(tmp_path / "a")) == sizes
