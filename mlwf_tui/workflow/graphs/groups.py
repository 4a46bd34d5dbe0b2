"""All that is drawn as one on the lineage: bundles of runs, and folders of files, those within them last."""

from __future__ import annotations

from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.workflow.graphs.bundles import list_bundles
from mlwf_tui.workflow.graphs.folding import list_folders
from mlwf_tui.workspace import Workspace


def list_groups(workspace: Workspace, graph: LineageGraph) -> tuple[LineageNode, ...]:
    """Return a node for each group; its `members` are the ids it stands for.

    A group may lie within others, which then stand before it, as `join_members` wants them. Whichever of
    them are drawn, the graph stays free of cycles.
    """
    return (*list_bundles(workspace, graph), *list_folders(workspace, graph))
