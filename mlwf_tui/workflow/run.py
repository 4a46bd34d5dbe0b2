"""run: put a program that is not a verb on the lineage: what it reads, makes and measures, while it goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.card import Card, complete_card, merge_cards, show_safely
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.item import check_name, check_own_name
from mlwf_tui.entities.model import TASKS, Checkpoint, Model
from mlwf_tui.entities.run import ArtifactRef, ProcessIdentity, Run, RunState
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, suggest
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.workflow.names import find_free, list_model_names
from mlwf_tui.workflow.running import heartbeat
from mlwf_tui.workflow.running.checked_events import CheckedEvents
from mlwf_tui.workflow.running.ends import (
    FILE_KINDS,
    check_file,
    find_input,
    look_at_file,
    make_output,
    note_file,
)
from mlwf_tui.workflow.running.events import FILE_NAME
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.running.surroundings import describe_program
from mlwf_tui.workspace import Workspace

MAX_VERB = 40
MAX_IMAGE_PX = 1 << 20
REPORT_CARD = Card(icon="assignment", icon_color="#ffffff", icon_bg_color="#5b6abf", description="report")


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
        StorageFailed: its folder cannot be written.
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
        with guard_storage(f"write into the folder of the run {run.id}"):
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
    """Say that a tracked run goes on.

    Raises:
        InvalidInput: mlwf itself does it.
        StorageFailed: its folder cannot be written.
    """
    with guard_storage(f"write into the folder of the run {run.id}"):
        try:
            heartbeat.beat(workspace.run_folder(run.id))
        except FileNotFoundError as error:
            raise InvalidInput(
                f"The {run.verb} run {run.id} is done by mlwf itself.", hint="Track a run of your own."
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
    file = look_at_file(ref) if kind in FILE_KINDS else None
    with workspace.catalog.transaction():
        if file is not None:
            artifact = note_file(workspace, file, is_weights=kind == "weights", is_output=False)
        else:
            artifact = find_input(workspace, recorder, kind, ref, dataset)
        workspace.catalog.runs.add_input(run.id, artifact)
        _put_on(workspace, artifact, card)
    return artifact


def add_output(
    workspace: Workspace, run: Run, kind: str, ref: str = "", *, dataset: str = "", card: Card | None = None
) -> ArtifactRef:
    """Say that a run has made something, and return it as a new artifact.

    Of a project it is a new version of what the project holds now. A session stands for this run while
    it serves others; a run, for one that this one has started. A report is a file with a card that says so.

    Raises:
        NotFound: there is no such thing.
        InvalidParameter: there is no such kind of output.
        Conflict: the run is finished.
    """
    recorder = Recorder(workspace, run)
    if kind == "report":
        kind, card = "file", card or REPORT_CARD
    file = look_at_file(ref) if kind in FILE_KINDS else None
    with workspace.catalog.transaction():
        if file is not None:
            artifact = note_file(workspace, file, is_weights=kind == "weights", is_output=True)
        else:
            artifact = make_output(workspace, recorder, kind, ref, dataset)
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
    is_exact: bool = False,
) -> Model:
    """Keep weights as a model of this home, made by a tracked run; the first file is the one to use.

    Where the name is taken the model gets the next free NAME-1, NAME-2, …, unless it `is_exact`.

    Raises:
        NotFound: a file is not there.
        Conflict: the very name is taken, or the run is finished.
        InvalidParameter: no file was given, the name cannot be used, or no model is like that.
    """
    if not files:
        raise InvalidParameter("A model without weights is none.", hint="Give at least one file.")
    check_own_name(name, "model name")
    _check_kind("task", task, TASKS)
    _check_kind("trainer", trainer, workspace.registry.list_names("trainers"))
    if not 0 <= image_size_px <= MAX_IMAGE_PX:
        raise InvalidParameter(
            f"An image of {image_size_px} pixels is none.", hint="Give image_size_px, or leave it out."
        )
    recorder = Recorder(workspace, run)
    with recorder.holds:
        with recorder.writer() as writer:
            stored = [(path, *writer.put_file(check_file(path))) for path in files]
        with workspace.catalog.transaction():
            taken = set() if is_exact else list_model_names(workspace)
            return recorder.write_model(
                name=find_free(name, taken) if name in taken else name,
                description=description,
                architecture=architecture,
                task=task,
                trainer=trainer,
                class_names=tuple(class_names),
                image_size_px=image_size_px,
                checkpoints=tuple(Checkpoint(path.name, digest, size) for path, digest, size in stored),
                metrics={key: float(value) for key, value in (metrics or {}).items()},
            )


def _check_kind(what: str, given: str, known: Sequence[str]) -> None:
    if given and given not in known:
        raise InvalidParameter(
            f"There is no {what} {given!r}.",
            hint=f"{suggest(given, known)}Choose from {', '.join(known)}, or leave it out.",
        )


def log_params(workspace: Workspace, run: Run, params: Mapping[str, Any]) -> None:
    """Add parameters to a run, all or none of them.

    Raises:
        Conflict: the run is finished, or one of them is there already with another value.
    """
    plain = _to_plain(params)
    with workspace.catalog.transaction():
        known = workspace.catalog.runs.get(run.id).params
        other = next((key for key in known.keys() & plain.keys() if _differ(known[key], plain[key])), None)
        if other is not None:
            raise Conflict(
                f"The run {run.id} has the parameter {other} already, as {known[other]!r}.",
                hint="What was told of a run stays: give the new value another name.",
            )
        workspace.catalog.runs.set_params(run.id, {**known, **plain})


def _differ(kept: Any, told: Any) -> bool:
    """Whether a value is another than the kept one: not where both are kept alike, as tuples and NaN."""
    return bool(kept != told) and json.dumps(kept) != json.dumps(told)


def open_events(workspace: Workspace, run: Run, *, begins: bool) -> CheckedEvents:
    """Open what takes the run's metrics and progress; close it before the run is finished.

    Raises:
        StorageFailed: its folder cannot be written.
    """
    folder = workspace.run_folder(run.id)
    with guard_storage(f"write into the folder of the run {run.id}"):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE_NAME).open("ab") as file:
            return CheckedEvents(folder / FILE_NAME, file, begins=begins)


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
        catalog.runs.finish(run.id, state, result=_to_plain(result or {}), error=show_safely(error, 2_000))
        if job is not None and job.finished_at is None:
            catalog.jobs.finish(job.id, 0 if state is RunState.DONE else 1)
        return catalog.runs.get(run.id)


def put_card(workspace: Workspace, node_id: str, card: Card) -> tuple[str, ...]:
    """Add to what stands on a node, and return what had to be changed of the card, in words."""
    complete, changes = complete_card(card)
    author = workspace.settings.author
    workspace.catalog.cards.change(node_id, lambda before: merge_cards(before, complete), author=author)
    return changes


def _to_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a program's values as JSON can hold them; what is none, as a path, is its text."""
    plain: dict[str, Any] = msgspec.to_builtins(dict(values), enc_hook=_find_plain, str_keys=True)
    return plain


def _find_plain(value: Any) -> Any:
    """Return the number that one of NumPy's, or an array or tensor without dimensions, stands for."""
    find_item = getattr(value, "item", None)
    if callable(find_item) and getattr(value, "shape", None) == ():
        number = find_item()
        if isinstance(number, bool | int | float):
            return number
    return str(value)


def _put_on(workspace: Workspace, artifact: ArtifactRef, card: Card | None) -> None:
    if card is not None:
        put_card(workspace, f"{artifact.kind}:{artifact.id}", card)
