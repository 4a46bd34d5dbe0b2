"""tag and untag: names for versions; PROJECT@TAG is written wherever PROJECT@N is."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.project import Version
from mlwf_tui.workflow.refs import check_tag, resolve_version
from mlwf_tui.workspace import Workspace


class TagResult(msgspec.Struct, frozen=True, kw_only=True):
    """The version that the tag names now, or named, and all the tags it has now."""

    project: str
    version: int
    tag: str
    tags: tuple[str, ...]


def tag(workspace: Workspace, ref: str, name: str, *, is_forced: bool = False) -> TagResult:
    """Let PROJECT@NAME mean the version `ref`; with `is_forced` also where it means another one now.

    Raises:
        NotFound: there is no such version.
        InvalidParameter: no version was named, or a tag cannot be named so.
        Conflict: the tag names another version.
    """
    check_tag(name)
    with workspace.catalog.transaction():
        version = resolve_version(workspace, ref)
        workspace.catalog.tags.set(version, name, is_moving=is_forced)
        return _tell(workspace, version, name)


def untag(workspace: Workspace, project: str, name: str) -> TagResult:
    """Take a tag off the version that it names; the version stays.

    Raises:
        NotFound: the project has no such tag.
    """
    with workspace.catalog.transaction():
        found = workspace.catalog.projects.get(project)
        number = workspace.catalog.tags.get_number(found.id, name)
        version = workspace.catalog.versions.get(found.id, number)
        workspace.catalog.tags.remove(version, name)
        return _tell(workspace, version, name)


def _tell(workspace: Workspace, version: Version, name: str) -> TagResult:
    tags = workspace.catalog.versions.get_by_id(version.id).tags
    return TagResult(project=version.project_name, version=version.number, tag=name, tags=tags)
