"""rename: give a project, model, report, run, folder or file another name; ids and lineage stay."""

from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.entities.card import MAX_TITLE
from mlwf_tui.entities.item import check_own_name, check_text
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.workflow.graphs.refs_on_graph import find_card_node
from mlwf_tui.workflow.refs import check_project_name
from mlwf_tui.workspace import Workspace


def rename(workspace: Workspace, ref: str, name: str) -> None:
    """Rename what `ref` names; a run or file gets a title on its card. Former names stay in its history.

    Raises:
        NotFound: nothing is named so.
        Conflict: the name is taken.
        InvalidParameter: the name cannot be used.
        InvalidInput: it is a version, which has no name of its own.
    """
    kind, node_id, entity = find_card_node(workspace, ref)
    catalog, author = workspace.catalog, workspace.settings.author
    match entity:
        case Project():
            catalog.projects.rename(entity.id, check_project_name(name), author=author)
        case Model():
            catalog.models.rename(entity.id, check_own_name(name, "model name"), author=author)
        case Report():
            catalog.reports.rename(entity.id, check_own_name(name, "report name"), author=author)
        case Version():
            raise InvalidInput(f"{ref} has no name of its own.", hint="Projects, models and reports have.")
        case _:
            if len(check_text(name, "title")) > MAX_TITLE or "\n" in name:
                raise InvalidParameter(
                    f"A title is one line of up to {MAX_TITLE} characters.", hint="Shorten it."
                )
            node = f"{kind}:{node_id}"
            catalog.cards.change(node, lambda card: replace(card, title=name), author=author)
