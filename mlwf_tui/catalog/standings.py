"""What the event files of finished runs say in short: a cache that may be emptied at any time."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import StandingRow
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.mark import Standing

ROWS_A_QUERY = 500  # SQLite takes some thousands of values in one statement


class KeptStanding(msgspec.Struct, frozen=True):
    """A run's standing, and the size of its event file when that was read."""

    run_id: RunId
    size_bytes: int
    standing: Standing


class Standings:
    """Standings by run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, run_ids: Iterable[RunId]) -> dict[RunId, KeptStanding]:
        """Return what is kept of these runs."""
        wanted = list(run_ids)
        found: dict[RunId, KeptStanding] = {}
        for start in range(0, len(wanted), ROWS_A_QUERY):
            some = wanted[start : start + ROWS_A_QUERY]
            query = StandingRow.select().where(StandingRow.run_id.in_(some))
            found |= {kept.run_id: kept for kept in self._database.fetch_as(query, _to_kept)}
        return found

    def keep(self, run_id: RunId, size_bytes: int, standing: Standing) -> None:
        """Keep a run's standing in place of an older one, where that can be; no change of the journal's."""
        if self._database.is_read_only:
            return
        text = msgspec.json.encode(standing).decode()
        row = StandingRow.insert(run_id=run_id, size_bytes=size_bytes, standing=text).on_conflict_replace()
        with self._database.transaction():
            self._database.execute(row)


def _to_kept(row: StandingRow) -> KeptStanding:
    return KeptStanding(RunId(row.run_id), row.size_bytes, msgspec.json.decode(row.standing, type=Standing))
