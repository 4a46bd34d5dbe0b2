"""What differs in how the models of a comparison were made, and in how they were timed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from mlwf_tui.entities.measurement import Cause
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.params import build_params
from mlwf_tui.workflow.run_diff import ValueChange, diff_runs
from mlwf_tui.workflow.training.starts import OWN_PARAMS, split_params
from mlwf_tui.workspace import Workspace

_ON_PROCESSORS = ("cpu", "mps")
_CHANGE_NOTHING = ("model", "name", "benchmark")  # of a model; its architecture is told apart


def list_causes(workspace: Workspace, old: Model, new: Model) -> Iterator[Cause]:
    """Yield what differs in how two models were made; a setting that was not given is its default."""
    if old.architecture != new.architecture:
        yield Cause(kind="parameter", name="architecture", before=old.architecture, after=new.architecture)
    with suppress(MlwfError):  # a run that was imported with its model has no row here
        runs = [workspace.catalog.runs.get(model.run_id) for model in (old, new)]
        found = diff_runs(workspace, *runs)
        defaults = [_resolve(workspace, model, run) for model, run in zip((old, new), runs, strict=True)]
        words = () if found.inputs else ("data",)  # cells and cells@1 may have been the same version
        yield from _list_params([of for of in found.params if of.name not in words], *defaults)
        for given in found.inputs:
            yield _make_cause("data", given.kind, given.before, given.after)
        for change in found.environment:
            yield _make_cause("environment", change.name, change.before, change.after)


def list_runtimes(old: Report, new: Report) -> Iterator[Cause]:
    """Yield the runtimes, where the speeds were measured with two."""
    before, after = (report.settings.get("runtime", "") for report in (old, new))
    if before and after and before != after:
        yield _make_cause("speed", "runtime", before, after)


def _list_params(
    changes: Iterable[ValueChange], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Cause]:
    for change in changes:
        before, after = (
            sides.get(change.name) if value is None else value
            for value, sides in ((change.before, old), (change.after, new))
        )
        if change.name not in _CHANGE_NOTHING and before != after:
            yield _make_cause("parameter", change.name, before, after)


def _resolve(workspace: Workspace, model: Model, run: Run) -> Mapping[str, Any]:
    """Return the settings of a training as its library got them; nothing where an older mlwf had others."""
    given = {key: value for key, value in run.params.items() if key not in OWN_PARAMS}
    try:
        trainer = workspace.registry.get_trainer(model.trainer)
        declared, extra = split_params(trainer, given)
        has_gpu = run.environment.get("device", "cpu") not in _ON_PROCESSORS
        return trainer.resolve_settings(
            build_params(trainer.params_type, declared), extra, task=model.task, has_gpu=has_gpu
        )
    except MlwfError:
        return {}


def _make_cause(kind: str, name: str, before: Any, after: Any) -> Cause:
    return Cause(kind=kind, name=name, before=_escape(before), after=_escape(after))


def _escape(value: Any) -> Any:
    """Return a value that can be stored as JSON: a path of odd bytes is no Unicode, and stands escaped."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {_escape(key): _escape(one) for key, one in value.items()}
        case list() | tuple():
            return [_escape(one) for one in value]
        case _:
            return value
