"""star: mark a model that is to be found again, or take its star away."""

from __future__ import annotations

from mlwf_tui.entities.model import Model
from mlwf_tui.workspace import Workspace


def star_model(workspace: Workspace, ref: str, *, is_starred: bool = True) -> Model:
    """Give a model a star, or take it away; who did so stays in its history.

    Raises:
        NotFound: there is no such model.
    """
    model = workspace.catalog.models.get(ref)
    return workspace.catalog.models.star(model.id, is_starred=is_starred, author=workspace.settings.author)
