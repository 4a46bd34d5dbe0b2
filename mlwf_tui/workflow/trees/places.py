"""Where a checkout remembers what it is; loaded before anything else, and so light."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_NAME = ".mlwf"


def find_state_path(folder: Path) -> Path:
    """Return where the state of a checkout is; there may be none."""
    return folder / FOLDER_NAME / "state"


def looks_like_checkout(folder: Path) -> bool:
    """Say whether a folder has the state of a checkout, which is not read."""
    return os.path.lexists(find_state_path(folder))
