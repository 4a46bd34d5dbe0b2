"""Versions: numbered names for manifests, made once and, but for their message, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.tables import ProjectRow, VersionRow
from mlwf_tui.entities.ids import Digest, ProjectId, VersionId, new_id
from mlwf_tui.entities.project import Version, VersionKind
from mlwf_tui.errors import NotFound


class Versions:
    """The versions of all projects. Those of a deleted project can still be read."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(
        self,
        project_id: ProjectId,
        *,
        manifest: Digest,
        item_count: int,
        message: str,
        kind: VersionKind,
        author: str,
        parents: Sequence[VersionId] = (),
    ) -> Version:
        """Add the project's next version; numbers start at 1 and have no gaps.

        Raises:
            NotFound: the project or a parent is not there.
        """
        version_id = VersionId(new_id())
        with self._database.transaction():
            self._check_parents(parents)
            number = self._read_latest_number(project_id) + 1
            now = self._database.now()
            self._database.execute(
                VersionRow.insert(
                    id=version_id,
                    project_id=project_id,
                    number=number,
                    manifest=manifest,
                    item_count=item_count,
                    message=message,
                    kind=kind,
                    author=author,
                    parents=list(parents),
                    created_at=now,
                )
            )
            named = ProjectRow.update(latest_version_id=version_id, updated_at=now)
            self._database.execute(named.where(ProjectRow.id == project_id))
            self._journal.append(
                "version.created", version_id, author=author, project=project_id, number=str(number)
            )
            return self.get_by_id(version_id)

    def get(self, project_id: ProjectId, number: int) -> Version:
        """Return one version. The hint of NotFound says which there are."""
        found = self._read(VersionRow.project_id == project_id, VersionRow.number == number)
        if found:
            return found[0]
        latest = self.latest(project_id)
        if latest is None:
            raise NotFound("The project has no version yet.", hint="Make one with mlwf commit.")
        raise NotFound(
            f"There is no version {latest.project_name}@{number}.",
            hint=f"Its versions are 1 to {latest.number}.",
        )

    def get_by_id(self, version_id: VersionId) -> Version:
        """Raises NotFound."""
        found = self._read(VersionRow.id == version_id)
        if not found:
            raise NotFound(f"There is no version with the id {version_id}.", hint="See mlwf versions.")
        return found[0]

    def latest(self, project_id: ProjectId) -> Version | None:
        """Return the version with the largest number, if there is one."""
        found = self._read(VersionRow.project_id == project_id, limit=1)
        return found[0] if found else None

    def list(self, project_id: ProjectId) -> tuple[Version, ...]:
        """Return all versions of a project, newest first."""
        return self._read(VersionRow.project_id == project_id)

    def describe(self, version_id: VersionId, text: str) -> Version:
        """Replace the message. Raises NotFound."""
        with self._database.transaction():
            self.get_by_id(version_id)
            changed = VersionRow.update(message=text).where(VersionRow.id == version_id)
            self._database.execute(changed)
            self._journal.append("version.described", version_id)
            return self.get_by_id(version_id)

    def _read_latest_number(self, project_id: ProjectId) -> int:
        is_live = ProjectRow.deleted_at.is_null()
        if self._database.find(ProjectRow.select().where(ProjectRow.id == project_id, is_live)) is None:
            raise NotFound(f"There is no project with the id {project_id}.", hint="See mlwf projects.")
        numbers = VersionRow.select(pw.fn.MAX(VersionRow.number)).where(VersionRow.project_id == project_id)
        return int(self._database.read_value(numbers) or 0)

    def _check_parents(self, parents: Sequence[VersionId]) -> None:
        for parent in parents:
            self.get_by_id(parent)

    def _read(self, *conditions: Any, limit: int | None = None) -> tuple[Version, ...]:
        query = (
            VersionRow.select(VersionRow, ProjectRow.name.alias("project_name"))
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
            .where(*conditions)
            .order_by(VersionRow.project_id, VersionRow.number.desc())
            .limit(limit)
        )
        return tuple(_to_version(row) for row in self._database.fetch(query.objects()))


def _to_version(row: Any) -> Version:
    return Version(
        id=VersionId(row.id),
        project_id=ProjectId(row.project_id),
        project_name=row.project_name,
        number=row.number,
        manifest=Digest(row.manifest),
        message=row.message,
        kind=VersionKind(row.kind),
        author=row.author,
        created_at=row.created_at,
        item_count=row.item_count,
        parents=tuple(VersionId(parent) for parent in row.parents),
    )
