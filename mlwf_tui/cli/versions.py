"""Commands on the history of projects: commit, versions, restore, undo, copy, merge and tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from mlwf_tui.cli.choosing import choose_option, format_conflicts, read_choices
from mlwf_tui.cli.face import CONFLICT, DONE, Face, command, to_document
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from mlwf_tui.entities.project import ProjectState
    from mlwf_tui.workflow.merge import MergePlan, MergeResult
    from mlwf_tui.workflow.versions import HistoryEntry

group = click.Group()
MESSAGE = click.option("-m", "--message", help="What this version is; else what has changed.")


@command(group, "commit")
@click.argument("project")
@MESSAGE
def commit_command(face: Face, project: str, message: str | None) -> None:
    """Give a project's present state a version.

    \b
    mlwf commit cells -m "as received"
    """
    from mlwf_tui.workflow.commit import commit

    with face.open() as workspace:
        result = commit(workspace, project, message=message)
    made = "committed" if result.created else "nothing has changed since"
    face.show(to_document(result), f"{made} {result.project}@{result.version}")


@command(group, "versions")
@click.argument("project")
@click.option(
    "--minor", "is_minor", is_flag=True, help="List the edits between versions instead: @2.1, @2.2."
)
def versions_command(face: Face, project: str, is_minor: bool) -> None:
    """List the versions of a project, newest first.

    What no commit has named is a minor version: PROJECT@2.1 is what the first edit after version 2 made.
    It can be looked at, compared and restored like a version.

    \b
    mlwf versions cells --minor
    mlwf diff cells@2 cells@2.1
    mlwf restore cells@2.1
    """
    from mlwf_tui.workflow.history import list_minor_versions
    from mlwf_tui.workflow.versions import read_history

    with face.open() as workspace:
        minor = list_minor_versions(workspace, project)[::-1]
        history = () if is_minor else read_history(workspace, project)
    sizes = [{"object_count": entry.object_count, "size_bytes": entry.size_bytes} for entry in history]
    versions = [to_document(entry.version) | size for entry, size in zip(history, sizes, strict=True)]
    minors = [to_document(state) | {"number": f"{state.base}.{state.minor}"} for state in minor]
    if is_minor:
        face.show({"project": project, "minor_versions": minors}, lambda: _format_minor(project, minor))
    else:
        face.show({"project": project, "versions": versions}, lambda: _format_history(project, history))


@command(group, "restore")
@click.argument("ref")
def restore_command(face: Face, ref: str) -> None:
    """Bring PROJECT@N, or PROJECT@N.M, back as a new version; nothing is overwritten.

    \b
    mlwf restore cells@1
    mlwf restore cells@2.1
    """
    from mlwf_tui.workflow.restore import restore

    with face.open() as workspace:
        result = restore(workspace, ref)
    saved = f" (what was not committed is kept as @{result.saved_version})" if result.saved_version else ""
    text = f"{result.project}@{result.version} now holds {ref}{saved}"
    face.show(to_document(result), text if result.created else f"{result.project} already stands on {ref}")


@command(group, "undo")
@click.argument("project", required=False)
def undo_command(face: Face, project: str | None) -> None:
    """Take back the newest change of a project, or of any.

    \b
    mlwf undo cells
    """
    from mlwf_tui.workflow.undo import undo

    with face.open() as workspace:
        result = undo(workspace, project)
    face.show(
        to_document(result),
        f"{result.project}: {result.verb} undone, {format_count(result.item_count, 'item')} now",
    )


@command(group, "redo")
@click.argument("project", required=False)
def redo_command(face: Face, project: str | None) -> None:
    """Do again what was undone last.

    \b
    mlwf redo cells
    """
    from mlwf_tui.workflow.undo import redo

    with face.open() as workspace:
        result = redo(workspace, project)
    face.show(
        to_document(result),
        f"{result.project}: {result.verb} done again, {format_count(result.item_count, 'item')} now",
    )


@command(group, "copy")
@click.argument("ref")
@click.argument("name")
def copy_command(face: Face, ref: str, name: str) -> None:
    """Make a project that goes on from a version or head of another; `branch` is the same.

    Nothing is copied but the name of the state, so it takes no time and no room. What is done in
    the copy can be merged back.

    \b
    mlwf copy cells@3 cells-relabelled
    mlwf branch cells@3 cells-relabelled
    mlwf merge cells cells-relabelled
    """
    from mlwf_tui.workflow.copy import copy

    with face.open() as workspace:
        result = copy(workspace, ref, name)
    items = format_count(result.item_count, "item")
    text = f"{result.project}@{result.version} goes on from {result.source}: {items}"
    face.show(to_document(result), text)


group.add_command(copy_command, "branch")


@command(group, "merge")
@click.argument("project")
@click.argument("ref")
@choose_option
@click.option(
    "--policy", type=click.Choice(["fail", "ours", "theirs"]), default="fail", show_default=True,
    help="Settle what nobody chose for.",
)  # fmt: skip
@click.option("--unrelated", is_flag=True, help="Merge also what comes from no common version.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("-m", "--message", help="What the merged version is.")
def merge_command(
    face: Face,
    project: str,
    ref: str,
    choices: Sequence[str],
    policy: Literal["fail", "ours", "theirs"],
    unrelated: bool,
    dry_run: bool,
    message: str | None,
) -> int:
    """Bring what was done in REF into PROJECT, as a new version with both as parents.

    Items are merged one by one, their pixels, split, tags and objects each on its own. What both
    sides changed differently is a conflict: all are listed, and nothing is changed until each has
    been settled. Objects stay on the pixels that they were drawn on: two images that came under one
    name are one conflict.

    \b
    mlwf merge cells cells-relabelled
    mlwf merge cells cells-relabelled --choose main/a.jpg=theirs --policy ours
    """
    from mlwf_tui.workflow.merge import merge, plan_merge

    chosen = read_choices(choices)
    with face.open() as workspace:
        if dry_run:
            plan = plan_merge(
                workspace, project, ref, choices=chosen, policy=policy, is_unrelated=unrelated
            )  # fmt: skip
            face.show(_describe_plan(plan), lambda: _format_plan(plan))
            return CONFLICT if plan.conflicts else DONE
        result = merge(
            workspace, project, ref,
            choices=chosen, policy=policy, message=message, is_unrelated=unrelated,
        )  # fmt: skip
    face.show(to_document(result), lambda: _format_merge(result, ref))
    return CONFLICT if result.conflicts else DONE


@command(group, "tag")
@click.argument("ref")
@click.argument("name")
@click.option("--force", is_flag=True, help="Move the tag where it names another version now.")
def tag_command(face: Face, ref: str, name: str, force: bool) -> None:
    """Give PROJECT@N a name: PROJECT@NAME then means it everywhere.

    A tag of a model, report, run, folder or file is a word to find it by, which others may have too.

    \b
    mlwf tag cells@3 golden
    mlwf train cells@golden
    """
    from mlwf_tui.workflow.tag import tag

    with face.open() as workspace:
        result = tag(workspace, ref, name, is_forced=force)
    version = f"{result.project}@{result.tag} is {result.project}@{result.version}"
    tags = f"{ref} is tagged {', '.join(result.tags)}"
    face.show(to_document(result), tags if result.project is None else version)


@command(group, "untag")
@click.argument("ref")
@click.argument("name", required=False)
def untag_command(face: Face, ref: str, name: str | None) -> None:
    """Take a tag away: that of PROJECT@NAME, or NAME of anything else; what had it stays.

    \b
    mlwf untag cells@golden
    mlwf untag small candidate
    """
    from mlwf_tui.workflow.tag import untag

    if name is None:
        ref, at, name = ref.rpartition("@")
        if not at:
            raise InvalidParameter(f"{name!r} names no tag.", hint="Write PROJECT@NAME, or REF NAME.")
    with face.open() as workspace:
        result = untag(workspace, ref, name)
    what = ref if result.project is None else f"{result.project}@{result.version}"
    face.show(to_document(result), f"{what} is no longer tagged {result.tag}")


def _format_minor(project: str, states: Sequence[ProjectState]) -> str:
    rows = [
        (
            f"@{state.base}.{state.minor}",
            str(state.item_count),
            format_age(state.created_at),
            state.run_id or "-",
        )
        for state in states
    ]
    header = ("STATE", "ITEMS", "MADE", "BY RUN")
    return format_table(header, rows, empty=f"Every state of {project} has a version.")


def _format_history(project: str, history: Sequence[HistoryEntry]) -> str:
    rows = [
        (
            f"@{entry.version.number}",
            " ".join(entry.version.tags),
            entry.version.kind.value,
            str(entry.version.item_count),
            "-" if entry.object_count is None else str(entry.object_count),
            "-" if entry.size_bytes is None else format_size(entry.size_bytes),
            format_age(entry.version.created_at),
            entry.version.author,
            entry.version.message,
        )
        for entry in history
    ]
    header = ("VERSION", "TAGS", "KIND", "ITEMS", "OBJECTS", "SIZE", "CREATED", "AUTHOR", "MESSAGE")
    empty = f"{project} has no versions yet. Make one: mlwf commit {project} -m MESSAGE"
    return format_table(header, rows, empty=empty)


def _describe_plan(plan: MergePlan) -> dict[str, object]:
    items = [{"path": c.key, "change": c.kind.value, "detail": c.detail} for c in plan.changes]
    return {
        "base": plan.base,
        "ours": plan.ours,
        "theirs": plan.theirs,
        "is_fast_forward": plan.is_fast_forward,
        "is_merged_already": plan.is_merged_already,
        "taken_back": None if plan.taken_back is None else to_document(plan.taken_back),
        "items": items,
        "conflicts": [to_document(conflict) for conflict in plan.conflicts],
    }


def _format_plan(plan: MergePlan) -> str:
    if plan.is_merged_already:
        return plan.held
    base = f" (both come from {plan.base})" if plan.base else ""
    counts = _format_counts([change.kind for change in plan.changes])
    lines = [f"{plan.theirs} into {plan.ours}{base}: {counts}"]
    return "\n".join(lines + (format_conflicts(plan.conflicts) if plan.conflicts else []))


def _format_merge(result: MergeResult, ref: str) -> str:
    if result.conflicts:
        return "\n".join([f"{ref} was not merged: nothing is changed", *format_conflicts(result.conflicts)])
    if not result.created:
        return result.tell_held(ref)
    counts = f"{result.items_added} added, {result.items_removed} removed, {result.items_changed} changed"
    return f"{result.project}@{result.version} holds {ref} as well: {counts}"


def _format_counts(kinds: Sequence[ChangeKind]) -> str:
    counts = {kind: kinds.count(kind) for kind in ChangeKind}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "no item changes"
