"""The nodes of the lineage, each kind read from its table; which of them are wanted is a Choice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Protocol

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.fields import EPOCH, MICROSECOND
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.tables import (
    ArtifactRow,
    CardRow,
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
from mlwf_tui.entities.card import Card
from mlwf_tui.entities.lineage import RUN_KIND, LineageNode
from mlwf_tui.entities.lines import first_line
from mlwf_tui.entities.model import ReportKind
from mlwf_tui.entities.run import ArtifactKind

ARTIFACT_KINDS = (
    ArtifactKind.FILE, ArtifactKind.WEIGHTS, ArtifactKind.DATASET, ArtifactKind.SESSION,
    ArtifactKind.LABELING_JOB,
)  # fmt: skip
"""The kinds whose rows are in the table `artifact`."""
DELETED = "deleted"


class Choice(Protocol):
    """SQL conditions for the nodes that are wanted."""

    def is_end(self, kind: ArtifactKind, column: pw.Field[str]) -> Any:
        """Whether the column is the id of a wanted artifact of that kind."""

    def is_artifact(self, column: pw.Field[str]) -> Any:
        """Whether the column is the id of a wanted artifact of the table `artifact`."""

    def is_run(self) -> Any:
        """Whether the run is wanted."""

    def is_subject(self, column: pw.Field[str]) -> Any:
        """Whether the column may be the `kind:id` of a wanted node."""


class Listed:
    """The nodes of these ids, by kind."""

    def __init__(self, ids: Mapping[str, set[str]]) -> None:
        self._ids = ids

    def is_end(self, kind: ArtifactKind, column: pw.Field[str]) -> Any:
        return is_one_of(column, self._ids.get(kind, ()))

    def is_artifact(self, column: pw.Field[str]) -> Any:
        return is_one_of(column, [id for kind in ARTIFACT_KINDS for id in self._ids.get(kind, ())])

    def is_run(self) -> Any:
        return is_one_of(RunRow.id, self._ids.get(RUN_KIND, ()))

    def is_subject(self, column: pw.Field[str]) -> Any:
        return is_one_of(column, [f"{kind}:{id}" for kind, ids in self._ids.items() for id in ids])


class Touched:
    """The nodes at the edges of one workspace's runs, or of all."""

    def __init__(self, workspace: str | None) -> None:
        self._workspace = workspace

    def is_end(self, kind: ArtifactKind, column: pw.Field[str]) -> Any:
        ends = EdgeRow.select(EdgeRow.artifact_id).where(EdgeRow.kind == kind)
        return column.in_(self._limit(ends))

    def is_artifact(self, column: pw.Field[str]) -> Any:
        ends = EdgeRow.select(EdgeRow.artifact_id).where(EdgeRow.kind.in_(ARTIFACT_KINDS))
        return column.in_(self._limit(ends))

    def is_subject(self, column: pw.Field[str]) -> Any:
        return column.is_null(False)  # there are few

    def is_run(self) -> Any:
        return RunRow.id.in_(self._limit(EdgeRow.select(EdgeRow.run_id)))

    def _limit(self, edges: pw.Query) -> pw.Query:
        if self._workspace is None:
            return edges
        return edges.where(EdgeRow.run_id.in_(select_runs(self._workspace)))


