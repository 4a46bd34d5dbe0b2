"""What differs between two runs: parameters, data, environment, code, metrics. The verb is diff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.metrics import find_run, read_outlooks
from mlwf_tui.workflow.running.usage import read_usage
from mlwf_tui.workspace import Workspace


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """One named value on both sides; None where that side has none."""

    name: str
    before: Any
    after: Any


class InputChange(msgspec.Struct, frozen=True, kw_only=True):
    """What stood in one place of the inputs. `items` counts how two versions' items differ, by kind."""

    kind: str
    before: str | None
    after: str | None
    items: Mapping[str, int] | None = None


class MetricChange(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that one of the runs has told: its last values, and the difference where both are finite."""

    key: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before


class RunDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side; of values only those that differ, of metrics all."""

    before: Run
    after: Run
    params: tuple[ValueChange, ...]
    environment: tuple[ValueChange, ...]
    inputs: tuple[InputChange, ...]
    metrics: tuple[MetricChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether both were asked for the same, on the same data, in the same surroundings."""
        return not (self.params or self.environment or self.inputs) and self.before.verb == self.after.verb


def find_run_pair(workspace: Workspace, before: str, after: str) -> tuple[Run, Run] | None:
    """Return two runs, or the runs that made two models; None where one of the refs means something else."""
    if "@" in before or "@" in after or before == "" or after == "":
        return None
    for ref in (before, after):
        with suppress(MlwfError):
            workspace.catalog.projects.get(ref)
            return None  # a project's name comes first
    try:
        return find_run(workspace, before), find_run(workspace, after)
    except NotFound:
        return None


def diff_runs(workspace: Workspace, before: Run, after: Run) -> RunDiff:
    """Compare two runs: what they were asked for, what they read, with what, and what came of it.

    Reads the difference of the versions that both have read, which takes as long as there is difference.
    """
    seeds = ({"seed": before.seed}, {"seed": after.seed})
    return RunDiff(
        before=before,
        after=after,
        params=tuple(_compare({**before.params, **seeds[0]}, {**after.params, **seeds[1]})),
        environment=tuple(_compare(before.environment, after.environment)),
        inputs=tuple(_compare_inputs(workspace, before, after)),
        metrics=tuple(_compare_metrics(workspace, before, after)),
    )


def _compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ValueChange]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield ValueChange(name=name, before=old, after=new)


def _compare_inputs(workspace: Workspace, before: Run, after: Run) -> Iterator[InputChange]:
    """Pair the inputs of one kind in their order, and tell the pairs that differ."""
    for kind in ArtifactKind:
        sides = ([ref for ref in run.inputs if ref.kind is kind] for run in (before, after))
        for old, new in zip_longest(*sides):
            if old is not None and new is not None and old.id == new.id:
                continue
            yield InputChange(
                kind=kind.value,
                before=None if old is None else old.title,
                after=None if new is None else new.title,
                items=_count_items(workspace, old, new) if kind is ArtifactKind.VERSION else None,
            )


def _count_items(
    workspace: Workspace, old: ArtifactRef | None, new: ArtifactRef | None
) -> Mapping[str, int] | None:
    if old is None or new is None:
        return None
    try:
        versions = [workspace.catalog.versions.get_by_id(VersionId(ref.id)) for ref in (old, new)]
        found = diff(workspace, *(f"{v.project_id}@{v.number}" for v in versions), max_items=0)
    except MlwfError:  # deleted, or its bytes are gone: that it differs is told all the same
        return None
    return {kind.value: found.count(kind) for kind in ChangeKind}


def _compare_metrics(workspace: Workspace, before: Run, after: Run) -> Iterator[MetricChange]:
    old, new = (_read_metrics(workspace, run) for run in (before, after))
    for key in dict.fromkeys((*old, *new)):
        yield MetricChange(key=key, before=old.get(key), after=new.get(key))


def _read_metrics(workspace: Workspace, run: Run) -> dict[str, float | None]:
    """Return the last value of each curve, the metrics of the outcome, and what the run took."""
    summaries = read_outlooks(workspace, [run])[run.id].standing.summaries
    found: dict[str, float | None] = {key: summary.last for key, summary in summaries.items()}
    result = run.result.get("metrics", {})
    if isinstance(result, Mapping):
        found |= {str(key): float(value) for key, value in result.items() if isinstance(value, int | float)}
    return found | _read_costs(workspace, run)


def _read_costs(workspace: Workspace, run: Run) -> dict[str, float | None]:
    """Return how long a run took, in seconds, and its energy in Wh where that was measured."""
    length_s = run.find_length_s()
    found: dict[str, float | None] = {} if length_s is None else {"took_s": length_s}
    usage = read_usage(workspace, run)
    if usage is not None:
        energies = {"gpu_energy_wh": usage.gpu_energy_wh, "cpu_energy_wh": usage.cpu_energy_wh}
        found |= {key: value for key, value in energies.items() if value is not None}
    return found
