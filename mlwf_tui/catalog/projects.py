"""Projects by name and id, and their heads; what a head has stood on is kept by heads.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.heads import HeadMove, Heads, MoveStatus, NextMove, has_moved
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import ambiguous, find_by_prefix, hint_undelete, missing
from mlwf_tui.catalog.tables import ProjectRow, StateRow, VersionRow
from mlwf_tui.entities.ids import Digest, ProjectId, RunId, StateId, is_id, new_id
from mlwf_tui.entities.item import check_name, check_own_name
from mlwf_tui.entities.project import Project, ProjectState
from mlwf_tui.errors import Conflict, NotFound

IS_LIVE = ProjectRow.deleted_at.is_null()


class Projects:
    """The projects of a home. Deleted ones keep their rows, for lineage, and their names are free again."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._heads = Heads(database, journal)

    def create(
        self,
        name: str,
        *,
        workspace: str,
        manifest: Digest,
        item_count: int,
        description: str = "",
        author: str = "",
    ) -> Project:
        """Add a project whose head stands on a first state.

        Raises:
            Conflict: the workspace has one of that name.
            InvalidInput: the name or the workspace's cannot be used.
        """
        check_own_name(name, "project name")
        check_name(workspace, "workspace name")
        project_id = ProjectId(new_id())
        with self._database.transaction():
            self._check_free(name, workspace)
            now = self._database.now()
            self._database.execute(
                ProjectRow.insert(
                    id=project_id,
                    workspace=workspace,
                    name=name,
                    description=description,
                    head_id="",  # a state needs its project first; checked at the commit
                    created_at=now,
                    updated_at=now,
                )
            )
            self._heads.add_state(project_id, manifest=manifest, item_count=item_count, run_id=None)
            self._journal.append(
                "project.created",
                project_id,
                author=author,
                name=name,
                workspace=workspace,
                text=description,
            )
            return self.get_by_id(project_id)

    def get(self, ref: str) -> Project:
        """Return the project that is meant by NAME, WORKSPACE/NAME or a unique prefix of its id.

        Raises:
            NotFound: there is none.
            InvalidInput: there are several.
        """
        if is_id(ref) and (found := find_by_prefix(self._database, ProjectRow, ref, "project")):
            return self.get_by_id(ProjectId(found))
        if is_id(ref) and (name := self.find_deleted_name(ProjectId(ref))):
            raise NotFound(f"The project {name!r} was deleted.", hint=hint_undelete(ref))
        workspace, slash, name = ref.rpartition("/")
        named = self._read(*([ProjectRow.workspace == workspace] if slash else []), ProjectRow.name == name)
        if len(named) > 1:
            raise ambiguous(ref, "project", [f"{project.workspace}/{project.name}" for project in named])
        if named:
            return named[0]
        found = None if slash else find_by_prefix(self._database, ProjectRow, ref, "project")
        if found is None:
            names = self._list_names(with_workspace=bool(slash))
            raise missing(ref, "project", names, was_deleted=self._is_hidden(ProjectRow.name == name))
        return self.get_by_id(ProjectId(found))

    def find(self, name: str, workspace: str) -> Project | None:
        """Return the project of exactly that name, if there is one."""
        found = self._read(ProjectRow.name == name, ProjectRow.workspace == workspace)
        return found[0] if found else None

    def get_by_id(self, project_id: ProjectId) -> Project:
        """Raises NotFound, also where the project was deleted."""
        found = self._read(ProjectRow.id == project_id)
        if not found:
            raise NotFound(f"There is no project with the id {project_id}.", hint="See mlwf projects.")
        return found[0]

    def find_deleted_name(self, project_id: ProjectId) -> str | None:
        """Return what a project was called as it was deleted; None where it was not."""
        query = ProjectRow.select(ProjectRow.name).where(ProjectRow.id == project_id, ~IS_LIVE)
        name: str | None = self._database.read_value(query)
        return name

    def list(self, workspace: str | None = None) -> tuple[Project, ...]:
        """Return the projects of one workspace, or of all, in the order of their names."""
        return self._read(*([] if workspace is None else [ProjectRow.workspace == workspace]))

    def list_workspaces(self) -> tuple[str, ...]:
        """Return the names of the workspaces that have a project."""
        query = ProjectRow.select(ProjectRow.workspace).distinct().where(IS_LIVE)
        return tuple(row[0] for row in self._database.fetch(query.order_by(ProjectRow.workspace).tuples()))

    def rename(self, project_id: ProjectId, name: str, *, author: str = "") -> Project:
        """Raises NotFound, Conflict where the name is taken, InvalidInput where it cannot be used."""
        check_own_name(name, "project name")
        with self._database.transaction():
            project = self.get_by_id(project_id)
            if project.name != name:
                self._check_free(name, project.workspace)
            self._update(project_id, name=name)
            self._journal.append("project.renamed", project_id, author=author, before=project.name, name=name)
            return self.get_by_id(project_id)

    def describe(self, project_id: ProjectId, text: str, *, author: str = "") -> Project:
        """Replace the description. Raises NotFound."""
        with self._database.transaction():
            before = self.get_by_id(project_id).description
            self._update(project_id, description=text)
            self._journal.append("project.described", project_id, author=author, before=before, text=text)
            return self.get_by_id(project_id)

    def delete(self, project_id: ProjectId, *, author: str = "") -> None:
        """Hide a project; its states, moves and versions stay for lineage and undelete. Raises NotFound."""
        with self._database.transaction():
            project = self.get_by_id(project_id)
            self._update(project_id, deleted_at=self._database.now())
            self._journal.append("project.deleted", project_id, author=author, name=project.name)

    def undelete(self, project_id: ProjectId, name: str, workspace: str, *, author: str = "") -> Project:
        """Bring a deleted project of a workspace back into sight under a name, its own or another.

        Its versions come with it, and what it had to undo and redo.

        Raises:
            Conflict: another of that workspace has that name.
            InvalidInput: the name cannot be used.
        """
        with self._database.transaction():
            check_own_name(name, "project name")
            self._check_free(name, workspace)
            self._update(project_id, deleted_at=None, name=name)
            self._journal.append("project.undeleted", project_id, author=author, name=name)
            return self.get_by_id(project_id)

    def forget_moves(self, project_id: ProjectId) -> None:
        """Let go of what can be undone and redone, where the bytes of its states are gone."""
        with self._database.transaction():
            self._heads.discard(project_id, MoveStatus.DONE)
            self._heads.discard(project_id, MoveStatus.UNDONE)

    def get_state(self, state_id: StateId) -> ProjectState:
        """Return a state that some head has stood on. Raises NotFound."""
        return self._heads.get_state(state_id)

    def list_states(self, project_id: ProjectId) -> tuple[ProjectState, ...]:
        """Return all states that a head has stood on, oldest first."""
        return self._heads.list_states(project_id)

    def find_minor(self, project_id: ProjectId, base: int, minor: int) -> ProjectState | None:
        """Return the state `project@base.minor`, if there is one."""
        return self._heads.find_minor(project_id, base, minor)

    def move_head(
        self,
        project_id: ProjectId,
        *,
        expected: StateId,
        manifest: Digest,
        item_count: int,
        run_id: RunId | None,
        verb: str,
    ) -> ProjectState:
        """Let the head stand on a new state; what could have been redone no longer can.

        Raises:
            Conflict: the head does not stand on `expected` any more.
            NotFound: the project, or the run, is not there.
        """
        return self._heads.move(
            project_id, expected=expected, manifest=manifest, item_count=item_count, run_id=run_id, verb=verb
        )

    def undo_head(
        self, project_id: ProjectId | None, *, run_id: RunId | None, turn: int | None = None
    ) -> HeadMove:
        """Take back the newest move of a project, or of any, in a new state with the former manifest.

        Raises:
            NotFound: there is no move to undo, or no such project.
            Conflict: the newest move is another than that of `turn`, by now.
        """
        with self._database.transaction():
            verb, left, state = self._heads.undo(project_id, run_id, turn)
            return HeadMove(project=self.get_by_id(state.project_id), verb=verb, left=left, state=state)

    def redo_head(
        self, project_id: ProjectId | None, *, run_id: RunId | None, turn: int | None = None
    ) -> HeadMove:
        """Do again the move that was undone last in a project, or in any, in a new state.

        Raises:
            NotFound: there is no move to redo, or no such project.
            Conflict: the move undone last is another than that of `turn`, by now.
        """
        with self._database.transaction():
            verb, left, state = self._heads.redo(project_id, run_id, turn)
            return HeadMove(project=self.get_by_id(state.project_id), verb=verb, left=left, state=state)

    def get_next_undo(self) -> NextMove:
        """Return what an undo without a project would take back. Raises NotFound."""
        return self._heads.get_next(MoveStatus.DONE, self.get_by_id)

    def get_next_redo(self) -> NextMove:
        """Return what a redo without a project would do again. Raises NotFound."""
        return self._heads.get_next(MoveStatus.UNDONE, self.get_by_id)

    def _read(self, *conditions: Any) -> tuple[Project, ...]:
        same = VersionRow.alias()
        head_number = same.select(pw.fn.MAX(same.number)).where(
            same.project_id == ProjectRow.id, same.manifest == StateRow.manifest, same.deleted_at.is_null()
        )
        query = (
            ProjectRow.select(
                ProjectRow,
                StateRow.manifest,
                StateRow.item_count,
                VersionRow.number.alias("latest_number"),
                VersionRow.manifest.alias("latest_manifest"),
                has_moved().alias("has_moved"),
                head_number.alias("head_number"),
            )
            .join(StateRow, on=(StateRow.id == ProjectRow.head_id))
            .join(VersionRow, pw.JOIN.LEFT_OUTER, on=(VersionRow.id == ProjectRow.latest_version_id))
            .where(IS_LIVE, *conditions)
            .order_by(ProjectRow.workspace, ProjectRow.name)
        )
        return self._database.fetch_as(query.objects(), _to_project)

    def _is_hidden(self, condition: Any) -> bool:
        query = ProjectRow.select(ProjectRow.id).where(condition, ~IS_LIVE)
        return self._database.read_value(query) is not None

    def _check_free(self, name: str, workspace: str) -> None:
        if self.find(name, workspace) is not None:
            raise Conflict(
                f"The workspace {workspace!r} has a project {name!r} already.", hint="Choose another name."
            )

    def _list_names(self, *, with_workspace: bool) -> Sequence[str]:
        query = ProjectRow.select(ProjectRow.workspace, ProjectRow.name).where(IS_LIVE).tuples()
        rows = self._database.fetch(query)
        return [f"{workspace}/{name}" if with_workspace else name for workspace, name in rows]

    def _update(self, project_id: ProjectId, **values: Any) -> None:
        changed = ProjectRow.update(updated_at=self._database.now(), **values)
        self._database.execute(changed.where(ProjectRow.id == project_id))


def _to_project(row: Any) -> Project:
    if row.latest_number is None:
        is_changed = row.item_count > 0 or bool(row.has_moved)
    else:
        is_changed = row.manifest != row.latest_manifest
    return Project(
        id=ProjectId(row.id),
        workspace=row.workspace,
        name=row.name,
        description=row.description,
        head=StateId(row.head_id),
        manifest=Digest(row.manifest),
        item_count=row.item_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        latest_version=row.latest_number,
        is_changed=is_changed,
        head_version=row.head_number,
    )
