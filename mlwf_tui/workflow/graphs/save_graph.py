"""Writes the lineage of everything, or of one thing, to a file, in any of the formats there are."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs import export_graph
from mlwf_tui.workspace import Workspace

FORMATS = ("svg", "html", "text", "mermaid", "dot", "json", "openlineage", "prov")


def save_graph(workspace: Workspace, ref: str | None, format: str, path: Path) -> int:
    """Write it, and return how many nodes there are; a file that is there is written over.

    Raises:
        NotFound: nothing is named `ref`, or no run has touched it.
        InvalidParameter: there is no such format.
        StorageFailed: the file cannot be written.
    """
    graph = read_graph(workspace, ref)
    if format == "json":
        text = json.dumps(msgspec.to_builtins(graph), ensure_ascii=False, indent=1)
    else:
        text = export_graph.write_graph(workspace, graph, format)
    try:
        path.expanduser().write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}.", hint="Choose another.") from error
    return len(graph.nodes)