class NodeReader:
    """Reads the nodes that a choice wants: a query for each kind, however many there are."""

    def __init__(self, database: Database, choice: Choice) -> None:
        self._database = database
        self._choice = choice

    def read(self) -> tuple[LineageNode, ...]:
        """Return the nodes, oldest first."""
        nodes = [
            *self._read_folders(),
            *self._read_recipes(),
            *self._read_intermediates(),
            *self._read_artifacts(),
            *self._read_states(),
            *self._read_versions(),
            *self._read_models(),
            *self._read_reports(),
            *self._read_runs(),
        ]
        cards = self._read_cards()
        if cards:
            nodes = [_put_card(node, cards[node.id]) if node.id in cards else node for node in nodes]
        nodes.sort(key=lambda node: node.created_at)
        return tuple(nodes)

    def _read_folders(self) -> Iterable[LineageNode]:
        query = FolderRow.select(FolderRow.id, FolderRow.path, FolderRow.created_at)
        rows = self._rows(query, self._choice.is_end(ArtifactKind.FOLDER, FolderRow.id))
        for folder_id, path, created_at in rows:
            title = path.rstrip("/").rpartition("/")[2] or path
            yield _node(ArtifactKind.FOLDER, folder_id, title, "", path, created_at, path=path)

    def _read_artifacts(self) -> Iterable[LineageNode]:
        made_of = ProjectRow.name.concat("@").concat(VersionRow.number)
        query = (
            ArtifactRow.select(
                ArtifactRow.id, ArtifactRow.kind, ArtifactRow.name, ArtifactRow.size_bytes, made_of,
                RunRow.verb, ArtifactRow.created_at,
            )
            .join(VersionRow, pw.JOIN.LEFT_OUTER, on=(VersionRow.id == ArtifactRow.version_id))
            .join(ProjectRow, pw.JOIN.LEFT_OUTER, on=(ProjectRow.id == VersionRow.project_id))
            .join_from(ArtifactRow, RunRow, pw.JOIN.LEFT_OUTER, on=(RunRow.id == ArtifactRow.run_id))
        )  # fmt: skip
        rows = self._rows(query, self._choice.is_artifact(ArtifactRow.id))
        for artifact_id, kind, name, size_bytes, version, verb, created_at in rows:
            is_file = kind in (ArtifactKind.FILE, ArtifactKind.WEIGHTS)
            title = PurePath(name).name if is_file else name
            detail = f"of {version}" if version else f"of {verb}" if verb else name if is_file else ""
            if is_file and size_bytes is not None:
                detail = f"{size_bytes:,} bytes · {name}"
            path = name if is_file else ""
            yield _node(kind, artifact_id, title or name, "", detail, created_at, path=path)

    def _read_recipes(self) -> Iterable[LineageNode]:
        query = RecipeRow.select(RecipeRow.id, RecipeRow.name, RecipeRow.created_at)
        for recipe_id, name, created_at in self._rows(
            query, self._choice.is_end(ArtifactKind.RECIPE, RecipeRow.id)
        ):
            yield _node(ArtifactKind.RECIPE, recipe_id, name, "", "", created_at)

    def _read_intermediates(self) -> Iterable[LineageNode]:
        row = IntermediateRow
        query = row.select(row.id, row.title, row.item_count, row.created_at)
        for found_id, title, count, created_at in self._rows(
            query, self._choice.is_end(ArtifactKind.INTERMEDIATE, row.id)
        ):
            yield _node(ArtifactKind.INTERMEDIATE, found_id, title, "", _count_items(count), created_at)

    def _read_states(self) -> Iterable[LineageNode]:
        is_named = pw.fn.EXISTS(
            VersionRow.select(pw.Value(1)).where(
                VersionRow.project_id == StateRow.project_id,
                VersionRow.manifest == StateRow.manifest,
                VersionRow.deleted_at.is_null(),
            )
        )
        query = StateRow.select(
            StateRow.id,
            ProjectRow.name,
            StateRow.base,
            StateRow.minor,
            StateRow.item_count,
            is_named,
            StateRow.created_at,
        ).join(ProjectRow, on=(ProjectRow.id == StateRow.project_id))
        rows = self._rows(query, self._choice.is_end(ArtifactKind.PROJECT, StateRow.id))
        for state_id, name, base, minor, item_count, is_committed, created_at in rows:
            title = name if is_committed else f"{name}@{base}.{minor}"
            detail = _count_items(item_count) + ("" if is_committed else ", not committed")
            yield _node(ArtifactKind.PROJECT, state_id, title, "", detail, created_at)

    def _read_versions(self) -> Iterable[LineageNode]:
        query = VersionRow.select(
            VersionRow.id,
            ProjectRow.name,
            VersionRow.number,
            VersionRow.kind,
            VersionRow.message,
            VersionRow.item_count,
            VersionRow.created_at,
            VersionRow.deleted_at,
            VersionRow.author,
            select_names(),
        ).join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
        rows = self._rows(query, self._choice.is_end(ArtifactKind.VERSION, VersionRow.id))
        for (
            version_id,
            name,
            number,
            kind,
            message,
            item_count,
            created_at,
            deleted_at,
            author,
            names,
        ) in rows:
            title, state = f"{name}@{number}", kind if deleted_at is None else DELETED
            tags = tuple(sorted(json.loads(names)))
            words = [*tags, first_line(message) or _count_items(item_count)]
            detail = " · ".join(words if deleted_at is None else [DELETED, *words])
            node = _node(ArtifactKind.VERSION, version_id, title, state, detail, created_at)
            yield msgspec.structs.replace(node, author=author, tags=tags)

    def _read_models(self) -> Iterable[LineageNode]:
        query = ModelRow.select(
            ModelRow.id,
            ModelRow.name,
            ModelRow.architecture,
            ModelRow.metrics,
            ModelRow.created_at,
            pw.fn.json_array_length(ModelRow.checkpoints),
        )
        rows = self._rows(query, self._choice.is_end(ArtifactKind.MODEL, ModelRow.id))
        for model_id, name, architecture, metrics, created_at, count in rows:
            weights = f"{count} checkpoints" if count > 1 else ""  # one card for all of them
            detail = " · ".join(part for part in (architecture, _score(metrics), weights) if part)
            yield _node(ArtifactKind.MODEL, model_id, name, "", detail, created_at)

    def _read_reports(self) -> Iterable[LineageNode]:
        query = (
            ReportRow.select(
                ReportRow.id,
                ReportRow.name,
                ReportRow.metrics,
                ReportRow.kind,
                ReportRow.split,
                ProjectRow.name,
                VersionRow.number,
                ReportRow.created_at,
            )
            .join(VersionRow, on=(VersionRow.id == ReportRow.version_id))
            .join(ProjectRow, on=(ProjectRow.id == VersionRow.project_id))
        )
        rows = self._rows(query, self._choice.is_end(ArtifactKind.REPORT, ReportRow.id))
        for report_id, name, metrics, kind, split, project, number, created_at in rows:
            score = _score(metrics, is_difference=kind == ReportKind.COMPARISON)
            detail = f"{score} on {project}@{number} {split}".strip()
            yield _node(ArtifactKind.REPORT, report_id, name, "", detail, created_at)

    def _read_runs(self) -> Iterable[LineageNode]:
        query = RunRow.select(
            RunRow.id,
            RunRow.verb,
            RunRow.state,
            RunRow.error,
            RunRow.summary,
            RunRow.created_at,
            RunRow.author,
        )
        for run_id, verb, state, error, summary, created_at, author in self._rows(
            query, self._choice.is_run()
        ):
            detail = first_line(error) or summary
            yield _node(RUN_KIND, run_id, verb, state, detail, created_at, author=author)

    def _read_cards(self) -> dict[str, Card]:
        query = CardRow.select(CardRow.subject, CardRow.card).where(self._choice.is_subject(CardRow.subject))
        return {
            subject: msgspec.convert(json.loads(card) if isinstance(card, str) else card, Card)
            for subject, card in self._database.fetch(query.tuples())
        }

    def _rows(self, query: pw.Query, condition: Any) -> list[Any]:
        return self._database.fetch_plain(query.where(condition))


