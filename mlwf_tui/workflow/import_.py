"""import: read a folder of images and annotations into a project's head."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, LabelSchema, define_classes
from mlwf_tui.entities.item import Item, Split, check_dataset, check_name
from mlwf_tui.entities.project import ManifestSummary, Project
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.media.probe import probe_image
from mlwf_tui.protocols import ImportedItem, Importer, Observer
from mlwf_tui.store.manifests import iter_items, read_summary, update_manifest, write_manifest
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.recorder import record
from mlwf_tui.workflow.refs import check_project_name, with_dataset
from mlwf_tui.workspace import Workspace

DEFAULT_DATASET = "main"
MAX_IMAGE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import changed, and what it had to leave out."""

    project: str
    items_added: int
    items_updated: int
    items_unchanged: int
    problems: tuple[Problem, ...]
    run: str
    format: str


@dataclass(slots=True)
class _Intake:
    """What has been read so far."""

    known: dict[str, Item]
    changes: dict[str, Item | None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    class_names: dict[str, None] = field(default_factory=dict)  # in the order they appear
    problems: list[Problem] = field(default_factory=list)
    unchanged: int = 0


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
        intake = _Intake(_read_known(workspace, project))
        declared = importer.list_classes(root)
        with workspace.store.writer() as writer:
            for imported in importer.iter_items(root, intake.problems.append):
                observer.check_cancelled()
                _take_in(intake, imported, dataset or DEFAULT_DATASET, bool(dataset), writer)
                observer.progress(len(intake.seen), None, imported.name)
            if not intake.seen:
                raise InvalidInput(_describe_failure(root, intake.problems), hint="Nothing was imported.")
            manifest = _write_manifest(workspace, writer, project, intake, declared)
        project = project or find_or_create_project(workspace, project_name)
        if manifest.digest != project.manifest:
            run.write_head(project, manifest)
        result = _summarise(intake, project_name, run.run_id, importer.name)
        run.result = {
            "project": project_name,
            "items_added": result.items_added,
            "items_updated": result.items_updated,
            "items_unchanged": result.items_unchanged,
            "problems": [{"path": problem.path, "reason": problem.reason} for problem in result.problems],
            "summary": _describe_counts(result),
        }
    return result


def _check_root(path: Path) -> Path:
    root = path.expanduser().absolute()
    if not root.exists():
        raise NotFound(f"There is no folder {path}.", hint="Check the path.")
    if not root.is_dir():
        raise InvalidInput(f"{path} is a file, not a folder.", hint="Give the folder that holds the images.")
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


def _take_in(
    intake: _Intake, imported: ImportedItem, prefix: str, is_prefix_given: bool, writer: StoreWriter
) -> None:
    """Store one image and note its item, or the reason why it is left out."""
    path = str(imported.path)
    try:
        dataset = check_dataset(with_dataset(imported.dataset, prefix if is_prefix_given else "") or prefix)
        check_name(imported.name, "file name")
        if imported.path.stat().st_size > MAX_IMAGE_BYTES:
            raise InvalidInput("is larger than 1 GiB")
        data = imported.path.read_bytes()
        facts = probe_image(data)
    except InvalidInput as error:
        intake.problems.append(Problem(path, error.message))
        return
    except OSError as error:
        intake.problems.append(Problem(path, f"cannot be read: {error.strerror}"))
        return
    annotation = _check_annotation(intake, imported, facts.width_px, facts.height_px)
    item = Item(
        dataset=dataset,
        name=imported.name,
        blob=writer.put(data),
        size_bytes=len(data),
        width_px=facts.width_px,
        height_px=facts.height_px,
        split=imported.split,
        annotation=annotation,
    )
    _note_item(intake, item, path)


def _note_item(intake: _Intake, item: Item, path: str) -> None:
    if item.key in intake.seen:
        intake.problems.append(Problem(path, f"is a second item named {item.key}"))
        return
    intake.seen.add(item.key)
    for labelled in item.annotation.objects:
        intake.class_names[labelled.class_name] = None
    before = intake.known.get(item.key)
    if before is not None and item.split is Split.NONE:
        item = replace(item, split=before.split)  # a re-import of bare files keeps the splits made here
    if item == before:
        intake.unchanged += 1
    else:
        intake.changes[item.key] = item


def _check_annotation(intake: _Intake, imported: ImportedItem, width_px: int, height_px: int) -> Annotation:
    """Return the annotation without objects that lie wholly outside of the real image."""

    def is_inside(labelled: AnnotatedObject) -> bool:
        bounds = labelled.geometry.bounds
        is_in = bounds.left < width_px and bounds.top < height_px and bounds.right > 0 and bounds.bottom > 0
        if not is_in:
            reason = f"an object ({labelled.class_name}) lies outside of the {width_px}×{height_px} image"
            intake.problems.append(Problem(str(imported.path), reason))
        return is_in

    annotation = imported.annotation
    return replace(annotation, objects=tuple(filter(is_inside, annotation.objects)))


def _write_manifest(
    workspace: Workspace,
    writer: StoreWriter,
    project: Project | None,
    intake: _Intake,
    declared: tuple[str, ...],
) -> ManifestSummary:
    """Write the project's items with what was taken in; classes in the order that the folder declares."""
    names = tuple(dict.fromkeys((*declared, *sorted(intake.class_names))))
    found = LabelSchema(define_classes(names, geometry=None))
    if project is None:
        return write_manifest(writer, found, (item for item in intake.changes.values() if item))
    schema = read_summary(workspace.store, project.manifest).schema.merge(found)
    return update_manifest(workspace.store, writer, project.manifest, schema=schema, changes=intake.changes)


def _summarise(intake: _Intake, project_name: str, run_id: str, format: str) -> ImportResult:
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


def _describe_failure(root: Path, problems: list[Problem]) -> str:
    if not problems:
        return f"No images were found in {root}."
    first = problems[0]
    return (
        f"None of the files in {root} could be imported; the first, {Path(first.path).name}, {first.reason}."
    )


def list_formats(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the formats that can be imported."""
    return ("auto", *workspace.registry.list_names("importers"))
