"""run: put a program that is not a verb on the lineage: what it reads, makes and measures, while it goes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mlwf_tui.entities.card import Card, complete_card, merge_cards, show_safely
from mlwf_tui.entities.ids import Digest, RunId, VersionId
from mlwf_tui.entities.item import check_name
from mlwf_tui.entities.model import Checkpoint, Model
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, ProcessIdentity, Run, RunState
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.running import heartbeat
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.running.surroundings import describe_program
from mlwf_tui.workspace import Workspace

INPUT_KINDS = (
    "project", "version", "dataset", "file", "weights", "folder", "run", "labeling_job", "model", "report",
)  # fmt: skip
OUTPUT_KINDS = ("project", "dataset", "file", "weights", "folder", "run", "labeling_job", "session")
FILE_KINDS = ("file", "weights")
HASHED_UP_TO_BYTES = 64 << 20  # a twentieth of a second; of larger files size and time must do
MAX_VERB = 40


class _File(NamedTuple):
    """A file as it is at one moment."""

    path: str
    signature: str
    digest: Digest | None
    size_bytes: int


def start_run(
    workspace: Workspace,
    verb: str,
    *,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    card: Card | None = None,
    process: ProcessIdentity | None = None,
    patience_s: float = heartbeat.EVERY_S * heartbeat.MISSED,
    arguments: Sequence[str] | None = None,
    within: str = "",
) -> Run:
    """Enter a run that some program does, and return it; `verb` is what the program does, in a word or two.

    It counts as lost when `process` has ended without a word, or, where that cannot be seen, when nothing
    was heard of it for `patience_s` seconds. `within` is the id of a run that it is a part of, where that
    one is of this home and goes on.

    Raises:
        InvalidParameter: the verb is no name.
    """
    check_name(verb, "name of what is done")
    if len(verb) > MAX_VERB:
        raise InvalidParameter(
            f"{verb[:MAX_VERB]}… is too long for what is done.", hint="Use a word or two, and --title."
        )
    environment = describe_program(sys.argv if arguments is None else arguments, Path.cwd())
    with workspace.catalog.transaction():
        run = workspace.catalog.runs.create(
            verb,
            params=_to_plain(params or {}),
            seed=seed,
            author=workspace.settings.author,
            workspace=workspace.settings.workspace,
            environment=environment,
            parent=_find_going(workspace, within),
        )
        if process is not None:
            workspace.catalog.jobs.create(run.id, process)
        heartbeat.begin_heartbeat(workspace.run_folder(run.id), patience_s=patience_s)
        if card is not None:
            put_card(workspace, f"run:{run.id}", card)
    return run


def _find_going(workspace: Workspace, run_id: str) -> RunId | None:
    """Return a run's id if it goes on; what a program was left may be of an old one, or of another home."""
    found = workspace.catalog.runs.list(ids=[run_id]) if run_id else ()
    return found[0].id if found and not found[0].state.is_finished else None


def get_tracked(workspace: Workspace, ref: str) -> Run:
    """Return a run that is going on, and note that it does.

    Raises:
        NotFound: there is no such run.
        Conflict: it is finished.
    """
    run = workspace.catalog.runs.get(ref)
    if run.state.is_finished:
        raise Conflict(
            f"The run {run.id} is finished ({run.state}) and cannot be changed.", hint="Start a new run."
        )
    note_life(workspace, run)
    return run


def note_life(workspace: Workspace, run: Run) -> None:
    """Say that a tracked run goes on."""
    try:
        heartbeat.beat(workspace.run_folder(run.id))
    except FileNotFoundError as error:
        raise InvalidInput(
            f"The {run.verb} {run.id} is done by mlwf itself.", hint="Track a run of your own."
        ) from error


def add_input(
    workspace: Workspace, run: Run, kind: str, ref: str, *, dataset: str = "", card: Card | None = None
) -> ArtifactRef:
    """Say that a run reads something, and return what it is.

    A project whose head has changed is committed first; `project` with N is that version. A dataset is
    an input beside the version that it is of. Saying the same twice changes nothing.

    Raises:
        NotFound: there is no such thing.
        InvalidParameter: there is no such kind of input.
        Conflict: the run is finished, or what is to be read came of this very run.
    """
    recorder = Recorder(workspace, run)
    file = _look_at(ref) if kind in FILE_KINDS else None
    with workspace.catalog.transaction():
        if file is not None:
            artifact = _note_file(workspace, file, is_weights=kind == "weights", is_output=False)
        else:
            artifact = _find_input(workspace, recorder, kind, ref, dataset)
        workspace.catalog.runs.add_input(run.id, artifact)
        _put_on(workspace, artifact, card)
    return artifact


def add_output(
    workspace: Workspace, run: Run, kind: str, ref: str = "", *, dataset: str = "", card: Card | None = None
) -> ArtifactRef:
    """Say that a run has made something, and return it as a new artifact.

    Of a project it is a new version of what the project holds now. A session stands for this run while
    it serves others; a run, for one that this one has started.

    Raises:
        NotFound: there is no such thing.
        InvalidParameter: there is no such kind of output.
        Conflict: the run is finished.
    """
    recorder = Recorder(workspace, run)
    file = _look_at(ref) if kind in FILE_KINDS else None
    with workspace.catalog.transaction():
        if file is not None:
            artifact = _note_file(workspace, file, is_weights=kind == "weights", is_output=True)
        else:
            artifact = _make_output(workspace, recorder, kind, ref, dataset)
        workspace.catalog.runs.add_output(run.id, artifact)
        _put_on(workspace, artifact, card)
    return artifact


