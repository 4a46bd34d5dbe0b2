"""What a tracked program reads and makes, found as artifacts or entered as new ones; no edges, no cards."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mlwf_tui.entities.card import show_safely
from mlwf_tui.entities.ids import Digest, VersionId
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.streams import compute_stream_digest
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

INPUT_KINDS = (
    "project", "version", "dataset", "file", "weights", "folder", "run", "labeling_job", "model", "report",
)  # fmt: skip
OUTPUT_KINDS = ("project", "dataset", "file", "weights", "folder", "run", "labeling_job", "session", "report")
FILE_KINDS = ("file", "weights")
HASHED_UP_TO_BYTES = 64 << 20  # a twentieth of a second; of larger files size and time must do


class NotedFile(NamedTuple):
    """A file as it is at one moment."""

    path: str
    signature: str
    digest: Digest | None
    size_bytes: int


def find_input(workspace: Workspace, recorder: Recorder, kind: str, ref: str, dataset: str) -> ArtifactRef:
    """Return what a run reads, inside a transaction; a version is linked to the run at once.

    Raises:
        NotFound: there is no such thing.
        InvalidParameter: there is no such kind of input.
        Conflict: the run itself is meant.
    """
    catalog = workspace.catalog
    match kind:
        case "project" | "version":
            return _to_ref(_read_version(recorder, ref))
        case "dataset":
            version = _read_version(recorder, ref)
            name = _check_dataset(workspace, version, dataset)
            return catalog.artifacts.add_dataset(version.id, f"{version.ref}/{name}", is_output=False)
        case "folder":
            return catalog.lineage.add_folder(str(_check_folder(ref)))
        case "run":
            other = catalog.runs.get(ref)
            _refuse_itself(recorder.run, other)
            return catalog.artifacts.add_session(other.id, f"session of {other.verb}")
        case "labeling_job":
            return catalog.artifacts.add_labeling_job(show_safely(ref), is_output=False)
        case "model":
            model = catalog.models.get(ref)
            return ArtifactRef(ArtifactKind.MODEL, model.id, model.name)
        case "report":
            report = catalog.reports.get(ref)
            return ArtifactRef(ArtifactKind.REPORT, report.id, report.name)
        case _:
            raise InvalidParameter(
                f"There is no input of the kind {kind!r}.", hint=f"Choose from {', '.join(INPUT_KINDS)}."
            )


def make_output(workspace: Workspace, recorder: Recorder, kind: str, ref: str, dataset: str) -> ArtifactRef:
    """Enter what a run has made as a new artifact, inside a transaction; what it made before stays one.

    Raises:
        NotFound: there is no such thing.
        InvalidParameter: there is no such kind of output.
        Conflict: the run itself is meant, or a version that is not the newest.
    """
    catalog = workspace.catalog
    match kind:
        case "project" | "version":
            return _to_ref(_publish(recorder, ref))
        case "dataset":
            version = _publish(recorder, ref)
            name = f"{version.ref}/{_check_dataset(workspace, version, dataset)}"
            known = [out for out in catalog.runs.get(recorder.run_id).outputs if out.title == name]
            return known[0] if known else catalog.artifacts.add_dataset(version.id, name, is_output=True)
        case "folder":
            return catalog.lineage.add_folder(str(_check_folder(ref)), is_output=True)
        case "session":
            return catalog.artifacts.add_session(recorder.run_id, ref or f"session of {recorder.run.verb}")
        case "run":
            other = catalog.runs.get(ref)
            _refuse_itself(recorder.run, other)
            started = catalog.artifacts.add_session(other.id, f"start of {other.verb}", is_new=True)
            catalog.runs.add_output(recorder.run_id, started)
            catalog.runs.add_input(other.id, started)
            return started
        case "labeling_job":
            return catalog.artifacts.add_labeling_job(show_safely(ref), is_output=True)
        case _:
            raise InvalidParameter(
                f"There is no output of the kind {kind!r}.", hint=f"Choose from {', '.join(OUTPUT_KINDS)}."
            )


def _read_version(recorder: Recorder, ref: str) -> Version:
    """Return the version that a ref means, by its own id too, and link it as an input."""
    try:
        return recorder.read_version(ref)
    except NotFound as error:
        return recorder.read_version(_name_by_number(recorder.workspace, ref, error))


def _name_by_number(workspace: Workspace, version_id: str, error: NotFound) -> str:
    """Return PROJECT@N of a version by its own id. Raises `error` where there is none."""
    try:
        version = workspace.catalog.versions.get_by_id(VersionId(version_id))
    except NotFound:
        raise error from None
    return f"{version.project_id}@{version.number}"


def _publish(recorder: Recorder, ref: str) -> Version:
    """Return a version of what a project holds now that this run has made; `ref` may be a version's id.

    What the head was before is an input: the run published it, whatever verb has put it there. A version
    that is named must be one that this run has made, or hold what the project holds.
    """
    workspace = recorder.workspace
    name, _, which = ref.rpartition("@") if "@" in ref else (ref, "", "")
    try:
        project: Project = workspace.catalog.projects.get(name)
    except NotFound as error:
        if which:
            raise
        return _publish(recorder, _name_by_number(workspace, ref, error))
    made = {out.id for out in workspace.catalog.runs.get(recorder.run_id).outputs}
    versions = workspace.catalog.versions.list(project.id) if which and made else ()
    own = [version for version in versions if str(version.number) == which and version.id in made]
    if own:
        return own[0]
    latest = workspace.catalog.versions.latest(project.id)
    if which and (latest is None or str(latest.number) != which or project.is_changed):
        raise Conflict(
            f"{ref} is not what {project.name} holds now.", hint="An output is always the newest state."
        )
    if latest is not None and not project.is_changed and latest.id in made:
        return latest
    if project.item_count:
        recorder.read_state(project, project.head)
    return recorder.write_version(
        project,
        project.manifest,
        project.item_count,
        message=f"made by {recorder.run.verb}",
    )


def _to_ref(version: Version) -> ArtifactRef:
    return ArtifactRef(ArtifactKind.VERSION, version.id, version.ref)


def _check_dataset(workspace: Workspace, version: Version, dataset: str) -> str:
    """Return the dataset's name if the version has an item in it, or below it."""
    if not dataset:
        raise InvalidParameter("No dataset was named.", hint="Give it with --dataset.")
    if next(iter_items(workspace.store, version.manifest, prefix=f"{dataset}/"), None) is None:
        raise NotFound(f"{version.ref} has no dataset {dataset!r}.", hint=f"mlwf show {version.ref}")
    return dataset


