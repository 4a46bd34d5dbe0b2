"""merge: bring what was done elsewhere into a project, item by item and object by object."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import asdict

from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest, VersionId
from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.project import ManifestSummary, Project, Version, VersionKind
from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.errors import Conflict
from mlwf_tui.store.manifests import read_summary, update_manifest
from mlwf_tui.workflow.combine import Combined, combine
from mlwf_tui.workflow.referee import Policy, Referee
from mlwf_tui.workflow.refs import by_name, resolve_project_ref
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workspace import Workspace


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did to what was merged before: both are refs of versions of the project."""

    by: str  # restored from a version that had not taken it in
    held_by: str  # the last that held it, which a restore brings back


class MergePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge would do. A choice is made by the key of a conflict, or of its item for all of its."""

    base: str  # the version that both sides come from, as a ref; empty where there is none
    ours: str
    theirs: str
    changes: tuple[ItemChange, ...]  # what our side becomes, with conflicts settled for ours
    conflicts: tuple[MergeConflict, ...]
    is_fast_forward: bool  # our side has not changed since the base: the result is theirs
    is_merged_already: bool  # theirs has not changed since the base: there is nothing to do
    taken_back: TakenBack | None = None  # where a restore has taken back what was merged already

    @property
    def held(self) -> str:
        """That there is nothing to do, in a sentence."""
        return _tell_held(self.ours, self.theirs, self.taken_back)


class MergeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The merged version; None, and nothing was changed, where `conflicts` are left to be settled."""

    project: str
    version: int | None
    created: bool
    items_added: int = 0
    items_removed: int = 0
    items_changed: int = 0  # renamed ones among them
    conflicts: tuple[MergeConflict, ...] = ()
    run: str | None = None
    taken_back: TakenBack | None = None  # where nothing was to do, and a restore is why it is not there

    def tell_held(self, ref: str) -> str:
        """Return that there was nothing to do, in a sentence."""
        return _tell_held(self.project, ref, self.taken_back)


def plan_merge(
    workspace: Workspace,
    project: str,
    ref: str,
    *,
    choices: Mapping[str, Side] | None = None,
    policy: Policy = "fail",
    is_unrelated: bool = False,
) -> MergePlan:
    """Return what merging `ref` into the head of `project` would change, and what still needs a choice.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: a choice is about nothing that is in conflict.
        Conflict: they come from no common version, and `is_unrelated` is not set.
    """
    sides = _find_sides(workspace, project, ref, is_unrelated=is_unrelated)
    referee = Referee(choices or {}, policy)
    combined = _combine(workspace, sides, referee)
    if not sides.is_merged_already:
        referee.check_choices()
    return MergePlan(
        base=sides.base.ref if sides.base else "",
        ours=sides.ours.name,
        theirs=by_name(workspace, ref),
        changes=combined.items,
        conflicts=tuple(referee.unsettled),
        is_fast_forward=sides.is_fast_forward,
        is_merged_already=sides.is_merged_already,
        taken_back=_find_taken_back(workspace, sides),
    )


def merge(
    workspace: Workspace,
    project: str,
    ref: str,
    *,
    choices: Mapping[str, Side] | None = None,
    policy: Policy = "fail",
    message: str | None = None,
    is_unrelated: bool = False,
) -> MergeResult:
    """Merge `ref` into the head of `project` as a new version with both as parents.

    Heads that were changed are committed first. Where conflicts are left that neither `choices` nor
    `policy` settles, nothing is changed and they are returned.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: a choice is for no conflict, or the message holds a control character.
        Conflict: they come from no common version, or somebody else moved a head meanwhile.
    """
    check_text(message or "", "message")
    sides = _find_sides(workspace, project, ref, is_unrelated=is_unrelated)
    if sides.is_merged_already:
        return MergeResult(
            project=sides.ours.name,
            version=sides.ours.latest_version,
            created=False,
            taken_back=_find_taken_back(workspace, sides),
        )
    referee = Referee(choices or {}, policy)
    combined = _combine(workspace, sides, referee)
    referee.check_choices()
    if referee.unsettled:
        return MergeResult(
            project=sides.ours.name, version=None, created=False, conflicts=tuple(referee.unsettled)
        )
    params = {
        "project": sides.ours.name,
        "source": by_name(workspace, ref),
        "policy": policy,
        "choices": dict(choices or {}),
    }
    with record(workspace, "merge", params=params) as run:
        return _finish(run, sides, combined, message)


class _Sides(msgspec.Struct, frozen=True, kw_only=True):
    """The project merged into, what is merged, and the version that both come from."""

    ours: Project
    theirs: Project
    number: int | None  # of their version, None for their head
    manifest: Digest  # of theirs
    base: Version | None
    is_merged_already: bool

    @property
    def is_fast_forward(self) -> bool:
        return self.base is not None and self.base.manifest == self.ours.manifest


