"""projects: what projects there are, and making one."""

from __future__ import annotations

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import Project
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workflow.refs import check_project_name
from mlwf_tui.workspace import Workspace


def list_projects(workspace: Workspace) -> tuple[Project, ...]:
    """Return all projects of the home, by workspace and name."""
    return workspace.catalog.projects.list()


def list_workspaces(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the workspaces of the home."""
    return workspace.catalog.projects.list_workspaces()


def find_or_create_project(workspace: Workspace, name: str) -> Project:
    """Return the project of that name, made empty where there is none.

    Raises:
        InvalidParameter: a project cannot be named so.
    """
    with workspace.store.hold_shared():  # until the catalog names the empty manifest
        found = workspace.catalog.projects.find(name, workspace.settings.workspace)
        return found or create_project(workspace, name, write_empty_manifest(workspace))


def create_project(workspace: Workspace, name: str, empty: Digest) -> Project:
    """Make a project that stands on the empty manifest; inside a transaction nothing is written to disk.

    Raises:
        Conflict: there is one of that name.
        InvalidParameter: a project cannot be named so.
    """
    return workspace.catalog.projects.create(
        check_project_name(name),
        workspace=workspace.settings.workspace,
        manifest=empty,
        item_count=0,
        author=workspace.settings.author,
    )


def write_empty_manifest(workspace: Workspace) -> Digest:
    """Return the digest of the manifest without items, stored where it is not yet.

    The caller holds the store, as every recorded run does, until the catalog names it.
    """
    with workspace.store.writer() as writer:
        return write_manifest(writer, LabelSchema(), ()).digest
