"""diff: what differs between two states of projects; time and memory grow with the difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema
from mlwf_tui.entities.change import (
    Aspect,
    ChangeKind,
    ClassChange,
    DatasetChange,
    Diff,
    ItemChange,
    ObjectChangeKind,
    SplitChange,
    TagChange,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.project import ProjectState, Version
from mlwf_tui.errors import NotFound
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.store.renames import iter_renamed_changes
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.refs import resolve, resolve_manifest, resolve_minor
from mlwf_tui.workspace import Workspace

NOTHING = ""
"""The ref of the state before a project's first."""


def diff(workspace: Workspace, before: str | None, after: str, *, max_items: int | None = None) -> Diff:
    """Compare two refs: PROJECT@N, PROJECT@N.M, or PROJECT for its head.

    Without `before` it is the state before `after`: for a head its latest version, for a state behind
    version N that version, for a version the one before it in its project, for the first version the one
    that it was copied from, else nothing.
    With `max_items` only so many items are kept; all are counted.

    Raises:
        NotFound: one of them does not exist.
    """
    old = _find_previous(workspace, after) if before is None else _resolve_side(workspace, before)
    new = _resolve_side(workspace, after)
    tally = _Tally(max_items=max_items)
    for change in _iter_changes(workspace.store, old.manifest, new.manifest):
        tally.add(change)
    old_schema, new_schema = (_read_schema(workspace.store, side.manifest) for side in (old, new))
    return Diff(
        before=old.ref,
        after=new.ref,
        items=tuple(tally.items),
        left_out=dict(tally.left_out),
        aspects={aspect: tally.aspects[aspect] for aspect in Aspect if tally.aspects[aspect]},
        classes=_compare_classes(old_schema, new_schema, tally.objects),
        tags=_compare_tags(old_schema, new_schema),
        datasets=tally.list_datasets(),
        splits=tally.list_splits(),
        is_class_order_changed=_is_order_changed(old_schema.class_names, new_schema.class_names),
    )


def iter_diff(workspace: Workspace, before: str, after: str) -> Iterator[ItemChange]:
    """Yield the items that differ between two refs in key order, the renamed at their new keys.

    Raises:
        NotFound: one of the refs does not exist.
    """
    old, new = _resolve_side(workspace, before), _resolve_side(workspace, after)
    return _iter_changes(workspace.store, old.manifest, new.manifest)


class _Side(NamedTuple):
    """A state and what it is called; without a manifest it holds nothing."""

    ref: str
    manifest: Digest | None


def _resolve_side(workspace: Workspace, ref: str) -> _Side:
    return _Side(ref, None if ref == NOTHING else resolve_manifest(workspace, ref)[1])


def _find_previous(workspace: Workspace, ref: str) -> _Side:
    """Return the state that a person who names only one ref compares it with."""
    versions = workspace.catalog.versions
    if "@" not in ref:
        latest = versions.latest(workspace.catalog.projects.get(ref).id)
        return _Side(f"{ref}@{latest.number}", latest.manifest) if latest else _Side(NOTHING, None)
    state = resolve_minor(workspace, ref)
    if state is not None:
        return _find_base(workspace, ref.rpartition("@")[0], state)
    version = resolve(workspace, ref)
    assert isinstance(version, Version)  # nothing else is written with an @
    earlier = [other for other in versions.list(version.project_id) if other.number < version.number]
    if earlier:
        return _Side(f"{ref.rpartition('@')[0]}@{earlier[0].number}", earlier[0].manifest)
    for parent in version.parents[:1]:
        with suppress(NotFound):  # it was deleted
            source = versions.get_by_id(parent)
            return _Side(source.ref, source.manifest)
    return _Side(NOTHING, None)


def _find_base(workspace: Workspace, project: str, state: ProjectState) -> _Side:
    """Return the version that a state comes behind."""
    with suppress(NotFound):  # it was deleted, or there was none yet
        version = workspace.catalog.versions.get(state.project_id, state.base)
        return _Side(f"{project}@{version.number}", version.manifest)
    return _Side(NOTHING, None)


def _iter_changes(store: Store, old: Digest | None, new: Digest | None) -> Iterator[ItemChange]:
    if old == new or new is None:
        return
    if old is None:
        for item in iter_items(store, new):
            yield ItemChange(ChangeKind.ADDED, item.key, None, item)
        return
    yield from iter_renamed_changes(store, old, new)


def _read_schema(store: Store, manifest: Digest | None) -> LabelSchema:
    return LabelSchema() if manifest is None else read_summary(store, manifest).schema


