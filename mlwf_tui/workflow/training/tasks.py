"""What each task learns from, and whether a manifest holds that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workspace import Workspace

_OUTLINED = (GeometryKind.POLYGON, GeometryKind.MASK)
LESSONS: Final[Mapping[str, tuple[GeometryKind, ...]]] = {
    "detect": (GeometryKind.RECTANGLE, *_OUTLINED, GeometryKind.ORIENTED_BOX),
    "segment": _OUTLINED,
    "pose": (GeometryKind.KEYPOINTS,),
    "obb": (GeometryKind.ORIENTED_BOX, *_OUTLINED),
    "classify": (),
}
"""By task, the shapes that teach it: those from which what it predicts follows. A classifier learns tags."""
_WANTED: Final = {
    "detect": "boxes, or shapes that have an area",
    "segment": "polygons or masks",
    "pose": "keypoints",
    "obb": "oriented boxes, polygons or masks",
    "classify": "items with a tag that is the name of a class",
}
SPLITS: Final = (Split.TRAIN, Split.VAL)


class TaskData(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest holds for a task; objects are only those that teach it, by class and split.

    `others` counts shapes that do not teach the task, by kind; `tagged_count` items with a class for a tag.
    """

    item_counts: Mapping[str, int]  # by split
    labelled_counts: Mapping[str, int]  # items with something to learn from, by split
    classes: Mapping[str, Mapping[str, int]]  # by class: objects, of a classifier items, by split
    others: Mapping[str, int]
    tagged_count: int = 0


def read_task_data(workspace: Workspace, manifest: Digest, task: str) -> TaskData:
    """Go through a manifest's items, no image, and count what a task learns from."""
    names = read_summary(workspace.store, manifest).schema.class_names
    known, kinds = set(names), set(LESSONS[task])
    items, labelled, others = Counter[str](), Counter[str](), Counter[str]()
    classes: dict[str, Counter[str]] = {name: Counter() for name in names}
    tagged_count = 0
    for item in iter_items(workspace.store, manifest):
        split = item.split.value
        items[split] += 1
        taught = []
        for labelled_object in item.annotation.objects:
            kind = labelled_object.geometry.kind
            if kind in kinds and labelled_object.class_name in known:
                taught.append(labelled_object.class_name)
            else:
                others[kind.value] += 1
        tagged = [tag.name for tag in item.annotation.tags if tag.name in known][:1]
        tagged_count += bool(tagged)
        if task == "classify":
            taught = tagged
        labelled[split] += bool(taught)
        for name in taught:
            classes[name][split] += 1
    return TaskData(
        item_counts=items,
        labelled_counts=labelled,
        classes=classes,
        others=others,
        tagged_count=tagged_count,
    )


def check_task_data(data: TaskData, task: str, ref: str) -> None:
    """Raise where a training would fail or measure nothing; cheaper to say now than in the worker.

    Raises:
        InvalidInput: a split is empty, there is no class, or nothing that teaches the task.
    """
    if not data.classes:
        raise InvalidInput(
            f"{ref} has no classes, and no annotated objects to learn from.",
            hint="Import annotations, or choose another version.",
        )
    project = ref.partition("@")[0]
    for split in SPLITS:
        if not data.item_counts.get(split):
            raise InvalidInput(
                f"{ref} has no items in the {split} split.",
                hint=f"Make splits: mlwf transform split {project} --to {project}",
            )
    for split in SPLITS:
        if not data.labelled_counts.get(split):
            raise InvalidInput(_describe_lack(data, task, ref, split), hint=_suggest(data, task, project))


def list_warnings(data: TaskData, task: str) -> tuple[str, ...]:
    """Return what is odd about data that can be trained on, each in a sentence."""
    found = []
    seen = {name: counts for name, counts in data.classes.items() if any(counts.values())}
    unlearned = [name for name, counts in seen.items() if not counts.get(Split.TRAIN)]
    unmeasured = [name for name, counts in seen.items() if not counts.get(Split.VAL)]
    unused = [name for name in data.classes if name not in seen]
    if task == "classify" and len(seen) == 1:
        found.append(f"There is one class alone, {next(iter(seen))}: every answer will be that.")
    if unlearned:
        found.append(f"Nothing in train teaches {_list(unlearned)}.")
    if unmeasured:
        found.append(f"Nothing in val measures {_list(unmeasured)}.")
    if unused and task != "classify":
        found.append(f"Nothing is of the class {_list(unused)}.")
    empty = sum(data.item_counts[split] - data.labelled_counts.get(split, 0) for split in SPLITS)
    if empty:
        what = "have no class and are left out" if task == "classify" else "hold nothing to learn from"
        found.append(f"{empty:,} items {what}.")
    for kind, count in data.others.items():
        fate = _fate(task, GeometryKind(kind))
        found.append(f"{count:,} {kind.replace('_', ' ')} objects {fate}.")
    return tuple(found)


def _fate(task: str, kind: GeometryKind) -> str:
    if task == "segment" and kind in (GeometryKind.RECTANGLE, GeometryKind.ORIENTED_BOX):
        return "are learned as outlines with four corners"
    if task == "obb" and kind is GeometryKind.RECTANGLE:
        return "are learned as boxes that are not turned"
    return "are left out"


def _describe_lack(data: TaskData, task: str, ref: str, split: Split) -> str:
    wanted = f"{ref} has no {_WANTED[task]} in the {split} split, which a model to {task} learns from"
    if not any(data.labelled_counts.values()):
        wanted = f"{ref} has no {_WANTED[task]}, which a model to {task} learns from"
        if not data.others and data.tagged_count:
            return f"{ref} has no annotated objects, only {data.tagged_count:,} items with a class for a tag."
        if not data.others:
            return f"{ref} has no annotated objects to learn from" + (
                f": {wanted}." if task == "classify" else "."
            )
    there = ", ".join(_count_shapes(kind, count) for kind, count in data.others.items())
    return f"{wanted}{f'; it has {there}' if there else ''}."


def _suggest(data: TaskData, task: str, project: str) -> str:
    if any(data.labelled_counts.values()):
        return f"Split by class: mlwf transform split {project} --to {project}"
    fitting = [name for name, kinds in LESSONS.items() if any(data.others.get(kind.value) for kind in kinds)]
    if data.tagged_count and not data.others:
        return "Train a classifier: --model yolo11n-cls."
    if fitting:
        return f"Choose an architecture to {' or '.join(fitting)}, or label what {task} needs."
    return "Import annotations, or choose another version."


def _count_shapes(kind: str, count: int) -> str:
    return f"{count:,} {kind.replace('_', ' ')} object{'' if count == 1 else 's'}"


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
