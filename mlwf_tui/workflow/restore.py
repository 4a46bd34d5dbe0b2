"""restore: bring an earlier version back as a new one; nothing is overwritten."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.ids import Digest, ProjectId, StateId
from mlwf_tui.entities.project import Project, Version, VersionKind
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.refs import resolve_minor, resolve_version
from mlwf_tui.workflow.running.recorder import pin_head, record
from mlwf_tui.workspace import Workspace


class RestoreResult(msgspec.Struct, frozen=True, kw_only=True):
    """The new version; `saved_version` names what the head held and no version had named yet."""

    project: str
    version: int
    created: bool
    saved_version: int | None


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be brought back: a version, or a state between two."""

    ref: str
    full_ref: str  # by the project's id
    project_id: ProjectId
    manifest: Digest
    item_count: int
    state: StateId | None = None
    parents: tuple[Version, ...] = ()


def preview_restore(workspace: Workspace, ref: str) -> str:
    """Return one sentence that says what restoring `ref` will do."""
    version = _find_source(workspace, ref)
    project = workspace.catalog.projects.get_by_id(version.project_id)
    following = workspace.catalog.versions.read_next_number(project.id)
    if project.manifest == version.manifest:
        if project.is_changed:
            return f"Name the head, which holds {version.ref} already, as @{following}."
        return f"{project.name} already stands on {version.ref}: nothing will change."
    items = format_count(version.item_count, "item")
    if project.is_changed:
        return (
            f"Save the uncommitted head of {project.name} as @{following}, then bring back"
            f" {version.ref} ({items}) as @{following + 1}."
        )
    return f"Bring back {version.ref} ({items}) as {project.name}@{following}."


def restore(workspace: Workspace, ref: str) -> RestoreResult:
    """Make a new version, and the head, with the manifest of PROJECT@N, PROJECT@TAG or PROJECT@N.M.

    In constant time. The last is a state between two versions, which no commit has named.

    Raises:
        NotFound: there is no such version, or the bytes of such a state were collected.
        InvalidParameter: no version was named.
    """
    with workspace.catalog.transaction():
        version = _find_source(workspace, ref)
        if version.state is not None:  # of a discarded state, collect may have freed the bytes
            read_summary(workspace.store, version.manifest)
        project = workspace.catalog.projects.get_by_id(version.project_id)
        if project.manifest == version.manifest:
            return _name_standing(workspace, project)
        saved = None
        if project.is_changed:
            saved = pin_head(workspace, project, message=f"before restoring {version.ref}").number
        restored = _bring_back(workspace, project, version)
    return RestoreResult(project=project.name, version=restored.number, created=True, saved_version=saved)


def _bring_back(workspace: Workspace, project: Project, version: _Source) -> Version:
    with record(workspace, "restore", params={"version": version.ref}) as run, run.finishing():
        if version.state is not None:
            run.read_state(project, version.state)
        else:
            run.read_version(version.full_ref)
        restored = run.write_version(
            workspace.catalog.projects.get_by_id(project.id),
            version.manifest,
            version.item_count,
            message=f"restored from {version.ref}",
            kind=VersionKind.RESTORED,
            parents=version.parents,
        )
        run.result = {
            "project": project.name,
            "version": restored.number,
            "created": True,
            "summary": version.ref,
        }
    return restored


def _name_standing(workspace: Workspace, project: Project) -> RestoreResult:
    """The head holds the wanted content already, after an undo perhaps without a version of its own."""
    standing = pin_head(workspace, project, message="as restored by undo")
    return RestoreResult(
        project=project.name, version=standing.number, created=project.is_changed, saved_version=None
    )


def _find_source(workspace: Workspace, ref: str) -> _Source:
    state = resolve_minor(workspace, ref)
    if state is None:
        version = resolve_version(workspace, ref)
        return _Source(
            ref=version.ref,
            full_ref=version.full_ref,
            project_id=version.project_id,
            manifest=version.manifest,
            item_count=version.item_count,
            parents=(version,),
        )
    project = workspace.catalog.projects.get_by_id(state.project_id)
    return _Source(
        ref=f"{project.name}@{state.base}.{state.minor}",
        full_ref=f"{project.id}@{state.base}.{state.minor}",
        project_id=project.id,
        manifest=state.manifest,
        item_count=state.item_count,
        state=state.id,
    )