class _Tally:
    """Adds up item changes, and keeps the first of them."""

    def __init__(self, *, max_items: int | None) -> None:
        self.items: list[ItemChange] = []
        self.left_out: Counter[ChangeKind] = Counter()
        self.aspects: Counter[Aspect] = Counter()
        self.objects: defaultdict[str, Counter[str]] = defaultdict(Counter)  # class name, then field
        self._max_items = max_items
        self._datasets: defaultdict[str, Counter[ChangeKind]] = defaultdict(Counter)
        self._splits: Counter[tuple[Split | None, Split | None]] = Counter()

    def add(self, change: ItemChange) -> None:
        """Count one change."""
        if self._max_items is None or len(self.items) < self._max_items:
            self.items.append(change)
        else:
            self.left_out[change.kind] += 1
        self._datasets[change.key.rpartition("/")[0]][change.kind] += 1
        if change.kind is ChangeKind.CHANGED:
            self.aspects.update(change.aspects)
        old_split = change.before.split if change.before else None
        new_split = change.after.split if change.after else None
        if old_split != new_split:
            self._splits[old_split, new_split] += 1
        if change.before is None or change.after is None:
            self._add_whole(change)
        elif Aspect.OBJECTS in change.aspects:
            self._add_objects(change)

    def _add_whole(self, change: ItemChange) -> None:
        """Count all objects of an item that came or went; most items of a large diff are such."""
        item = change.after or change.before
        assert item is not None  # a change has at least one side
        field = f"objects_{change.kind}"
        for labelled in item.annotation.objects:
            self.objects[labelled.class_name][field] += 1

    def _add_objects(self, change: ItemChange) -> None:
        for found in change.compare_objects():
            if found.is_reshaped:
                self._count(found.after, "objects_reshaped")
            match found.kind:
                case ObjectChangeKind.RELABELLED:
                    self._count(found.before, "objects_relabelled_out")
                    self._count(found.after, "objects_relabelled_in")
                case ObjectChangeKind.RETAGGED | ObjectChangeKind.CHANGED:
                    self._count(found.after, "objects_changed")
                case _:
                    self._count(found.after or found.before, f"objects_{found.kind}")

    def _count(self, labelled: AnnotatedObject | None, field: str) -> None:
        if labelled is not None:
            self.objects[labelled.class_name][field] += 1

    def list_datasets(self) -> tuple[DatasetChange, ...]:
        """Return the datasets with differing items, in the order of their names."""
        return tuple(
            DatasetChange(
                name,
                items_added=kinds[ChangeKind.ADDED],
                items_removed=kinds[ChangeKind.REMOVED],
                items_renamed=kinds[ChangeKind.RENAMED],
                items_changed=kinds[ChangeKind.CHANGED],
            )
            for name, kinds in sorted(self._datasets.items())
        )

    def list_splits(self) -> tuple[SplitChange, ...]:
        """Return where items went, the most first."""
        return tuple(SplitChange(old, new, count) for (old, new), count in self._splits.most_common())


def _compare_classes(
    old: LabelSchema, new: LabelSchema, objects: Mapping[str, Mapping[str, int]]
) -> tuple[ClassChange, ...]:
    befores, afters = ({c.name: c for c in schema.classes} for schema in (old, new))
    changes = []
    for name in dict.fromkeys((*befores, *afters, *sorted(objects))):
        before, after = befores.get(name), afters.get(name)
        counts = objects.get(name, {})
        if before != after or counts:
            kind = _name_change(before, after)
            changes.append(ClassChange(name, kind, before=before, after=after, **counts))
    return tuple(changes)


def _compare_tags(old: LabelSchema, new: LabelSchema) -> tuple[TagChange, ...]:
    befores, afters = ({t.name: t for t in schema.tags} for schema in (old, new))
    names = (name for name in dict.fromkeys((*befores, *afters)) if befores.get(name) != afters.get(name))
    found = ((name, befores.get(name), afters.get(name)) for name in names)
    return tuple(TagChange(name, _name_change(old, new), old, new) for name, old, new in found)


def _name_change(before: object | None, after: object | None) -> ChangeKind:
    if before is None and after is not None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if after is None and before is not None else ChangeKind.CHANGED


def _is_order_changed(before: Sequence[str], after: Sequence[str]) -> bool:
    """Return whether the classes that both have stand in another order, which gives others their index."""
    common = set(before) & set(after)
    return [name for name in before if name in common] != [name for name in after if name in common]
