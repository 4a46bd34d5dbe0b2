"""The lineage graph, read whole in a constant number of queries, and the folders on its rim."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Protocol

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.edges import ARTIFACT_TABLES
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.reach import group_by_kind, read_reach
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
from mlwf_tui.entities.ids import Digest, FolderId, new_id
from mlwf_tui.entities.lineage import (
    RUN_KIND,
    Direction,
    LineageEdge,
    LineageGraph,
    LineageNode,
    Node,
    keep_nodes,
)
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.errors import NotFound

ARTIFACT_KINDS = (
    ArtifactKind.FILE, ArtifactKind.WEIGHTS, ArtifactKind.DATASET, ArtifactKind.SESSION,
    ArtifactKind.LABELING_JOB,
)  # fmt: skip
"""The kinds whose rows are in the table `artifact`."""
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
            graph = LineageGraph(nodes=self._read_nodes(_Chosen(workspace)), edges=edges)
            _check_ends(graph)
        return _lift(graph)

    def read_around(
        self, starts: Collection[Node], *, is_up: bool = True, is_down: bool = True
    ) -> LineageGraph:
        """Return what some nodes came from and what came of them; the work grows with what is found.

        A start that no run has touched is a node without edges; a dataset that is asked for is shown.
        """
        with self._database.snapshot(), self._database.working_on_rows():
            up = read_reach(self._database, starts, Direction.INPUT) if is_up else []
            down = read_reach(self._database, starts, Direction.OUTPUT) if is_down else []
            facts = list(dict.fromkeys((*up, *down)))
            nodes = self._read_nodes(_Listed(group_by_kind(facts, starts)))
            graph = LineageGraph(nodes=nodes, edges=tuple(_to_edge(*fact) for fact in facts))
            _check_ends(graph)
        return _lift(graph, asked={f"{kind}:{id}" for kind, id in starts})

    def find_by_path(self, path: str) -> tuple[Node, ...]:
        """Return all folders and files that were ever read or written at a path, oldest first."""
        folders = FolderRow.select(FolderRow.id).where(FolderRow.path == path).order_by(FolderRow.sequence)
        files = ArtifactRow.select(ArtifactRow.kind, ArtifactRow.id).where(
            ArtifactRow.kind.in_((ArtifactKind.FILE.value, ArtifactKind.WEIGHTS.value)),
            ArtifactRow.name == path,
        )
        found = [(ArtifactKind.FOLDER.value, row[0]) for row in self._database.fetch(folders.tuples())]
        found += self._database.fetch(files.order_by(ArtifactRow.sequence).tuples())
        return tuple((str(kind), str(id)) for kind, id in found)

    def keep_touched(self, nodes: Iterable[Node]) -> tuple[Node, ...]:
        """Return those of some artifacts that a run has read or made."""
        ids = {id: (kind, id) for kind, id in nodes}
        query = EdgeRow.select(EdgeRow.kind, EdgeRow.artifact_id).where(is_one_of(EdgeRow.artifact_id, ids))
        with self._database.working_on_rows():
            touched = {(str(kind), str(id)) for kind, id in self._database.fetch(query.tuples())}
        return tuple(node for node in ids.values() if node in touched)

    def get_manifest(self, node: Node) -> Digest:
        """Return the manifest of a version, state or intermediate, deleted or not. Raises NotFound."""
        kind, id = node
        tables: Mapping[str, type[VersionRow | StateRow | IntermediateRow]] = {
            ArtifactKind.VERSION: VersionRow, ArtifactKind.INTERMEDIATE: IntermediateRow,
        }  # fmt: skip
        table = tables.get(kind, StateRow)
        manifest = self._database.read_value(table.select(table.manifest).where(table.id == id))
        if manifest is None:
            raise NotFound(f"There is no {kind} with the id {id}.", hint="See mlwf graph.")
        return Digest(manifest)

    def has_node(self, node: Node) -> bool:
        """Whether there is a run or an artifact of this kind and id."""
        kind, id = node
        table = RunRow if kind == RUN_KIND else ARTIFACT_TABLES[ArtifactKind(kind)]
        query = table.select(table.id).where(table.id == id)
        if table is ArtifactRow:
            query = query.where(ArtifactRow.kind == kind)
        return self._database.find(query) is not None

    def _read_nodes(self, chosen: _Choice) -> tuple[LineageNode, ...]:
        nodes = [
            *self._read_folders(chosen),
            *self._read_recipes(chosen),
            *self._read_intermediates(chosen),
            *self._read_artifacts(chosen),
            *self._read_states(chosen),
            *self._read_versions(chosen),
            *self._read_models(chosen),
            *self._read_reports(chosen),
            *self._read_runs(chosen),
        ]
        cards = self._read_cards(chosen)
        if cards:
            nodes = [_put_card(node, cards[node.id]) if node.id in cards else node for node in nodes]
        nodes.sort(key=lambda node: node.created_at)
        return tuple(nodes)

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

    def _read_folders(self, chosen: _Choice) -> Iterable[LineageNode]:
        query = FolderRow.select(FolderRow.id, FolderRow.path, FolderRow.created_at)
        rows = self._rows(query, chosen.is_end(ArtifactKind.FOLDER, FolderRow.id))
        for folder_id, path, created_at in rows:
            title = PurePath(path).name or path
            yield _node(ArtifactKind.FOLDER, folder_id, title, "", path, created_at)

    def _read_artifacts(self, chosen: _Choice) -> Iterable[LineageNode]:
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
        rows = self._rows(query, chosen.is_artifact(ArtifactRow.id))
        for artifact_id, kind, name, size_bytes, version, verb, created_at in rows:
            is_file = kind in (ArtifactKind.FILE, ArtifactKind.WEIGHTS)
            title = PurePath(name).name if is_file else name
            detail = f"of {version}" if version else f"of {verb}" if verb else name if is_file else ""
            if is_file and size_bytes is not None:
                detail = f"{size_bytes:,} bytes · {name}"
            yield _node(kind, artifact_id, title or name, "", detail, created_at)

    def _read_recipes(self, chosen: _Choice) -> Iterable[LineageNode]:
        query = RecipeRow.select(RecipeRow.id, RecipeRow.name, RecipeRow.created_at)
        for recipe_id, name, created_at in self._rows(
            query, chosen.is_end(ArtifactKind.RECIPE, RecipeRow.id)
        ):
            yield _node(ArtifactKind.RECIPE, recipe_id, name, "", "", created_at)

    def _read_intermediates(self, chosen: _Choice) -> Iterable[LineageNode]:
        row = IntermediateRow
        query = row.select(row.id, row.title, row.item_count, row.created_at)
        for found_id, title, count, created_at in self._rows(
            query, chosen.is_end(ArtifactKind.INTERMEDIATE, row.id)
        ):
            yield _node(ArtifactKind.INTERMEDIATE, found_id, title, "", _count_items(count), created_at)

    def _read_states(self, chosen: _Choice) -> Iterable[LineageNode]:
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
        rows = self._rows(query, chosen.is_end(ArtifactKind.PROJECT, StateRow.id))
        for state_id, name, base, minor, item_count, is_committed, created_at in rows:
            title = name if is_committed else f"{name}@{base}.{minor}"
            detail = _count_items(item_count) + ("" if is_committed else ", not committed")
            yield _node(ArtifactKind.PROJECT, state_id, title, "", detail, created_at)

    def _read_versions(self, chosen: _Choice) -> Iterable[LineageNode]:
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
        rows = self._rows(query, chosen.is_end(ArtifactKind.VERSION, VersionRow.id))
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
            words = [*tags, _first_line(message) or _count_items(item_count)]
            detail = " · ".join(words if deleted_at is None else [DELETED, *words])
            node = _node(ArtifactKind.VERSION, version_id, title, state, detail, created_at)
            yield msgspec.structs.replace(node, author=author, tags=tags)

    def _read_models(self, chosen: _Choice) -> Iterable[LineageNode]:
        query = ModelRow.select(
            ModelRow.id, ModelRow.name, ModelRow.architecture, ModelRow.metrics, ModelRow.created_at
        )
        rows = self._rows(query, chosen.is_end(ArtifactKind.MODEL, ModelRow.id))
        for model_id, name, architecture, metrics, created_at in rows:
            detail = " · ".join(part for part in (architecture, _score(metrics)) if part)
            yield _node(ArtifactKind.MODEL, model_id, name, "", detail, created_at)

    def _read_reports(self, chosen: _Choice) -> Iterable[LineageNode]:
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

    def _read_runs(self, chosen: _Choice) -> Iterable[LineageNode]:
        query = RunRow.select(
            RunRow.id,
            RunRow.verb,
            RunRow.state,
            RunRow.error,
            RunRow.summary,
            RunRow.created_at,
            RunRow.author,
        )
        for run_id, verb, state, error, summary, created_at, author in self._rows(query, chosen.is_run()):
            node = _node(RUN_KIND, run_id, verb, state, _first_line(error) or summary, created_at)
            yield msgspec.structs.replace(node, author=author)

    def _read_cards(self, chosen: _Choice) -> dict[str, Card]:
        query = CardRow.select(CardRow.subject, CardRow.card).where(chosen.is_subject(CardRow.subject))
        return {
            subject: msgspec.convert(json.loads(card) if isinstance(card, str) else card, Card)
            for subject, card in self._database.fetch(query.tuples())
        }

    def _rows(self, query: pw.Query, condition: Any) -> list[Any]:
        return self._database.fetch(query.where(condition).tuples())


class _Choice(Protocol):
    """SQL conditions for the nodes that are wanted."""

    def is_end(self, kind: ArtifactKind, column: pw.Field[str]) -> Any:
        """Whether the column is the id of a wanted artifact of that kind."""

    def is_artifact(self, column: pw.Field[str]) -> Any:
        """Whether the column is the id of a wanted artifact of the table `artifact`."""

    def is_run(self) -> Any:
        """Whether the run is wanted."""

    def is_subject(self, column: pw.Field[str]) -> Any:
        """Whether the column may be the `kind:id` of a wanted node."""


class _Listed:
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


class _Chosen:
    """SQL conditions for the nodes at the edges of one workspace's runs, or of all."""

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
        return edges.where(EdgeRow.run_id.in_(_runs_of(self._workspace)))