def add_model(
    workspace: Workspace,
    run: Run,
    name: str,
    files: Sequence[Path],
    *,
    architecture: str = "",
    task: str = "",
    trainer: str = "",
    class_names: Sequence[str] = (),
    image_size_px: int = 0,
    metrics: Mapping[str, float] | None = None,
    description: str = "",
) -> Model:
    """Keep weights as a model of this home, made by a tracked run; the first file is the one to use.

    Raises:
        NotFound: a file is not there.
        Conflict: the name is taken, or the run is finished.
        InvalidParameter: no file was given, or the name cannot be used.
    """
    if not files:
        raise InvalidParameter("A model without weights is none.", hint="Give at least one file.")
    recorder = Recorder(workspace, run)
    with recorder.holds:
        with recorder.writer() as writer:
            stored = [(path, *writer.put_file(_check_file(path))) for path in files]
        return recorder.write_model(
            name=name,
            description=description,
            architecture=architecture,
            task=task,
            trainer=trainer,
            class_names=tuple(class_names),
            image_size_px=image_size_px,
            checkpoints=tuple(Checkpoint(path.name, digest, size) for path, digest, size in stored),
            metrics=metrics or {},
        )


def log_params(workspace: Workspace, run: Run, params: Mapping[str, Any]) -> None:
    """Add parameters to a run; one that is there already gets the new value. Raises Conflict."""
    with workspace.catalog.transaction():
        known = workspace.catalog.runs.get(run.id).params
        workspace.catalog.runs.set_params(run.id, {**known, **_to_plain(params)})


def open_events(workspace: Workspace, run: Run, *, begins: bool) -> EventWriter:
    """Open what takes the run's metrics and progress; close it before the run is finished."""
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE_NAME).open("ab") as file:
        return EventWriter(file, begins=begins)


def finish_run(
    workspace: Workspace,
    run: Run,
    state: RunState = RunState.DONE,
    *,
    result: Mapping[str, Any] | None = None,
    error: str = "",
) -> Run:
    """Close a tracked run, for good.

    Raises:
        Conflict: it is finished already.
    """
    catalog = workspace.catalog
    with catalog.transaction():
        job = catalog.jobs.latest(run.id)
        finished = catalog.runs.finish(
            run.id, state, result=_to_plain(result or {}), error=show_safely(error, 2_000)
        )
        if job is not None and job.finished_at is None:
            catalog.jobs.finish(job.id, 0 if state is RunState.DONE else 1)
    return finished


def put_card(workspace: Workspace, node_id: str, card: Card) -> tuple[str, ...]:
    """Add to what stands on a node, and return what had to be changed of the card, in words."""
    complete, changes = complete_card(card)
    author = workspace.settings.author
    workspace.catalog.cards.change(node_id, lambda before: merge_cards(before, complete), author=author)
    return changes


def _to_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a program's values as JSON can hold them; what is none, as a path, is its text."""
    plain: dict[str, Any] = msgspec.to_builtins(dict(values), enc_hook=str, str_keys=True)
    return plain


def _put_on(workspace: Workspace, artifact: ArtifactRef, card: Card | None) -> None:
    if card is not None:
        put_card(workspace, f"{artifact.kind}:{artifact.id}", card)


def _find_input(workspace: Workspace, recorder: Recorder, kind: str, ref: str, dataset: str) -> ArtifactRef:
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


def _make_output(workspace: Workspace, recorder: Recorder, kind: str, ref: str, dataset: str) -> ArtifactRef:
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
        try:
            version = recorder.workspace.catalog.versions.get_by_id(VersionId(ref))
        except NotFound:
            raise error from None
        return recorder.read_version(f"{version.project_id}@{version.number}")


def _publish(recorder: Recorder, ref: str) -> Version:
    """Return a version of what a project holds now that this run has made.

    What the head was before is an input: the run published it, whatever verb has put it there.
    """
    workspace = recorder.workspace
    name, _, which = ref.rpartition("@") if "@" in ref else (ref, "", "")
    project: Project = workspace.catalog.projects.get(name)
    latest = workspace.catalog.versions.latest(project.id)
    if which and (latest is None or str(latest.number) != which or project.is_changed):
        raise Conflict(
            f"{ref} is not what {project.name} holds now.", hint="An output is always the newest state."
        )
    if latest is not None and not project.is_changed:
        made = {out.id for out in workspace.catalog.runs.get(recorder.run_id).outputs}
        if latest.id in made:
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


def _look_at(ref: str) -> _File:
    """Read what a file is now; before any transaction, since others would wait for it."""
    path = _check_file(expand_path(Path(ref)))
    stat = path.stat()
    is_small = stat.st_size <= HASHED_UP_TO_BYTES
    return _File(
        path=str(path),
        signature=f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}",
        digest=compute_digest(path.read_bytes()) if is_small else None,
        size_bytes=stat.st_size,
    )


def _note_file(workspace: Workspace, file: _File, *, is_weights: bool, is_output: bool) -> ArtifactRef:
    return workspace.catalog.artifacts.add_file(
        file.path,
        is_weights=is_weights,
        is_output=is_output,
        signature=file.signature,
        digest=file.digest,
        size_bytes=file.size_bytes,
    )


def _check_file(path: Path) -> Path:
    if not path.is_file():
        raise NotFound(
            f"There is no file {str(path)[:200]}.", hint="Files that are not there cannot be noted."
        )
    return path


def _check_folder(ref: str) -> Path:
    path = expand_path(Path(ref))
    if not path.is_dir():
        raise NotFound(f"There is no folder {str(path)[:200]}.", hint="Make it first, or check its name.")
    return path


def _refuse_itself(run: Run, other: Run) -> None:
    if run.id == other.id:
        raise Conflict(f"The run {run.id} cannot be its own input or output.", hint="Name another run.")
