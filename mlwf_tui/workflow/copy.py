"""copy: a new project that goes on from a version of another; metadata only, in constant time."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.project import VersionKind
from mlwf_tui.workflow.refs import by_name, check_project_name
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace


class CopyResult(msgspec.Struct, frozen=True, kw_only=True):
    """The new project with its first version, and the version that it goes on from."""

    project: str
    version: int
    source: str
    item_count: int
    run: str


def copy(workspace: Workspace, ref: str, name: str) -> CopyResult:
    """Make a project `name` that stands on `ref`; a head that was changed is committed first.

    The new project's version 1 has the source as its parent, so the two can be compared, and merged.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: a project cannot be named so.
        InvalidInput: the source has never held an item.
        Conflict: there is a project of that name.
    """
    check_project_name(name)
    catalog = workspace.catalog
    with (
        catalog.transaction(),
        record(workspace, "copy", params={"source": by_name(workspace, ref), "to": name}) as run,
        run.finishing(),
    ):
        source = run.read_version(ref)
        project = catalog.projects.create(
            name,
            workspace=workspace.settings.workspace,
            manifest=source.manifest,
            item_count=source.item_count,
            author=run.run.author,
        )
        version = catalog.versions.create(
            project.id,
            manifest=source.manifest,
            item_count=source.item_count,
            message=f"copy of {source.ref}",
            kind=VersionKind.AUTOMATIC,
            author=run.run.author,
            parents=(source.id,),
        )
        run.note_version(version)
        result = CopyResult(
            project=project.name,
            version=version.number,
            source=source.ref,
            item_count=source.item_count,
            run=run.run_id,
        )
        run.result = {**msgspec.structs.asdict(result), "summary": f"{source.ref} to {name}"}
    return result
