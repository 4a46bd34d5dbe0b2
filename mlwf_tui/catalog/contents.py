"""What manifests hold, counted once: a cache of the store that may be emptied at any time."""

from __future__ import annotations

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import ContentRow, StateRow
from mlwf_tui.entities.ids import Digest, ProjectId
from mlwf_tui.entities.project import ManifestContent


class Contents:
    """Contents by manifest. A manifest never changes, so what is kept of one is never wrong."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, manifest: Digest) -> ManifestContent | None:
        """Return what a manifest holds, where it was counted before."""
        query = ContentRow.select().where(ContentRow.manifest == manifest)
        found = self._database.fetch_as(query, _to_content)
        return found[0] if found else None

    def find_counted(self, project_id: ProjectId) -> Digest | None:
        """Return the manifest that was counted of the newest state of a project's head."""
        query = (
            StateRow.select(StateRow.manifest)
            .join(ContentRow, on=(ContentRow.manifest == StateRow.manifest))
            .where(StateRow.project_id == project_id)
        )
        found = self._database.read_value(query.order_by(StateRow.sequence.desc()))
        return None if found is None else Digest(found)

    def keep(self, manifest: Digest, content: ManifestContent) -> None:
        """Keep what a manifest holds, where that can be; this is no change that the journal tells of."""
        if self._database.is_read_only:
            return
        row = ContentRow.insert(
            manifest=manifest,
            datasets=content.datasets,
            splits=content.splits,
            classes=content.classes,
        )
        with self._database.transaction():
            self._database.execute(row.on_conflict_ignore())


def _to_content(row: ContentRow) -> ManifestContent:
    return ManifestContent(datasets=row.datasets, splits=row.splits, classes=row.classes)
