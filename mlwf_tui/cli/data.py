"""Commands that bring data in and out: import, export."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.face import DONE, PARTLY, Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, submit
from mlwf_tui.cli.text import format_problems
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.queue import Terms
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.settings import expand_path

if TYPE_CHECKING:  # for annotations alone; their imports take longer than --help
    from mlwf_tui.workflow.export import ExportResult
    from mlwf_tui.workflow.import_ import ImportResult

group = click.Group()


class _FormatOption(click.Option):
    """Tells the formats in its help, which are looked up only then."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from mlwf_tui.registry import Registry
        from mlwf_tui.workflow.importing.detecting import list_format_names

        record = super().get_help_record(ctx)
        return record and (record[0], f"{record[1]} Formats: {', '.join(list_format_names(Registry()))}.")


@command(group, "import")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("project")
@click.option("--dataset", default="", help="Put the items into this dataset of the project.")
@click.option(
    "--format", "format_", default="auto", cls=_FormatOption, help="The format; auto looks at the content."
)
@click.option("-m", "--message", help="Commit what the project then holds.")
@detachable
def import_command(
    face: Face,
    path: Path,
    project: str,
    dataset: str,
    format_: str,
    message: str | None,
    terms: Terms | None,
) -> int:
    """Import a folder or archive of images and annotations into a project.

    An archive (zip, tar, tar.gz, tar.bz2, tar.xz, tar.zst) is unpacked into the home and taken away again.
    Items that are there already are updated where they differ; what cannot be imported is listed.

    \b
    mlwf import ./VOC2007 cells
    mlwf import ./more-images cells --dataset march -m "images of march"
    mlwf import ./export.tar.zst cells
    """
    if terms is not None:
        folder = str(expand_path(path))
        call = {
            "path": folder,
            "project": project,
            "dataset": dataset,
            "format": format_,
            "message": message,
        }
        with face.open() as workspace:
            return submit(face, workspace, "import", call, terms)
    from mlwf_tui.workflow.import_ import import_folder
    from mlwf_tui.workflow.importing.signing_hand import SigningHand

    with (
        SigningHand(expand_path(path), face.ahead) as hand,
        face.open() as workspace,
        show_progress("import") as observer,
    ):
        result = import_folder(
            workspace, path, project, dataset=dataset, format=format_, message=message, hand=hand,
            observer=observer,
        )  # fmt: skip
    updates = ", ".join(f"{aspect} of {count}" for aspect, count in result.updates.items())
    text = (
        f"{project}: {result.items_added} added, {result.items_updated} updated"
        f"{f' ({updates})' if updates else ''}, {result.items_unchanged} unchanged ({result.format})"
        f"{_tell_version(result)}"
    )
    new = [*(f"class {name}" for name in result.new_classes), *(f"tag {name}" for name in result.new_tags)]
    lines = [text, *_format_choice(result)]
    lines += [f"  new: {show_path(', '.join(new))}"] if new else []
    lines += [f"  {show_path(conflict)}" for conflict in result.conflicts]
    if result.edits_replaced:
        lines.append(
            f"  {result.edits_replaced:,} of them had been edited in the project since its last import, and"
            f" are as the folder has them again; the way back: mlwf undo {shlex.quote(project)}"
        )
    lines += format_problems(result.problems)
    face.show(to_document(result), lambda: "\n".join(lines))
    return PARTLY if any(not problem.is_taken for problem in result.problems) else DONE


def _tell_version(result: ImportResult) -> str:
    if result.version is None:
        return ""
    ref = f"{result.project}@{result.version}"
    if result.version_created:
        return f"; committed as {ref}"
    return f"; that is {ref} already, which keeps its message: mlwf describe {shlex.quote(ref)} changes it"


def _format_choice(result: ImportResult) -> list[str]:
    """Say why the format was taken, and which others fit: what only a person can decide."""
    also = [f"Also {fit.format}: {fit.reason}; --format {fit.format} reads it so." for fit in result.also]
    return [f"Read as {result.format}: {result.reason}.", *also] if result.reason else []


