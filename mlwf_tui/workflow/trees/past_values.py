"""What each person has entered in the app's forms: a small file in the home, read without trust."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlwf_tui.workflow.trees.layouts import find_own_folder
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
MAX_VALUES = 20  # of a field; the oldest are forgotten
MAX_FIELDS = 500
MAX_LENGTH = 2_000  # characters of a value that is worth remembering
PastValues = Mapping[str, tuple[str, ...]]
"""By the name of a field, the newest first."""


def read_past_values(workspace: Workspace) -> PastValues:
    """Return what this person has entered before; nothing where nothing usable is kept."""
    try:
        return msgspec.json.decode(_find_path(workspace).read_bytes(), type=dict[str, tuple[str, ...]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("past values of forms cannot be read: %s", error)
        return {}


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
    path = _find_path(workspace)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(known)))
        scratch.replace(path)
    except OSError as error:
        logger.warning("past values of forms cannot be kept: %s", error)


def _find_path(workspace: Workspace) -> Path:
    return find_own_folder(workspace) / "past-values.json"
