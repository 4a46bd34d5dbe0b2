"""Commands on folders that are checkouts: checkout, status, sync."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.choosing import choose_option, format_conflicts, read_choices
from mlwf_tui.cli.face import DONE, PARTLY, Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, submit
from mlwf_tui.cli.text import format_problems
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FolderStatus
from mlwf_tui.entities.queue import Terms
from mlwf_tui.settings import expand_path

if TYPE_CHECKING:  # for the annotations alone: the verb is loaded when it runs
    from mlwf_tui.workflow.sync import SyncResult

group = click.Group()
MARKS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~", ChangeKind.RENAMED: "R"}


@command(group, "checkout")
@click.argument("ref")
@click.argument("dir", type=click.Path(path_type=Path))
@click.option(
    "--force", is_flag=True, help="Put edited files that are in the way aside, inside of the folder."
)
@detachable
def checkout_command(face: Face, ref: str, dir: Path, force: bool, terms: Terms | None) -> int:
    """Write a version out as a folder that can be edited and synced back.

    Images lie in DATASET/img, annotations as Supervisely JSON in DATASET/ann, classes in meta.json. A
    second checkout into the folder writes only what differs.

    \b
    mlwf checkout cells@2 ./cells
    """
    if terms is not None:
        with face.open() as workspace:
            call = {"ref": ref, "folder": str(expand_path(dir)), "force": force}
            return submit(face, workspace, "checkout", call, terms)
    from mlwf_tui.workflow.trees.ahead import start_ahead

    # What writes or looks gets ready while the rest of the program is loaded.
    with start_ahead(face.home, ref, expand_path(dir)) as ahead:
        from mlwf_tui.workflow.checkout import checkout

        with face.open() as workspace, show_progress("checkout") as observer:
            result = checkout(workspace, ref, dir, is_forced=force, ahead=ahead, observer=observer)
    text = (
        f"{result.project}@{result.version} in {result.folder}: {format_count(result.item_count, 'item')},"
        f" {format_count(result.files_written, 'file')} written, {result.files_removed} removed"
    )
    kept = [f"what was edited is in {result.folder}/{result.kept_in}"] if result.kept_in else []
    face.show(to_document(result), lambda: "\n".join([text, *kept, *format_problems(result.problems)]))
    return PARTLY if result.problems else DONE


@command(group, "status")
@click.argument("dir", type=click.Path(path_type=Path), default=Path())
def status_command(face: Face, dir: Path) -> None:
    """Show what was edited in a checkout since it was written.

    \b
    mlwf status ./cells
    """
    from mlwf_tui.workflow.trees.ahead import go_ahead

    with go_ahead(expand_path(dir)) as hand:
        from mlwf_tui.workflow.status import read_status

        with face.open() as workspace, show_progress("status") as observer:
            status = read_status(workspace, dir, hand=hand, observer=observer)
    document = to_document(status) | {kind.value: status.count(kind) for kind in ChangeKind}
    face.show(document | {"is_clean": status.is_clean}, lambda: _format_status(status))


@command(group, "sync")
@click.argument("dir", type=click.Path(path_type=Path), default=Path())
@click.option("-m", "--message", help="Commit what the project then holds.")
@click.option(
    "--policy",
    type=click.Choice(["ours", "theirs"]),
    help="What becomes of what both changed: the project's, or the folder's.",
)
@choose_option
@detachable
def sync_command(
    face: Face,
    dir: Path,
    message: str | None,
    policy: str | None,
    choices: Sequence[str],
    terms: Terms | None,
) -> int:
    """Take what was edited in a checkout into its project.

    Where the project has changed meanwhile, both are merged, and the folder gets what is new. What
    both changed is a conflict: all are listed, and nothing is changed until each has been settled. Ours
    is the project's, theirs the folder's.

    \b
    mlwf sync ./cells -m "boxes corrected"
    mlwf sync ./cells --choose main/a.jpg=theirs --policy ours
    """
    chosen = read_choices(choices)
    if terms is not None:
        from mlwf_tui.workflow.trees.state import check_checkout

        check_checkout(expand_path(dir))  # it is told now, not when its turn comes
        with face.open() as workspace:
            call = {
                "folder": str(expand_path(dir)),
                "message": message,
                "policy": policy,
                "choices": {key: side.value for key, side in chosen.items()},
            }
            return submit(face, workspace, "sync", call, terms)
    from mlwf_tui.workflow.trees.ahead import go_ahead

    with go_ahead(expand_path(dir)) as hand:
        from mlwf_tui.entities.threeway import Side
        from mlwf_tui.workflow.sync import BothChanged, sync

        side = Side(policy) if policy else None
        with face.open() as workspace, show_progress("sync") as observer:
            try:
                result = sync(
                    workspace, dir, message=message, policy=side, choices=chosen, hand=hand, observer=observer
                )
            except BothChanged as error:
                if not face.is_json:  # whose document has them
                    face.show({}, "\n".join(format_conflicts(error.conflicts)))
                raise
    name = f"{result.project}@{result.version}" if result.version else result.project
    text = (
        f"{name}: {result.items_added} added, {result.items_updated} updated,"
        f" {result.items_removed} removed, {result.items_renamed} renamed"
        f"{', classes and tags changed' if result.is_schema_changed else ''}"
    )
    lines = [text]
    if result.conflicts_settled:
        lines.append(f"  {result.conflicts_settled:,} that both had changed: {_tell_settled(result)}")
    if result.files_written:
        files = f"{result.files_written:,} file{'s' if result.files_written > 1 else ''}"
        lines.append(f"  {files} here written or removed: the project had changed")
    if result.kept_in:
        lines.append(f"  what did not come in and was in the way is in {dir}/{result.kept_in}")
    face.show(to_document(result), lambda: "\n".join([*lines, *format_problems(result.problems)]))
    return PARTLY if result.problems else DONE


def _tell_settled(result: SyncResult) -> str:
    match result.edits_given_up:
        case 0:
            return "the folder's was taken"
        case result.conflicts_settled:
            return "the project's was taken"
        case count:
            return f"of {count:,} the project's was taken, of the others the folder's"


def _tell_interrupted(status: FolderStatus) -> str:
    what, words = status.interrupted_verb or "checkout or sync", "sync"
    if status.interrupted_verb == "checkout":
        number = status.ref.rpartition("@")[2]  # the project may be called otherwise by now
        words = f"checkout {status.project}@{number}"
    return f"a {what} was interrupted; end it with: mlwf {words} {shlex.quote(status.folder)}"


def _format_status(status: FolderStatus) -> str:
    lines = [f"checkout of {status.ref} ({status.project})"]
    if status.is_interrupted:
        lines.append(_tell_interrupted(status))
    if status.is_behind:
        lines.append(f"{status.project} has changed since; mlwf sync brings it here")
    for change in status.changes:
        origin = f"{change.renamed_from} → " if change.renamed_from else ""
        lines.append(f"  {MARKS[change.kind]} {origin}{change.key}")
    if status.is_schema_changed:
        lines.append("  ~ classes and tags")
    if status.is_clean:
        lines.append(
            "nothing was edited" if not status.problems else "nothing was edited that a sync can take in"
        )
    return "\n".join([*lines, *format_problems(status.problems)])