@command(group, "export")
@click.argument("ref")
@click.argument("dest", type=click.Path(path_type=Path), required=False)
@click.option("--format", "format_", default="yolo", show_default=True, help="The format to write.")
@click.option("--dataset", "datasets", multiple=True, help="Only items of this dataset and those below it.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice([split.value for split in Split]),
    help="Only items of this split.",
)
@click.option("--class", "classes", multiple=True, help="Only objects of this class; items without one stay.")
@click.option("--tag", "tags", multiple=True, help="Only items that have this tag, or an object with it.")
@click.option("--item", "items", multiple=True, metavar="KEY", help="Only this item, as DATASET/NAME.")
@click.option("--only-matching", is_flag=True, help="Leave out the items on which no object is left.")
@click.option("--link", is_flag=True, help="Hard-link images into the home's cache instead of copying them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written, and what the format loses.")
@detachable
def export_command(
    face: Face,
    ref: str,
    dest: Path | None,
    format_: str,
    datasets: tuple[str, ...],
    splits: tuple[str, ...],
    classes: tuple[str, ...],
    tags: tuple[str, ...],
    items: tuple[str, ...],
    only_matching: bool,
    link: bool,
    dry_run: bool,
    terms: Terms | None,
) -> int:
    """Write a version, or a part of it, out as a folder of files.

    Filters may be repeated: an item must fit all that are given, and of each any one. What the format
    cannot hold is counted by --dry-run before it is lost, and told again when it is written.

    \b
    mlwf export cells@2 ./out --format coco --split val
    mlwf export cells --format voc --dry-run
    """
    from mlwf_tui.entities.selection import Selection
    from mlwf_tui.workflow.export import ImagesDamaged, export, find_exporter, plan_export

    selection = Selection(
        datasets=datasets,
        splits=tuple(map(Split, splits)),
        classes=classes,
        tags=tags,
        only_matching=only_matching,
        items=items,
    )
    if dry_run:
        with face.open() as workspace, show_progress("export") as observer:
            plan = plan_export(workspace, ref, format=format_, selection=selection, observer=observer)
        counts = f"{format_count(plan.item_count, 'item')} with {format_count(plan.object_count, 'object')}"
        text = f"{counts} of {plan.ref} would be written ({plan.format})"
        document = {**to_document(plan), "dry_run": True}
        face.show(document, lambda: "\n".join([text, *map(str, plan.losses)]))
        return DONE
    if dest is None:
        raise InvalidParameter("A folder to write to is missing.", hint="mlwf export REF DEST, or --dry-run.")
    if terms is not None:
        call = {"ref": ref, "folder": str(expand_path(dest)), "format": format_, "is_linked": link}
        with face.open() as workspace:
            find_exporter(workspace, format_)  # what cannot be used is told now, not when its turn comes
            return submit(face, workspace, "export", {**call, "selection": to_document(selection)}, terms)
    with face.open() as workspace, show_progress("export") as observer:
        try:
            result = export(
                workspace, ref, dest, format=format_, selection=selection, is_linked=link, observer=observer
            )
        except ImagesDamaged as error:
            if not face.is_json:  # whose document has it all
                face.show({}, _describe_written(error.result, dest, is_linked=link))
            raise
    face.show(to_document(result), lambda: _describe_written(result, dest, is_linked=link))
    is_partly = any(not problem.is_taken for problem in result.problems)
    return PARTLY if is_partly or any(loss.is_whole for loss in result.losses) else DONE


def _describe_written(result: ExportResult, dest: Path, *, is_linked: bool) -> str:
    lines = [
        f"{format_count(result.item_count, 'item')} of {result.version_ref}"
        f" written to {dest} ({result.format})"
    ]
    if is_linked:
        lines.append(_describe_links(result.linked_count, result.item_count))
    return "\n".join([*lines, *map(str, result.losses), *format_problems(result.problems)])


def _describe_links(linked: int, total: int) -> str:
    if linked == total:
        return "The images are hard links to read-only files in the home; copy one before you edit it."
    return f"{total - linked} of {total} images were copied: they could not be linked to the home."
