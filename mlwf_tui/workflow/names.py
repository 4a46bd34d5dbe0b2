"""Chooses names for what a run will make, so that two runs at once never want the same one."""

from __future__ import annotations

from collections.abc import Collection

from mlwf_tui.entities.item import MAX_NAME_BYTES, check_name, check_own_name
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workspace import Workspace

UNFINISHED = tuple(state for state in RunState if not state.is_finished)


def choose_model_name(workspace: Workspace, given: str, stem: str) -> str:
    """Return `given`, or the first free STEM-1, STEM-2, …; names that trainings under way hold are taken.

    Call it in the transaction that queues the run.

    Raises:
        Conflict: `given` is taken.
        InvalidParameter: a model cannot be named so.
    """
    taken = list_model_names(workspace)
    if not given:
        return find_free(check_name(stem, "model name"), taken)
    if check_own_name(given, "model name") in taken:
        raise Conflict(f"There is a model named {given!r} already.", hint="Choose another name.")
    return given


def list_model_names(workspace: Workspace) -> set[str]:
    """Return the names of all models, and of those that trainings under way will make."""
    going = workspace.catalog.runs.list(states=UNFINISHED, limit=None)
    coming = {str(run.params["name"]) for run in going if run.verb == "train" and run.is_detached}
    return coming | {model.name for model in workspace.catalog.models.list()}


def find_free(stem: str, taken: Collection[str]) -> str:
    """Return the first of STEM-1, STEM-2, … that is not taken; a stem of several long names is cut to fit."""
    room = MAX_NAME_BYTES - len(f"-{len(taken) + 1}")
    stem = stem.encode()[:room].decode(errors="ignore")
    return next(name for n in range(1, len(taken) + 2) if (name := f"{stem}-{n}") not in taken)