def select_runs(workspace: str) -> pw.Query:
    """Return the query for the ids of a workspace's runs."""
    # An alias, as the query around it may be over runs itself.
    run = RunRow.alias()
    return run.select(run.id).where(run.workspace == workspace)


def _node(
    kind: str,
    id: str,
    title: str,
    state: str,
    detail: str,
    created_us: int,
    *,
    path: str = "",
    author: str = "",
) -> LineageNode:
    return LineageNode(
        id=f"{kind}:{id}",
        kind=str(kind),
        title=title,
        state=state,
        detail=detail,
        created_at=EPOCH + MICROSECOND * created_us,
        path=path,
        author=author,
    )


def _put_card(node: LineageNode, card: Card) -> LineageNode:
    """Let a card speak: its title where the thing has no name of its own, its description as the detail."""
    is_named = node.kind in (
        ArtifactKind.PROJECT, ArtifactKind.VERSION, ArtifactKind.MODEL, ArtifactKind.REPORT,
    )  # fmt: skip
    title = node.title if is_named else card.title or node.title
    return msgspec.structs.replace(
        node,
        title=title,
        detail=card.description or node.detail,
        tags=(*node.tags, *card.tags),
        card=card,
    )


def _count_items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _score(document: str, *, is_difference: bool = False) -> str:
    map50 = json.loads(document).get("map50")
    if map50 is None:
        return ""
    return f"mAP50 differs by {map50:+.3f}" if is_difference else f"mAP50 {map50:.2f}"
