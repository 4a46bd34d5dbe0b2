"""What was deleted: a list of it, what it needs of the store, and how it comes back into sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.models import Models
from mlwf_tui.catalog.projects import IS_LIVE as IS_LIVE_PROJECT
from mlwf_tui.catalog.projects import Projects
from mlwf_tui.catalog.reports import Reports
from mlwf_tui.catalog.roots import Root, check_digest, list_model_roots, list_report_roots, reachable_by_moves
from mlwf_tui.catalog.tables import ModelRow, ProjectRow, ReportRow, StateRow, VersionRow
from mlwf_tui.catalog.versions import IS_LIVE as IS_LIVE_VERSION
from mlwf_tui.catalog.versions import Versions
from mlwf_tui.entities.deletion import Deleted
from mlwf_tui.entities.ids import ModelId, ProjectId, ReportId, VersionId
from mlwf_tui.entities.run import ArtifactKind


class Deletions:
    """The projects, versions, models and reports that are out of sight, over all workspaces."""

    def __init__(
        self, database: Database, projects: Projects, versions: Versions, models: Models, reports: Reports
    ) -> None:
        self._database = database
        self._projects = projects
        self._versions = versions
        self._models = models
        self._reports = reports

    def list(self) -> tuple[Deleted, ...]:
        """Return what was deleted, the newest first.

        The versions of a deleted project come back with it, and are not among them.
        """
        with self._database.snapshot(), self._database.working_on_rows():
            found = [*self._list_projects(), *self._list_versions()]
            found += self._list_named(ModelRow, ArtifactKind.MODEL)
            found += self._list_named(ReportRow, ArtifactKind.REPORT)
        return tuple(sorted(found, key=lambda one: one.deleted_at, reverse=True))

    def list_roots(self, deleted: Deleted) -> tuple[Root, ...]:
        """Return what of the store it needs."""
        with self._database.snapshot(), self._database.working_on_rows():
            match deleted.kind:
                case ArtifactKind.PROJECT:
                    return tuple(self._iter_project_roots(deleted))
                case ArtifactKind.VERSION:
                    (row,) = self._fetch(VersionRow.select(VersionRow.manifest), VersionRow.id == deleted.id)
                    return (Root(deleted.ref, check_digest(row[0]), is_manifest=True),)
                case ArtifactKind.MODEL:
                    return tuple(list_model_roots(self._database, ModelRow.id == deleted.id))
                case _:
                    return tuple(list_report_roots(self._database, ReportRow.id == deleted.id))

    def list_undo_roots(self, deleted: Deleted) -> tuple[Root, ...]:
        """Return what of the store a deleted project needs for its undos and redos."""
        with self._database.snapshot():
            states = StateRow.select(StateRow.manifest).distinct()
            found = self._fetch(
                states, StateRow.project_id == deleted.id, StateRow.id.in_(reachable_by_moves())
            )
            return tuple(Root(deleted.ref, check_digest(row[0]), is_manifest=True) for row in found)

    def forget_moves(self, deleted: Deleted) -> None:
        """Let go of what a project has to undo and redo."""
        self._projects.forget_moves(ProjectId(deleted.id))

    def take_back(self, deleted: Deleted, name: str = "", *, author: str = "") -> str:
        """Bring it back into sight, under another `name` where one is given, and return what it is called.

        Raises:
            Conflict: something else has that name.
            InvalidInput: the name cannot be used.
        """
        name = name or deleted.ref
        match deleted.kind:
            case ArtifactKind.PROJECT:
                project_id = ProjectId(deleted.id)
                return self._projects.undelete(project_id, name, deleted.workspace, author=author).name
            case ArtifactKind.VERSION:
                return self._versions.undelete(VersionId(deleted.id), author=author).ref
            case ArtifactKind.MODEL:
                return self._models.undelete(ModelId(deleted.id), name, author=author).name
            case _:
                return self._reports.undelete(ReportId(deleted.id), name, author=author).name

    def _list_projects(self) -> Iterator[Deleted]:
        query = ProjectRow.select(ProjectRow.id, ProjectRow.name, ProjectRow.workspace, ProjectRow.deleted_at)
        for project_id, name, workspace, at in self._fetch(query, ~IS_LIVE_PROJECT):
            yield Deleted(
                kind=ArtifactKind.PROJECT, id=project_id, ref=name, workspace=workspace, deleted_at=at
            )

    def _list_versions(self) -> Iterator[Deleted]:
        query = VersionRow.select(
            VersionRow.id, ProjectRow.name, VersionRow.number, ProjectRow.workspace, VersionRow.deleted_at
        ).join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
        for version_id, name, number, workspace, at in self._fetch(query, ~IS_LIVE_VERSION, IS_LIVE_PROJECT):
            yield Deleted(
                kind=ArtifactKind.VERSION,
                id=version_id,
                ref=f"{name}@{number}",
                workspace=workspace,
                deleted_at=at,
            )

    def _list_named(self, table: type[ModelRow | ReportRow], kind: ArtifactKind) -> Iterator[Deleted]:
        query = table.select(table.id, table.name, table.deleted_at)
        for row_id, name, at in self._fetch(query, table.deleted_at.is_null(False)):
            yield Deleted(kind=kind, id=row_id, ref=name, deleted_at=at)

    def _iter_project_roots(self, deleted: Deleted) -> Iterator[Root]:
        head = StateRow.select(StateRow.manifest).join(ProjectRow, on=(ProjectRow.head_id == StateRow.id))
        for (manifest,) in self._fetch(head, ProjectRow.id == deleted.id):
            yield Root(deleted.ref, check_digest(manifest), is_manifest=True)
        versions = VersionRow.select(VersionRow.number, VersionRow.manifest)
        for number, manifest in self._fetch(versions, VersionRow.project_id == deleted.id, IS_LIVE_VERSION):
            yield Root(f"{deleted.ref}@{number}", check_digest(manifest), is_manifest=True)

    def _fetch(self, query: pw.Query, *conditions: Any) -> Sequence[Any]:
        return self._database.fetch(query.where(*conditions).tuples())
