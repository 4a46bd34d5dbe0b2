"""undo and redo: move a head back to where it stood, and forth again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from mlwf_tui import processes
from mlwf_tui.catalog.heads import HeadMove, NextMove
from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.entities.project import Project
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace


class NextChange(msgspec.Struct, frozen=True, kw_only=True):
    """The newest change of any project, which an undo would take back or a redo do again."""

    project: Project  # as it is
    verb: str
    item_count: int  # of the project after it
    turn: int  # tells it from whatever takes its place
    is_own: bool  # this process made it, or undid or redid it


class UndoResult(msgspec.Struct, frozen=True, kw_only=True):
    """Which project moved, and which verb's change was taken back or done again."""

    project: str
    verb: str
    item_count: int
    run: str


def undo(workspace: Workspace, project: str | None = None, *, turn: int | None = None) -> UndoResult:
    """Take back the newest change of a project, or of any project. Versions stay as they are.

    With `turn`, which `find_next_undo` tells, it takes back that change or none.

    Raises:
        NotFound: there is nothing to undo.
        Conflict: the newest change is another one by now.
    """
    return _move(workspace, "undo", project, partial(workspace.catalog.projects.undo_head, turn=turn))


def redo(workspace: Workspace, project: str | None = None, *, turn: int | None = None) -> UndoResult:
    """Do the change again that was undone last; with `turn`, that one or none.

    Raises:
        NotFound: there is nothing to redo.
        Conflict: the change undone last is another one by now.
    """
    return _move(workspace, "redo", project, partial(workspace.catalog.projects.redo_head, turn=turn))


def find_next_undo(workspace: Workspace) -> NextChange:
    """Return what an undo without a project would take back; nothing is changed.

    Raises:
        NotFound: there is nothing to undo.
    """
    return _describe_next(workspace, workspace.catalog.projects.get_next_undo())


def find_next_redo(workspace: Workspace) -> NextChange:
    """Return what a redo without a project would do again; nothing is changed.

    Raises:
        NotFound: there is nothing to redo.
    """
    return _describe_next(workspace, workspace.catalog.projects.get_next_redo())


def _describe_next(workspace: Workspace, move: NextMove) -> NextChange:
    jobs = workspace.catalog.jobs.list_of(move.run_id) if move.run_id is not None else ()
    own = processes.identify_self()
    return NextChange(
        project=move.project,
        verb=move.verb,
        item_count=move.item_count,
        turn=move.turn,
        is_own=any(job.process == own for job in jobs),
    )


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
