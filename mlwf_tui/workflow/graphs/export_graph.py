"""Which writer writes the lineage in which format; the verb is graph."""

from __future__ import annotations

import json

from mlwf_tui.entities.lineage import LineageGraph, join_members, leave_out
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.graphs import formats as graph_formats
from mlwf_tui.workflow.graphs.groups import list_groups
from mlwf_tui.workspace import Workspace

FORMATS = ("text", "mermaid", "dot", "svg", "html", "openlineage", "prov")
STANDARDS = ("openlineage", "prov")


def write_graph(
    workspace: Workspace,
    graph: LineageGraph,
    format: str,
    *,
    is_folded: bool = True,
    with_hidden: bool = False,
) -> str:
    """Return a graph in one of FORMATS; of openlineage one event a line.

    Where people look at it, folders of files and bundles of runs are each drawn as one, and what was hidden
    is left out; standards get every file and run.

    Raises:
        InvalidParameter: there is no such format.
    """
    if format not in FORMATS:
        raise InvalidParameter(f"There is no format {format!r}.", hint=f"Choose from {', '.join(FORMATS)}.")
    if format in STANDARDS:
        return _write_standard(workspace, graph, format)
    if not with_hidden:
        graph = leave_out_hidden(graph)
    if is_folded:
        graph = join_members(graph, list_groups(workspace, graph))
    match format:
        case "text":
            return graph_formats.to_text(graph)
        case "mermaid":
            return graph_formats.to_mermaid(graph)
        case "dot":
            return graph_formats.to_dot(graph)
    from mlwf_tui.workflow.graphs.pages import to_html, to_svg

    return to_svg(graph) if format == "svg" else to_html(graph)


def leave_out_hidden(graph: LineageGraph) -> LineageGraph:
    """Return the graph without what was hidden."""
    kept = {node.id for node in graph.nodes if not node.is_hidden}
    return graph if len(kept) == len(graph.nodes) else leave_out(graph, kept)


def _write_standard(workspace: Workspace, graph: LineageGraph, format: str) -> str:
    from mlwf_tui.workflow.graphs.standards import iter_openlineage, to_prov

    if format == "prov":
        return json.dumps(to_prov(workspace, graph), ensure_ascii=False, indent=1)
    events = iter_openlineage(workspace, graph)
    return "\n".join(json.dumps(event, ensure_ascii=False) for event in events)
