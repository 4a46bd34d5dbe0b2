"""graph: the lineage of everything, or of one thing: all it came from and all that came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mlwf_tui.entities.lineage import LineageEdge, LineageGraph
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.refs import Entity, resolve
from mlwf_tui.workspace import Workspace


def read_graph(workspace: Workspace, ref: str | None = None) -> LineageGraph:
    """Return the whole lineage of the home, or what is up- and downstream of `ref`.

    A project stands for all of its states and versions.

    Raises:
        NotFound: nothing is named `ref`, or no run has touched it.
    """
    graph = workspace.catalog.lineage.read_graph()
    if ref is None:
        return graph
    entity = resolve(workspace, ref)
    starts = _find_nodes(workspace, graph, entity)
    if not starts:
        raise NotFound(f"No run has touched {ref} yet.", hint="mlwf graph shows what there is.")
    return _around(graph, starts)


def node_id(entity: Entity) -> str:
    """Return the id that the entity's node has on the graph; a project's is that of its head."""
    match entity:
        case Project():
            return f"{ArtifactKind.PROJECT}:{entity.head}"
        case Version():
            return f"{ArtifactKind.VERSION}:{entity.id}"
        case Model():
            return f"{ArtifactKind.MODEL}:{entity.id}"
        case Report():
            return f"{ArtifactKind.REPORT}:{entity.id}"
        case Run():
            return f"run:{entity.id}"


def _find_nodes(workspace: Workspace, graph: LineageGraph, entity: Entity) -> set[str]:
    wanted = {node_id(entity)}
    if isinstance(entity, Project):
        wanted |= {f"{ArtifactKind.VERSION}:{v.id}" for v in workspace.catalog.versions.list(entity.id)}
    return wanted & {node.id for node in graph.nodes}


def _around(graph: LineageGraph, starts: set[str]) -> LineageGraph:
    down: defaultdict[str, list[str]] = defaultdict(list)
    up: defaultdict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        down[edge.source].append(edge.target)
        up[edge.target].append(edge.source)
    kept = _reach(starts, up) | _reach(starts, down)
    return LineageGraph(
        tuple(node for node in graph.nodes if node.id in kept),
        tuple(LineageEdge(e.source, e.target) for e in graph.edges if e.source in kept and e.target in kept),
    )


def _reach(starts: Iterable[str], neighbours: Mapping[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting.extend(neighbours.get(node, ()))
    return reached
