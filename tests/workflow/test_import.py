from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import HEIGHT_PX, WIDTH_PX, make_image, make_supervisely, write_image, write_voc_xml
from tests.states import set_state


def list_items(workspace: Workspace, project: str = "cells") -> dict[str, Item]:
    manifest = workspace.catalog.projects.get(project).manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


def test_import_keeps_images_boxes_and_splits(imported: Workspace, voc: Path) -> None:
    items = list_items(imported)
    assert sorted(items) == [f"main/{name}" for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.png")]
    assert items["main/d.jpg"].split == "val"
    assert [o.class_name for o in items["main/b.jpg"].annotation.objects] == ["cell", "spot"]
    stored = imported.store.read(items["main/a.jpg"].blob)
    assert stored == (voc / "JPEGImages" / "a.jpg").read_bytes()


def test_importing_twice_changes_and_stores_nothing(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    head = imported.catalog.projects.get("cells").head
    stored = imported.store.read_stats()
    result = import_folder(imported, voc, "cells", observer=observer)
    assert (result.items_added, result.items_updated, result.items_unchanged) == (0, 0, 5)
    assert imported.catalog.projects.get("cells").head == head
    assert imported.store.read_stats() == stored


def test_an_image_whose_label_cannot_be_read_is_named_with_it(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    (voc / "Annotations" / "b.xml").write_text("<annotation>")
    result = import_folder(workspace, voc, "cells", observer=observer)
    assert (result.items_added, [problem.path for problem in result.problems]) == (4, ["Annotations/b.xml"])
    assert "; its image, JPEGImages/b.jpg, is left out with it" in result.problems[0].reason


def test_an_edited_annotation_is_an_update(imported: Workspace, voc: Path, observer: KeepingObserver) -> None:
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("cell", 1, 1, 9, 9)])
    result = import_folder(imported, voc, "cells", observer=observer)
    assert (result.items_added, result.items_updated, result.items_unchanged) == (0, 1, 4)
    assert list_items(imported)["main/a.jpg"].annotation.objects[0].geometry.bounds == (1, 1, 9, 9)


def test_good_items_are_imported_and_bad_ones_named(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    (voc / "JPEGImages" / "b.jpg").write_bytes((voc / "JPEGImages" / "b.jpg").read_bytes()[:-40])
    write_voc_xml(voc / "Annotations" / "ghost.xml", "ghost.jpg", [("cell", 1, 1, 9, 9)])
    write_voc_xml(voc / "Annotations" / "c.xml", "c.jpg", [("spot", 5, 5, 5, 9), ("spot", 1, 1, 9, 9)])
    result = import_folder(workspace, voc, "cells", observer=observer)
    reasons = {Path(problem.path).name: problem.reason for problem in result.problems}
    assert set(reasons) == {"b.jpg", "ghost.xml", "c.xml"}
    assert "cut off" in reasons["b.jpg"]
    assert "no area" in reasons["c.xml"]
    assert "main/b.jpg" not in list_items(workspace)
    assert len(list_items(workspace)["main/c.jpg"].annotation.objects) == 1


def test_a_dataset_is_put_below_the_name_that_was_given(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    import_folder(imported, voc, "cells", dataset="march", observer=observer)
    assert len(list_items(imported)) == 10
    assert "march/a.jpg" in list_items(imported)


def make_scene(folder: Path, shape: str, *, colors: tuple[str, ...] = ("red",)) -> Path:
    """Write a Supervisely folder with one labelled image, a class of that shape and a choice of colours."""
    make_supervisely(folder, {"a.jpg": [("cell", 1, 2, 30, 40)]}, class_names=["cell"])
    meta = {
        "classes": [{"title": "cell", "shape": shape, "color": "#112233"}],
        "tags": [{"name": "stain", "value_type": "oneof_string", "values": colors, "color": "#000001"}],
    }
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")
    return folder


def test_classes_are_merged_by_name_and_what_does_not_fit_is_told(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    import_folder(workspace, make_scene(tmp_path / "one", "polygon"), "cells", observer=observer)
    before = read_summary(workspace.store, workspace.catalog.projects.get("cells").manifest).schema
    other = make_scene(tmp_path / "two", "rectangle", colors=("blue", "red"))

    result = import_folder(workspace, other, "cells", dataset="march", observer=observer)

    assert (result.items_added, result.new_classes, result.new_tags) == (1, (), ())
    assert result.conflicts == (
        "the class cell is for polygons here and for rectangles there: the project's definition is kept,"
        " and the objects have come in with their own shapes",
    )
    after = read_summary(workspace.store, workspace.catalog.projects.get("cells").manifest).schema
    assert after.classes == before.classes
    assert after.tags[0].values == ("red", "blue")
    assert sorted(list_items(workspace)) == ["main/a.jpg", "march/main/a.jpg"]


def test_a_definition_that_came_later_is_named(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = make_scene(tmp_path / "one", "polygon")
    import_folder(workspace, folder, "cells", observer=observer)
    meta = json.loads((folder / "meta.json").read_text())
    meta["classes"].append({"title": "spot", "shape": "point"})
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")

    result = import_folder(workspace, folder, "cells", observer=observer)

    assert (result.items_unchanged, result.items_updated, result.new_classes) == (1, 0, ("spot",))


def test_an_update_says_what_differs(imported: Workspace, voc: Path, observer: KeepingObserver) -> None:
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("cell", 1, 1, 9, 9)])
    write_image(voc / "JPEGImages" / "b.jpg", seed=77)
    result = import_folder(imported, voc, "cells", observer=observer)
    assert (result.items_updated, result.updates) == (2, {"objects": 1, "pixels": 1})


def test_bare_images_keep_the_splits_that_were_made_here(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    for name in ("train", "val", "test"):
        (voc / "ImageSets" / "Main" / f"{name}.txt").unlink()
    result = import_folder(imported, voc, "cells", observer=observer)
    assert result.items_unchanged == 5
    assert list_items(imported)["main/d.jpg"].split == "val"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "-x", "a@1", "a\nb"])
def test_a_project_name_that_could_lead_elsewhere_is_refused(
    workspace: Workspace, voc: Path, observer: KeepingObserver, name: str
) -> None:
    with pytest.raises(InvalidParameter):
        import_folder(workspace, voc, name, observer=observer)
    assert workspace.catalog.projects.list() == ()


def test_a_folder_without_images_is_refused_and_leaves_no_project(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="No images"):
        import_folder(workspace, tmp_path / "empty", "cells", observer=observer)
    assert workspace.catalog.projects.list() == ()
    assert list_runs(workspace) == ()


def test_a_folder_with_only_bad_images_names_the_first(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    write_image(tmp_path / "bad" / "x.jpg").write_bytes(b"\xff\xd8\xff garbage")
    with pytest.raises(InvalidInput, match=r"x\.jpg"):
        import_folder(workspace, tmp_path / "bad", "cells", observer=observer)
    assert workspace.catalog.projects.list() == ()


def test_an_unknown_format_and_a_missing_folder_are_told_apart(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    with pytest.raises(InvalidParameter, match="zip"):
        import_folder(workspace, voc, "cells", format="zip", observer=observer)
    with pytest.raises(NotFound):
        import_folder(workspace, voc / "nowhere", "cells", observer=observer)


def test_a_stopped_import_leaves_the_project_as_it_was(imported: Workspace, voc: Path) -> None:
    head = imported.catalog.projects.get("cells").head
    write_image(voc / "JPEGImages" / "z.jpg", seed=99)
    with pytest.raises(Cancelled):
        import_folder(imported, voc, "cells", observer=StoppingObserver(looks_left=3))
    assert imported.catalog.projects.get("cells").head == head
    assert list_runs(imported)[0].state == "stopped"


def test_bare_images_keep_the_annotations_that_are_here(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    result = import_folder(imported, voc / "JPEGImages", "cells", observer=observer)
    assert result.items_unchanged == 5
    assert len(list_items(imported)["main/b.jpg"].annotation.objects) == 2


def test_progress_counts_each_image_once_though_all_turn_out_unchanged(
    imported: Workspace, voc: Path, tmp_path: Path
) -> None:
    shutil.copytree(voc, tmp_path / "copy")  # no cache knows its files
    observer = KeepingObserver()
    result = import_folder(imported, tmp_path / "copy", "cells", observer=observer)
    assert result.items_unchanged == 5
    assert [step for step, total, _ in observer.steps if total == 5] == [1, 2, 3, 4, 5]


def test_a_file_of_a_far_future_is_a_file_like_others(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    image = voc / "JPEGImages" / "a.jpg"
    for year_2300_s in (10_413_792_000, 10_413_792_001):
        os.utime(image, (year_2300_s, year_2300_s))
        assert import_folder(imported, voc, "cells", observer=observer).problems == ()
    write_image(image, seed=5)
    os.utime(image, (10_413_792_001, 10_413_792_001))
    assert import_folder(imported, voc, "cells", observer=observer).items_updated == 1


def test_a_second_import_has_the_first_upstream(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    write_image(tmp_path / "more" / "z.jpg", seed=42)
    import_folder(imported, tmp_path / "more", "cells", observer=observer)
    commit(imported, "cells", message="both")
    folders = {node.title for node in read_graph(imported, "cells@1").nodes if node.kind == "folder"}
    assert folders == {"voc", "more"}


class Meddler(KeepingObserver):
    """Does something else once, while an import is at its first item."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__()
        self.meddle: Callable[[], object] | None = meddle

    def progress(self, step: int, total: int | None, message: str) -> None:
        if step == 1 and self.meddle:
            meddle, self.meddle = self.meddle, None
            meddle()


def test_a_project_that_somebody_else_makes_meanwhile_is_imported_into(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    write_image(tmp_path / "other" / "z.jpg", seed=42)
    meddler = Meddler(lambda: import_folder(workspace, tmp_path / "other", "cells", observer=observer))
    result = import_folder(workspace, voc, "cells", observer=meddler)
    assert (result.items_added, result.items_unchanged) == (5, 0)
    assert set(result.new_classes) == {"cell", "spot"}
    assert len(list_items(workspace)) == 6


def test_what_somebody_else_imports_meanwhile_is_kept(
    imported: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    write_image(tmp_path / "more" / "y.jpg", seed=41)
    make_supervisely(tmp_path / "other", {"z.jpg": [("dot", 1, 1, 9, 9)]}, class_names=["dot"])
    meddler = Meddler(lambda: import_folder(imported, tmp_path / "other", "cells", observer=observer))
    result = import_folder(imported, tmp_path / "more", "cells", message="both", observer=meddler)
    assert (result.items_added, result.items_updated, result.items_unchanged, result.version) == (1, 0, 0, 1)
    items = list_items(imported)
    assert len(items) == 7
    manifest = imported.catalog.projects.get("cells").manifest
    assert read_summary(imported.store, manifest).schema.class_names == ("cell", "spot", "dot")
    states = imported.catalog.projects.list_states(imported.catalog.projects.get("cells").id)
    inputs = [ref for ref in imported.catalog.runs.get(RunId(result.run)).inputs if ref.kind == "project"]
    assert inputs[-1].id == states[-2].id
    undo(imported, "cells")
    assert set(items) - set(list_items(imported)) == {"main/y.jpg"}
    again = import_folder(imported, tmp_path / "more", "cells", observer=observer)
    assert (again.items_added, again.items_unchanged) == (1, 0)


def test_the_same_folder_imported_twice_at_once_is_there_once(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    meddler = Meddler(lambda: import_folder(workspace, voc, "cells", observer=observer))
    result = import_folder(workspace, voc, "cells", observer=meddler)
    assert (result.items_added, result.items_unchanged) == (0, 5)
    states = workspace.catalog.projects.list_states(workspace.catalog.projects.get("cells").id)
    assert len(states) == 2  # the empty one and that of the first


def test_an_item_that_somebody_else_edits_meanwhile_is_no_known_one(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("cell", 1, 1, 9, 9)])
    edited = list_items(imported)
    edited["main/b.jpg"] = msgspec.structs.replace(edited["main/b.jpg"], annotation=Annotation())
    schema = read_summary(imported.store, imported.catalog.projects.get("cells").manifest).schema
    meddler = Meddler(lambda: set_state(imported, "cells", edited.values(), schema=schema))
    result = import_folder(imported, voc, "cells", observer=meddler)
    assert result.items_updated == 1
    items = list_items(imported)
    assert not items["main/b.jpg"].annotation.objects
    assert items["main/a.jpg"].annotation.objects[0].geometry.bounds == (1, 1, 9, 9)
    again = import_folder(imported, voc, "cells", observer=observer)
    assert (again.items_updated, again.edits_replaced) == (1, 1)


def test_what_both_change_meanwhile_is_a_conflict_and_theirs_stands(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    write_image(voc / "JPEGImages" / "a.jpg", seed=77)
    write_image(voc.parent / "other" / "a.jpg", seed=78)
    meddler = Meddler(lambda: import_folder(imported, voc.parent / "other", "cells", observer=observer))
    with pytest.raises(Conflict, match=r"import changes too: main/a\.jpg"):
        import_folder(imported, voc, "cells", observer=meddler)
    stored = imported.store.read(list_items(imported)["main/a.jpg"].blob)
    assert stored == (voc.parent / "other" / "a.jpg").read_bytes()
    assert list_runs(imported)[0].verb == "import"


def test_a_lost_pack_is_named_by_verify_and_healed_by_a_new_import(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    commit(imported, "cells", message="one")
    packs = sorted((imported.home / "store" / "packs").glob("*.pack"), key=lambda path: path.stat().st_size)
    packs[-1].unlink()
    with open_workspace(imported.home) as reopened:
        assert not verify(reopened, observer).ok
        import_folder(reopened, voc, "again", observer=observer)
        assert len(list_items(reopened, "again")) == 5
        assert all(reopened.store.read(item.blob) for item in list_items(reopened, "again").values())


def test_a_checkout_comes_back_as_another_project_with_all_it_held(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    checkout(imported, "cells", tmp_path / "out", observer=observer)
    result = import_folder(imported, tmp_path / "out", "twin", observer=observer)
    assert (result.format, result.problems) == ("supervisely", ())
    projects = imported.catalog.projects
    assert projects.get("twin").manifest == projects.get("cells").manifest


def test_a_checkout_brings_back_skeletons_choices_and_custom_values(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    data = make_image()
    with workspace.store.writer() as writer:
        blob = writer.put(data)
    pose = Geometry(
        GeometryKind.KEYPOINTS,
        ((1.5, 2.0), (30.0, 4.0), (0.0, 0.0)),
        visibility=(Visibility.VISIBLE, Visibility.HIDDEN, Visibility.MISSING),
    )
    labelled = AnnotatedObject(
        "cat", pose, tags=(Tag("coat", "red"),), custom={"createdAt": "2024", "n": 1.5}
    )
    item = Item(
        dataset="main/deep", name="a.jpg", blob=blob, size_bytes=len(data),
        width_px=WIDTH_PX, height_px=HEIGHT_PX,
        annotation=Annotation((labelled,), (Tag("night"),), {"description": "a yard", "lens": 3.0}),
    )  # fmt: skip
    schema = LabelSchema(
        (
            ClassDefinition(
                "cat", "#111111", GeometryKind.KEYPOINTS, ("nose", "ear", "tail"), (("nose", "ear"),)
            ),
        ),
        (TagDefinition("coat", "choice", ("red", "grey"), target="objects"), TagDefinition("night")),
    )
    set_state(workspace, "cats", [item], schema=schema)
    checkout(workspace, "cats", tmp_path / "out", observer=observer)
    assert read_status(workspace, tmp_path / "out", observer=observer).is_clean

    result = import_folder(workspace, tmp_path / "out", "twin", observer=observer)

    assert result.problems == ()
    projects = workspace.catalog.projects
    assert projects.get("twin").manifest == projects.get("cats").manifest


def test_a_split_that_an_annotation_file_says_goes_before_the_projects(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = make_supervisely(tmp_path / "given", {"a.jpg": [("cat", 1, 2, 30, 40)]}, class_names=["cat"])
    path = folder / "main" / "ann" / "a.jpg.json"
    for split, expected in (("val", "val"), ("none", "none"), ("test", "test"), (None, "test")):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"split": split}))
        import_folder(workspace, folder, "cells", observer=observer)
        assert list_items(workspace)["main/a.jpg"].split == expected


def test_tags_that_objects_carry_are_defined_by_their_values(workspace: Workspace, tmp_path: Path) -> None:
    write_image(tmp_path / "in/a.jpg")
    extra = "<pose>Left</pose><truncated>1</truncated>"
    write_voc_xml(tmp_path / "in/a.xml", "a.jpg", [("cat", 1, 1, 9, 9)], extra=extra)
    import_folder(workspace, tmp_path / "in", "cells", observer=KeepingObserver())
    schema = read_summary(workspace.store, workspace.catalog.projects.get("cells").manifest).schema
    assert [(tag.name, tag.value_type) for tag in schema.tags] == [("pose", "text"), ("truncated", "none")]


def test_a_message_names_what_the_import_leaves_as_a_version(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    result = import_folder(workspace, voc, "cells", message="as received", observer=observer)
    version = workspace.catalog.versions.get(workspace.catalog.projects.get("cells").id, 1)
    assert (result.version, version.message, version.kind) == (1, "as received", "manual")
    assert version.manifest == workspace.catalog.projects.get("cells").manifest
    again = import_folder(workspace, voc, "cells", message="again", observer=observer)
    assert again.version == 1  # nothing has changed: it has a name already
    assert import_folder(workspace, voc, "cells", observer=observer).version is None
    verbs = [run.verb for run in list_runs(workspace)]
    assert verbs == ["import", "import", "commit", "import"]


def test_a_message_names_what_an_earlier_import_left_unnamed(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    assert import_folder(imported, voc, "cells", message="late", observer=observer).version == 1


def test_a_message_with_a_control_character_imports_nothing(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    with pytest.raises(InvalidParameter):
        import_folder(workspace, voc, "cells", message="a\x1bb", observer=observer)
    assert not workspace.catalog.projects.list()
