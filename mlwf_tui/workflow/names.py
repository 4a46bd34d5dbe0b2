"""Chooses names for what a run will make, so that two runs at once never want the same one."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mlwf_tui.entities.item import MAX_NAME_BYTES, check_name, check_own_name
from mlwf_tui.entities.run import Run, RunState
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
    if not given:
        return find_free(check_name(stem, "model name"), list_model_names(workspace))
    check_own_name(given, "model name")
    if given in _list_made(workspace):
        raise Conflict(f"There is a model named {given!r} already.", hint="Choose another name.")
    holder = _find_coming(workspace).get(given)
    if holder is not None:
        raise Conflict(
            _tell_holder(holder, given), hint=f"Choose another name, or stop that one: mlwf stop {holder.id}"
        )
    return given


def check_promised_name(workspace: Workspace, run: Run) -> None:
    """Refuse to let a run go on whose model's name was given or promised to another meanwhile.

    Call it in the transaction that lets it go on.

    Raises:
        Conflict: it was.
    """
    name = run.output_name
    if name and name in _list_made(workspace):
        raise Conflict(
            f"The run {run.id} would name its model {name!r}, and there is one of that name by now.",
            hint=f"Give that one another name first: mlwf rename {name} NAME",
        )
    others = (going for going in _iter_coming(workspace) if going.id != run.id)
    holder = next((going for going in others if going.output_name == name), None)
    if holder is not None:
        raise Conflict(_tell_holder(holder, name), hint=f"Stop that one first: mlwf stop {holder.id}")


def _tell_holder(holder: Run, name: str) -> str:
    return f"The train run {holder.id}, which is {holder.state}, will name its model {name!r}."


def list_model_names(workspace: Workspace) -> set[str]:
    """Return the names of all models, and of those that trainings under way will make."""
    return {*_find_coming(workspace), *_list_made(workspace)}


def _list_made(workspace: Workspace) -> set[str]:
    return {model.name for model in workspace.catalog.models.list()}


def _find_coming(workspace: Workspace) -> dict[str, Run]:
    """Return the trainings under way by the names of their models."""
    return {run.output_name: run for run in _iter_coming(workspace)}


def _iter_coming(workspace: Workspace) -> Iterator[Run]:
    going = workspace.catalog.runs.list(states=UNFINISHED, limit=None)
    return (run for run in going if run.output_name)


def find_free(stem: str, taken: Collection[str]) -> str:
    """Return the first of STEM-1, STEM-2, … that is not taken; a stem of several long names is cut to fit."""
    room = MAX_NAME_BYTES - len(f"-{len(taken) + 1}")
    stem = stem.encode()[:room].decode(errors="ignore")
    return next(name for n in range(1, len(taken) + 2) if (name := f"{stem}-{n}") not in taken)
