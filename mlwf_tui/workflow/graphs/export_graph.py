"""Which writer writes the lineage in which format; the verb is graph."""

from __future__ import annotations

import json

from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.graphs import formats as graph_formats
from mlwf_tui.workflow.graphs.folding import fold_files
from mlwf_tui.workspace import Workspace

FORMATS = ("text", "mermaid", "dot", "svg", "html", "openlineage", "prov")


def write_graph(workspace: Workspace, graph: LineageGraph, format: str) -> str:
    """Return a graph in one of FORMATS; of openlineage one event a line.

    Where people look at it, three or more files of one folder are drawn as one; standards get every file.

    Raises:
        InvalidParameter: there is no such format.
    """
    match format:
        case "text":
            return graph_formats.to_text(fold_files(workspace, graph))
        case "mermaid":
            return graph_formats.to_mermaid(fold_files(workspace, graph))
        case "dot":
            return graph_formats.to_dot(fold_files(workspace, graph))
        case "svg" | "html":
            from mlwf_tui.workflow.graphs.pages import to_html, to_svg

            folded = fold_files(workspace, graph)
            return to_svg(folded) if format == "svg" else to_html(folded)
        case "openlineage":
            from mlwf_tui.workflow.graphs.standards import iter_openlineage

            events = iter_openlineage(workspace, graph)
            return "\n".join(json.dumps(event, ensure_ascii=False) for event in events)
        case "prov":
            from mlwf_tui.workflow.graphs.standards import to_prov

            return json.dumps(to_prov(workspace, graph), ensure_ascii=False, indent=1)
        case _:
            raise InvalidParameter(
                f"There is no format {format!r}.", hint=f"Choose from {', '.join(FORMATS)}."
            )
