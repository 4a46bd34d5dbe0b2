"""What each task learns from, and what is said where a version does not hold that."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, LabelSchema, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.training.tasks import TaskData, check_task_data, list_warnings, read_task_data
from mlwf_tui.workspace import Workspace
from tests.states import make_object, make_plain_item, set_state

CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
BOX = make_object()
OUTLINE = AnnotatedObject("dog", Geometry(GeometryKind.POLYGON, CORNERS))
TURNED = AnnotatedObject("car", Geometry(GeometryKind.ORIENTED_BOX, CORNERS))
POINTS = AnnotatedObject("car", Geometry(GeometryKind.KEYPOINTS, CORNERS, names=("a", "b", "c", "d")))


def read(workspace: Workspace, task: str, *objects: AnnotatedObject, tags: tuple[Tag, ...] = ()) -> TaskData:
    """Return what two items of train and val hold, all with the same objects."""
    items = [
        make_plain_item(f"main/{split}{number}.jpg", *objects, split=split, tags=tags)
        for split in (Split.TRAIN, Split.VAL)
        for number in range(2)
    ]
    set_state(workspace, "things", items)
    return read_task_data(workspace, resolve_manifest(workspace, "things")[1], task)


@pytest.mark.parametrize(
    ("task", "labelled", "tags"),
    [
        ("detect", BOX, ()),
        ("detect", OUTLINE, ()),
        ("segment", OUTLINE, ()),
        ("obb", TURNED, ()),
        ("obb", OUTLINE, ()),
        ("pose", POINTS, ()),
        ("classify", None, (Tag("car"),)),
    ],
)
def test_what_teaches_a_task_is_enough_for_it(
    workspace: Workspace, task: str, labelled: AnnotatedObject | None, tags: tuple[Tag, ...]
) -> None:
    data = read(workspace, task, *([labelled] if labelled else []), tags=tags)

    check_task_data(data, task, "things")
    assert data.labelled_counts == {"train": 2, "val": 2}


@pytest.mark.parametrize(
    ("task", "labelled", "message", "hint"),
    [
        ("segment", BOX, "no polygons .* a model to segment learns .* 4 rectangle objects", "detect"),
        ("obb", BOX, "no oriented boxes, polygons or masks", "detect"),
        ("pose", OUTLINE, "no keypoints", "segment"),
        ("detect", POINTS, "no boxes, or shapes that have an area", "pose"),
        ("classify", BOX, "no items with a tag that is the name of a class", "detect"),
    ],
)  # fmt: skip
def test_what_does_not_teach_a_task_is_refused_in_one_sentence(
    workspace: Workspace, task: str, labelled: AnnotatedObject, message: str, hint: str
) -> None:
    data = read(workspace, task, labelled)

    with pytest.raises(InvalidInput, match=message) as refused:
        check_task_data(data, task, "things")
    assert hint in refused.value.hint


def test_images_with_a_class_each_are_said_to_be_for_a_classifier(workspace: Workspace) -> None:
    data = read(workspace, "detect", tags=(Tag("car"),))

    with pytest.raises(InvalidInput, match="only 4 items with a class for a tag") as refused:
        check_task_data(data, "detect", "things")
    assert "--model yolo11n-cls" in refused.value.hint


def test_a_split_without_labels_is_refused(workspace: Workspace) -> None:
    items = [
        make_plain_item("main/a.jpg", BOX),
        make_plain_item("main/b.jpg", split=Split.VAL),
    ]
    set_state(workspace, "things", items)
    data = read_task_data(workspace, resolve_manifest(workspace, "things")[1], "detect")

    with pytest.raises(InvalidInput, match="in the val split"):
        check_task_data(data, "detect", "things")


def test_a_project_without_classes_is_refused(workspace: Workspace) -> None:
    set_state(workspace, "things", [make_plain_item("main/a.jpg")], schema=LabelSchema())
    data = read_task_data(workspace, resolve_manifest(workspace, "things")[1], "detect")

    with pytest.raises(InvalidInput, match="no classes"):
        check_task_data(data, "detect", "things@1")


def test_what_is_odd_is_warned_of(workspace: Workspace) -> None:
    items = [
        make_plain_item("main/a.jpg", BOX, POINTS),
        make_plain_item("main/b.jpg", OUTLINE, split=Split.VAL),
        make_plain_item("main/c.jpg", split=Split.VAL),
    ]
    set_state(workspace, "things", items)
    data = read_task_data(workspace, resolve_manifest(workspace, "things")[1], "detect")

    assert list_warnings(data, "detect") == (
        "Nothing in train teaches dog.",
        "Nothing in val measures car.",
        "1 items hold nothing to learn from.",
        "1 keypoints objects are left out.",
    )


def test_boxes_among_outlines_are_said_to_be_learned_as_such(workspace: Workspace) -> None:
    data = read(workspace, "segment", BOX, OUTLINE)

    assert "4 rectangle objects are learned as outlines with four corners." in list_warnings(data, "segment")


def test_a_classifier_of_one_class_is_warned_of(workspace: Workspace) -> None:
    data = read(workspace, "classify", tags=(Tag("car"),))

    assert list_warnings(data, "classify")[0].startswith("There is one class alone, car")
