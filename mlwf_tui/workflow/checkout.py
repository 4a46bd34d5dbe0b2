"""checkout: write a version out as a folder of files that can be edited and synced back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Conflict, InvalidInput
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place
from mlwf_tui.processes import read_boot_id
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.projects import write_empty_manifest
from mlwf_tui.workflow.refs import by_name
from mlwf_tui.workflow.running.recorder import Recorder, record
from mlwf_tui.workflow.trees.ahead import NOTHING, Ahead
from mlwf_tui.workflow.trees.places import FOLDER_NAME
from mlwf_tui.workflow.trees.plan import Plan, plan_change, plan_whole
from mlwf_tui.workflow.trees.recovery import Recovered, is_sound, recover
from mlwf_tui.workflow.trees.state import TreeState, find_state, write_state
from mlwf_tui.workflow.trees.tree import (
    find_keys,
    hold_tree,
    look_for_edits,
    note_in_the_way,
    scan_tree,
    set_aside,
    settle,
)
from mlwf_tui.workflow.trees.write import write_plan
from mlwf_tui.workspace import Workspace

_SHOWN = 3


class CheckoutResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to the folder. `kept_in` is where --force moved files that had been edited.

    It has those too that an interrupted checkout or sync moved, which this one went on with.
    """

    project: str
    version: int
    folder: str
    item_count: int
    files_written: int
    files_removed: int
    kept_in: str
    problems: tuple[Problem, ...]
    run: str


def checkout(
    workspace: Workspace,
    ref: str,
    folder: Path,
    *,
    is_forced: bool = False,
    ahead: Ahead = NOTHING,
    observer: Observer,
) -> CheckoutResult:
    """Make `folder` what `ref` holds; of a checkout that is there already only what differs is written.

    A folder with edits that were not synced is left alone, unless `is_forced`: then its edited files
    are moved aside inside of it. Nothing else in the folder is touched. What was started `ahead` helps.

    Raises:
        NotFound: there is no such project or version.
        Conflict: the folder holds something else, or edits.
        Busy: another checkout or sync of the folder is going on.
        StorageFailed: the disk refused; run it again, and it goes on where it was.
    """
    params = {"data": by_name(workspace, ref), "folder": str(folder), "force": is_forced}
    with record(workspace, "checkout", params=params) as run:
        if not is_forced:
            _check_free(expand_path(folder))
        with hold_tree(workspace, folder) as held:
            version = run.read_version(ref)
            result = _Checkout(run, version, held, is_forced, ahead, observer).do()
            run.write_folder(str(held))
            run.result = {**msgspec.to_builtins(result), "summary": f"{version.ref} to {held}"}
    return result


def _check_free(folder: Path) -> None:
    """Raise Conflict for a folder that holds something and is no checkout, before a lock is put there."""
    # Not by Path, which raises where a folder above may not be looked into.
    is_strange = os.path.isdir(folder) and not os.path.lexists(folder / FOLDER_NAME)  # noqa: PTH112
    if is_strange and not scan_folder(folder).is_empty:
        raise _describe_full(folder)


def _describe_full(folder: Path) -> Conflict:
    return Conflict(f"{folder} is not empty.", hint="Choose an empty folder, or use --force.")


