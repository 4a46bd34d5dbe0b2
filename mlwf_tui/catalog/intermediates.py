"""What the steps of pipelines have made: manifests that no project stands on, for a while."""

from __future__ import annotations

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.lookup import missing
from mlwf_tui.catalog.tables import IntermediateRow
from mlwf_tui.entities.ids import Digest, IntermediateId, RunId, new_id
from mlwf_tui.entities.pipeline import Intermediate


class Intermediates:
    """The intermediates of a home. Rows stay for lineage; their bytes go with a collect after its grace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, title: str, *, manifest: Digest, item_count: int, run_id: RunId) -> Intermediate:
        """Add one; that its run has made it is said by whoever links it."""
        made_id = IntermediateId(new_id())
        with self._database.transaction():
            self._database.execute(
                IntermediateRow.insert(
                    id=made_id,
                    title=title,
                    manifest=manifest,
                    item_count=item_count,
                    run_id=run_id,
                    created_at=self._database.now(),
                )
            )
            return self.get(made_id)

    def get(self, intermediate_id: str) -> Intermediate:
        """Raises NotFound."""
        query = IntermediateRow.select().where(IntermediateRow.id == intermediate_id)
        found = self._database.fetch_as(query, _to_intermediate)
        if not found:
            raise missing(intermediate_id, "intermediate", ())
        return found[0]


def _to_intermediate(row: IntermediateRow) -> Intermediate:
    return Intermediate(
        id=IntermediateId(row.id),
        title=row.title,
        manifest=Digest(row.manifest),
        item_count=row.item_count,
        run_id=RunId(row.run_id),
        created_at=row.created_at,
    )
