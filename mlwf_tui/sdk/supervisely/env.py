"""sly.env: what an app finds of itself in the environment. A home is one team with one workspace."""

from __future__ import annotations

import os

from mlwf_tui.sdk.supervisely.infos import HOME_NUMBER, to_number
from mlwf_tui.sdk.tracking import RUN_VARIABLE


def team_id(raise_not_found: bool = True) -> int:
    """Return the number of the team: the home is the only one."""
    return HOME_NUMBER


def workspace_id(raise_not_found: bool = True) -> int:
    """Return the number of the workspace; a project is found in whichever it is."""
    return HOME_NUMBER


def task_id(raise_not_found: bool = True) -> int | None:
    """Return the number of the run that the program is a part of; see Api.task_id for one of its own.

    Raises:
        KeyError: it is a part of none, where `raise_not_found`.
    """
    run = os.environ.get(RUN_VARIABLE, "")
    return to_number(run) if run else _read("TASK_ID", raise_not_found)


def project_id(raise_not_found: bool = True) -> int | None:
    """Return the number of the project that the program was given in PROJECT_ID. Raises KeyError."""
    return _read("PROJECT_ID", raise_not_found)


def _read(name: str, is_needed: bool) -> int | None:
    text = os.environ.get(name, "")
    if text.isdecimal():
        return int(text)
    if is_needed:
        raise KeyError(f"{name} is not set in the environment.")
    return None
