"""reproduce: do a run again from what it noted, and say whether the outcome is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from mlwf_tui.entities.part import read_part
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow import pipeline
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import read_params, submit_benchmark
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.graphs.refs_on_graph import find_card_node
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.names import find_free, list_model_names
from mlwf_tui.workflow.reproducing.comparing import TOLERANCE, Comparison, Reproduction, find_changes, judge
from mlwf_tui.workflow.reproducing.lacks import MANIFEST_KINDS, VERBS, find_lacks, list_inputs
from mlwf_tui.workflow.reproducing.requests import SUFFIX, make_request_again, name_again, refer_to
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.train import submit_continued, submit_train
from mlwf_tui.workflow.training.starts import OWN_PARAMS
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace

QUEUED_VERBS = ("train", "benchmark", "apply")
APPLYS_OWN = ("model", "data", "to", "dataset", "is_trusted")  # of the run, beside what apply takes

__all__ = [
    "QUEUED_VERBS", "TOLERANCE", "VERBS", "Comparison", "Reproduction", "conclude", "find_changes",
    "find_lacks", "find_maker", "judge", "needs_job", "reproduce_now", "submit_again",
]  # fmt: skip


def find_maker(workspace: Workspace, ref: str) -> Run:
    """Return the run that is named, or the one that made the version, model or report that is.

    A commit makes nothing: of what it named, the run is meant that made it.

    Raises:
        NotFound: nothing is named so, or no run has made it.
    """
    try:
        return get_run(workspace, ref)
    except NotFound:
        kind, id, _ = find_card_node(workspace, ref)
    lineage = workspace.catalog.lineage.read_around([(kind, id)], is_down=False)
    came_from = {edge.target: edge.source for edge in lineage.edges}
    node = f"{kind}:{id}"
    while maker := came_from.get(node):
        run = workspace.catalog.runs.get(maker.partition(":")[2])
        if run.verb != "commit":
            return run
        node = came_from.get(maker, "")  # the state that it has named
    raise NotFound(f"No run has made {ref}.", hint=f"mlwf trace {ref} tells what is known of it.")


def needs_job(workspace: Workspace, run: Run) -> bool:
    """Whether a run is done again by a job of the queue: what trains, or uses a model."""
    is_piped = run.verb == "pipeline" and not find_lacks(workspace, run)
    return run.verb in QUEUED_VERBS or (
        is_piped and pipeline.needs_job(workspace, make_request_again(workspace, run))
    )


def reproduce_now(workspace: Workspace, ref: str, *, observer: Observer) -> Reproduction:
    """Do an import, a transform or a pipeline again, and compare the digests of what came of it.

    The result of the second time is put away where it is the same. Where it differs it stays as a
    project to be compared: `NAME-again`.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it cannot be done again; the message says what it lacks.
    """
    run = _check(workspace, ref, observer)
    if needs_job(workspace, run):
        raise InvalidInput(
            f"A {run.verb} is done by a job.", hint=f"mlwf reproduce {run.id} queues and follows it."
        )
    match run.verb:
        case "import":
            again = _import_again(workspace, run, observer)
        case "transform":
            again = _transform_again(workspace, run, observer)
        case _:
            request = make_request_again(workspace, run)
            with _putting_away_after_failure(workspace, *request.to.values()):
                again = pipeline.run_pipeline(workspace, request, observer=observer).run
    return conclude(workspace, run, workspace.catalog.runs.get(again))


def conclude(workspace: Workspace, run: Run, again: Run, *, tolerance: float = TOLERANCE) -> Reproduction:
    """Compare the outcomes, as `judge`, and put away the data that was made again, if it is the same.

    Raises:
        InvalidInput: the second run is not done.
    """
    found = judge(workspace, run, again, tolerance=tolerance)
    if found.is_same:
        _put_away(workspace, *_list_targets(again))
    return found


def submit_again(workspace: Workspace, ref: str, *, observer: Observer, terms: Terms | None = None) -> Run:
    """Queue a run that is done by a job once more, on the very same inputs, and return it.

    `conclude` says afterwards whether the outcome is the same. What is made is called `NAME-again`.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it cannot be done again; the message says what it lacks.
    """
    run = _check(workspace, ref, observer)
    if run.verb == "pipeline":
        return pipeline.submit_pipeline(workspace, make_request_again(workspace, run), terms=terms)
    if not needs_job(workspace, run):
        raise InvalidInput(f"A {run.verb} is done at once.", hint=f"mlwf reproduce {run.id}")
    data = refer_to(workspace, list_inputs(run, ArtifactKind.VERSION)[0].id)
    params = run.params
    if run.verb == "train":
        given = {key: value for key, value in params.items() if key not in OWN_PARAMS}
        name = find_free(f"{params['name']}-{SUFFIX}", list_model_names(workspace))
        if "continues" in params:
            given |= {"epochs": f"+{params['more_epochs']}"}
            return submit_continued(
                workspace, params["continues"], params=given, name=name, terms=terms, is_benchmarked=False
            )
        begun = list_inputs(run, ArtifactKind.MODEL)
        start, seed = begun[0].id if begun else params["model"], run.seed or 0
        return submit_train(
            workspace, data, model=start, params=given, seed=seed, name=name, terms=terms,
            is_benchmarked=False,
        )  # fmt: skip
    model, is_trusted = list_inputs(run, ArtifactKind.MODEL)[0].id, bool(params.get("is_trusted"))
    if run.verb == "benchmark":
        part, how = read_part(params, params["split"]), asdict(read_params(run))
        return submit_benchmark(
            workspace, model, data, part=part, params=how, device=params["device"],
            is_trusted=is_trusted, is_again=True, terms=terms,
        )  # fmt: skip
    given = {key: value for key, value in params.items() if key not in APPLYS_OWN}
    target = name_again(workspace, str(params["to"]))
    return submit_apply(
        workspace, model, data, to=target, params=given, is_trusted=is_trusted, terms=terms, is_again=True
    )


def _import_again(workspace: Workspace, run: Run, observer: Observer) -> str:
    """Import the same files into a project that holds what the first one did before, and return the run."""
    params, target = run.params, name_again(workspace, str(run.params["project"]))
    base = list_inputs(run, *MANIFEST_KINDS)
    if base:
        manifest = workspace.catalog.lineage.get_manifest((base[-1].kind, base[-1].id))
        count = read_summary(workspace.store, manifest).item_count
        workspace.catalog.projects.create(
            target, workspace=workspace.settings.workspace, manifest=manifest, item_count=count
        )
    with _putting_away_after_failure(workspace, target):
        return import_folder(
            workspace,
            Path(params["path"]),
            target,
            dataset=params["dataset"],
            format=run.result["format"] if params["format"] == "auto" else params["format"],
            observer=observer,
        ).run


def _transform_again(workspace: Workspace, run: Run, observer: Observer) -> str:
    given = {key: value for key, value in run.params.items() if key not in ("operation", "to", "dataset")}
    return transform(
        workspace,
        str(run.params["operation"]),
        [refer_to(workspace, version.id) for version in list_inputs(run, ArtifactKind.VERSION)],
        to=name_again(workspace, str(run.params["to"])),
        params=given,
        seed=run.seed or 0,
        is_fresh=True,
        observer=observer,
    ).run


def _list_targets(run: Run) -> list[str]:
    """Return the projects that a run which does another again has made."""
    match run.verb:
        case "import":
            return [str(run.params["project"])]
        case "transform" | "apply":
            return [str(run.params["to"])]
        case "pipeline":
            return [output["project"] for output in run.result["outputs"]]
        case _:
            return []


@contextmanager
def _putting_away_after_failure(workspace: Workspace, *names: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _put_away(workspace, *names)
        raise


def _put_away(workspace: Workspace, *names: str) -> None:
    """Delete projects that were made to be compared; nothing else is called so."""
    for name in names:
        if workspace.catalog.projects.find(name, workspace.settings.workspace) is not None:
            delete(workspace, name)


def _check(workspace: Workspace, ref: str, observer: Observer) -> Run:
    run = get_run(workspace, ref)
    lacks = find_lacks(workspace, run, observer)
    if lacks:
        raise InvalidInput(
            f"The {run.verb} run {run.id} cannot be done again: {'; '.join(lacks)}.", hint=_suggest(run)
        )
    return run


def _suggest(run: Run) -> str:
    program = run.environment.get("program")
    if program:
        return f"Its program was called so, in {run.environment.get('folder', '?')}: {program}"
    return f"mlwf show {run.id} tells all that was noted."
