"""Where the layout of each person's monitor is remembered."""

from __future__ import annotations

from pathlib import Path

from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.workflow.personal.own_files import find_folder, read_own, write_own
from mlwf_tui.workspace import Workspace


def read_layout(workspace: Workspace) -> MonitorLayout:
    """Return what this person's monitor looked like last; the default where nothing usable is kept."""
    return read_own(_find_path(workspace), MonitorLayout)


def write_layout(workspace: Workspace, layout: MonitorLayout) -> None:
    """Remember how this person's monitor looks."""
    write_own(_find_path(workspace), layout)


def find_own_folder(workspace: Workspace) -> Path:
    """Return the folder of the home for what is this person's own; it may not be there yet."""
    return find_folder(workspace.home, workspace.settings.author)


def _find_path(workspace: Workspace) -> Path:
    return find_own_folder(workspace) / "monitor.json"
