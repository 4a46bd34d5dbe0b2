"""A folder that is, or will be, a checkout: its lock, its local edits, and bringing it to a manifest."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import Busy, Conflict, InvalidInput, InvalidParameter, StorageFailed
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place
from mlwf_tui.protocols import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.locks import hold_file
from mlwf_tui.store.manifests import find_rows, read_summary
from mlwf_tui.store.rows import decode_item
from mlwf_tui.workflow.reading import MAX_IMAGE_BYTES, read_stable
from mlwf_tui.workflow.scan import get_times_ns, scan_folder
from mlwf_tui.workflow.tree_edits import TreeEdits, read_edits
from mlwf_tui.workflow.tree_files import TreeFiles, clear_leftovers
from mlwf_tui.workflow.tree_state import FOLDER_NAME, TreeState, find_touched, write_state
from mlwf_tui.workflow.tree_write import plan_change, write_plan
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


def look_for_edits(
    workspace: Workspace, state: TreeState, listing: FolderListing, observer: Observer
) -> TreeEdits:
    """Return the local edits of a checkout; nothing is stored."""
    return read_edits(workspace, state, listing, compute_digest, observer)


def list_touched(state: TreeState, listing: FolderListing) -> dict[str, str]:
    """Return the paths that are not as they were left, with their item's key, "" where they have none."""
    touched: dict[str, str] = {}
    for path in find_touched(state, listing):
        place = find_place(path)
        touched[path] = f"{place.dataset}/{place.name}" if place else ""
    return touched


def finish(workspace: Workspace, folder: Path, state: TreeState, observer: Observer) -> TreeState:
    """End the writing of files that was interrupted, and return the state of the folder after it.

    Files that are as neither manifest has them, and not cut off, were edited since: they stay, and are
    edits of the manifest that the others become.

    Raises:
        StorageFailed, CorruptData: as `write_plan`.
    """
    clear_leftovers(folder)
    listing = scan_folder(folder)
    touched = list_touched(state, listing)
    edited, done = _sort_touched(workspace, state, listing, touched)
    wanted = {path: key for path, key in touched.items() if path not in done and path not in edited}
    plan = plan_change(workspace.store, state.manifest, state.target, wanted).without({*done, *edited})
    written = write_plan(workspace, folder, plan, is_new=False, observer=observer)
    files = {path: sign for path, sign in state.files.items() if path not in plan.removals}
    files |= done | written.files | dict.fromkeys(edited, b"")
    finished = msgspec.structs.replace(state, manifest=state.target, target=Digest(""), files=settle(files))
    write_state(folder, finished)
    return finished


def _sort_touched(
    workspace: Workspace, state: TreeState, listing: FolderListing, touched: Mapping[str, str]
) -> tuple[list[str], dict[str, bytes]]:
    """Return the touched paths that were edited by somebody, and the signatures of those that are done."""
    found = listing.list_signatures()
    before = _read_items(workspace, state.manifest, set(touched.values()))
    after = _read_items(workspace, state.target, set(touched.values()))
    edited: list[str] = []
    done: dict[str, bytes] = {}
    for path, key in touched.items():
        if path not in found or (not key and path != META_NAME):
            continue  # gone, or not yet there, or no file of ours
        try:
            content, signature = read_stable(f"{listing.root}/{path}", found[path], MAX_IMAGE_BYTES)
        except InvalidInput:  # somebody else is at it
            edited.append(path)
            continue
        wanted = _read_wanted(workspace, state.target, path, after.get(key))
        if content == wanted:
            done[path] = signature
        elif wanted is not None and wanted.startswith(content):
            continue  # cut off
        elif content != _read_wanted(workspace, state.manifest, path, before.get(key)):
            edited.append(path)
    return edited, done


def set_aside(folder: Path, paths: Collection[str]) -> str:
    """Move files that somebody edited out of the way, and return where to, relative to the folder."""
    target = f"{FOLDER_NAME}/kept/{time.strftime('%Y%m%d-%H%M%S')}-{new_id()}"
    with TreeFiles(folder) as files:
        for path in paths:
            files.rename(path, f"{target}/{path}")
    return target


def settle(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the signatures to remember: none of a file so young that an edit might not change it."""
    youngest_ns = time.time_ns() - _TICK_NS
    return {
        path: signature if signature and max(get_times_ns(signature)) < youngest_ns else b""
        for path, signature in files.items()
    }


def _read_items(workspace: Workspace, manifest: Digest, keys: set[str]) -> dict[str, Item]:
    rows = find_rows(workspace.store, manifest, keys - {""})
    return {key: decode_item(row) for key, row in rows}


def _read_wanted(workspace: Workspace, manifest: Digest, path: str, item: Item | None) -> bytes | None:
    if path == META_NAME:
        return encode_meta(read_summary(workspace.store, manifest).schema)
    place = find_place(path)
    if item is None or place is None:
        return None
    return workspace.store.read(item.blob) if place.is_image else encode_annotation(item)
