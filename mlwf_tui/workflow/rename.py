"""rename: give a project, model or report another name; ids and lineage stay."""

from __future__ import annotations

from mlwf_tui.entities.item import check_name
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.refs import check_project_name, resolve
from mlwf_tui.workspace import Workspace


def rename(workspace: Workspace, ref: str, name: str) -> None:
    """Rename what `ref` names.

    Raises:
        NotFound: nothing is named so.
        Conflict: the name is taken.
        InvalidParameter: the name cannot be used.
        InvalidInput: it is a version or a run, which have no names of their own.
    """
    entity = resolve(workspace, ref)
    match entity:
        case Project():
            workspace.catalog.projects.rename(entity.id, check_project_name(name))
        case Model():
            workspace.catalog.models.rename(entity.id, check_name(name, "model name"))
        case Report():
            workspace.catalog.reports.rename(entity.id, check_name(name, "report name"))
        case Version() | Run():
            raise InvalidInput(f"{ref} has no name of its own.", hint="Projects, models and reports have.")
