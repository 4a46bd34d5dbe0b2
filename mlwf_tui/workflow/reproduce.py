"""reproduce: do a run again from what it noted, and say whether the outcome is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import Digest, VersionId
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.errors import InvalidInput, MlwfError, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.store.references import find_unreadable
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.running.surroundings import describe_surroundings, is_tracked
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.train import submit_continued, submit_train
from mlwf_tui.workflow.training.starts import OWN_PARAMS
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace

VERBS = ("transform", "train", "benchmark", "apply")
QUEUED_VERBS = ("train", "benchmark", "apply")
TOLERANCE = 0.01  # of values up to 1, as metrics are; of larger ones, as losses may be, a hundredth of them
CURVES = ("train/", "val/", "metrics/")  # not times, and not what the machine was like
SUFFIX = "again"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that both runs have made: a digest, or a metric."""

    name: str
    before: str | float | None
    after: str | float | None
    is_same: bool


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """A run, the run that did it again, and how their outcomes compare.

    `tolerance` is how far metrics may lie apart; 0 where digests are compared. `notes` say what was
    different around the second run, whether or not it mattered.
    """

    run: str
    again: str
    is_same: bool
    tolerance: float
    outputs: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()


def find_lacks(workspace: Workspace, run: Run, observer: Observer | None = None) -> tuple[str, ...]:
    """Return what a run lacks to be done again, each in words; empty where it lacks nothing.

    Without an observer the data is only asked whether it is named, not whether all of it can be read.
    """
    return tuple(_iter_lacks(workspace, run, observer))


def find_changes(run: Run, again: Run | None = None) -> tuple[str, ...]:
    """Return what is different now, or was in another run, from what a run noted of its surroundings."""
    now = describe_surroundings() if again is None else again.environment
    return tuple(
        f"{name} was {run.environment[name]} and is {text}"
        for name, text in now.items()
        if name in run.environment and run.environment[name] != text
    )


def reproduce_now(workspace: Workspace, ref: str, *, observer: Observer) -> Reproduction:
    """Do a data operation again, and compare the digests of what came of it.

    The result of the second time is put away where it is the same. Where it differs it stays as a
    project to be compared: `NAME-again`.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it cannot be done again; the message says what it lacks.
    """
    run = _check(workspace, ref, observer)
    if run.verb != "transform":
        raise InvalidInput(
            f"A {run.verb} is done by a job.", hint=f"mlwf reproduce {run.id} queues and follows it."
        )
    params = {key: value for key, value in run.params.items() if key not in ("operation", "to", "dataset")}
    target = _name_again(workspace, str(run.params["to"]))
    made = transform(
        workspace,
        str(run.params["operation"]),
        [_refer(workspace, version) for version in _list_inputs(run, ArtifactKind.VERSION)],
        to=target,
        params=params,
        seed=run.seed or 0,
        is_fresh=True,
        observer=observer,
    )
    found = judge(workspace, run, workspace.catalog.runs.get(made.run))
    if found.is_same:
        delete(workspace, target)
    return found


def submit_again(workspace: Workspace, ref: str, *, observer: Observer, terms: Terms | None = None) -> Run:
    """Queue a training, benchmark or application once more, on the very same inputs, and return it.

    `judge` says afterwards whether the outcome is the same. What is made is called `NAME-again`.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it cannot be done again; the message says what it lacks.
    """
    run = _check(workspace, ref, observer)
    (version,) = _list_inputs(run, ArtifactKind.VERSION)[:1]
    data, params = _refer(workspace, version), run.params
    match run.verb:
        case "train":
            given = {key: value for key, value in params.items() if key not in OWN_PARAMS}
            taken = {model.name for model in workspace.catalog.models.list()}
            name = find_free(f"{params['name']}-{SUFFIX}", taken)
            begun = _list_inputs(run, ArtifactKind.MODEL)
            if "continues" in params:
                given |= {"epochs": f"+{params['more_epochs']}"}
                return submit_continued(workspace, params["continues"], params=given, name=name, terms=terms)
            start, seed = begun[0].id if begun else params["model"], run.seed or 0
            return submit_train(workspace, data, model=start, params=given, seed=seed, name=name, terms=terms)
        case "benchmark":
            model = _list_inputs(run, ArtifactKind.MODEL)[0].id
            return submit_benchmark(
                workspace, model, data, split=params["split"], device=params["device"], terms=terms
            )
        case "apply":
            model = _list_inputs(run, ArtifactKind.MODEL)[0].id
            given = {key: value for key, value in params.items() if key not in ("model", "data", "to")}
            target = _name_again(workspace, str(params["to"]))
            return submit_apply(workspace, model, data, to=target, params=given, terms=terms)
        case _:
            raise InvalidInput(f"A {run.verb} is done at once.", hint=f"mlwf reproduce {run.id}")


def judge(workspace: Workspace, run: Run, again: Run, *, tolerance: float = TOLERANCE) -> Reproduction:
    """Compare what two runs have made: data by digest, models and reports by metrics within `tolerance`.

    Raises:
        InvalidInput: the second one is not done.
    """
    if again.state is not RunState.DONE:
        raise InvalidInput(
            f"The {again.verb} {again.id} is {again.state}{f': {again.error}' if again.error else '.'}",
            hint=f"mlwf logs {again.id} shows why.",
        )
    is_exact = run.verb in ("transform", "apply")
    outputs = tuple(
        _compare_manifests(workspace, run, again)
        if is_exact
        else _compare_metrics(workspace, run, again, tolerance)
    )
    return Reproduction(
        run=run.id,
        again=again.id,
        is_same=bool(outputs) and all(output.is_same for output in outputs),
        tolerance=0.0 if is_exact else tolerance,
        outputs=outputs,
        notes=find_changes(run, again),
    )


