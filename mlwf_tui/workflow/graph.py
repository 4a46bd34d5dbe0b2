"""graph: the lineage of everything, or of one thing: all it came from and all that came of it."""

from __future__ import annotations

from collections.abc import Iterable

from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.graphs.refs_on_graph import find_nodes
from mlwf_tui.workspace import Workspace


def read_graph(workspace: Workspace, ref: str | None = None) -> LineageGraph:
    """Return the whole lineage of the home, or what is up- and downstream of `ref`.

    A project stands for all of its states and versions.

    Raises:
        NotFound: nothing is named `ref`, or no run has touched it.
    """
    if ref is None:
        return workspace.catalog.lineage.read_graph()
    graph = workspace.catalog.lineage.read_around(find_nodes(workspace, ref))
    if not graph.edges:
        raise NotFound(f"No run has touched {ref} yet.", hint="mlwf graph shows what there is.")
    return graph


def list_node_ids(workspace: Workspace, refs: Iterable[str]) -> frozenset[str]:
    """Return the ids that some things have on the graph; a project has one for each state and version.

    Raises:
        NotFound: nothing is meant by one of them.
    """
    return frozenset(f"{kind}:{id}" for ref in refs for kind, id in find_nodes(workspace, ref))
