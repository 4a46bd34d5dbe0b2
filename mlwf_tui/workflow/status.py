"""status: what was edited in a checkout since it was written or synced."""

from __future__ import annotations

from pathlib import Path

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.folder import FolderChange, FolderStatus
from mlwf_tui.errors import NotFound
from mlwf_tui.protocols import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.scan import scan_folder
from mlwf_tui.workflow.tree import look_for_edits
from mlwf_tui.workflow.tree_state import get_state
from mlwf_tui.workspace import Workspace


def read_status(workspace: Workspace, folder: Path, *, observer: Observer) -> FolderStatus:
    """Return what was edited in a checkout; only files that were touched are read.

    Raises:
        NotFound: the folder is no checkout, or its project is not in this home.
        InvalidInput: the checkout's own state is damaged.
    """
    folder = expand_path(folder)
    state = get_state(folder)
    try:
        project = workspace.catalog.projects.get_by_id(state.project_id)
    except NotFound as error:
        raise NotFound(
            f"{folder} is a checkout of {state.ref}, which is not in this home.",
            hint="Name its home with --home.",
        ) from error
    listing = scan_folder(folder)
    edits = look_for_edits(workspace, state, listing, observer)
    changes = (
        FolderChange(
            kind=edit.kind,
            key=edit.key,
            renamed_from=edit.before.key if edit.before and edit.kind is ChangeKind.RENAMED else "",
        )
        for edit in edits.edits
    )
    return FolderStatus(
        folder=str(folder),
        project=project.name,
        ref=state.ref,
        changes=tuple(changes),
        is_schema_changed=edits.is_schema_changed,
        is_behind=project.manifest != state.manifest,
        is_interrupted=bool(state.target),
        problems=edits.problems,
    )