def _find_sides(workspace: Workspace, project: str, ref: str, *, is_unrelated: bool) -> _Sides:
    versions = workspace.catalog.versions
    ours = workspace.catalog.projects.get(project)
    theirs, number = resolve_project_ref(workspace, ref)
    mine = versions.find_of_head(ours.id)
    other = versions.find_of_head(theirs.id) if number is None else versions.get(theirs.id, number)
    base = versions.find_common_ancestor(mine.id, other.id) if mine and other else None
    if base is None and not is_unrelated:
        raise Conflict(
            f"{ours.name} and {by_name(workspace, ref)} come from no common version.",
            hint="--unrelated merges them all the same, as if both had begun with nothing.",
        )
    manifest = theirs.manifest if number is None or other is None else other.manifest
    is_itself = number is None and theirs.id == ours.id
    return _Sides(
        ours=ours,
        theirs=theirs,
        number=number,
        manifest=manifest,
        base=base,
        is_merged_already=is_itself or (base is not None and base.manifest == manifest),
    )


def _find_taken_back(workspace: Workspace, sides: _Sides) -> TakenBack | None:
    """Return the newest restore on the way to our side that took back what was merged already."""
    versions = workspace.catalog.versions
    base, mine = sides.base, versions.find_of_head(sides.ours.id)
    if base is None or mine is None or not sides.is_merged_already:
        return None

    def holds(version: VersionId, other: VersionId) -> bool:
        found = versions.find_common_ancestor(version, other)
        return found is not None and found.id == other

    for version in versions.list(sides.ours.id):
        # A restore of what no version names has one parent.
        if version.kind is VersionKind.RESTORED and version.parents[1:] and holds(mine.id, version.id):
            former = versions.find_any(version.parents[0])
            if former is None or holds(version.parents[1], base.id):
                return None
            if holds(former.id, base.id):
                return TakenBack(by=version.ref, held_by=former.ref)
    return None


def _tell_held(project: str, ref: str, taken_back: TakenBack | None) -> str:
    if taken_back is None:
        return f"{project} holds {ref} already"
    way = f"mlwf restore {taken_back.held_by} brings it back"
    return f"{project} took in {ref} already, and {taken_back.by} was restored from before that: {way}"


def _combine(workspace: Workspace, sides: _Sides, referee: Referee) -> Combined:
    base = sides.base.manifest if sides.base else None
    ours, theirs = sides.ours.manifest, sides.manifest
    return combine(workspace.store, base, ours, theirs, referee.decide, preferred=referee.preferred)


def _finish(run: Recorder, sides: _Sides, combined: Combined, message: str | None) -> MergeResult:
    """Write the merged manifest and make it the project's head and newest version."""
    manifest = _write(run, sides, combined)
    catalog = run.workspace.catalog
    with run.finishing():
        which = "" if sides.number is None else f"@{sides.number}"
        other = run.read_version(f"{sides.theirs.id}{which}")
        if other.manifest != sides.manifest:
            raise Conflict(
                f"{sides.theirs.name} was changed by somebody else meanwhile.", hint="Merge it again."
            )
        if sides.ours.item_count or sides.ours.latest_version:
            run.read_version(sides.ours.id)
        ours = catalog.projects.get_by_id(sides.ours.id)
        if ours.head != sides.ours.head:
            raise Conflict(f"{ours.name} was changed by somebody else meanwhile.", hint="Merge again.")
        version = run.write_version(
            ours,
            manifest.digest,
            manifest.item_count,
            message=message or f"merge of {other.ref}",
            kind=VersionKind.MERGED,
            parents=(other,),
        )
        result = _count(version, combined, run)
        run.result = {**asdict(result), "summary": f"{other.ref} into {ours.name}"}
    return result


def _write(run: Recorder, sides: _Sides, combined: Combined) -> ManifestSummary:
    store = run.workspace.store
    if sides.is_fast_forward:
        return read_summary(store, sides.manifest)
    with run.writer() as writer:
        return update_manifest(
            store, writer, sides.ours.manifest, schema=combined.schema, changes=combined.changes
        )


def _count(version: Version, combined: Combined, run: Recorder) -> MergeResult:
    kinds = [change.kind for change in combined.items]
    return MergeResult(
        project=version.project_name,
        version=version.number,
        created=True,
        items_added=kinds.count(ChangeKind.ADDED),
        items_removed=kinds.count(ChangeKind.REMOVED),
        items_changed=kinds.count(ChangeKind.CHANGED) + kinds.count(ChangeKind.RENAMED),
        run=run.run_id,
    )
