"""versions: the history of a project."""

from __future__ import annotations

from mlwf_tui.entities.project import Version
from mlwf_tui.workspace import Workspace


def list_versions(workspace: Workspace, project: str) -> tuple[Version, ...]:
    """Return all versions of a project, newest first.

    Raises:
        NotFound: there is no such project.
    """
    return workspace.catalog.versions.list(workspace.catalog.projects.get(project).id)
