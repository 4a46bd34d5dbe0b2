"""describe: put words to a project, version, model or report."""

from __future__ import annotations

from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workspace import Workspace


def describe(workspace: Workspace, ref: str, text: str) -> None:
    """Set the description of what `ref` names; of a version, its message.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: the text holds a control character.
        InvalidInput: it is a run, which does not change once it was done.
    """
    entity = resolve(workspace, ref)
    check_text(text, "description")
    catalog = workspace.catalog
    match entity:
        case Project():
            catalog.projects.describe(entity.id, text)
        case Version():
            catalog.versions.describe(entity.id, text)
        case Model():
            catalog.models.describe(entity.id, text)
        case Report():
            catalog.reports.describe(entity.id, text)
        case Run():
            raise InvalidInput("A run cannot be described.", hint="Describe what it made.")
