"""What two runs have made, beside each other: data by digest, models and reports by their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workflow.reproducing.lacks import MANIFEST_KINDS
from mlwf_tui.workflow.running.surroundings import describe_surroundings
from mlwf_tui.workflow.training.starts import list_file_ids
from mlwf_tui.workspace import Workspace

EXACT_VERBS = ("import", "transform", "apply", "pipeline")
TOLERANCE = 0.01  # of values up to 1, as metrics are; of larger ones, as losses may be, a hundredth of them
CURVES = ("train/", "val/", "metrics/")  # not times, and not what the machine was like


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


def find_changes(run: Run, again: Run | None = None) -> tuple[str, ...]:
    """Return what is different now, or was in another run, from what a run noted of its surroundings."""
    now = describe_surroundings() if again is None else again.environment
    return tuple(
        f"{name} was {run.environment[name]} and is {text}"
        for name, text in now.items()
        if name in run.environment and run.environment[name] != text
    )


def judge(workspace: Workspace, run: Run, again: Run, *, tolerance: float = TOLERANCE) -> Reproduction:
    """Compare what two runs have made: data by digest, models and reports by metrics within `tolerance`.

    Raises:
        InvalidInput: the second one is not done, or does something else.
    """
    if again.state is not RunState.DONE:
        raise InvalidInput(
            f"The {again.verb} run {again.id} is {again.state}{f': {again.error}' if again.error else '.'}",
            hint=f"mlwf logs {again.id} shows why.",
        )
    if again.verb != run.verb:
        raise InvalidInput(
            f"{run.id} is {run.verb} and {again.id} {again.verb}.", hint="Compare two runs of one verb."
        )
    is_exact = run.verb in EXACT_VERBS
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
        notes=(*find_changes(run, again), *_iter_other_files(workspace, run, again)),
    )


def _iter_other_files(workspace: Workspace, run: Run, again: Run) -> Iterator[str]:
    """Yield the files outside of the home that both have read, and that were not the same."""
    read = workspace.catalog.artifacts.read_files
    before = {fact.path: fact.digest for fact in read(list_file_ids(run)).values()}
    for fact in read(list_file_ids(again)).values():
        if before.get(fact.path) and fact.digest and before[fact.path] != fact.digest:
            yield f"{fact.path} was {before[fact.path][:12]} and is {fact.digest[:12]}"


def _compare_manifests(workspace: Workspace, run: Run, again: Run) -> Iterator[Comparison]:
    before, after = (_find_manifests(workspace, one) for one in (run, again))
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        yield Comparison(name=name, before=old, after=new, is_same=old is not None and old == new)


def _find_manifests(workspace: Workspace, run: Run) -> dict[str, Digest]:
    """Return the digest of what a run made, apart from what else its project holds; of a pipeline by step."""
    if run.verb == "pipeline":
        steps = {step["name"]: workspace.catalog.runs.get(step["run"]) for step in run.result["steps"]}
        return {name: Digest(step.result["manifest"]) for name, step in steps.items()}
    if "manifest" in run.result:
        return {"manifest": Digest(run.result["manifest"])}
    made = [ref for ref in (*run.inputs, *run.outputs) if ref.kind in MANIFEST_KINDS]
    for data in reversed(made if run.verb == "import" else [ref for ref in made if ref in run.outputs]):
        try:
            return {"manifest": workspace.catalog.lineage.get_manifest((data.kind, data.id))}
        except NotFound:
            break
    return {}


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
