"""How versions come from each other, over all projects; walks their parents, also through deleted ones."""

from __future__ import annotations

import heapq

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import VersionRow
from mlwf_tui.entities.ids import VersionId


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
