"""How versions come from each other, over all projects, also through deleted ones, and heads from them."""

from __future__ import annotations

import heapq

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.heads import MoveStatus
from mlwf_tui.catalog.tables import HeadMoveRow, JournalRow, StateRow, VersionRow
from mlwf_tui.entities.ids import ProjectId, VersionId


def find_common_ancestor(database: Database, one: VersionId, other: VersionId) -> VersionId | None:
    """Return the newest version that both come from, or that one of them is; None where there is none.

    Parents are always older rows than their children. So whatever is met from both sides first, going
    from newer to older, has no descendant that is a common ancestor as well; where several have none
    (histories merged crosswise), the newest of them is taken. A deleted version is walked through but
    not returned: its manifest may be gone.
    """
    sides = {one: 1}
    sides[other] = sides.get(other, 0) | 2
    waiting: list[tuple[int, VersionId, tuple[VersionId, ...], bool]] = []
    _enter(database, waiting, list(sides))
    while waiting:
        _, version_id, parents, is_live = heapq.heappop(waiting)
        reached = sides[version_id]
        if reached == 3 and is_live:
            return version_id
        _enter(database, waiting, [parent for parent in parents if parent not in sides])
        for parent in parents:
            sides[parent] = sides.get(parent, 0) | reached
    return None


def find_head_version(database: Database, project_id: ProjectId) -> VersionId | None:
    """Return the version that a project's head stands on, or came from by moves that no undo took back.

    None where no version was made on its way. A version belongs to a move where it was made on what the
    move led to, at once or when an undo or redo had led there again; an equal one that another move led
    to, such as a restore that was undone, does not. Moves that can no longer be undone, since a deletion
    let go of them, lead to the head all the same.
    """
    own = VersionRow.project_id == project_id
    is_live = VersionRow.deleted_at.is_null()
    # Not `number > base`, for which SQLite would go through the versions by number.
    is_made_on = own & (VersionRow.manifest == StateRow.manifest) & (VersionRow.number - StateRow.base > 0)
    done = (
        HeadMoveRow.select(VersionRow.id)
        .join(StateRow, on=(StateRow.id == HeadMoveRow.after_id))
        .join(VersionRow, on=is_made_on)
        .where(HeadMoveRow.project_id == project_id, _is_on_the_way(), is_live)
        .where((_select_state() == StateRow.id) | ~_was_led_to())
        .order_by(HeadMoveRow.turn.desc(), VersionRow.number.desc())
        .limit(1)
    )
    first = StateRow.select(StateRow.manifest).where(StateRow.project_id == project_id)
    begun = (
        VersionRow.select(VersionRow.id)
        .where(own, VersionRow.manifest == first.order_by(StateRow.sequence).limit(1), is_live)
        .where(~_was_led_to())
        .order_by(VersionRow.number.desc())
        .limit(1)
    )
    found = database.read_value(done) or database.read_value(begun)
    return None if found is None else VersionId(found)


def _is_on_the_way() -> pw.Expression:
    """Return the SQL condition that a move leads to the head: none that was undone when it was discarded."""
    event = JournalRow.select(JournalRow.kind).where(JournalRow.sequence == HeadMoveRow.turn)
    is_let_go = (HeadMoveRow.status == MoveStatus.DISCARDED) & (event != "head.undone")
    return (HeadMoveRow.status == MoveStatus.DONE) | is_let_go


def _select_state() -> pw.Query:
    """Return the SQL value that is the state on which the version of the surrounding query was made."""
    state = StateRow.alias()
    states = state.select(state.id).where(
        state.project_id == VersionRow.project_id, state.base < VersionRow.number
    )
    return states.order_by(state.base.desc(), state.minor.desc()).limit(1)


def _was_led_to() -> pw.Function:
    """Return the SQL condition that a move led to that state, not an undo or redo."""
    move = HeadMoveRow.alias()
    moves = move.select(pw.Value(1)).where(
        move.project_id == VersionRow.project_id, move.after_id == _select_state()
    )
    return pw.fn.EXISTS(moves)


def _enter(
    database: Database,
    waiting: list[tuple[int, VersionId, tuple[VersionId, ...], bool]],
    version_ids: list[VersionId],
) -> None:
    """Put versions into the heap, the newest on top."""
    if not version_ids:
        return
    query = VersionRow.select().where(VersionRow.id.in_(version_ids))
    with database.working_on_rows():
        for row in database.fetch(query):
            parents = tuple(VersionId(parent) for parent in row.parents)
            heapq.heappush(waiting, (-row.sequence, VersionId(row.id), parents, row.deleted_at is None))
