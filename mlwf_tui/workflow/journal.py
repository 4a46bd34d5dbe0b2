"""The journal as faces read it: what was changed since they last looked, whoever changed it."""

from __future__ import annotations

from mlwf_tui.entities.change import JournalEvent
from mlwf_tui.workspace import Workspace


def read_events(workspace: Workspace, since: int) -> tuple[JournalEvent, ...]:
    """Return the events after sequence number `since`, oldest first."""
    return workspace.catalog.journal.read_since(since)


def latest_sequence(workspace: Workspace) -> int:
    """Return the newest event's sequence number, 0 where there is none."""
    return workspace.catalog.journal.latest()
