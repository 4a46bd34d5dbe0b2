"""delete: take a project, version, model or report out of sight; lineage keeps its stub.

The bytes that nothing names any more go with the next `mlwf collect --apply`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run
from mlwf_tui.errors import Busy, Conflict, InvalidInput, InvalidParameter
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workspace import Workspace

MAX_SHOWN_USES = 3


def delete(workspace: Workspace, ref: str, *, is_forced: bool = False) -> str:
    """Delete what `ref` names and return its kind.

    Raises:
        NotFound: nothing is named so.
        InvalidParameter: only the beginning of its id was given.
        InvalidInput: it is a run, which is history.
        Conflict: it is a version that something depends on, and `is_forced` is not set.
        Busy: it is a version that a run is reading now.
    """
    entity = resolve(workspace, ref)
    if ref not in (entity.id, getattr(entity, "name", None)) and not isinstance(entity, Version | Run):
        raise InvalidParameter(
            f"{ref!r} is only the beginning of an id.", hint="Write the whole name to delete it."
        )
    author = workspace.settings.author
    match entity:
        case Project():
            workspace.catalog.projects.delete(entity.id, author=author)
            return "project"
        case Version():
            _delete_version(workspace, entity, is_forced=is_forced)
            return "version"
        case Model():
            workspace.catalog.models.delete(entity.id, author=author)
            return "model"
        case Report():
            workspace.catalog.reports.delete(entity.id, author=author)
            return "report"
        case Run():
            raise InvalidInput(
                f"{ref} is history and stays.", hint="Projects, versions, models and reports can be deleted."
            )


def list_reasons_to_keep(workspace: Workspace, version: Version) -> tuple[str, ...]:
    """Return what speaks against deleting a version, each as a part of a sentence; empty where nothing does.

    That a later version of the same project follows it is no reason.
    """
    readers = _list_readers(workspace, version)
    reasons = [*_iter_reasons(workspace, version), *(_tell_use(run) for run in readers[:MAX_SHOWN_USES])]
    if len(readers) > MAX_SHOWN_USES:
        reasons.append(f"{len(readers) - MAX_SHOWN_USES} more runs read it")
    return tuple(reasons)


def _delete_version(workspace: Workspace, version: Version, *, is_forced: bool) -> None:
    with workspace.catalog.transaction():
        version = workspace.catalog.versions.get_by_id(version.id)
        going = [run for run in _list_readers(workspace, version) if not run.state.is_finished]
        if going:
            raise Busy(
                f"The {going[0].verb} run {going[0].id} is reading {version.ref}.",
                hint=f"Wait for it, or end it: mlwf stop {going[0].id}",
            )
        reasons = list_reasons_to_keep(workspace, version)
        if reasons and not is_forced:
            raise Conflict(
                f"{version.ref} was not deleted: {'; '.join(reasons)}.",
                hint="--force deletes it all the same; lineage keeps its place.",
            )
        workspace.catalog.versions.delete(version.id, author=workspace.settings.author)


def _iter_reasons(workspace: Workspace, version: Version) -> Iterator[str]:
    project = workspace.catalog.projects.get_by_id(version.project_id)
    if project.latest_version == version.number and not project.is_changed:
        yield f"the head of {project.name} stands on it"
    if version.tags:
        yield f"it is tagged {', '.join(version.tags)}"


def _list_readers(workspace: Workspace, version: Version) -> tuple[Run, ...]:
    return workspace.catalog.runs.list_readers(ArtifactRef(ArtifactKind.VERSION, version.id))


def _tell_use(run: Run) -> str:
    made = ", ".join(f"the {artifact.kind} {artifact.title}" for artifact in run.outputs)
    return f"the {run.verb} {run.id} " + (f"made {made} of it" if made else "read it")
