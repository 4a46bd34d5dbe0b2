"""undo and redo: move a head back to where it stood, and forth again."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mlwf_tui.catalog.heads import HeadMove
from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace


class UndoResult(msgspec.Struct, frozen=True, kw_only=True):
    """Which project moved, and which verb's change was taken back or done again."""

    project: str
    verb: str
    item_count: int
    run: str


def undo(workspace: Workspace, project: str | None = None) -> UndoResult:
    """Take back the newest change of a project, or of any project. Versions stay as they are.

    Raises:
        NotFound: there is nothing to undo.
    """
    return _move(workspace, "undo", project, workspace.catalog.projects.undo_head)


def redo(workspace: Workspace, project: str | None = None) -> UndoResult:
    """Do the change again that was undone last.

    Raises:
        NotFound: there is nothing to redo.
    """
    return _move(workspace, "redo", project, workspace.catalog.projects.redo_head)


def _move(
    workspace: Workspace, verb: str, project: str | None, move_head: Callable[..., HeadMove]
) -> UndoResult:
    project_id: ProjectId | None = workspace.catalog.projects.get(project).id if project else None
    with (
        workspace.catalog.transaction(),
        record(workspace, verb, params={"project": project}) as run,
        run.finishing(),
    ):
        move = move_head(project_id, run_id=run.run_id)
        run.read_state(move.project, move.left)
        run.note_state(move.state, move.project)
        run.result = {
            "project": move.project.name,
            "verb": move.verb,
            "item_count": move.state.item_count,
            "summary": f"{move.verb} of {move.project.name}",
        }
    return UndoResult(
        project=move.project.name, verb=move.verb, item_count=move.state.item_count, run=run.run_id
    )
