"""backup: keep a second home up to date, which opens like the first and restores it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.catalog.copies import copy_catalog, find_own_change, install_catalog, read_origin
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Conflict, CorruptData, InvalidParameter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.backup import copy_packs
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.packs import list_packs, sync_folder
from mlwf_tui.store.references import LiveSet
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.backup_files import copy_files
from mlwf_tui.workflow.live import mark_live
from mlwf_tui.workspace import CATALOG, Workspace

MARKER = "backup.json"


class BackupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup copied; `ok` where the folder holds all that the home holds.

    Packs that were there already are told by name and size, and not read again: a verify of the folder
    as a home does that.
    """

    folder: str
    ok: bool
    packs_copied: int
    packs_kept: int  # that were there already
    packs_removed: int
    copied_bytes: int  # of packs
    files_copied: int  # what runs have left, settings, layouts
    problems: tuple[Problem, ...]


def backup(workspace: Workspace, folder: Path, observer: Observer) -> BackupResult:
    """Bring `folder` to the state of the home: packs first, the catalog last, and then what is over.

    Every pack is checked while it is copied; of a damaged one what is sound comes along. What is there
    from a former backup is neither copied nor read again, as that would take as long as a first backup.
    A kill at any moment leaves the former backup as it was. `folder` is a home: backing it up in turn
    restores.

    Raises:
        InvalidParameter: `folder` lies in the home, or the home in it.
        Conflict: `folder` holds something else, or has changes that this home has not. That something was
            exported or checked out of it is none, and forgotten.
        Busy: a collect, or another backup to the same folder, is at work.
        StorageFailed: a disk refused.
        CorruptData: the catalog is damaged.
    """
    target = _check_target(workspace, folder)
    with workspace.store.hold_shared(), _claim(workspace, target):
        fresh = target / f"{CATALOG}.new"
        # Before the packs: all that this moment's catalog names is in packs that lie here by now.
        copy_catalog(workspace.catalog.path, fresh)
        copied = copy_packs(workspace.store.packs_folder, target / "store" / "packs", observer)
        missing = _find_missing(workspace, observer)
        with guard_storage(f"write to {target}"):
            files = copy_files(workspace.home, target, observer)
            sync_folder(target / "store")
            sync_folder(target)
            install_catalog(fresh, target / CATALOG)
            sync_folder(target)
        problems = (*copied.problems, *missing)
        removed_count = _settle_store(workspace.store, target / "store", is_clearing=not problems)
    return BackupResult(
        folder=str(target),
        ok=not problems,
        packs_copied=copied.packs,
        packs_kept=copied.kept,
        packs_removed=removed_count,
        copied_bytes=copied.size_bytes,
        files_copied=files,
        problems=problems,
    )


def _check_target(workspace: Workspace, folder: Path) -> Path:
    target, home = expand_path(folder).resolve(), workspace.home.resolve()
    if target.is_relative_to(home) or home.is_relative_to(target):
        raise InvalidParameter(
            f"{folder} and the home {workspace.home} lie in each other.", hint="Choose a folder elsewhere."
        )
    if target.exists() and not target.is_dir():
        raise InvalidParameter(f"{folder} is a file.", hint="Choose a folder.")
    return target


@contextmanager
def _claim(workspace: Workspace, target: Path) -> Iterator[None]:
    """Make the folder one for this home's backups, and keep other backups out of it.

    The marker is written first, so that a backup which never came to its catalog can be gone on with.
    """
    origin = read_origin(workspace.catalog.path)
    _check_content(workspace, target, origin)
    with guard_storage(f"write to {target}"):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker = target / f"{MARKER}.new"
        marker.write_text(json.dumps({"home": str(workspace.home), "origin": origin}) + "\n", "utf-8")
        _sync_file(marker)
        marker.replace(target / MARKER)
        sync_folder(target)
    with Store(target / "store") as store, store.hold_care():
        _check_content(workspace, target, origin)  # nobody was faster
        yield


def _check_content(workspace: Workspace, target: Path, origin: int) -> None:
    if not target.exists() or all(path.name == f"{MARKER}.new" for path in target.iterdir()):
        return  # empty, or a first backup was killed at its first step
    catalog, marker = target / CATALOG, target / MARKER
    own_change = ""
    try:
        if catalog.exists():
            is_ours = read_origin(catalog) == origin
            own_change = find_own_change(catalog, workspace.catalog.path) if is_ours else ""
        else:
            is_ours = marker.exists() and json.loads(marker.read_text("utf-8")).get("origin") == origin
    except (CorruptData, ValueError, OverflowError, OSError):
        is_ours = False
    if not is_ours:
        raise Conflict(
            f"{target} is no earlier backup of {workspace.home}: it holds something else.",
            hint="Give a folder that is empty or does not exist.",
        )
    if own_change:
        aside = shlex.quote(f"{target}-worked-in")
        raise Conflict(
            f"{target} is a backup in which was worked: its last change, {own_change}, is not in"
            f" {workspace.home}.",
            hint=f"Put it aside, a home of its own, and back up again: mv {shlex.quote(str(target))} {aside}",
        )


def _find_missing(workspace: Workspace, observer: Observer) -> tuple[Problem, ...]:
    """Return what the home itself lacks of what it names: the backup may hold the last copy."""
    live = LiveSet(workspace.store)
    try:
        mark_live(workspace, live, observer)
    except CorruptData as error:
        return (Problem("store", error.message),)
    missing = len(workspace.store.find_missing(live.digests))
    reason = f"{missing} records that are needed are missing; mlwf verify says what that hits."
    return (Problem("store", reason),) if missing else ()


def _settle_store(source: Store, target: Path, *, is_clearing: bool) -> int:
    """Enter the new packs into the copy's index; return how many went that the source has collected."""
    with Store(target) as copy:
        gone = list_packs(copy.packs_folder) - list_packs(source.packs_folder) if is_clearing else set()
        if gone:
            copy.drop_packs(gone)
        return len(gone)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
