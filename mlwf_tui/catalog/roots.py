"""What of the store the catalog names: the manifests, weights and evaluations that must stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.heads import MoveStatus
from mlwf_tui.catalog.tables import (
    EdgeRow,
    HeadMoveRow,
    IntermediateRow,
    ModelRow,
    ProjectRow,
    ReportRow,
    RunRow,
    StateRow,
    VersionRow,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.lineage import Direction
from mlwf_tui.entities.model import Checkpoint, ModelFile
from mlwf_tui.entities.run import CODE_PATCH, ArtifactKind, RunState

IS_DIGEST = re.compile("[0-9a-f]{64}")
UNFINISHED = [state for state in RunState if not state.is_finished]


class Root(msgspec.Struct, frozen=True):
    """One digest that the catalog names; of all that have a manifest, the first title stands for it."""

    title: str
    digest: Digest
    is_manifest: bool
    is_optional: bool = False  # kept where it is there, and no damage where it was collected


class Roots:
    """Reads, in one moment, everything that the store must be able to give."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, *, since: datetime | None = None) -> tuple[Root, ...]:
        """Return what is live, versions first, newest first.

        Live are heads, versions, the states that undo and redo can reach, models, reports, and what
        an unfinished run reads. With `since`, also what was deleted from then on, every state that a
        head took and every intermediate that was made from then on.
        """
        with self._database.snapshot(), self._database.working_on_rows():
            found = [
                *self._list_versions(since),
                *self._list_states(since),
                *self._list_intermediates(since),
                *self._list_models(since),
                *self._list_reports(since),
                *self._list_patches(),
            ]
        titled: dict[tuple[Digest, bool], Root] = {}
        for root in found:
            titled.setdefault((root.digest, root.is_manifest), root)
        return tuple(titled.values())

    def find_damage(self) -> str:
        """Return what SQLite finds wrong with the catalog, or an empty text; reads all of it."""
        with self._database.working_on_rows():
            said = self._database.execute_sql("PRAGMA quick_check(1)")[0][0]
        fault = said.rpartition("\n")[2]  # behind a heading
        return "" if said == "ok" else f"The catalog {self._database.path} is damaged: {fault}."

    def _list_versions(self, since: datetime | None) -> Iterator[Root]:
        query = (
            VersionRow.select(ProjectRow.name, VersionRow.number, VersionRow.manifest)
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
            .where(
                (_is_kept(VersionRow, since) & _is_kept(ProjectRow, since))
                | VersionRow.id.in_(_read_by_unfinished(ArtifactKind.VERSION))
            )
            .order_by(ProjectRow.name, VersionRow.number.desc())
        )
        for name, number, manifest in self._rows(query):
            yield Root(f"{name}@{number}", check_digest(manifest), True)

    def _list_states(self, since: datetime | None) -> Iterator[Root]:
        is_reachable = (StateRow.id == ProjectRow.head_id) | StateRow.id.in_(reachable_by_moves())
        if since is not None:
            is_reachable |= (StateRow.created_at >= since) | (ProjectRow.deleted_at >= since)
        query = (
            StateRow.select(ProjectRow.name, StateRow.id == ProjectRow.head_id, StateRow.manifest)
            .join(ProjectRow, on=(ProjectRow.id == StateRow.project_id))
            .where(
                (_is_kept(ProjectRow, since) & is_reachable)
                | StateRow.id.in_(_read_by_unfinished(ArtifactKind.PROJECT))
            )
            .order_by(StateRow.id == ProjectRow.head_id, ProjectRow.name, StateRow.sequence.desc())
        )
        for name, is_head, manifest in self._rows(query):
            yield Root(name if is_head else f"{name} (to undo or redo)", check_digest(manifest), True)

    def _list_intermediates(self, since: datetime | None) -> Iterator[Root]:
        is_wanted = IntermediateRow.id.in_(_read_by_unfinished(ArtifactKind.INTERMEDIATE))
        if since is not None:
            is_wanted |= IntermediateRow.created_at >= since
        query = IntermediateRow.select(IntermediateRow.title, IntermediateRow.manifest).where(is_wanted)
        for title, manifest in self._rows(query.order_by(IntermediateRow.sequence.desc())):
            yield Root(f"the step {title}", check_digest(manifest), True, is_optional=True)

    def _list_models(self, since: datetime | None) -> Iterator[Root]:
        is_read = ModelRow.id.in_(_read_by_unfinished(ArtifactKind.MODEL))
        return list_model_roots(self._database, _is_kept(ModelRow, since) | is_read)

    def _list_reports(self, since: datetime | None) -> Iterator[Root]:
        is_read = ReportRow.id.in_(_read_by_unfinished(ArtifactKind.REPORT))
        return list_report_roots(self._database, _is_kept(ReportRow, since) | is_read)

    def _list_patches(self) -> Iterator[Root]:
        """Yield what a repository's code differed by from its commit when a run was asked for."""
        found = pw.fn.json_extract(RunRow.environment, f"$.{CODE_PATCH}")
        for run_id, digest in self._rows(RunRow.select(RunRow.id, found).where(found.is_null(False))):
            if IS_DIGEST.fullmatch(digest):
                yield Root(f"the code of run {run_id}", Digest(digest), False)

    def _rows(self, query: pw.Query) -> list[Any]:
        return self._database.fetch(query.tuples())


def list_model_roots(database: Database, condition: Any) -> Iterator[Root]:
    """Yield the weights and files of those models for which a condition holds."""
    query = ModelRow.select(ModelRow.name, ModelRow.checkpoints, ModelRow.files).where(condition)
    for name, checkpoints, files in database.fetch(query.tuples()):
        kept: list[Checkpoint | ModelFile] = [*msgspec.convert(checkpoints, tuple[Checkpoint, ...])]
        kept += msgspec.convert(files, tuple[ModelFile, ...])
        for file in kept:
            yield Root(f"{name}/{file.name}", check_digest(file.blob), False)


def list_report_roots(database: Database, condition: Any) -> Iterator[Root]:
    """Yield the evaluations and predictions of those reports for which a condition holds."""
    query = ReportRow.select(ReportRow.name, ReportRow.evaluation, ReportRow.predictions).where(condition)
    for name, evaluation, predictions in database.fetch(query.tuples()):
        yield Root(name, check_digest(evaluation), False)
        if predictions is not None:
            yield Root(f"{name}'s predictions", check_digest(predictions), False)


def check_digest(text: str) -> Digest:
    """Return a digest that the catalog gave. Raises ValueError where it is none."""
    if not IS_DIGEST.fullmatch(text):
        raise ValueError(f"{text!r} is not a digest")
    return Digest(text)


def _is_kept(table: type[ProjectRow | VersionRow | ModelRow | ReportRow], since: datetime | None) -> Any:
    is_live = table.deleted_at.is_null()
    return is_live if since is None else is_live | (table.deleted_at >= since)


def reachable_by_moves() -> pw.Query:
    """Select the states on both sides of all moves that can be undone or redone."""
    is_kept = HeadMoveRow.status != MoveStatus.DISCARDED
    before = HeadMoveRow.select(HeadMoveRow.before_id).where(is_kept)
    return before | HeadMoveRow.select(HeadMoveRow.after_id).where(is_kept)


def _read_by_unfinished(kind: ArtifactKind) -> pw.Query:
    return (
        EdgeRow.select(EdgeRow.artifact_id)
        .join(RunRow, on=(RunRow.id == EdgeRow.run_id))
        .where(
            EdgeRow.kind == kind, EdgeRow.direction == Direction.INPUT, RunRow.state.in_(tuple(UNFINISHED))
        )
    )
