"""projects: what projects there are, and making one."""

from __future__ import annotations

from mlwf_tui.entities.annotation import LabelSchema
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
    found = workspace.catalog.projects.find(name, workspace.settings.workspace)
    if found is not None:
        return found
    check_project_name(name)
    with workspace.store.writer() as writer:
        empty = write_manifest(writer, LabelSchema(), ())
    return workspace.catalog.projects.create(
        name, workspace=workspace.settings.workspace, manifest=empty.digest, item_count=0
    )
