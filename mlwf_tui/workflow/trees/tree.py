"""A folder that is, or will be, a checkout: its lock and its local edits; not a verb."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.catalog.lookup import hint_undelete
from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import new_id
from mlwf_tui.entities.project import Project
from mlwf_tui.errors import Busy, Conflict, InvalidParameter, NotFound, StorageFailed
from mlwf_tui.formats.supervisely_layout import find_place
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.locks import hold_file
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.importing.signatures import iter_times_ns
from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.trees.edits import TreeEdits, read_edits
from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.places import FOLDER_NAME, find_state_path
from mlwf_tui.workflow.trees.state import TreeState
from mlwf_tui.workspace import Workspace

_LOCK_TIMEOUT_S = 5.0
_TICK_NS = 20_000_000
"""Two changes of a file closer than the kernel's clock tick may leave the same times."""


@contextmanager
def hold_tree(workspace: Workspace, folder: Path) -> Iterator[Path]:
    """Make the folder where it is missing, and be the only one who works on it.

    Raises:
        InvalidParameter: it lies inside of the home.
        Conflict: it is no folder.
        Busy: another checkout or sync of it is going on.
        StorageFailed: it cannot be made.
    """
    folder = expand_path(folder)
    if folder.resolve().is_relative_to(workspace.home.resolve()):
        raise InvalidParameter(f"{folder} is inside of the home.", hint="Choose a folder of your own.")
    own = folder / FOLDER_NAME
    try:
        own.mkdir(parents=True, exist_ok=True)
        if own.is_symlink():
            raise Conflict(f"{own} is a link.", hint="Remove it, or choose another folder.")
    except (FileExistsError, NotADirectoryError) as error:
        raise Conflict(f"{folder} is not a folder.", hint="Choose another.") from error
    except OSError as error:
        raise StorageFailed(
            f"{folder} cannot be made: {error.strerror}.", hint="Choose another folder."
        ) from error
    busy = Busy(f"Another checkout or sync of {folder} is going on.", hint="Wait for it to end.")
    with hold_file(own / "lock", is_shared=False, timeout_s=_LOCK_TIMEOUT_S, busy=busy):
        yield folder


def scan_tree(folder: Path, hand: SigningHand | None) -> FolderListing:
    """Return what is in a checkout, which no other verb writes now.

    A hand that began before the last one had written is not used: it may have signed files as they were.
    """
    if hand is not None:
        try:
            written_ns = find_state_path(folder).stat().st_mtime_ns
        except OSError:  # gone since
            written_ns = hand.begun_at_ns
        if written_ns + _TICK_NS > hand.begun_at_ns:
            hand = None
    return scan_folder(folder, hand)


def find_project(workspace: Workspace, state: TreeState, folder: Path) -> Project:
    """Return the project that a folder is a checkout of.

    Raises:
        NotFound: it was deleted, or is in another home.
    """
    projects = workspace.catalog.projects
    try:
        return projects.get_by_id(state.project_id)
    except NotFound as error:
        name = projects.find_deleted_name(state.project_id)
        if name is not None:
            raise NotFound(
                f"{folder} is a checkout of {name}, and that project was deleted.",
                hint=f"{hint_undelete(state.project_id)}; mlwf import makes another of the folder.",
            ) from error
        raise NotFound(
            f"{folder} is a checkout of {state.ref}, which is not in this home.",
            hint="Name its home with --home.",
        ) from error


def look_for_edits(
    workspace: Workspace, state: TreeState, listing: FolderListing, observer: Observer
) -> TreeEdits:
    """Return the local edits of a checkout; nothing is stored."""
    return read_edits(workspace, state, listing, compute_digest, observer)


def find_keys(paths: Iterable[str]) -> dict[str, str]:
    """Return the keys of the items that files belong to, by path; "" where they are no item's."""
    keys: dict[str, str] = {}
    for path in paths:
        place = find_place(path)
        keys[path] = f"{place.dataset}/{place.name}" if place else ""
    return keys


def note_in_the_way(folder: Path, state: TreeState, paths: Collection[str]) -> TreeState:
    """Return the state that names edited files which have to be moved out of the way, and where to.

    Those of the paths count that are there.

    Raises:
        Conflict: the folder itself is in the way.
    """
    there = [path for path in paths if _has(folder, path)]
    if not there:
        return state
    if "." in there:
        raise Conflict(f"{folder} cannot be listed.", hint="Check its mode, and try again.")
    kept_in = state.kept_in or f"{FOLDER_NAME}/kept/{time.strftime('%Y%m%d-%H%M%S')}-{new_id()}"
    again = f"{kept_in}/{new_id()}"  # for a file of which one was put there that nobody was told of yet
    in_the_way = {path: f"{again if _has(folder, f'{kept_in}/{path}') else kept_in}/{path}" for path in there}
    return msgspec.structs.replace(state, in_the_way=in_the_way, kept_in=kept_in)


def set_aside(folder: Path, state: TreeState) -> None:
    """Move the files that the state names as in the way, and that are there still.

    The state must have been written: after a kill it says which files were edited, and where they are.
    """
    with TreeFiles(folder) as files:
        for path, target in find_in_the_way(folder, state).items():
            files.rename(path, target)
        # Before anything is written in their places: no copy of these files is anywhere else.
        files.make_names_durable({target.rpartition("/")[0] for target in state.in_the_way.values()})


def find_in_the_way(folder: Path, state: TreeState) -> dict[str, str]:
    """Return the files that the state names as in the way and that were not moved yet, with where to."""
    return {
        path: target
        for path, target in state.in_the_way.items()
        if _has(folder, path) and not _has(folder, target)
    }


def forget_in_the_way(folder: Path, state: TreeState) -> TreeState:
    """Return the state without the files that were moved, and where they are if they still are."""
    kept_in = state.kept_in if _has(folder, state.kept_in) else ""
    return msgspec.structs.replace(state, in_the_way={}, kept_in=kept_in)


def _has(folder: Path, path: str) -> bool:
    return os.path.lexists(f"{folder}/{path}")


def settle(files: Mapping[str, bytes], *, written_by_ns: int | None = None) -> dict[str, bytes]:
    """Return the signatures to remember of files that were just written or read.

    None of a file so young that an edit might not change it. Where it is known by when all of them were
    written, they need not be looked at one by one.
    """
    youngest_ns = time.time_ns() - _TICK_NS
    settled = dict(files)
    if written_by_ns is not None and written_by_ns < youngest_ns:
        return settled
    signed = [path for path, signature in files.items() if signature]
    for path, (mtime_ns, ctime_ns) in zip(signed, iter_times_ns(b"".join(files.values())), strict=True):
        if mtime_ns >= youngest_ns or ctime_ns >= youngest_ns:
            settled[path] = b""
    return settled