@dataclass(slots=True)
class _Checkout:
    run: Recorder
    version: Version
    folder: Path
    is_forced: bool
    ahead: Ahead
    observer: Observer
    known: dict[str, bytes] = field(default_factory=dict)  # files that hold what they held, written anew
    in_the_way: list[str] = field(default_factory=list)
    recovered: Recovered | None = None

    def do(self) -> CheckoutResult:
        self.observer.progress(0, None, "looking through the folder")
        state = self._find_state()
        if state is not None and not is_sound(state):
            self.recovered = recover(self.run.workspace, self.folder, state, self.observer)
            state = self.recovered.state
        listing = scan_tree(self.folder, self.ahead.hand)
        if state is None:
            state, plan, is_new = self._begin(listing)
        else:
            plan, is_new = self._continue(state, listing), False
        project_id, ref, target = self.version.project_id, self.version.ref, self.version.manifest
        boot = read_boot_id()
        begun = msgspec.structs.replace(
            note_in_the_way(self.folder, state, self.in_the_way),
            project_id=project_id,
            ref=ref,
            target=target,
            verb="checkout",
            boot=boot,
        )
        write_state(self.folder, begun)
        set_aside(self.folder, begun)
        workspace = self.run.workspace
        written = write_plan(
            workspace,
            self.folder,
            plan,
            state.files,
            is_new=is_new,
            observer=self.observer,
            processes=self.ahead.processes,
        )
        files = dict(state.files)
        for path in plan.gone:
            files.pop(path, None)
        files |= settle(self.known)
        files |= settle(written.files, written_by_ns=written.by_ns)
        final = TreeState(
            project_id=project_id,
            ref=ref,
            manifest=target,
            files=files,
            boot=boot if written.files else state.boot,
        )
        write_state(self.folder, final)
        before = self.recovered
        return CheckoutResult(
            project=self.version.project_name,
            version=self.version.number,
            folder=str(self.folder),
            item_count=self.version.item_count - len(written.problems),
            files_written=len(written.files) + (before.written_count if before else 0),
            files_removed=written.removed + (before.removed_count if before else 0),
            kept_in=begun.kept_in,
            problems=tuple(written.problems),
            run=self.run.run_id,
        )

    def _find_state(self) -> TreeState | None:
        try:
            state = find_state(self.folder)
        except InvalidInput:
            if not self.is_forced:
                raise
            return None
        if state is not None and state.project_id != self.version.project_id and not self.is_forced:
            raise Conflict(
                f"{self.folder} is a checkout of {state.ref}, another project.",
                hint="Choose another folder, or use --force.",
            )
        return state

    def _begin(self, listing: FolderListing) -> tuple[TreeState, Plan, bool]:
        """Return state and plan for a folder that is no checkout yet, and whether it is empty."""
        if not listing.is_empty and not self.is_forced:
            raise _describe_full(self.folder)
        self.in_the_way = [
            f.relative for f in listing.iter_files() if find_place(f.relative) or f.relative == META_NAME
        ]
        empty = write_empty_manifest(self.run.workspace)
        state = TreeState(project_id=self.version.project_id, ref=self.version.ref, manifest=empty, files={})
        return state, plan_whole(self.run.workspace.store, self.version.manifest), listing.is_empty

    def _continue(self, state: TreeState, listing: FolderListing) -> Plan:
        """Return the plan for a folder that is a checkout already."""
        workspace = self.run.workspace
        edits = look_for_edits(workspace, state, listing, self.observer)
        touched = find_keys(edits.touched)
        keys = {edit.key for edit in edits.edits} | ({""} if edits.is_schema_changed else set())
        keys |= {edit.before.key for edit in edits.edits if edit.before}
        self.known = {path: sign for path, sign in edits.signatures.items() if touched[path] not in keys}
        touched = {path: key for path, key in touched.items() if path not in self.known}
        # What could not be read counts as edited: it is somebody's work that is not in the project.
        edited = [path for path, key in touched.items() if path in edits.found and (key or path == META_NAME)]
        covers = sorted(set(edits.unseen.values()))
        edited = list(dict.fromkeys([*edited, *covers]))
        gone = [f"{edit.key} ({edit.kind})" for edit in edits.edits]
        if (edited or gone) and not self.is_forced:
            can_sync = bool(edits.edits) or edits.is_schema_changed
            raise _describe_edits(self.folder, edited or gone, can_sync=can_sync)
        self.in_the_way = edited
        return plan_change(workspace.store, state.manifest, self.version.manifest, touched)


def _describe_edits(folder: Path, edited: list[str], *, can_sync: bool) -> Conflict:
    shown = ", ".join(edited[:_SHOWN])
    more = f" and {len(edited) - _SHOWN:,} more" if len(edited) > _SHOWN else ""
    if not can_sync:
        return Conflict(
            f"{folder} has files that a sync cannot take in: {shown}{more}.",
            hint=f"mlwf status {folder} says why. Mend or remove them, or put them aside with --force.",
        )
    return Conflict(
        f"{folder} has edits that were not synced: {shown}{more}.",
        hint=f"Take them in with mlwf sync {folder}, or put them aside with --force.",
    )
