"""Writes the lineage of everything, or of one thing, to a file, in any of the formats there are."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs import export_graph
from mlwf_tui.workflow.whole_files import write_new_file
from mlwf_tui.workspace import Workspace

FORMATS = ("svg", "html", "text", "mermaid", "dot", "json", "openlineage", "prov")


def save_graph(workspace: Workspace, ref: str | None, format: str, path: Path) -> int:
    """Write it, and return how many nodes there are. The file is not there yet.

    Raises:
        NotFound: nothing is named `ref`, or no run has touched it.
        InvalidParameter: there is no such format.
        Conflict: the file exists.
        StorageFailed: the file cannot be written.
    """
    graph = read_graph(workspace, ref)
    if format == "json":
        text = json.dumps(msgspec.to_builtins(graph), ensure_ascii=False, indent=1)
    else:
        text = export_graph.write_graph(workspace, graph, format)
    write_new_file(path, f"{text}\n")
    return len(graph.nodes)
