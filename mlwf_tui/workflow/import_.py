"""import: read a folder of images and annotations into a project's head."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.item import Item, check_dataset
from mlwf_tui.entities.project import ManifestSummary, Project
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.protocols import Importer, Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import iter_items, read_summary, update_manifest, write_manifest
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.intake import Intake
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.recorder import Recorder, record
from mlwf_tui.workflow.refs import check_project_name
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import changed, and what it had to leave out; paths are relative to the folder."""

    project: str
    items_added: int
    items_updated: int
    items_unchanged: int
    problems: tuple[Problem, ...]
    run: str
    format: str


def import_folder(
    workspace: Workspace,
    path: Path,
    project_name: str,
    *,
    dataset: str = "",
    format: str = "auto",
    observer: Observer,
) -> ImportResult:
    """Import what `path` holds; items that are there already are updated where they differ.

    Bad files are left out and reported, good ones imported. The folder is only read.

    Raises:
        NotFound: `path` does not exist.
        InvalidInput: no importer fits, or nothing in the folder could be imported.
        InvalidParameter: the project's, dataset's or format's name cannot be used.
        Conflict: somebody else changed the project meanwhile.
    """
    check_project_name(project_name)
    if dataset:
        check_dataset(dataset)
    root = _check_root(path)
    importer = _choose_importer(workspace, root, format)
    params = {"path": str(root), "project": project_name, "dataset": dataset, "format": importer.name}
    with record(workspace, "import", params=params) as run:
        run.read_folder(str(root))
        project = workspace.catalog.projects.find(project_name, workspace.settings.workspace)
        if project is not None and project.item_count:
            run.read_state(project, project.head)
        intake = Intake(root, dataset, _read_known(workspace, project))
        with workspace.store.writer() as writer:
            declared = importer.list_classes(root)
            _take_all(intake, importer, writer, observer)
            manifest = _write_manifest(workspace, writer, project, intake, declared)
        result = _summarise(intake, project_name, run.run_id, importer.name)
        run.result = {**asdict(result), "summary": _describe_counts(result)}
        _finish(run, project, manifest, project_name)
    return result


def list_formats(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the formats that can be imported."""
    return ("auto", *workspace.registry.list_names("importers"))


def _check_root(path: Path) -> Path:
    root = expand_path(path)
    try:
        if not root.exists():
            raise NotFound(f"There is no folder {path}.", hint="Check the path.")
        if not root.is_dir():
            raise InvalidInput(
                f"{path} is a file, not a folder.", hint="Give the folder that holds the images."
            )
        next(root.iterdir(), None)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}.", hint="Check its mode and owner."
        ) from error
    return root


def _choose_importer(workspace: Workspace, root: Path, format: str) -> Importer:
    names = workspace.registry.list_names("importers")
    if format != "auto":
        if format not in names:
            raise InvalidParameter(
                f"There is no format {format!r}.", hint=f"The formats are: auto, {', '.join(names)}."
            )
        return workspace.registry.get_importer(format)
    importers = [workspace.registry.get_importer(name) for name in names]
    found = [(detection, importer) for importer in importers if (detection := importer.detect(root))]
    if not found:
        raise InvalidInput(
            f"No images were found in {root}.",
            hint=f"Give a folder with images, or name its format with --format {'|'.join(names)}.",
        )
    return max(found, key=lambda pair: pair[0].confidence)[1]


def _read_known(workspace: Workspace, project: Project | None) -> dict[str, Item]:
    if project is None:
        return {}
    return {item.key: item for item in iter_items(workspace.store, project.manifest)}


def _take_all(intake: Intake, importer: Importer, writer: StoreWriter, observer: Observer) -> None:
    for imported in importer.iter_items(intake.root, intake.problems.append):
        observer.check_cancelled()
        intake.take(imported, writer)
        observer.progress(len(intake.seen), None, imported.name)
    if not intake.seen:
        raise InvalidInput(_describe_failure(intake), hint="Nothing was imported.")


def _write_manifest(
    workspace: Workspace,
    writer: StoreWriter,
    project: Project | None,
    intake: Intake,
    declared: tuple[str, ...],
) -> ManifestSummary:
    """Write the project's items with what was taken in; classes in the order that the folder declares."""
    names = tuple(dict.fromkeys((*declared, *sorted(intake.class_names))))
    found = LabelSchema(define_classes(names, geometry=None))
    if project is None:
        return write_manifest(writer, found, (item for item in intake.changes.values() if item))
    schema = read_summary(workspace.store, project.manifest).schema.merge(found)
    return update_manifest(workspace.store, writer, project.manifest, schema=schema, changes=intake.changes)


def _finish(run: Recorder, project: Project | None, manifest: ManifestSummary, name: str) -> None:
    """Move the head, of a project that is made now where there was none."""
    if project is None:
        empty = write_empty_manifest(run.workspace)
        with run.finishing():
            run.write_head(create_project(run.workspace, name, empty), manifest)
    elif manifest.digest != project.manifest:
        with run.finishing():
            run.write_head(project, manifest)


def _summarise(intake: Intake, project_name: str, run_id: str, format: str) -> ImportResult:
    updated = sum(key in intake.known for key in intake.changes)
    return ImportResult(
        project=project_name,
        items_added=len(intake.changes) - updated,
        items_updated=updated,
        items_unchanged=intake.unchanged,
        problems=tuple(intake.problems),
        run=run_id,
        format=format,
    )


def _describe_counts(result: ImportResult) -> str:
    counts = {"added": result.items_added, "updated": result.items_updated, "left out": len(result.problems)}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count) or "nothing new"


def _describe_failure(intake: Intake) -> str:
    if not intake.problems:
        return f"No images were found in {intake.root}."
    first = intake.problems[0]
    return f"Nothing in {intake.root} could be imported; the first, {first.path}, {first.reason}."