def look_at_file(ref: str, *, is_hashed: bool = False) -> NotedFile:
    """Read what a file is now; before any transaction, since others would wait for it.

    One that is large is hashed only where `is_hashed`.

    Raises:
        NotFound: there is none.
        InvalidInput: it cannot be read.
    """
    path = check_file(_make_plain(ref))
    try:
        stat = path.stat()
        is_wanted = is_hashed or stat.st_size <= HASHED_UP_TO_BYTES
        digest = _compute_file_digest(path) if is_wanted else None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check its mode.") from error
    return NotedFile(
        path=str(path),
        signature=f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}",
        digest=digest,
        size_bytes=stat.st_size,
    )


def _compute_file_digest(path: Path) -> Digest:
    with path.open("rb") as file:
        return compute_stream_digest(file, lambda _: None)


def note_file(workspace: Workspace, file: NotedFile, *, is_weights: bool, is_output: bool) -> ArtifactRef:
    """Return the artifact of a file that was looked at."""
    return workspace.catalog.artifacts.add_file(
        file.path,
        is_weights=is_weights,
        is_output=is_output,
        signature=file.signature,
        digest=file.digest,
        size_bytes=file.size_bytes,
    )


def check_file(path: Path) -> Path:
    """Return the path of a file that is there. Raises NotFound."""
    if not path.is_file():
        raise NotFound(
            f"There is no file {str(path)[:200]}.", hint="Files that are not there cannot be noted."
        )
    return path


def _check_folder(ref: str) -> Path:
    path = _make_plain(ref)
    if not path.is_dir():
        raise NotFound(f"There is no folder {str(path)[:200]}.", hint="Make it first, or check its name.")
    return path


def _make_plain(ref: str) -> Path:
    """Return the path of a folder or file without `..`; links stay where none is climbed out of."""
    path = expand_path(Path(ref))
    return path.resolve() if ".." in path.parts and path.exists() else path


def _refuse_itself(run: Run, other: Run) -> None:
    if run.id == other.id:
        raise Conflict(f"The run {run.id} cannot be its own input or output.", hint="Name another run.")
