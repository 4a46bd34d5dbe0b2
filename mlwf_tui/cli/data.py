"""Commands on what projects hold: import, export, transform, and looking at things."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import DONE, PARTLY, SEED, Face, command, params_option, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, submit
from mlwf_tui.cli.text import format_age, format_duration, format_problems, format_table
from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import ParamSpec
from mlwf_tui.settings import expand_path

if TYPE_CHECKING:  # for annotations alone; their imports take longer than --help
    from mlwf_tui.entities.project import Project
    from mlwf_tui.workflow.import_ import ImportResult
    from mlwf_tui.workflow.transform import TransformPlan, TransformResult

MAX_DURATION_S = 1e11  # longer ones are none, and no timedelta holds them
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
    from mlwf_tui.workflow.importing.signing_hand import SigningHand

    with SigningHand(expand_path(path), goes_ahead=True) as hand:  # while the rest of the program is loaded
        from mlwf_tui.workflow.import_ import import_folder

        with face.open() as workspace, show_progress("import") as observer:
            result = import_folder(
                workspace, path, project, dataset=dataset, format=format_, message=message, hand=hand,
                observer=observer,
            )  # fmt: skip
    updates = ", ".join(f"{aspect} of {count}" for aspect, count in result.updates.items())
    text = (
        f"{project}: {result.items_added} added, {result.items_updated} updated"
        f"{f' ({updates})' if updates else ''}, {result.items_unchanged} unchanged ({result.format})"
        f"{f'; committed as {project}@{result.version}' if result.version else ''}"
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
    from mlwf_tui.workflow.export import export, find_exporter, plan_export

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
        counts = f"{plan.item_count:,} items with {plan.object_count:,} objects"
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
        result = export(
            workspace, ref, dest, format=format_, selection=selection, is_linked=link, observer=observer
        )
    lines = [f"{result.item_count} items of {result.version_ref} written to {dest} ({result.format})"]
    if link:
        lines.append(_describe_links(result.linked_count, result.item_count))
    lines += [*map(str, result.losses), *format_problems(result.problems)]
    face.show(to_document(result), lambda: "\n".join(lines))
    return PARTLY if result.problems or any(loss.is_whole for loss in result.losses) else DONE


def _describe_links(linked: int, total: int) -> str:
    if linked == total:
        return "The images are hard links to read-only files in the home; copy one before you edit it."
    return f"{total - linked} of {total} images were copied: they could not be linked to the home."


@command(group, "projects")
def projects_command(face: Face) -> None:
    """List all projects.

    \b
    mlwf projects
    mlwf projects --json
    """
    from mlwf_tui.workflow.projects import list_projects

    with face.open() as workspace:
        projects = list_projects(workspace)
    rows = [
        (p.name, str(p.item_count), f"@{p.latest_version}" if p.latest_version else "-",
         _describe_head(p), format_age(p.updated_at), p.description)
        for p in projects
    ]  # fmt: skip
    header = ("NAME", "ITEMS", "VERSION", "HEAD", "UPDATED", "DESCRIPTION")
    empty = f"No projects yet in {face.home}. Import one: mlwf import PATH PROJECT, or see mlwf demo."
    face.show(
        {"projects": [to_document(p) for p in projects]}, lambda: format_table(header, rows, empty=empty)
    )


def _describe_head(project: Project) -> str:
    if not project.is_changed:
        return ""
    return "changed" if project.head_version is None else f"as @{project.head_version}"


@command(group, "show")
@click.argument("ref")
@click.option("--card", type=click.Path(path_type=Path), help="Write a model's card, in Markdown, to a file.")
@click.option(
    "--files", type=click.Path(path_type=Path), help="Write what is kept beside a model to a folder."
)
def show_command(face: Face, ref: str, card: Path | None, files: Path | None) -> None:
    """Show a project, version, model, report or run; of a model its card as well.

    \b
    mlwf show cells@2
    mlwf show small --card small.md
    mlwf show small --files small-files     card, confusion, pictures of predictions beside the truth
    """
    from mlwf_tui.workflow.show import show, write_model_files

    with face.open() as workspace:
        shown = show(workspace, ref)
        written = write_model_files(workspace, shown, card=card, folder=files)
    document = {"kind": shown.kind, **shown.facts}
    if written:
        face.show({**document, "written": written}, lambda: "\n".join(f"wrote {path}" for path in written))
        return
    facts = {name: value for name, value in document.items() if name != "card"}
    text = document.get("card", "")
    face.show(document, lambda: _format_facts(_put_in_words(facts)) + (f"\n\n{text}" if text else ""))


@command(group, "operations")
@click.argument("name", required=False)
def operations_command(face: Face, name: str | None) -> None:
    """List what transform can do, by group; with a NAME, its parameters and what each may be.

    \b
    mlwf operations
    mlwf operations crop
    """
    from mlwf_tui.workflow.operations import get_operation_info, list_operations

    with face.open() as workspace:
        operations = list_operations(workspace) if name is None else (get_operation_info(workspace, name),)
    document = {"operations": [to_document(o) for o in operations]}
    if name is None:
        rows = [(o.group, o.name, o.summary) for o in operations]
        face.show(document, lambda: format_table(("GROUP", "NAME", "WHAT IT DOES"), rows, empty=""))
    else:
        face.show(document, lambda: f"{operations[0].summary}\n\n{_format_params(operations[0].params)}")


@command(group, "transform")
@click.argument("operation")
@click.argument("refs", nargs=-1, required=True)
@click.option("--to", default="", help="The project that gets the result; a new one where it is not given.")
@click.option("--in-place", is_flag=True, help="Into the source itself; its state before stays a version.")
@click.option("--dataset", default="", help="Put the result into this dataset, beside what the project has.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Where the operation draws at random.")
@click.option("--strict", is_flag=True, help="Fail where an image cannot be made, instead of leaving it out.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that make images; else one a core.")
@click.option("--dry-run", is_flag=True, help="Say what would be added, changed and dropped; do nothing.")
@params_option
@detachable
def transform_command(
    face: Face,
    operation: str,
    refs: tuple[str, ...],
    to: str,
    in_place: bool,
    dataset: str,
    seed: int,
    strict: bool,
    workers: int | None,
    dry_run: bool,
    params: Mapping[str, str],
    terms: Terms | None,
) -> int:
    """Make a project from others by an operation.

    The same operation on the same data is not done twice. What was made before a kill or a stop is not
    made again: give the command once more. Images that cannot be made are left out, and listed.

    \b
    mlwf transform split cells --in-place -p train=0.8 -p val=0.2 -p test=0
    mlwf transform augment cells@2 --to cells-augmented -p copies=2 --dry-run
    mlwf transform crop_objects cells --to cells --dataset crops
    """
    from mlwf_tui.workflow.transform import plan_transform, transform

    to = _choose_target(refs, to, is_in_place=in_place)
    if dry_run:
        with face.open() as workspace, show_progress(operation) as observer:
            plan = plan_transform(
                workspace,
                operation,
                refs,
                to=to,
                dataset=dataset,
                params=params,
                seed=seed,
                observer=observer,
            )
        face.show(to_document(plan), lambda: _format_plan(plan))
        return DONE
    if terms is not None:
        call = {
            "operation": operation, "refs": refs, "to": to, "dataset": dataset, "params": dict(params),
            "seed": seed, "workers": workers, "is_strict": strict,
        }  # fmt: skip
        with face.open() as workspace:
            return submit(face, workspace, "transform", call, terms, seed=seed)
    with face.open() as workspace, show_progress(operation) as observer:
        result = transform(
            workspace, operation, refs, to=to, dataset=dataset, params=params, seed=seed, workers=workers,
            is_strict=strict, observer=observer,
        )  # fmt: skip
    face.show(to_document(result), lambda: _format_transformed(result))
    return PARTLY if result.problems else DONE


def _choose_target(refs: Sequence[str], to: str, *, is_in_place: bool) -> str:
    if not is_in_place:
        return to
    if to or len(refs) > 1 or "@" in refs[0]:
        raise InvalidParameter(
            "--in-place is for one project, by its bare name, and without --to.",
            hint="Name the project that gets the result with --to PROJECT instead.",
        )
    return refs[0]


def _format_plan(plan: TransformPlan) -> str:
    beside = f", into its dataset {plan.dataset}" if plan.dataset else ""
    lines = [f"{plan.operation} → {plan.project}{' (new)' if plan.is_new_project else ''}{beside}"]
    lines.append(f"  {_format_counts(plan)}")
    lines += _format_objects(plan)
    if plan.cached:
        lines.append("  the same recipe was followed before: its result would be used")
    elif plan.images:
        resumed = f", {plan.images_resumed} of which are made already" if plan.images_resumed else ""
        lines.append(f"  {plan.images} images to make{resumed}")
    return "\n".join([*lines, "Nothing was done: it was a dry run."])


def _format_transformed(result: TransformResult) -> str:
    cached = " (kept from before: the same recipe had been followed)" if result.cached else ""
    lines = [f"{result.project}@{result.version}: {_format_counts(result)}{cached}"]
    lines += _format_objects(result)
    if result.images_resumed:
        lines.append(f"  {result.images_resumed} images had been made before")
    lines += [f"  {show_path(conflict)}" for conflict in result.conflicts]
    return "\n".join([*lines, *format_problems(result.problems)])


def _format_counts(counts: TransformPlan | TransformResult) -> str:
    return (
        f"{counts.items_in} items in, {counts.items_out} out: {counts.items_added} added,"
        f" {counts.items_changed} changed, {counts.items_unchanged} unchanged, {counts.items_dropped} dropped"
    )


def _format_objects(counts: TransformPlan | TransformResult) -> list[str]:
    """Return a line on objects, none where there are none."""
    if not (counts.objects_in or counts.objects_out):
        return []
    told = "known once the images are made" if counts.objects_out is None else f"{counts.objects_out} out"
    return [f"  {counts.objects_in} objects in, {told}"]


def _format_params(params: Sequence[ParamSpec]) -> str:
    rows = [(p.name, _format_value(p.name, p.default), p.bounds, p.help) for p in params]
    return format_table(("PARAMETER", "DEFAULT", "ALLOWED", "MEANING"), rows, empty="It has no parameters.")


def _format_facts(facts: Mapping[str, Any], indent: str = "") -> str:
    """Return facts as `name  value` lines, nested ones indented."""
    width = max((len(name) for name in facts), default=0)
    lines = []
    for name, value in facts.items():
        plain = name.removesuffix("_s") if _is_duration(name, value) else name
        shown = name if "/" in name else plain.replace("_", " ")  # a metric's key stays as it is
        label = f"{indent}{shown:<{width}}"
        if isinstance(value, Mapping) and value:
            lines += [label.rstrip(), _format_facts(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [label.rstrip(), *(f"{indent}  {_join(entry)}" for entry in value)]
        else:
            lines.append(f"{label}  {_format_value(name, value)}".rstrip())
    return "\n".join(lines)


def _put_in_words(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with what was measured of the machine as a person reads it."""
    if facts.get("machine") is None:
        return {name: value for name, value in facts.items() if name != "machine"}
    import msgspec

    from mlwf_tui.entities.usage import Usage, list_words

    return {**facts, "machine": dict(list_words(msgspec.convert(facts["machine"], Usage)))}


def _join(entry: Mapping[str, Any]) -> str:
    return "  ".join(_format_value(name, value) for name, value in entry.items())


def _format_value(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}, ()):
        return "-"
    if name.endswith("_at"):
        return format_age(value)
    if name.endswith("_bytes"):
        return format_size(value)
    if _is_duration(name, value):
        return format_duration(timedelta(seconds=value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _is_duration(name: str, value: Any) -> bool:
    return name.endswith("_s") and isinstance(value, float) and 0 <= value < MAX_DURATION_S
