"""commit: give a project's present state a version."""

from __future__ import annotations

from dataclasses import dataclass

from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.workflow.recorder import pin_head
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """The version that names the head; `created` is False where it had one already."""

    project: str
    version: int
    created: bool


def commit(workspace: Workspace, project: str, *, message: str) -> CommitResult:
    """Name the head of `project` as a version, in constant time.

    Raises:
        NotFound: there is no such project, or PROJECT@N was given, which is a version already.
        InvalidParameter: the message holds a control character.
        InvalidInput: the project has never held an item.
    """
    check_text(message, "message")
    found = workspace.catalog.projects.get(project)
    before = workspace.catalog.versions.latest(found.id)
    version = pin_head(workspace, found, message=message, kind=VersionKind.MANUAL)
    is_new = before is None or version.number > before.number
    return CommitResult(project=found.name, version=version.number, created=is_new)
