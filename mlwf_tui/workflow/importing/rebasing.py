"""Puts what an import has made onto a head that others have moved meanwhile; not a verb.

Both are merged object by object, as a sync does. What both changed, each otherwise, is a conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.joining import Joined, join_schemas
from mlwf_tui.entities.project import ManifestSummary, Project
from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.errors import Conflict
from mlwf_tui.store.manifests import compare_rows, read_summary, update_manifest
from mlwf_tui.store.renames import iter_renamed_rows
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.combine import combine
from mlwf_tui.workflow.running.recorder import Recorder

_SHOWN = 3


class Rebased(msgspec.Struct, frozen=True, kw_only=True):
    """A project's head with what an import has made, and in what it differs from that head."""

    manifest: ManifestSummary
    joined: Joined
    added_count: int
    updated_count: int
    updates: Mapping[str, int]  # as ImportResult has them


def rebase(
    run: Recorder, project: Project, *, base: Digest | None, made: Digest, found: LabelSchema
) -> Rebased:
    """Store what the project's head becomes with what an import made of `base`; None: of nothing.

    `found` is what the folder declares. The project's definitions stand, as in any import.

    Raises:
        Conflict: both changed the same item, each in its own way.
        CorruptData: a manifest cannot be read.
    """
    store = run.workspace.store
    conflicts: list[MergeConflict] = []

    def decide(conflict: MergeConflict) -> Side:
        if conflict.item:
            conflicts.append(conflict)
        return Side.THEIRS

    # What came meanwhile is mostly small, and it is that side which is held in memory.
    combined = combine(store, base, made, project.manifest, decide)
    if conflicts:
        raise _describe_conflicts(project, conflicts)
    joined = join_schemas(read_summary(store, project.manifest).schema, found)
    schema = joined.schema.merge(combined.schema)
    with run.writer() as writer:
        manifest = update_manifest(store, writer, made, schema=schema, changes=combined.changes)
    return _count(store, project.manifest, manifest, joined)


def _describe_conflicts(project: Project, conflicts: Sequence[MergeConflict]) -> Conflict:
    shown = ", ".join(f"{conflict.item} ({conflict.what})" for conflict in conflicts[:_SHOWN])
    more = f" and {len(conflicts) - _SHOWN:,} more" if len(conflicts) > _SHOWN else ""
    return Conflict(
        f"Somebody else changed in {project.name} meanwhile what the import changes too: {shown}{more}.",
        hint="Nothing was lost; look at the project and import again.",
    )


def _count(store: Store, head: Digest, manifest: ManifestSummary, joined: Joined) -> Rebased:
    added_count, updated_count, updates = 0, 0, Counter[str]()
    for _, _, old, new in iter_renamed_rows(store, head, manifest.digest):
        if old is None:
            added_count += 1
        elif new is not None:
            updated_count += 1
            updates.update(aspect.value for aspect in compare_rows(bytes(old), bytes(new)))
    return Rebased(
        manifest=manifest,
        joined=joined,
        added_count=added_count,
        updated_count=updated_count,
        updates=dict(updates.most_common()),
    )
