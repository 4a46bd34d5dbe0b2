"""Tags: names that people give to versions, each naming one version of its project."""

from __future__ import annotations

from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import missing
from mlwf_tui.catalog.tables import TagRow, VersionRow
from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Conflict


class Tags:
    """The tags of all projects; a name is free again once its tag or its version is gone."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def set(self, version: Version, name: str, *, is_moving: bool, author: str = "") -> None:
        """Let `name` mean this version; saying it twice changes nothing.

        Raises:
            Conflict: it means another version of the project, and `is_moving` is not set.
        """
        with self._database.transaction():
            before = self.find_number(version.project_id, name)
            if before == version.number:
                return
            if before is not None and not is_moving:
                raise Conflict(
                    f"{version.project_name}@{before} is tagged {name} already.",
                    hint=f"Move the tag to {version.ref} with --force, or choose another name.",
                )
            self._drop(TagRow.project_id == version.project_id, TagRow.name == name)
            self._database.execute(
                TagRow.insert(
                    project_id=version.project_id,
                    name=name,
                    version_id=version.id,
                    created_at=self._database.now(),
                )
            )
            self._journal.append(
                "version.tagged", version.id, author=author, project=version.project_id, tag=name
            )

    def remove(self, version: Version, name: str, *, author: str = "") -> None:
        """Take a tag off a version."""
        with self._database.transaction():
            self._drop(TagRow.version_id == version.id, TagRow.name == name)
            self._journal.append(
                "version.untagged", version.id, author=author, project=version.project_id, tag=name
            )

    def get_number(self, project_id: ProjectId, name: str) -> int:
        """Return the number of the version that `name` means. Raises NotFound."""
        number = self.find_number(project_id, name)
        if number is None:
            names = TagRow.select(TagRow.name).where(TagRow.project_id == project_id)
            raise missing(name, "tag", [row[0] for row in self._database.fetch(names.tuples())])
        return number

    def find_number(self, project_id: ProjectId, name: str) -> int | None:
        """Return the number of the version that `name` means, if it means one."""
        query = (
            VersionRow.select(VersionRow.number)
            .join(TagRow, on=(TagRow.version_id == VersionRow.id))
            .where(TagRow.project_id == project_id, TagRow.name == name)
        )
        number: int | None = self._database.read_value(query)
        return number

    def _drop(self, *conditions: Any) -> None:
        self._database.execute(TagRow.delete().where(*conditions))


def select_names() -> Any:
    """Return the SQL value that lists, as JSON, the tags of the version of the surrounding query."""
    names = pw.fn.json_group_array(TagRow.name)
    return TagRow.select(names).where(TagRow.version_id == VersionRow.id)
