"""describe: put words to a project, version, model, report, run, folder or file."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from mlwf_tui.entities.card import MAX_DESCRIPTION
from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.workflow.graphs.refs_on_graph import find_card_node
from mlwf_tui.workspace import Workspace


class Coverage(Struct, frozen=True):
    """How many of the things that can be described are."""

    described: int = 0
    describable: int = 0

    @property
    def share(self) -> float:
        """From 0 to 1; of nothing, 1."""
        return self.described / self.describable if self.describable else 1.0


def measure_coverage(workspace: Workspace, things: Sequence[Project | Model | Report]) -> Coverage:
    """Return how many of these things, and of all versions, somebody has said what they are."""
    versions = workspace.catalog.versions
    return Coverage(
        described=sum(bool(thing.description.strip()) for thing in things)
        + versions.count(is_described=True),
        describable=len(things) + versions.count(),
    )


def describe(workspace: Workspace, ref: str, text: str) -> None:
    """Set the description of what `ref` names; of a version, its message; of a run or file, its card's.

    What was said before stays in its history. A run is not changed by what is said of it.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: the text holds a control character, or is too long for a card.
    """
    check_text(text, "description")
    kind, node_id, entity = find_card_node(workspace, ref)
    catalog, author = workspace.catalog, workspace.settings.author
    match entity:
        case Project():
            catalog.projects.describe(entity.id, text, author=author)
        case Version():
            catalog.versions.describe(entity.id, text, author=author)
        case Model():
            catalog.models.describe(entity.id, text, author=author)
        case Report():
            catalog.reports.describe(entity.id, text, author=author)
        case _:
            if len(text) > MAX_DESCRIPTION:
                raise InvalidParameter(
                    f"The description is longer than {MAX_DESCRIPTION:,} characters.", hint="Shorten it."
                )
            node = f"{kind}:{node_id}"
            catalog.cards.change(node, lambda card: replace(card, description=text), author=author)
