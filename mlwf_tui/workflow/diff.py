"""diff: what differs between two states of projects; the work grows with the difference."""

from __future__ import annotations

from collections import Counter

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.change import ChangeKind, ClassChange, Diff, ItemChange
from mlwf_tui.entities.item import Item
from mlwf_tui.store.manifests import iter_changes, read_summary
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workspace import Workspace


def diff(workspace: Workspace, before: str, after: str) -> Diff:
    """Compare two refs, PROJECT@N or PROJECT for its head.

    Raises:
        NotFound: one of them does not exist.
    """
    _, old = resolve_manifest(workspace, before)
    _, new = resolve_manifest(workspace, after)
    changes = tuple(iter_changes(workspace.store, old, new))
    old_schema = read_summary(workspace.store, old).schema
    new_schema = read_summary(workspace.store, new).schema
    classes = _compare_classes(old_schema, new_schema, changes)
    return Diff(before=before, after=after, items=changes, classes=classes)


def _compare_classes(
    old: LabelSchema, new: LabelSchema, changes: tuple[ItemChange, ...]
) -> tuple[ClassChange, ...]:
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    for change in changes:
        objects_before, objects_after = _count_objects(change.before), _count_objects(change.after)
        added.update(objects_after - objects_before)
        removed.update(objects_before - objects_after)
    names = dict.fromkeys((*old.class_names, *new.class_names, *added, *removed))
    found = (_compare_class(name, old, new, added[name], removed[name]) for name in names)
    return tuple(change for change in found if change is not None)


def _compare_class(
    name: str, old: LabelSchema, new: LabelSchema, objects_added: int, objects_removed: int
) -> ClassChange | None:
    old_definition = next((c for c in old.classes if c.name == name), None)
    new_definition = next((c for c in new.classes if c.name == name), None)
    if old_definition == new_definition and not objects_added and not objects_removed:
        return None
    kind = ChangeKind.CHANGED
    if old_definition is None and new_definition is not None:
        kind = ChangeKind.ADDED
    elif new_definition is None and old_definition is not None:
        kind = ChangeKind.REMOVED
    return ClassChange(name, kind, objects_added, objects_removed)


def _count_objects(item: Item | None) -> Counter[str]:
    """Return how many objects of each class an item has, keyed by class name."""
    return Counter(labelled.class_name for labelled in item.annotation.objects) if item else Counter()
