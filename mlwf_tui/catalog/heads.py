"""The states that heads have stood on, and every move between them, so that undo and redo always work."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.tables import HeadMoveRow, ProjectRow, StateRow, VersionRow
from mlwf_tui.entities.ids import Digest, ProjectId, RunId, StateId, new_id
from mlwf_tui.entities.project import Project, ProjectState
from mlwf_tui.errors import Conflict, NotFound


class MoveStatus(StrEnum):
    """What became of a move."""

    DONE = "done"  # undo takes the newest of these
    UNDONE = "undone"  # redo takes the newest of these
    DISCARDED = "discarded"  # undone, and then something else was done; or let go with a deletion


class HeadMove(msgspec.Struct, frozen=True, kw_only=True):
    """What an undo or a redo did."""

    project: Project  # after it
    verb: str  # of the move that was undone or redone
    left: StateId
    state: ProjectState  # new, with the manifest of a former one


class NextMove(msgspec.Struct, frozen=True, kw_only=True):
    """What an undo or a redo would do; `turn` tells this change from whatever takes its place."""

    project: Project  # as it is
    verb: str
    turn: int
    item_count: int  # of the project after it
    run_id: RunId | None  # that made the change, or undid or redid it since


class Heads:
    """Reads and writes `project_state` and `head_move`; Projects is its only caller.

    A move's `turn` is the sequence of the journal event that last did, undid or redid it: the order
    of what people did, over all projects.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add_state(
        self, project_id: ProjectId, *, manifest: Digest, item_count: int, run_id: RunId | None
    ) -> ProjectState:
        """Add a state and let the project's head stand on it."""
        base, minor = self._find_place(project_id)
        state = ProjectState(
            id=StateId(new_id()),
            project_id=project_id,
            manifest=manifest,
            item_count=item_count,
            run_id=run_id,
            created_at=self._database.now(),
            base=base,
            minor=minor,
        )
        self._database.execute(
            StateRow.insert(
                id=state.id,
                project_id=project_id,
                manifest=manifest,
                item_count=item_count,
                run_id=run_id,
                created_at=state.created_at,
                base=base,
                minor=minor,
            )
        )
        moved = ProjectRow.update(head_id=state.id, updated_at=state.created_at)
        self._database.execute(moved.where(ProjectRow.id == project_id))
        return state

    def _find_place(self, project_id: ProjectId) -> tuple[int, int]:
        """Return the number of the version that the next state comes behind, and its place behind it."""
        number = VersionRow.select(pw.fn.MAX(VersionRow.number)).where(VersionRow.project_id == project_id)
        base = int(self._database.read_value(number) or 0)
        behind = StateRow.select(pw.fn.MAX(StateRow.minor)).where(
            StateRow.project_id == project_id, StateRow.base == base
        )
        before = self._database.read_value(behind)
        if before is None:
            return base, 0 if base == 0 else 1  # 0.0 is the empty state that a project begins with
        return base, int(before) + 1

    def list_states(self, project_id: ProjectId) -> tuple[ProjectState, ...]:
        """Return all states of a project, oldest first."""
        query = StateRow.select().where(StateRow.project_id == project_id).order_by(StateRow.sequence)
        return self._database.fetch_as(query, _to_state)

    def find_minor(self, project_id: ProjectId, base: int, minor: int) -> ProjectState | None:
        """Return the state that has a place behind a version, if there is one."""
        query = StateRow.select().where(
            StateRow.project_id == project_id, StateRow.base == base, StateRow.minor == minor
        )
        found = self._database.fetch_as(query, _to_state)
        return found[0] if found else None

    def get_state(self, state_id: StateId) -> ProjectState:
        """Raises NotFound."""
        found = self._database.fetch_as(StateRow.select().where(StateRow.id == state_id), _to_state)
        if not found:
            raise NotFound(f"There is no project state {state_id}.", hint="See mlwf projects.")
        return found[0]

    def move(
        self,
        project_id: ProjectId,
        *,
        expected: StateId,
        manifest: Digest,
        item_count: int,
        run_id: RunId | None,
        verb: str,
    ) -> ProjectState:
        """Move a head to a new state and forget what could have been redone."""
        with self._database.transaction():
            if self._get_head(project_id) != expected:
                raise Conflict(
                    "The project was changed by somebody else meanwhile.",
                    hint="Nothing was lost; look at the project and try again.",
                )
            state = self.add_state(project_id, manifest=manifest, item_count=item_count, run_id=run_id)
            turn = self._journal.append("head.moved", project_id, verb=verb, state=state.id)
            self.discard(project_id, MoveStatus.UNDONE)
            self._database.execute(
                HeadMoveRow.insert(
                    project_id=project_id,
                    before_id=expected,
                    after_id=state.id,
                    verb=verb,
                    status=MoveStatus.DONE,
                    turn=turn,
                )
            )
        return state

    def undo(
        self, project_id: ProjectId | None, run_id: RunId | None, turn: int | None = None
    ) -> tuple[str, StateId, ProjectState]:
        """Return the verb of the undone move, the state left, and the new one."""
        with self._database.transaction():
            move = self._get_undoable(project_id, turn)
            return self._turn(move, MoveStatus.UNDONE, StateId(move.before_id), run_id)

    def redo(
        self, project_id: ProjectId | None, run_id: RunId | None, turn: int | None = None
    ) -> tuple[str, StateId, ProjectState]:
        """Return the verb of the redone move, the state left, and the new one."""
        with self._database.transaction():
            move = self._get_redoable(project_id, turn)
            return self._turn(move, MoveStatus.DONE, StateId(move.after_id), run_id)

    def get_next(self, status: MoveStatus, get_project: Callable[[ProjectId], Project]) -> NextMove:
        """Return the newest move of any project that an undo would take, or a redo where it is undone."""
        with self._database.transaction():
            is_undo = status is MoveStatus.DONE
            move = self._get_undoable(None, None) if is_undo else self._get_redoable(None, None)
            (event,) = self._journal.read_since(move.turn - 1, 1)
            target = self.get_state(StateId(move.before_id if is_undo else move.after_id))
            return NextMove(
                project=get_project(ProjectId(move.project_id)),
                verb=move.verb,
                turn=move.turn,
                item_count=target.item_count,
                run_id=self.get_state(StateId(event.payload["state"])).run_id,
            )

    def discard(self, project_id: ProjectId, status: MoveStatus) -> None:
        """Take the project's moves of one status out of what can be undone or redone."""
        moves = HeadMoveRow.update(status=MoveStatus.DISCARDED)
        self._database.execute(
            moves.where(HeadMoveRow.project_id == project_id, HeadMoveRow.status == status)
        )

    def _turn(
        self, move: HeadMoveRow, status: MoveStatus, target: StateId, run_id: RunId | None
    ) -> tuple[str, StateId, ProjectState]:
        project_id = ProjectId(move.project_id)
        left = self._get_head(project_id)
        former = self.get_state(target)
        state = self.add_state(
            project_id, manifest=former.manifest, item_count=former.item_count, run_id=run_id
        )
        event = "head.undone" if status is MoveStatus.UNDONE else "head.redone"
        turn = self._journal.append(event, project_id, verb=move.verb, state=state.id)
        turned = HeadMoveRow.update(status=status, turn=turn)
        self._database.execute(turned.where(HeadMoveRow.sequence == move.sequence))
        return move.verb, left, state

    def _get_undoable(self, project_id: ProjectId | None, turn: int | None) -> HeadMoveRow:
        """Return the newest move of a project, or of any; where a turn is given no other than that one."""
        move = self._find_newest(project_id, MoveStatus.DONE)
        _check_turn(move, turn)
        if move is None:
            hint = "Nothing was changed here yet."
            if self._find_newest(project_id, MoveStatus.UNDONE) is not None:
                hint = "All was undone; a redo does it again."
            elif project_id is not None and self._find_newest(project_id, MoveStatus.DISCARDED) is not None:
                hint = (
                    "What was changed went with a deletion; mlwf history lists the states, for mlwf restore."
                )
            raise NotFound("There is nothing to undo.", hint=hint)
        return move

    def _get_redoable(self, project_id: ProjectId | None, turn: int | None) -> HeadMoveRow:
        """Return the move that was undone last, likewise."""
        move = self._find_newest(project_id, MoveStatus.UNDONE)
        _check_turn(move, turn)
        if move is None:
            raise NotFound("There is nothing to redo.", hint="Only what was undone last can be redone.")
        return move

    def _find_newest(self, project_id: ProjectId | None, status: MoveStatus) -> HeadMoveRow | None:
        query = HeadMoveRow.select().where(HeadMoveRow.status == status)
        if project_id is not None:
            self._get_head(project_id)  # says so where the project is gone
            query = query.where(HeadMoveRow.project_id == project_id)
        else:
            live = ProjectRow.select(ProjectRow.id).where(ProjectRow.deleted_at.is_null())
            query = query.where(HeadMoveRow.project_id.in_(live))
        row: HeadMoveRow | None = self._database.find(query.order_by(HeadMoveRow.turn.desc()))
        return row

    def _get_head(self, project_id: ProjectId) -> StateId:
        is_live = ProjectRow.deleted_at.is_null()
        query = ProjectRow.select(ProjectRow.head_id).where(ProjectRow.id == project_id, is_live)
        head = self._database.read_value(query)
        if head is None:
            raise NotFound(f"There is no project with the id {project_id}.", hint="See mlwf projects.")
        return StateId(head)


def _check_turn(move: HeadMoveRow | None, turn: int | None) -> None:
    if turn is not None and (move is None or move.turn != turn):
        raise Conflict(
            "The project was changed meanwhile: nothing was taken back or done again.",
            hint="Look at the project and try again.",
        )


def has_moved() -> pw.Function:
    """Return the SQL condition that the project of the surrounding query has ever moved its head."""
    moves = HeadMoveRow.select(pw.Value(1)).where(HeadMoveRow.project_id == ProjectRow.id)
    return pw.fn.EXISTS(moves)


def _to_state(row: StateRow) -> ProjectState:
    return ProjectState(
        id=StateId(row.id),
        project_id=ProjectId(row.project_id),
        manifest=Digest(row.manifest),
        item_count=row.item_count,
        run_id=None if row.run_id is None else RunId(row.run_id),
        created_at=row.created_at,
        base=row.base,
        minor=row.minor,
    )
