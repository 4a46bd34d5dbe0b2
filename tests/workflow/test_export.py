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
from mlwf_tui.entities.selection import Selection
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, InvalidParameter
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.export import ExportResult, export, list_export_formats, plan_export
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
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
