"""Puts right what a check has found and needs no person's eye, as a new version; not a verb of its own."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import asdict, replace

from mlwf_tui.checks.fixes import COPIES, choose_kept, fix_objects, is_leaking, list_droppable
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.finding import FIXES, Dropped, FindingKind, FixResult
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Conflict, InvalidParameter
from mlwf_tui.media.duplicates import find_equal
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_items, read_summary, update_manifest
from mlwf_tui.store.places import iter_items_at
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workspace import Workspace

_STEP: Final = 500


def fix(workspace: Workspace, ref: str, kinds: Sequence[str], *, observer: Observer) -> FixResult:
    """Put right what can be of these kinds, and make the result the newest version of the project.

    A head that was changed is committed first, and undo brings it back. A version may be named where
    it is what the head holds.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: a kind is unknown or needs a person's eye, or an older version is named.
        Conflict: somebody else changed the project meanwhile.
        Cancelled: the observer asked for it; nothing was changed.
    """
    chosen = [kind for kind in FIXES if kind in kinds]
    for kind in kinds:
        if kind not in FIXES:
            raise InvalidParameter(
                f"{str(kind)!r} cannot be fixed without a person's eye.",
                hint=f"These can: {', '.join(FIXES)}.",
            )
    project, manifest = resolve_manifest(workspace, ref)
    if manifest != project.manifest:
        raise InvalidParameter(
            f"{ref} is not what {project.name} stands on.",
            hint=f"Restore it first (mlwf restore {ref}), or fix the head.",
        )
    params = {"project": project.name, "fix": [kind.value for kind in chosen]}
    with record(workspace, "check", params=params) as run:
        version = run.read_version(project.id)
        plan = _make_plan(workspace, version.manifest, frozenset(chosen), observer)
        return _apply(run, version, plan, chosen)


class _Plan(msgspec.Struct):
    """What a fix changes: items by key (None drops one), and the schema."""

    schema: LabelSchema
    changes: dict[str, Item | None]
    dropped: list[Dropped]
    objects_dropped: int = 0
    objects_clipped: int = 0
    classes_dropped: tuple[str, ...] = ()


def _make_plan(
    workspace: Workspace, manifest: Digest, kinds: frozenset[FindingKind], observer: Observer
) -> _Plan:
    summary = read_summary(workspace.store, manifest)
    plan = _Plan(summary.schema, {}, [])
    beginnings, used = array("Q"), set()
    for place, item in enumerate(iter_items(workspace.store, manifest)):
        if place % _STEP == 0:
            observer.check_cancelled()
            observer.progress(place, summary.item_count, "putting right")
        beginnings.append(int(item.blob[:16], 16))
        fixed = fix_objects(item, kinds)
        if fixed is not item:
            _note_change(plan, item, fixed)
        used |= {labelled.class_name for labelled in fixed.annotation.objects}
    if kinds & COPIES and beginnings:
        _drop_copies(workspace, manifest, beginnings, kinds, plan)
    if FindingKind.UNUSED_CLASS in kinds:
        _drop_classes(plan, used)
    return plan


def _note_change(plan: _Plan, item: Item, fixed: Item) -> None:
    plan.changes[item.key] = fixed
    before, after = item.annotation.objects, fixed.annotation.objects
    plan.objects_dropped += len(before) - len(after)
    shapes = {id(labelled) for labelled in before}
    plan.objects_clipped += sum(id(labelled) not in shapes for labelled in after)


def _drop_copies(
    workspace: Workspace,
    manifest: Digest,
    beginnings: array[int],
    kinds: frozenset[FindingKind],
    plan: _Plan,
) -> None:
    groups = find_equal(np.frombuffer(beginnings, np.uint64))
    wanted = sorted({place for group in groups for place in group})
    items = dict(zip(wanted, iter_items_at(workspace.store, manifest, wanted), strict=True))
    for copies in _split_by_digest([items[place] for place in group] for group in groups):
        kind = FindingKind.LEAK if is_leaking([c.split for c in copies]) else FindingKind.DUPLICATE_IMAGE
        if kind not in kinds:
            continue
        kept = choose_kept(copies)
        for item in list_droppable(copies, kept):
            plan.changes[item.key] = None
            plan.dropped.append(Dropped(item.key, kept.key))


def _split_by_digest(groups: Iterable[list[Item]]) -> Iterator[list[Item]]:
    """Yield the copies of each group, whose digests only begin alike: nothing is dropped on that alone."""
    for group in groups:
        by_digest: dict[Digest, list[Item]] = {}
        for item in group:
            by_digest.setdefault(item.blob, []).append(item)
        yield from (copies for copies in by_digest.values() if len(copies) > 1)


def _drop_classes(plan: _Plan, used: set[str]) -> None:
    image_level = {definition.name for definition in plan.schema.tags}
    kept = tuple(c for c in plan.schema.classes if c.name in used or c.name in image_level)
    plan.classes_dropped = tuple(c.name for c in plan.schema.classes if c not in kept)
    plan.schema = replace(plan.schema, classes=kept)


def _apply(run: Recorder, version: Version, plan: _Plan, kinds: Sequence[FindingKind]) -> FixResult:
    """Make the new version, unless there is nothing to do."""
    workspace = run.workspace
    if not plan.changes and not plan.classes_dropped:
        result = FixResult(project=version.project_name, version=version.number, created=False)
        run.result = {**asdict(result), "summary": "nothing to fix"}
        return result
    with run.writer() as writer:
        manifest = update_manifest(
            workspace.store, writer, version.manifest, schema=plan.schema, changes=plan.changes
        )
    message = f"fixed: {', '.join(kind.value.replace('_', ' ') for kind in kinds)}"
    with run.finishing():
        project = workspace.catalog.projects.get_by_id(version.project_id)
        if project.manifest != version.manifest:
            raise Conflict(f"{project.name} was changed by somebody else meanwhile.", hint="Check it again.")
        made = run.write_version(project, manifest.digest, manifest.item_count, message=message)
        result = FixResult(
            project=project.name,
            version=made.number,
            created=True,
            items_changed=sum(item is not None for item in plan.changes.values()),
            objects_dropped=plan.objects_dropped,
            objects_clipped=plan.objects_clipped,
            dropped=tuple(plan.dropped),
            classes_dropped=plan.classes_dropped,
            run=run.run_id,
        )
        run.result = {**asdict(result), "dropped": len(plan.dropped), "summary": message}
    return result
