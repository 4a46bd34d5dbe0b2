"""The lineage graph, read whole in a constant number of queries, and folders; not its nodes' rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.edges import ARTIFACT_TABLES
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lineage_nodes import Listed, NodeReader, Touched, select_runs
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.reach import group_by_kind, read_reach
from mlwf_tui.catalog.tables import (
    ArtifactRow,
    EdgeRow,
    FolderRow,
    IntermediateRow,
    RunRow,
    StateRow,
    VersionRow,
)
from mlwf_tui.entities.ids import Digest, FolderId, new_id
from mlwf_tui.entities.lineage import (
    RUN_KIND,
    Direction,
    LineageEdge,
    LineageGraph,
    Node,
    keep_nodes,
)
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.errors import NotFound


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
            graph = LineageGraph(nodes=NodeReader(self._database, Touched(workspace)).read(), edges=edges)
            _check_ends(graph)
        return _lift(graph)

    def read_around(
        self,
        starts: Collection[Node],
        *,
        is_up: bool = True,
        is_down: bool = True,
        with_parts: bool = False,
    ) -> LineageGraph:
        """Return what some nodes came from and what came of them; the work grows with what is found.

        A start that no run has touched is a node without edges; a dataset that is asked for is shown.
        `with_parts`, an edge leads from a run to each that is a part of it, as from a search to its trials,
        but where the run has read what its parts made: these lie before it already.
        """
        with self._database.snapshot(), self._database.working_on_rows():
            read = partial(read_reach, self._database, starts, with_parts=with_parts)
            up = read(Direction.INPUT) if is_up else []
            down = read(Direction.OUTPUT) if is_down else []
            facts = list(dict.fromkeys((*up, *down)))
            nodes = NodeReader(self._database, Listed(group_by_kind(facts, starts))).read()
            graph = LineageGraph(nodes=nodes, edges=_to_edges(facts))
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

    def _find_folder(self, path: str) -> FolderId | None:
        query = FolderRow.select(FolderRow.id).where(FolderRow.path == path)
        found = self._database.read_value(query.order_by(FolderRow.sequence.desc()))
        return None if found is None else FolderId(found)

    def _read_edges(self, workspace: str | None) -> tuple[LineageEdge, ...]:
        query = EdgeRow.select(EdgeRow.run_id, EdgeRow.direction, EdgeRow.kind, EdgeRow.artifact_id)
        if workspace is not None:
            query = query.where(EdgeRow.run_id.in_(select_runs(workspace)))
        return _to_edges(self._database.fetch_plain(query.order_by(EdgeRow.sequence)))


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


def _to_edges(rows: Iterable[tuple[str, str, str, str]]) -> tuple[LineageEdge, ...]:
    """Return edges in the direction of the data; the text of a node is made once, however many it has."""
    runs: dict[str, str] = {}
    artifacts: dict[tuple[str, str], str] = {}
    edges: list[LineageEdge] = []
    for run_id, direction, kind, artifact_id in rows:
        run = runs.get(run_id) or runs.setdefault(run_id, f"{RUN_KIND}:{run_id}")
        key = kind, artifact_id
        artifact = artifacts.get(key) or artifacts.setdefault(key, f"{kind}:{artifact_id}")
        edges.append(
            LineageEdge(artifact, run) if direction == Direction.INPUT else LineageEdge(run, artifact)
        )
    return tuple(edges)
