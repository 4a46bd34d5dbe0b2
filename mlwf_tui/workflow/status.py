"""status: what was edited in a checkout since it was written or synced."""

from __future__ import annotations

from pathlib import Path

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.folder import FolderChange, FolderStatus
from mlwf_tui.errors import StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.trees.recovery import foresee, recover
from mlwf_tui.workflow.trees.state import TreeState, distrust, get_state, may_have_lost
from mlwf_tui.workflow.trees.tree import find_project, hold_tree, look_for_edits, scan_tree
from mlwf_tui.workspace import Workspace


def read_status(
    workspace: Workspace, folder: Path, *, hand: SigningHand | None = None, observer: Observer
) -> FolderStatus:
    """Return what was edited in a checkout; only files that were touched are read.

    The first look after the machine was started anew reads all files, and writes again what a power cut
    took of them. Of a folder in which a verb was interrupted only what somebody edited is told. A `hand`
    may have gone ahead through the folder.

    Raises:
        NotFound: the folder is no checkout, or its project is deleted or not in this home.
        InvalidInput: the checkout's own state is damaged.
        Busy: a checkout or sync of the folder is going on, and the machine was started anew before it.
        CorruptData: what says which files there should be is damaged in the store.
    """
    folder = expand_path(folder)
    state = get_state(folder)
    project = find_project(workspace, state, folder)
    if _is_due(state):
        state = _recover(workspace, folder, state, observer)
    listing = scan_tree(folder, hand)
    known = foresee(workspace, state, listing, observer) if state.target else state
    edits = look_for_edits(workspace, known, listing, observer)
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
        is_behind=project.manifest != (state.target or state.manifest),
        is_interrupted=bool(state.target),
        interrupted_verb=state.verb,
        problems=edits.problems,
    )


def _is_due(state: TreeState) -> bool:
    """Say whether a power cut may have taken something from a folder that is not in the middle of a verb."""
    return may_have_lost(state) and not state.target


def _recover(workspace: Workspace, folder: Path, state: TreeState, observer: Observer) -> TreeState:
    try:
        with hold_tree(workspace, folder) as held:
            state = get_state(held)  # another one may have been faster
            return recover(workspace, held, state, observer).state if _is_due(state) else state
    except StorageFailed:  # a folder that can only be read: what is torn there counts as edited
        return distrust(state)