def _runs_of(workspace: str) -> pw.Query:
    # An alias, as the query around it may be over runs itself.
    run = RunRow.alias()
    return run.select(run.id).where(run.workspace == workspace)


def _node(kind: str, id: str, title: str, state: str, detail: str, created_at: Any) -> LineageNode:
    return LineageNode(
        id=f"{kind}:{id}", kind=str(kind), title=title, state=state, detail=detail, created_at=created_at
    )


def _check_ends(graph: LineageGraph) -> None:
    """Raise ValueError where an edge has an end that no row is there for."""
    known = {node.id for node in graph.nodes}
    for edge in graph.edges:
        if edge.source not in known or edge.target not in known:
            raise ValueError(
                f"the lineage has an edge from {edge.source} to {edge.target}, of which one is missing"
            )


def _lift(graph: LineageGraph, *, asked: Collection[str] = ()) -> LineageGraph:
    """Leave out the datasets that are to be shown as their project, which has an edge beside theirs."""
    lifted = {node.id for node in graph.nodes if node.card is not None and node.card.shown_as == "project"}
    lifted.difference_update(asked)
    return keep_nodes(graph, {node.id for node in graph.nodes} - lifted) if lifted else graph


def _put_card(node: LineageNode, card: Card) -> LineageNode:
    """Let a card speak: its title where the thing has no name of its own, its description as the detail."""
    is_named = node.kind in (
        ArtifactKind.PROJECT, ArtifactKind.VERSION, ArtifactKind.MODEL, ArtifactKind.REPORT,
    )  # fmt: skip
    title = node.title if is_named else card.title or node.title
    return msgspec.structs.replace(node, title=title, detail=card.description or node.detail, card=card)


def _to_edge(run_id: str, direction: str, kind: str, artifact_id: str) -> LineageEdge:
    run, artifact = f"{RUN_KIND}:{run_id}", f"{kind}:{artifact_id}"
    return LineageEdge(artifact, run) if direction == Direction.INPUT else LineageEdge(run, artifact)


def _count_items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _score(metrics: Mapping[str, float]) -> str:
    return f"mAP50 {metrics['map50']:.2f}" if "map50" in metrics else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
