"""What each person has entered in the app's forms: a small file in the home, read without trust."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlwf_tui.workflow.personal.layouts import find_own_folder
from mlwf_tui.workflow.personal.own_files import read_own, write_own
from mlwf_tui.workspace import Workspace

MAX_VALUES = 20  # of a field; the oldest are forgotten
MAX_FIELDS = 500
MAX_LENGTH = 2_000  # characters of a value that is worth remembering
PastValues = Mapping[str, tuple[str, ...]]
"""By the name of a field, the newest first."""


def read_past_values(workspace: Workspace) -> PastValues:
    """Return what this person has entered before; nothing where nothing usable is kept."""
    return read_own(_find_path(workspace), dict[str, tuple[str, ...]])


def keep_past_values(workspace: Workspace, values: Mapping[str, str]) -> None:
    """Remember what was entered, each value once; of two that write at once the later wins whole.

    Where it cannot be written (a full disk), that is logged and no more.
    """
    known = dict(read_past_values(workspace))
    for name, value in values.items():
        if value and len(value) <= MAX_LENGTH:
            others = (one for one in known.pop(name, ()) if one != value)
            known[name] = (value, *others)[:MAX_VALUES]
    for name in list(known)[:-MAX_FIELDS]:  # those not filled in for the longest time come first
        del known[name]
    write_own(_find_path(workspace), known)


def _find_path(workspace: Workspace) -> Path:
    return find_own_folder(workspace) / "past-values.json"
