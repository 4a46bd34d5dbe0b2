"""hide and unhide: leave things out where people look at the lineage, and show them again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.graphs.refs_on_graph import find_nodes
from mlwf_tui.workspace import Workspace


def hide(workspace: Workspace, refs: Sequence[str]) -> tuple[str, ...]:
    """Leave things out of the lineage as people see it; return the nodes, `kind:id`, that were seen before.

    Nothing of them is deleted, and whoever asks for one by name still finds it. Of a project it is all
    that it has been until now.

    Raises:
        NotFound: nothing is named by one of `refs`; then nothing is hidden.
    """
    return _set_hidden(workspace, refs, is_hidden=True)


def unhide(workspace: Workspace, refs: Sequence[str]) -> tuple[str, ...]:
    """Show things again; return the nodes that were hidden before.

    Raises:
        NotFound: nothing is named by one of `refs`; then nothing is changed.
    """
    return _set_hidden(workspace, refs, is_hidden=False)


def list_hidden(workspace: Workspace) -> tuple[LineageNode, ...]:
    """Return all that is hidden, oldest first."""
    hidden = [_split(node_id) for node_id in workspace.catalog.cards.list_hidden()]
    if not hidden:
        return ()
    graph = workspace.catalog.lineage.read_around(hidden, is_up=False, is_down=False)
    return tuple(node for node in graph.nodes if node.is_hidden)


def _set_hidden(workspace: Workspace, refs: Sequence[str], *, is_hidden: bool) -> tuple[str, ...]:
    if not refs:
        raise InvalidParameter("Nothing was named.", hint="Name a run, version, model, file or KIND:ID.")
    cards, author = workspace.catalog.cards, workspace.settings.author
    with workspace.catalog.transaction():
        nodes = dict.fromkeys(f"{kind}:{id}" for ref in refs for kind, id in find_nodes(workspace, ref))
        changed = [node for node in nodes if cards.get(node).is_hidden != is_hidden]
        for node in changed:
            cards.change(node, lambda card: replace(card, is_hidden=is_hidden), author=author)
    return tuple(changed)


def _split(node_id: str) -> tuple[str, str]:
    kind, _, id = node_id.partition(":")
    return kind, id
