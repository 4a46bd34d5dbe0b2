"""Whether a project may become what a model makes of something: nothing else that it holds is replaced."""

from __future__ import annotations

from collections.abc import Iterator

from mlwf_tui.entities.ids import Digest, VersionId
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, RunState
from mlwf_tui.errors import Conflict
from mlwf_tui.workspace import Workspace


def check_target(workspace: Workspace, to: str, data: str, version: Version | None) -> None:
    """Return if the project `to` may become what a model makes of `data`: a version, or what a path holds.

    It is new or empty, or holds what a model has made there of the same; or it is the version's own, and
    holds what the version holds.

    Raises:
        Conflict: it holds something else, or was changed since.
    """
    target = workspace.catalog.projects.find(to, workspace.settings.workspace)
    if target is None or not target.item_count:
        return
    if version is not None and version.project_id == target.id:
        _check_own(target, version)
        return
    made = set(_iter_made(workspace, target, data, version))
    if target.manifest in made:
        return
    if not made:
        raise Conflict(
            f"There is a project {target.name} already, which holds something else.",
            hint="Give another name with --to; --dataset puts it beside what the project has.",
        )
    raise Conflict(
        f"{target.name} was changed since a model was applied to {data}; that would be replaced.",
        hint=f"Give another name with --to; or apply the model to {target.name} itself, with -p policy=keep"
        " or merge.",
    )


def _check_own(target: Project, version: Version) -> None:
    if version.manifest != target.manifest:
        raise Conflict(
            f"{target.name} holds something else than {version.ref}; that would be replaced.",
            hint=f"Apply the model to {target.name}, or give another name with --to.",
        )


def _iter_made(workspace: Workspace, target: Project, data: str, version: Version | None) -> Iterator[Digest]:
    """Yield what models have made of the same in a project, and what those began with that did not end."""
    states = workspace.catalog.projects.list_states(target.id)
    for run in workspace.catalog.runs.list(limit=None):
        if run.verb != "apply" or run.params.get("dataset"):
            continue
        found = [
            workspace.catalog.versions.find_any(VersionId(one.id))
            for one in run.inputs
            if one.kind is ArtifactKind.VERSION
        ]
        read = [one for one in found if one is not None]
        if version is None:
            is_same = run.params.get("data") == data  # a pipeline's step has none
        else:
            is_same = any(one.project_id == version.project_id for one in read)
        if is_same and run.state is RunState.DONE:
            yield from (state.manifest for state in states if state.run_id == run.id)
        elif is_same:  # its folder was imported, and the model not heard to the end
            yield from (one.manifest for one in read if one.project_id == target.id)
