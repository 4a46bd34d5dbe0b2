"""Versions as folders of files: checkout, status and sync."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderChange, FolderStatus
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.host import (
    Again,
    Host,
    ask_form,
    find_project,
    finish,
    queue_call,
    show_problems,
)
from mlwf_tui.tui.screens.verbs.terms import list_detach_fields, read_detached_terms
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.diff_summary import SIGNS, STYLES
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.checkout import CheckoutResult, checkout
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import BothChanged, SyncResult, sync

FOLDER_VERBS = ("checkout", "sync")
MAX_CHANGES_SHOWN = 500


class Folders:
    """Asks for and does what goes between a project and a folder that a person edits."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- checkout ------------------------------------------------------------------------------

    def checkout(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            folder, is_forced = Path(values["folder"]), values.get("edited") == "put aside"
            terms = read_detached_terms(values)
            if terms is not None:
                call = {"ref": entry.target, "folder": folder, "force": is_forced}
                queue_call(self._host, "checkout", call, terms, again)
                return
            work = partial(checkout, self._host.workspace, entry.target, folder, is_forced=is_forced)
            title = f"Check out {entry.ref}"
            self._host.do_long(
                title, lambda observer: work(observer=observer), self._say_checked_out, failed=again
            )

        fields = (
            self._make_folder_field(entry, "new, empty, or an earlier checkout of this project"),
            make_field(
                "edited",
                "files there that were edited and not synced: stop, or put them aside in the folder",
                "stop",
                choices=("stop", "put aside"),
            ),
            *list_detach_fields(self._host.snapshot),
        )
        command = partial(command_lines.write_checkout, entry.ref)
        ask_form(self._host, Form(f"Check out {entry.ref}", fields, command=command, verb="write"), begin)

    def _say_checked_out(self, made: CheckoutResult) -> None:
        text = f"{made.project}@{made.version} lies in {made.folder}: {made.files_written:,} files written,"
        text += f" {made.files_removed:,} removed."
        if made.kept_in:
            text += f" What was edited is in {made.kept_in} there."
        finish(self._host, text)
        show_problems(self._host, "What was left out", made.problems)

    # --- status --------------------------------------------------------------------------------

    def status(self, entry: Entry | None) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            folder = Path(values["folder"])
            work = partial(read_status, self._host.workspace, folder)
            self._host.do_long(
                f"Look through {folder.name}",
                lambda observer: work(observer=observer),
                lambda found: self._show_status(entry, found),
                failed=again,
            )

        form = Form(
            "What was edited in a checkout",
            (self._make_folder_field(entry, "folder that a version was checked out to"),),
            command=command_lines.write_status,
            verb="look",
        )
        ask_form(self._host, form, begin)

    def _show_status(self, entry: Entry | None, found: FolderStatus) -> None:
        def answered(_: str) -> None:
            self._ask_sync(entry, found.folder)

        has_news = bool(found.changes) or found.is_schema_changed or found.is_behind
        sheet = Sheet(found.folder, _draw_status(found), yes="sync" if has_news else "")
        self._host.put(sheet, answered)

    # --- sync ----------------------------------------------------------------------------------

    def sync(self, entry: Entry | None) -> None:
        self._ask_sync(entry, "")

    def _ask_sync(self, entry: Entry | None, folder: str) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            folder, message = Path(values["folder"]), values.get("message") or None
            policy = values["policy"] if values.get("policy") in ("ours", "theirs") else None
            terms = read_detached_terms(values)
            if terms is not None:
                call = {"folder": folder, "message": message, "policy": policy}
                queue_call(self._host, "sync", call, terms, again)
                return
            side = Side(policy) if policy else None
            self._sync(partial(sync, self._host.workspace, folder, message=message, policy=side), again)

        fields = (
            self._make_folder_field(entry, "folder that a version was checked out to", folder),
            make_field("message", "names what the project then holds as a version; empty commits nothing"),
            make_field(
                "policy",
                "what both sides changed: stop and ask, the project's (ours), or the folder's (theirs)",
                "stop",
                choices=("stop", "ours", "theirs"),
            ),
            *list_detach_fields(self._host.snapshot),
        )
        form = Form("Sync a checkout with its project", fields, command=command_lines.write_sync, verb="sync")
        ask_form(self._host, form, begin)

    def _sync(self, work: Callable[..., SyncResult], again: Again) -> None:
        """Sync; where both sides changed the same, ask for each, and sync with what was chosen."""

        def failed(error: MlwfError) -> None:
            if not isinstance(error, BothChanged):
                again(error)
                return
            chooser = ConflictChooser(error.project, "the folder", error.conflicts)
            self._host.put(
                chooser, lambda choices: self._sync(partial(work, choices=choices), again),
                closed=lambda: again(error),
            )  # fmt: skip

        self._host.do_long("Sync", lambda observer: work(observer=observer), self._say_synced, failed=failed)

    def _say_synced(self, made: SyncResult) -> None:
        counts = (
            f"{made.items_added:,} added, {made.items_updated:,} changed, {made.items_removed:,} removed,"
            f" {made.items_renamed:,} renamed"
        )
        version = f"@{made.version}" if made.version is not None else ""
        files = format_count(made.files_written, "file")
        written = f"; {files} there written or removed" if made.files_written else ""
        text = f"Synced with {made.project}{version}: {counts}{written}."
        if made.kept_in:
            text += f" What did not come in and was in the way is in {made.kept_in} there."
        finish(self._host, text, has_moved=_has_edits(made))
        show_problems(self._host, "What was left out", made.problems)

    def _make_folder_field(self, entry: Entry | None, help: str, folder: str = "") -> FormField:
        """Ask for a folder; the last one that this project went to is offered."""
        known = folder or self._find_folder(find_project(entry))
        return make_field("folder", help, known, type_name=PATH_TYPE, is_required=True)

    def _find_folder(self, project: str | None) -> str:
        for run in self._host.snapshot.runs:  # newest first
            data = str(run.params.get("project") or run.params.get("data") or "")
            folder = str(run.params.get("folder", ""))
            if folder and run.verb in FOLDER_VERBS and project in (None, data.partition("@")[0]):
                return folder
        return ""


def _has_edits(made: SyncResult) -> bool:
    edited = made.items_added + made.items_updated + made.items_removed + made.items_renamed
    return bool(edited) or made.is_schema_changed


def _draw_status(status: FolderStatus) -> Content:
    counts = [
        Content.styled(f"{SIGNS[kind]}{status.count(kind):,} {kind.value}", STYLES[kind])
        for kind in ChangeKind
        if status.count(kind)
    ]
    lines = [Content.assemble(("checkout of ", "$text-muted"), (status.ref, "bold"))]
    if status.is_interrupted:
        what = status.interrupted_verb or "checkout or sync"
        again = "do it again to finish it" if status.interrupted_verb else "a sync finishes it"
        lines.append(Content.styled(f"A {what} of it was interrupted: {again}.", "$error"))
    if status.is_behind:
        lines.append(Content.styled(f"{status.project} has gone on since; sync merges both.", "$warning"))
    if status.is_schema_changed:
        lines.append(Content.styled("Its classes or tags were changed.", "$warning"))
    lines.append(Content("   ").join(counts) if counts else Content.styled("Nothing was edited.", "$success"))
    lines += [_draw_change(change) for change in status.changes[:MAX_CHANGES_SHOWN]]
    if len(status.changes) > MAX_CHANGES_SHOWN:
        lines.append(Content.styled(f"… and {len(status.changes) - MAX_CHANGES_SHOWN:,} more", "$text-muted"))
    lines += [Content.styled(f"✗ {p.path}: {p.reason}", "$error") for p in status.problems]
    return Content("\n").join(lines)


def _draw_change(change: FolderChange) -> Content:
    before = f"  was {change.renamed_from}" if change.renamed_from else ""
    sign = (f"{SIGNS[change.kind]} ", STYLES[change.kind])
    return Content.assemble(sign, change.key, (before, "$text-muted"))
