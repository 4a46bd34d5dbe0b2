"""What a run lacks to be done again, in words; nothing is begun to find out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workflow.import_ import list_formats
from mlwf_tui.workflow.importing.source_facts import SourceFact, look_at_source
from mlwf_tui.workflow.pipelines.piping import plan_pipeline
from mlwf_tui.workflow.reproducing.requests import make_request_again
from mlwf_tui.workflow.training.starts import find_changed_file
from mlwf_tui.workspace import Workspace

VERBS = ("import", "transform", "pipeline", "train", "benchmark", "apply")
MANIFEST_KINDS = (ArtifactKind.VERSION, ArtifactKind.PROJECT, ArtifactKind.INTERMEDIATE)


def find_lacks(workspace: Workspace, run: Run, observer: Observer | None = None) -> tuple[str, ...]:
    """Return what a run lacks to be done again, each in words; empty where it lacks nothing.

    Without an observer the data is only asked whether it is named, not whether all of it can be read, and
    no folder is looked through.
    """
    return tuple(_iter_lacks(workspace, run, observer))


def list_inputs(run: Run, *kinds: ArtifactKind) -> list[ArtifactRef]:
    """Return what a run has read of some kinds."""
    return [ref for ref in run.inputs if ref.kind in kinds]


def _iter_lacks(workspace: Workspace, run: Run, observer: Observer | None) -> Iterator[str]:
    if run.state is not RunState.DONE:
        yield f"it is {run.state}, not done"
    if run.verb not in VERBS or run.is_tracked:
        yield from _iter_lacks_of_other(run)
        return
    if run.seed is None and run.verb not in ("import", "pipeline"):
        yield "its seed was not noted"
    if run.verb in ("transform", "train", "benchmark", "apply"):
        yield from _iter_missing(run)
    needed = () if run.verb == "pipeline" else list_inputs(run, *MANIFEST_KINDS)  # its own steps' results
    for data in needed:
        if not _is_readable(workspace, data, observer):
            yield f"the {data.kind} {data.title} was deleted, or its bytes are gone"
    for model in list_inputs(run, ArtifactKind.MODEL):
        if not _has_weights(workspace, model):
            yield f"the model {model.title} was deleted"
    match run.verb:
        case "import":
            yield from _iter_lacks_of_import(workspace, run, observer)
        case "transform":
            yield from _iter_lacks_of_operation(workspace, run)
        case "pipeline":
            yield from _iter_lacks_of_pipeline(workspace, run, observer)
        case "train":
            yield from _iter_lacks_of_training(workspace, run, observer)


def _iter_lacks_of_other(run: Run) -> Iterator[str]:
    if not run.is_tracked:
        more = "; do each of its pipelines again" if run.verb == "sweep" else ""
        yield f"{run.verb} makes nothing that could come out otherwise{more}"
        return
    yield "its program is not mlwf's to start"
    if "commit" not in run.environment:
        yield "the commit of its code was not noted"
    elif run.environment.get("code") != "as committed":
        yield "its code had changed since the commit"
    if run.seed is None:
        yield "its seed was not noted"


def _iter_missing(run: Run) -> Iterator[str]:
    if not list_inputs(run, ArtifactKind.VERSION):
        is_step = bool(list_inputs(run, ArtifactKind.INTERMEDIATE))
        more = f": it is a step; do the pipeline {run.parent} again" if is_step else ""
        yield f"it notes no version that it read{more}"
    if run.verb in ("benchmark", "apply") and not list_inputs(run, ArtifactKind.MODEL):
        yield "it notes no model that it used"


def _iter_lacks_of_training(workspace: Workspace, run: Run, observer: Observer | None) -> Iterator[str]:
    """Yield what has become of the file that it began from."""
    begun = str(run.params.get("model", ""))
    if not begun.startswith("/"):
        return
    if not Path(begun).is_file():
        yield f"the file {begun} that it began from is gone"
    elif observer is not None:
        try:
            changed = find_changed_file(workspace, run)
        except MlwfError as error:
            yield error.message.rstrip(".")
            return
        if changed:
            yield f"the file {changed} holds something else than what it began from"


def _iter_lacks_of_import(workspace: Workspace, run: Run, observer: Observer | None) -> Iterator[str]:
    """Yield what has become of the folder or archive that was read."""
    path = Path(str(run.params["path"]))
    noted = run.result.get("listing")
    if noted is None:
        yield "what its folder held was not noted"
    if run.result.get("format") not in list_formats(workspace):
        yield f"there is no importer for {run.result.get('format')} any more"
    if not path.exists():
        yield f"{path} is gone"
    elif noted is not None and observer is not None:
        try:
            found = look_at_source(path, observer)
        except (MlwfError, OSError) as error:
            yield f"{path} cannot be looked through: {error}"
            return
        if found.digest != noted["digest"]:
            yield f"{path} does not hold the same files any more{_tell_counts(noted, found)}"


def _tell_counts(noted: Mapping[str, object], found: SourceFact) -> str:
    before, now = noted.get("file_count"), found.file_count
    return f": it held {before:,} and holds {now:,}" if isinstance(before, int) and before != now else ""


def _iter_lacks_of_operation(workspace: Workspace, run: Run) -> Iterator[str]:
    try:
        workspace.registry.get_operation(str(run.params.get("operation")))
    except MlwfError as error:
        yield error.message.rstrip(".")


def _iter_lacks_of_pipeline(workspace: Workspace, run: Run, observer: Observer | None) -> Iterator[str]:
    """Yield what speaks against following its recipe on the same versions, as a dry run finds it."""
    try:
        request = make_request_again(workspace, run)
        plan_pipeline(workspace, request.read())
    except MlwfError as error:
        yield error.message.rstrip(".")
        return
    for name, version_id in run.result["sources"].items():
        if not _is_readable(workspace, ArtifactRef(ArtifactKind.VERSION, version_id, name), observer):
            yield f"the bytes of its source {name} are gone"


def _is_readable(workspace: Workspace, data: ArtifactRef, observer: Observer | None) -> bool:
    try:
        if data.kind is ArtifactKind.VERSION:
            workspace.catalog.versions.get_by_id(VersionId(data.id))  # a deleted one has a manifest still
        manifest = workspace.catalog.lineage.get_manifest((data.kind, data.id))
        read_summary(workspace.store, manifest)
    except MlwfError:
        return False
    return observer is None or not find_unreadable(workspace.store, [manifest], observer)


def _has_weights(workspace: Workspace, model: ArtifactRef) -> bool:
    try:
        return bool(workspace.catalog.models.get(model.id).checkpoints)
    except NotFound:
        return False
