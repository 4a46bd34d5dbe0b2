"""A folder that is, or will be, a checkout: its lock and its local edits; not a verb."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


def set_aside(folder: Path, paths: Collection[str]) -> str:
    """Move files that somebody edited out of the way, and return where to, relative to the folder."""
    target = f"{FOLDER_NAME}/kept/{time.strftime('%Y%m%d-%H%M%S')}-{new_id()}"
    with TreeFiles(folder) as files:
        for path in paths:
            files.rename(path, f"{target}/{path}")
        # Before anything is written in their places: no copy of these files is anywhere else.
        files.make_names_durable({f"{target}/{path}".rpartition("/")[0] for path in paths})
    return target


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
