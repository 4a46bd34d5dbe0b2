"""Keeps what a queued verb reads and writes by ids, from when it is given until its turn has come.

What waits would otherwise find whatever has a name by then, which may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from mlwf_tui.entities.ids import is_id
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.workflow.refs import by_id, by_name, name_project, resolve_project_ref
from mlwf_tui.workflow.running.recorder import pin_version
from mlwf_tui.workspace import Workspace


class Pinned(msgspec.Struct, frozen=True):
    """A call by ids, and the versions that its run has as inputs from the beginning."""

    call: Mapping[str, Any]
    versions: tuple[Version, ...] = ()


def pin_call(workspace: Workspace, verb: str, call: Mapping[str, Any], *, is_behind: bool) -> Pinned:
    """Return a call by ids, as far as what it names is there; of the rest the run says that it is not.

    A version stays the one that was meant, and so does a project's head, which is committed where it has
    changed. It is read when the turn has come only where that is meant: by a run that is to come after
    others (`is_behind`), which may change it, by one that changes the very project, and by a pipeline.
    """
    match verb:
        case "export" | "checkout":
            version = None if is_behind else _pin(workspace, call["ref"], verb)
            ref = version.full_ref if version else _find_id(workspace, call["ref"])
            return Pinned({**call, "ref": ref}, (version,) if version else ())
        case "transform":
            return _pin_transform(workspace, call, is_behind=is_behind)
        case "import":
            return Pinned({**call, "project": _find_project(workspace, call["project"])})
        case "compare":
            models = [_find_measured(workspace, ref) for ref in call["models"]]
            on = _find_id(workspace, call["on"]) if call.get("on") else None
            return Pinned({**call, "models": models, "on": on})
        case "pipeline" | "sweep":
            sources = {name: _find_id(workspace, ref) for name, ref in call["sources"].items()}
            to = {name: _find_project(workspace, project) for name, project in call["to"].items()}
            return Pinned({**call, "sources": sources, "to": to})
        case _:
            return Pinned(call)


def name_call(workspace: Workspace, verb: str, call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a call as a person would give it now, by the present names of what it was pinned to.

    Raises:
        NotFound: a project of it was deleted.
    """
    match verb:
        case "export" | "checkout":
            return {**call, "ref": by_name(workspace, call["ref"])}
        case "transform":
            refs = [by_name(workspace, ref) for ref in call["refs"]]
            return {**call, "refs": refs, "to": name_project(workspace, call["to"])}
        case "import":
            return {**call, "project": name_project(workspace, call["project"])}
        case "compare" if call.get("on"):
            return {**call, "on": by_name(workspace, call["on"])}
        case "pipeline" | "sweep":
            sources = {name: by_name(workspace, ref) for name, ref in call.get("sources", {}).items()}
            to = {name: name_project(workspace, project) for name, project in call.get("to", {}).items()}
            params = {name: _name_model(workspace, name, of) for name, of in call.get("params", {}).items()}
            return {**call, "sources": sources, "to": to, "params": params}
        case _:
            return call


def list_unread(workspace: Workspace, run: Run) -> tuple[str, ...]:
    """Return the data that a waiting run will read as it is then, by the present names."""
    call = run.call or {}
    refs = call.get("refs") or ([call["ref"]] if call.get("ref") else call.get("sources", {}).values())
    return tuple(_iter_named(workspace, (ref for ref in refs if "@" not in ref or not run.inputs)))


def _iter_named(workspace: Workspace, refs: Iterable[str]) -> Iterable[str]:
    for ref in refs:
        try:
            yield by_name(workspace, ref)
        except NotFound:  # it was deleted, which the run will say
            yield ref


def _pin_transform(workspace: Workspace, call: Mapping[str, Any], *, is_behind: bool) -> Pinned:
    target = _find_project(workspace, call["to"])
    refs, versions = list[str](), list[Version]()
    for ref in call["refs"]:
        id = _find_id(workspace, ref)
        version = None if "@" not in id and (is_behind or id == target) else _pin(workspace, id, "transform")
        versions += [version] if version else []
        refs.append(version.full_ref if version else id)
    return Pinned({**call, "refs": refs, "to": target}, tuple(versions))


def _pin(workspace: Workspace, ref: str, verb: str) -> Version | None:
    with suppress(MlwfError):
        return pin_version(workspace, ref, verb=verb)
    return None


def _find_id(workspace: Workspace, ref: str) -> str:
    """Return a ref by its project's id; what is not there as it is written, as far as it is not."""
    with suppress(MlwfError):
        return by_id(workspace, ref)
    name, at, which = ref.partition("@")
    with suppress(MlwfError):  # its version may be made by a run that this one comes after
        return f"{resolve_project_ref(workspace, name)[0].id}{at}{which}"
    return ref


def _find_project(workspace: Workspace, name: str) -> str:
    found = workspace.catalog.projects.find(name, workspace.settings.workspace)
    return name if found is None else found.id


def _name_model(workspace: Workspace, param: str, value: Any) -> Any:
    """Return the value of STEP.PARAMETER, a model's by its present name."""
    is_model = param.endswith(".model") and isinstance(value, str) and is_id(value)
    return workspace.catalog.models.get(value).name if is_model else value


def _find_measured(workspace: Workspace, ref: str) -> str:
    """Return the id of a model, or else of a report, that is to be compared."""
    for get in (workspace.catalog.models.get, workspace.catalog.reports.get):
        with suppress(MlwfError):
            return get(ref).id
    return ref
