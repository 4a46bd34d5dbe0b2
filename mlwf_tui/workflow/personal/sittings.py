"""Where each person left the app, so that it comes back there; read before the home is opened."""

from __future__ import annotations

from pathlib import Path

from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.workflow.personal.own_files import find_folder, read_own, write_own

FILE = "sitting.json"


def read_sitting(home: Path, author: str) -> Sitting:
    """Return how a person left the app last; as nobody has left it, where nothing usable is kept."""
    return read_own(find_folder(home, author) / FILE, Sitting)


def write_sitting(home: Path, author: str, sitting: Sitting) -> None:
    """Remember how a person leaves the app."""
    write_own(find_folder(home, author) / FILE, sitting)
