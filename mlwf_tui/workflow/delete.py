"""delete: take a project, model or report out of sight; lineage keeps its stub, the store its bytes."""

from __future__ import annotations

from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workspace import Workspace


def delete(workspace: Workspace, ref: str) -> str:
    """Delete what `ref` names and return its kind.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: only the beginning of its id was given.
        InvalidInput: it is a version or a run, which are history.
    """
    entity = resolve(workspace, ref)
    if ref not in (entity.id, getattr(entity, "name", None)) and not isinstance(entity, Version | Run):
        raise InvalidParameter(
            f"{ref!r} is only the beginning of an id.", hint="Write the whole name to delete it."
        )
    match entity:
        case Project():
            workspace.catalog.projects.delete(entity.id)
            return "project"
        case Model():
            workspace.catalog.models.delete(entity.id)
            return "model"
        case Report():
            workspace.catalog.reports.delete(entity.id)
            return "report"
        case Version() | Run():
            raise InvalidInput(
                f"{ref} is history and stays.", hint="Projects, models and reports can be deleted."
            )
