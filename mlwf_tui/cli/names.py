"""Commands on names and sight: history, describe, rename, delete, undelete."""

from __future__ import annotations

import shlex
import sys

import click

from mlwf_tui.cli.face import Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.lines import first_line
from mlwf_tui.errors import InvalidParameter

group = click.Group()


@command(group, "history")
@click.argument("ref")
def history_command(face: Face, ref: str) -> None:
    """List what was ever said and done of a thing: names, descriptions, states, by whom and when.

    REF is a project, version, model, report or run, KIND:ID as on the graph, or the path of a folder or
    file. Nothing of it is ever overwritten.

    \b
    mlwf history cells
    mlwf history cells@2
    """
    from mlwf_tui.workflow.history import list_changes

    with face.open() as workspace:
        changes = list_changes(workspace, ref)
    rows = [
        (format_age(change.at), change.author or "-", change.what, change.text,
         f"(before: {first_line(change.before)})" if change.before else "")
        for change in changes
    ]  # fmt: skip
    document = {"ref": ref, "changes": [to_document(change) for change in changes]}
    header = ("WHEN", "AUTHOR", "WHAT", "", "")
    face.show(document, lambda: format_table(header, rows, empty=f"Nothing was said of {ref}."))


@command(group, "describe")
@click.argument("ref")
@click.argument("text")
def describe_command(face: Face, ref: str, text: str) -> None:
    """Put words to a project, version, model, report, run, folder or file.

    \b
    mlwf describe cells "Blood smears, 640 × 480, three classes"
    """
    from mlwf_tui.workflow.describe import describe

    with face.open() as workspace:
        describe(workspace, ref, text)
    face.show({"ref": ref, "description": text}, f"{ref}: {text}")


@command(group, "rename")
@click.argument("ref")
@click.argument("name")
def rename_command(face: Face, ref: str, name: str) -> None:
    """Give a project, model, report, run, folder or file another name.

    \b
    mlwf rename yolov10n-cells-1 small
    """
    from mlwf_tui.workflow.rename import rename

    with face.open() as workspace:
        rename(workspace, ref, name)
    face.show({"ref": ref, "name": name}, f"{ref} is now {name}")


@command(group, "delete")
@click.argument("ref")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Do not ask, and delete a version that something depends on.")
def delete_command(face: Face, ref: str, yes: bool, force: bool) -> None:
    """Take a project, version, model or report out of sight; lineage keeps its stub.

    A version that the head stands on, that is tagged, or that a run has used is kept unless --force
    is given. Its number is never given again.

    \b
    mlwf delete cells@2 --yes
    """
    from mlwf_tui.workflow.delete import delete

    if not (yes or force):
        if face.is_json or not sys.stdin.isatty():
            raise InvalidParameter("Nobody can be asked here.", hint="Say that you mean it with --yes.")
        click.confirm(f"Delete {ref}?", abort=True)
    with face.open() as workspace:
        kind = delete(workspace, ref, is_forced=force)
    text = f"the {kind} {ref} is deleted; mlwf undelete {shlex.quote(ref)} brings it back"
    face.show({"ref": ref, "kind": kind, "deleted": True}, text)


@command(group, "undelete")
@click.argument("ref", required=False)
@click.option("--name", default="", help="What it is called from now on; else as it was.")
def undelete_command(face: Face, ref: str | None, name: str) -> None:
    """Bring a deleted project, version, model or report back; without REF, list them.

    REF is a name, PROJECT@N or an id; of several of one name it is the one that was deleted last. A week
    after it was deleted, mlwf collect may free what it needs.

    \b
    mlwf undelete
    mlwf undelete cells --name cells-of-march
    """
    from mlwf_tui.workflow.undelete import list_deleted, undelete

    if ref is None:
        if name:
            raise InvalidParameter("--name needs what is to get it.", hint="mlwf undelete REF --name NAME")
        with face.open() as workspace:
            found = list_deleted(workspace)
        document = {"deleted": [to_document(one) for one in found]}
        rows = [(one.kind.value, one.ref, one.id, format_age(one.deleted_at)) for one in found]
        empty = "Nothing that was deleted can be brought back."
        face.show(document, lambda: format_table(("KIND", "REF", "ID", "DELETED"), rows, empty=empty))
        return
    with face.open() as workspace, show_progress("undelete") as observer:
        result = undelete(workspace, ref, name=name, observer=observer)
    lines = [f"the {result.kind} {result.ref} is back"]
    if result.tags:
        lines[0] += f", tagged {', '.join(result.tags)}"
    if result.tags_taken:
        lines.append(f"  another version has been tagged {', '.join(result.tags_taken)} since")
    face.show(to_document(result), "\n".join(lines))
