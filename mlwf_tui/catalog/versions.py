"""Versions: numbered names for manifests, made once; their message alone is ever edited."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import peewee as pw

from mlwf_tui.catalog.ancestry import find_common_ancestor, find_head_version
from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import hint_undelete
from mlwf_tui.catalog.tables import ProjectRow, TagRow, VersionRow
from mlwf_tui.catalog.tags import select_names
from mlwf_tui.entities.ids import Digest, ProjectId, VersionId, new_id
from mlwf_tui.entities.project import Version, VersionKind
from mlwf_tui.errors import NotFound

IS_LIVE = VersionRow.deleted_at.is_null()


class Versions:
    """The versions of all projects, also of deleted ones. A deleted version keeps its row and number."""

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
        """Add the project's next version; numbers start at 1, and none is ever given twice.

        Raises:
            NotFound: the project or a parent is not there.
        """
        version_id = VersionId(new_id())
        with self._database.transaction():
            self._check_parents(parents)
            self._check_project(project_id)
            number = self.read_next_number(project_id)
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
            self._set_latest(project_id, version_id)
            self._journal.append(
                "version.created",
                version_id,
                author=author,
                project=project_id,
                number=str(number),
                text=message,
            )
            return self.get_by_id(version_id)

    def get(self, project_id: ProjectId, number: int) -> Version:
        """Return one version. The hint of NotFound says which there are, or how one comes back."""
        found = self._read(VersionRow.project_id == project_id, VersionRow.number == number)
        if found:
            return found[0]
        name = self._database.read_value(
            ProjectRow.select(ProjectRow.name).where(ProjectRow.id == project_id)
        )
        ref = f"{name}@{number}"
        if number in range(1, self.read_next_number(project_id)):
            raise NotFound(f"{ref} was deleted.", hint=hint_undelete(ref))
        latest = self.latest(project_id)
        if latest is None:
            raise NotFound("The project has no version yet.", hint="Make one with mlwf commit.")
        raise NotFound(
            f"There is no version {ref}.",
            hint=f"See mlwf versions {name}; the latest is @{latest.number}.",
        )

    def get_by_id(self, version_id: VersionId) -> Version:
        """Raises NotFound."""
        found = self._read(VersionRow.id == version_id)
        if not found:
            raise NotFound(f"There is no version with the id {version_id}.", hint="See mlwf versions.")
        return found[0]

    def find_any(self, version_id: VersionId) -> Version | None:
        """Return a version, deleted or not."""
        found = self._select(VersionRow.id == version_id)
        return found[0] if found else None

    def latest(self, project_id: ProjectId) -> Version | None:
        """Return the version with the largest number, if there is one."""
        found = self._read(VersionRow.project_id == project_id, limit=1)
        return found[0] if found else None

    def find_of_head(self, project_id: ProjectId) -> Version | None:
        """Return the version that the head stands on or comes from, which is the parent of the next.

        After an undo that is an earlier one than the latest. The latest where none was made on its way.
        """
        with self._database.snapshot():
            found = find_head_version(self._database, project_id)
            return self.latest(project_id) if found is None else self.get_by_id(found)

    def list(self, project_id: ProjectId) -> tuple[Version, ...]:
        """Return all versions of a project, newest first."""
        return self._read(VersionRow.project_id == project_id)

    def list_by_project(self) -> dict[ProjectId, tuple[Version, ...]]:
        """Return the versions of every project that has any, newest first, in one query."""
        return {
            project_id: tuple(versions)
            for project_id, versions in groupby(self._read(), key=lambda version: version.project_id)
        }

    def count(self, *, is_described: bool = False) -> int:
        """Return how many versions there are of all projects, or how many have words of their own.

        A message like "before train", which an automatic version is given, is none.
        """
        query = VersionRow.select(pw.fn.COUNT(VersionRow.id)).join(
            ProjectRow, on=(ProjectRow.id == VersionRow.project_id)
        )
        query = query.where(IS_LIVE, ProjectRow.deleted_at.is_null())
        if is_described:
            is_vague = (VersionRow.kind == VersionKind.AUTOMATIC) & VersionRow.message.startswith("before ")
            query = query.where(pw.fn.TRIM(VersionRow.message) != "", ~is_vague)
        return int(self._database.read_value(query) or 0)

    def read_next_number(self, project_id: ProjectId) -> int:
        """Return the number that the project's next version will have."""
        numbers = VersionRow.select(pw.fn.MAX(VersionRow.number)).where(VersionRow.project_id == project_id)
        return int(self._database.read_value(numbers) or 0) + 1

    def find_common_ancestor(self, one: VersionId, other: VersionId) -> Version | None:
        """Return the newest version that both come from, over all projects, if there is one."""
        with self._database.snapshot():
            found = find_common_ancestor(self._database, one, other)
            return None if found is None else self.get_by_id(found)

    def describe(self, version_id: VersionId, text: str, *, author: str = "") -> Version:
        """Replace the message. Raises NotFound."""
        with self._database.transaction():
            before = self.get_by_id(version_id).message
            changed = VersionRow.update(message=text).where(VersionRow.id == version_id)
            self._database.execute(changed)
            self._journal.append("version.described", version_id, author=author, before=before, text=text)
            return self.get_by_id(version_id)

    def delete(self, version_id: VersionId, *, author: str = "") -> None:
        """Hide a version and free its tags; its number is not given again, and lineage still shows it.

        Raises:
            NotFound: there is no such version, or it was deleted before.
        """
        with self._database.transaction():
            version = self.get_by_id(version_id)
            hidden = VersionRow.update(deleted_at=self._database.now())
            self._database.execute(hidden.where(VersionRow.id == version_id))
            self._database.execute(TagRow.delete().where(TagRow.version_id == version_id))
            latest = self.latest(version.project_id)
            self._set_latest(version.project_id, latest.id if latest else None)
            self._journal.append(
                "version.deleted",
                version_id,
                author=author,
                project=version.project_id,
                number=str(version.number),
                tags=json.dumps(version.tags),
            )

    def undelete(self, version_id: VersionId, *, author: str = "") -> Version:
        """Bring a deleted version back into sight, with those of its tags that are free."""
        with self._database.transaction():
            tags = self.read_deleted_tags(version_id)
            shown = VersionRow.update(deleted_at=None)
            self._database.execute(shown.where(VersionRow.id == version_id))
            version = self.get_by_id(version_id)
            latest = self.latest(version.project_id)
            self._set_latest(version.project_id, latest.id if latest else None)
            self._journal.append(
                "version.undeleted",
                version_id,
                author=author,
                project=version.project_id,
                number=str(version.number),
            )
            for name in tags:
                self._give_back(version, name, author)
            return self.get_by_id(version_id)

    def read_deleted_tags(self, version_id: VersionId) -> tuple[str, ...]:
        """Return the tags that a version had when it was deleted last."""
        told = [event for event in self._journal.read_of([version_id]) if event.kind == "version.deleted"]
        return tuple(json.loads(told[-1].payload.get("tags", "[]"))) if told else ()

    def _give_back(self, version: Version, name: str, author: str) -> None:
        """Let a tag mean the version again, unless it means another."""
        is_same = (TagRow.project_id == version.project_id) & (TagRow.name == name)
        if self._database.find(TagRow.select().where(is_same)) is None:
            now = self._database.now()
            self._database.execute(
                TagRow.insert(project_id=version.project_id, name=name, version_id=version.id, created_at=now)
            )
            self._journal.append(
                "version.tagged", version.id, author=author, project=version.project_id, tag=name
            )

    def _check_project(self, project_id: ProjectId) -> None:
        is_live = ProjectRow.deleted_at.is_null()
        if self._database.find(ProjectRow.select().where(ProjectRow.id == project_id, is_live)) is None:
            raise NotFound(f"There is no project with the id {project_id}.", hint="See mlwf projects.")

    def _set_latest(self, project_id: ProjectId, version_id: VersionId | None) -> None:
        named = ProjectRow.update(latest_version_id=version_id, updated_at=self._database.now())
        self._database.execute(named.where(ProjectRow.id == project_id))

    def _check_parents(self, parents: Sequence[VersionId]) -> None:
        for parent in parents:
            self.get_by_id(parent)

    def _read(self, *conditions: Any, limit: int | None = None) -> tuple[Version, ...]:
        return self._select(IS_LIVE, *conditions, limit=limit)

    def _select(self, *conditions: Any, limit: int | None = None) -> tuple[Version, ...]:
        query = (
            VersionRow.select(
                VersionRow, ProjectRow.name.alias("project_name"), select_names().alias("tag_names")
            )
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
            .where(*conditions)
            .order_by(VersionRow.project_id, VersionRow.number.desc())
            .limit(limit)
        )
        return self._database.fetch_as(query.objects(), _to_version)


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
        tags=tuple(sorted(json.loads(row.tag_names))),
    )