def _check(workspace: Workspace, ref: str, observer: Observer) -> Run:
    run = get_run(workspace, ref)
    lacks = find_lacks(workspace, run, observer)
    if lacks:
        raise InvalidInput(
            f"The {run.verb} {run.id} cannot be done again: {'; '.join(lacks)}.", hint=_suggest(run)
        )
    return run


def _suggest(run: Run) -> str:
    program = run.environment.get("program")
    if program:
        return f"Its program was called so, in {run.environment.get('folder', '?')}: {program}"
    return f"mlwf show {run.id} tells all that was noted."


def _iter_lacks(workspace: Workspace, run: Run, observer: Observer | None) -> Iterator[str]:
    if run.state is not RunState.DONE:
        yield f"it is {run.state}, not done"
    if run.verb not in VERBS or is_tracked(run):
        yield from _iter_lacks_of_other(run)
        return
    if run.seed is None:
        yield "its seed was not noted"
    versions, models = (_list_inputs(run, kind) for kind in (ArtifactKind.VERSION, ArtifactKind.MODEL))
    if not versions:
        yield "it notes no version that it read"
    if run.verb in ("benchmark", "apply") and not models:
        yield "it notes no model that it used"
    for version in versions:
        if not _is_readable(workspace, version, observer):
            yield f"the version {version.title} was deleted, or its bytes are gone"
    for model in models:
        if not _has_weights(workspace, model):
            yield f"the model {model.title} was deleted"
    yield from _iter_lacks_of_plugins(workspace, run)


def _iter_lacks_of_other(run: Run) -> Iterator[str]:
    if not is_tracked(run):
        yield f"{run.verb} makes nothing that could come out otherwise"
        return
    yield "its program is not mlwf's to start"
    if "commit" not in run.environment:
        yield "the commit of its code was not noted"
    elif run.environment.get("code") != "as committed":
        yield "its code had changed since the commit"
    if run.seed is None:
        yield "its seed was not noted"


def _iter_lacks_of_plugins(workspace: Workspace, run: Run) -> Iterator[str]:
    """Yield the operation that is not there any more, or the file that a training began from."""
    if run.verb == "transform":
        try:
            workspace.registry.get_operation(str(run.params.get("operation")))
        except MlwfError as error:
            yield error.message.rstrip(".")
    model = str(run.params.get("model", ""))
    if run.verb == "train" and model.startswith("/") and not Path(model).is_file():
        yield f"the file {model} that it began from is gone"


def _list_inputs(run: Run, kind: ArtifactKind) -> list[ArtifactRef]:
    return [ref for ref in run.inputs if ref.kind is kind]


def _is_readable(workspace: Workspace, version: ArtifactRef, observer: Observer | None) -> bool:
    try:
        manifest = workspace.catalog.versions.get_by_id(VersionId(version.id)).manifest
        read_summary(workspace.store, manifest)
    except MlwfError:
        return False
    return observer is None or not find_unreadable(workspace.store, [manifest], observer)


def _has_weights(workspace: Workspace, model: ArtifactRef) -> bool:
    try:
        return bool(workspace.catalog.models.get(model.id).checkpoints)
    except NotFound:
        return False


def _refer(workspace: Workspace, version: ArtifactRef) -> str:
    """Return a ref that means this version whatever its project is called now."""
    found = workspace.catalog.versions.get_by_id(VersionId(version.id))
    project = workspace.catalog.projects.get_by_id(found.project_id)
    return f"{project.workspace}/{project.name}@{found.number}"


def _name_again(workspace: Workspace, name: str) -> str:
    taken = {project.name for project in workspace.catalog.projects.list()}
    return find_free(f"{name}-{SUFFIX}", taken)


def _compare_manifests(workspace: Workspace, run: Run, again: Run) -> Iterator[Comparison]:
    before, after = (_find_manifest(workspace, one) for one in (run, again))
    is_same = before is not None and before == after
    yield Comparison(name="manifest", before=before, after=after, is_same=is_same)


def _find_manifest(workspace: Workspace, run: Run) -> Digest | None:
    """Return the digest of what an operation made, apart from what else its project holds."""
    if "manifest" in run.result:
        return Digest(run.result["manifest"])
    for version in reversed([ref for ref in run.outputs if ref.kind is ArtifactKind.VERSION]):
        return workspace.catalog.lineage.get_manifest((version.kind, version.id))
    return None


def _compare_metrics(workspace: Workspace, run: Run, again: Run, tolerance: float) -> Iterator[Comparison]:
    before, after = (_read_metrics(workspace, one) for one in (run, again))
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        is_same = old is not None and new is not None and abs(old - new) <= tolerance * max(1.0, abs(old))
        yield Comparison(name=key, before=old, after=new, is_same=is_same)


def _read_metrics(workspace: Workspace, run: Run) -> dict[str, float]:
    """Return the last value of each curve that the data decides, and the metrics of the outcome."""
    summaries = read_outlooks(workspace, [run])[run.id].standing.summaries
    found = {
        key: summary.last
        for key, summary in summaries.items()
        if key.startswith(CURVES) and summary.last is not None
    }
    metrics = run.result.get("metrics", {})
    if isinstance(metrics, Mapping):
        found |= {str(key): float(value) for key, value in metrics.items() if isinstance(value, int | float)}
    return found
