"""Where the layout of each person's monitor is remembered: a small file in the home, read without trust."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from urllib.parse import quote

import msgspec

from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)


def read_layout(workspace: Workspace) -> MonitorLayout:
    """Return what this person's monitor looked like last; the default where nothing usable is kept."""
    try:
        return msgspec.json.decode(_find_path(workspace).read_bytes(), type=MonitorLayout)
    except FileNotFoundError:
        return MonitorLayout()
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("the layout of the monitor cannot be read: %s", error)
        return MonitorLayout()


def write_layout(workspace: Workspace, layout: MonitorLayout) -> None:
    """Remember how this person's monitor looks; of two that write at once the later wins whole.

    A layout is no loss: where it cannot be written (a full disk), that is logged and no more.
    """
    path = _find_path(workspace)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(layout)))
        scratch.replace(path)
    except OSError as error:
        logger.warning("the layout of the monitor cannot be kept: %s", error)


def find_own_folder(workspace: Workspace) -> Path:
    """Return the folder of the home for what is this person's own; it may not be there yet."""
    name = quote(workspace.settings.author, safe=" @") or "unknown"  # no slash, no way out of the folder
    return workspace.home / "users" / name.replace(".", "%2E")[:200]


def _find_path(workspace: Workspace) -> Path:
    return find_own_folder(workspace) / "monitor.json"
