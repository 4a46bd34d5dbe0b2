"""models: what has been trained."""

from __future__ import annotations

from mlwf_tui.entities.model import Model
from mlwf_tui.workspace import Workspace


def list_models(workspace: Workspace) -> tuple[Model, ...]:
    """Return all models, newest first."""
    return workspace.catalog.models.list()
