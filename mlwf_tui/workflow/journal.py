"""How faces learn that something was changed, whoever changed it."""

from __future__ import annotations

from mlwf_tui.workspace import Workspace


def latest_sequence(workspace: Workspace) -> int:
    """Return the newest event's sequence number, 0 where there is none."""
    return workspace.catalog.journal.latest()
