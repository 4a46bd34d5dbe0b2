"""The lineage graph, read whole in a constant number of queries, and the folders on its rim."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.edges import Direction
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.tables import (
    EdgeRow,
    FolderRow,
    IntermediateRow,
    ModelRow,
    ProjectRow,
    RecipeRow,
    ReportRow,
    RunRow,
    StateRow,
    VersionRow,
)
from mlwf_tui.catalog.tags import select_names
from mlwf_tui.entities.ids import FolderId, new_id
from mlwf_tui.entities.lineage import LineageEdge, LineageGraph, LineageNode
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef

RUN_KIND = "run"
DELETED = "deleted"


class Lineage:
    """Draws what the runs' inputs and outputs say. What was deleted keeps its node."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add_folder(self, path: str, *, is_output: bool = False) -> ArtifactRef:
        """Return the artifact of a folder outside of the home.

        A folder that is read is the artifact that its path had last, or a new one. One that was
        written is always new, as an output must be; whoever reads the path afterwards reads that.
        """
        with self._database.transaction():
            known = None if is_output else self._find_folder(path)
            folder_id = known or FolderId(new_id())
            if known is None:
                now = self._database.now()
                self._database.execute(FolderRow.insert(id=folder_id, path=path, created_at=now))
                self._journal.append("folder.added", folder_id)
        return ArtifactRef(ArtifactKind.FOLDER, folder_id, path)

    def read_graph(self, *, workspace: str | None = None) -> LineageGraph:
        """Return all runs with an input or output, of one workspace or of all, and those artifacts."""
        with self._database.snapshot(), self._database.working_on_rows():
            edges = self._read_edges(workspace)
            chosen = _Chosen(workspace)
            nodes = [
                *self._read_folders(chosen),
                *self._read_recipes(chosen),
                *self._read_intermediates(chosen),
                *self._read_states(chosen),
                *self._read_versions(chosen),
                *self._read_models(chosen),
                *self._read_reports(chosen),
                *self._read_runs(chosen),
            ]
            nodes.sort(key=lambda node: node.created_at)
        return LineageGraph(nodes=tuple(nodes), edges=edges)

    def _find_folder(self, path: str) -> FolderId | None:
        query = FolderRow.select(FolderRow.id).where(FolderRow.path == path)
        found = self._database.read_value(query.order_by(FolderRow.sequence.desc()))
        return None if found is None else FolderId(found)

    def _read_edges(self, workspace: str | None) -> tuple[LineageEdge, ...]:
        query = EdgeRow.select(EdgeRow.run_id, EdgeRow.direction, EdgeRow.kind, EdgeRow.artifact_id)
        if workspace is not None:
            query = query.where(EdgeRow.run_id.in_(_runs_of(workspace)))
        rows = self._database.fetch(query.order_by(EdgeRow.sequence).tuples())
        return tuple(_to_edge(*row) for row in rows)

    def _read_folders(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = FolderRow.select(FolderRow.id, FolderRow.path, FolderRow.created_at)
        rows = self._rows(query, chosen.is_end(ArtifactKind.FOLDER, FolderRow.id))
        for folder_id, path, created_at in rows:
            title = PurePath(path).name or path
            yield _node(ArtifactKind.FOLDER, folder_id, title, "", path, created_at)

    def _read_recipes(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = RecipeRow.select(RecipeRow.id, RecipeRow.name, RecipeRow.created_at)
        for recipe_id, name, created_at in self._rows(
            query, chosen.is_end(ArtifactKind.RECIPE, RecipeRow.id)
        ):
            yield _node(ArtifactKind.RECIPE, recipe_id, name, "", "", created_at)

    def _read_intermediates(self, chosen: _Chosen) -> Iterable[LineageNode]:
        row = IntermediateRow
        query = row.select(row.id, row.title, row.item_count, row.created_at)
        for found_id, title, count, created_at in self._rows(
            query, chosen.is_end(ArtifactKind.INTERMEDIATE, row.id)
        ):
            yield _node(ArtifactKind.INTERMEDIATE, found_id, title, "", _count_items(count), created_at)

    def _read_states(self, chosen: _Chosen) -> Iterable[LineageNode]:
        is_named = pw.fn.EXISTS(
            VersionRow.select(pw.Value(1)).where(
                VersionRow.project_id == StateRow.project_id,
                VersionRow.manifest == StateRow.manifest,
                VersionRow.deleted_at.is_null(),
            )
        )
        query = StateRow.select(
            StateRow.id, ProjectRow.name, StateRow.item_count, is_named, StateRow.created_at
        ).join(ProjectRow, on=(ProjectRow.id == StateRow.project_id))
        rows = self._rows(query, chosen.is_end(ArtifactKind.PROJECT, StateRow.id))
        for state_id, name, item_count, is_committed, created_at in rows:
            detail = _count_items(item_count) + ("" if is_committed else ", not committed")
            yield _node(ArtifactKind.PROJECT, state_id, name, "", detail, created_at)

    def _read_versions(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = VersionRow.select(
            VersionRow.id,
            ProjectRow.name,
            VersionRow.number,
            VersionRow.kind,
            VersionRow.message,
            VersionRow.item_count,
            VersionRow.created_at,
            VersionRow.deleted_at,
            select_names(),
        ).join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
        rows = self._rows(query, chosen.is_end(ArtifactKind.VERSION, VersionRow.id))
        for version_id, name, number, kind, message, item_count, created_at, deleted_at, tags in rows:
            title, state = f"{name}@{number}", kind if deleted_at is None else DELETED
            words = [*sorted(json.loads(tags)), _first_line(message) or _count_items(item_count)]
            detail = " · ".join(words if deleted_at is None else [DELETED, *words])
            yield _node(ArtifactKind.VERSION, version_id, title, state, detail, created_at)

    def _read_models(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = ModelRow.select(
            ModelRow.id, ModelRow.name, ModelRow.architecture, ModelRow.metrics, ModelRow.created_at
        )
        rows = self._rows(query, chosen.is_end(ArtifactKind.MODEL, ModelRow.id))
        for model_id, name, architecture, metrics, created_at in rows:
            detail = " · ".join(part for part in (architecture, _score(metrics)) if part)
            yield _node(ArtifactKind.MODEL, model_id, name, "", detail, created_at)

    def _read_reports(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = (
            ReportRow.select(
                ReportRow.id,
                ReportRow.name,
                ReportRow.metrics,
                ReportRow.split,
                ProjectRow.name,
                VersionRow.number,
                ReportRow.created_at,
            )
            .join(VersionRow, on=(VersionRow.id == ReportRow.version_id))
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
        )
        rows = self._rows(query, chosen.is_end(ArtifactKind.REPORT, ReportRow.id))
        for report_id, name, metrics, split, project, number, created_at in rows:
            detail = f"{_score(metrics)} on {project}@{number} {split}".strip()
            yield _node(ArtifactKind.REPORT, report_id, name, "", detail, created_at)

    def _read_runs(self, chosen: _Chosen) -> Iterable[LineageNode]:
        query = RunRow.select(
            RunRow.id, RunRow.verb, RunRow.state, RunRow.error, RunRow.summary, RunRow.created_at
        )
        for run_id, verb, state, error, summary, created_at in self._rows(query, chosen.is_run()):
            yield _node(RUN_KIND, run_id, verb, state, _first_line(error) or summary, created_at)

    def _rows(self, query: pw.Query, condition: Any) -> list[Any]:
        return self._database.fetch(query.where(condition).tuples())


class _Chosen:
    """SQL conditions for the nodes at the edges of one workspace's runs, or of all."""

    def __init__(self, workspace: str | None) -> None:
        self._workspace = workspace

    def is_end(self, kind: ArtifactKind, column: pw.Field[str]) -> Any:
        ends = EdgeRow.select(EdgeRow.artifact_id).where(EdgeRow.kind == kind)
        return column.in_(self._limit(ends))

    def is_run(self) -> Any:
        return RunRow.id.in_(self._limit(EdgeRow.select(EdgeRow.run_id)))

    def _limit(self, edges: pw.Query) -> pw.Query:
        if self._workspace is None:
            return edges
        return edges.where(EdgeRow.run_id.in_(_runs_of(self._workspace)))


def _runs_of(workspace: str) -> pw.Query:
    # An alias, as the query around it may be over runs itself.
    run = RunRow.alias()
    return run.select(run.id).where(run.workspace == workspace)


def _node(kind: str, id: str, title: str, state: str, detail: str, created_at: Any) -> LineageNode:
    return LineageNode(
        id=f"{kind}:{id}", kind=str(kind), title=title, state=state, detail=detail, created_at=created_at
    )


def _to_edge(run_id: str, direction: str, kind: str, artifact_id: str) -> LineageEdge:
    run, artifact = f"{RUN_KIND}:{run_id}", f"{kind}:{artifact_id}"
    return LineageEdge(artifact, run) if direction == Direction.INPUT else LineageEdge(run, artifact)


def _count_items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _score(metrics: Mapping[str, float]) -> str:
    return f"mAP50 {metrics['map50']:.2f}" if "map50" in metrics else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
