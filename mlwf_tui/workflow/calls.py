"""Queues the verbs that a command does itself otherwise (import, export, transform, …), and calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Problem, Run
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.pins import name_call, pin_call
from mlwf_tui.workflow.running.recorder import Recorder, closing_run
from mlwf_tui.workspace import Adoption, Workspace

Call = Callable[[Workspace, Mapping[str, Any], Observer], Any]
SHOWN_PROBLEMS = 100


def submit_call(
    workspace: Workspace,
    verb: str,
    call: Mapping[str, Any],
    *,
    terms: Terms | None = None,
    seed: int | None = None,
) -> Run:
    """Queue a verb with what it is to be called with, start it if there is room, and return at once.

    What it names is pinned now; see `pin_call`. So are parameters of a transform looked at, unless it is to
    come after others; what else does not fit is said by the run, as the verb looks at it when its turn has
    come. Paths in `call` are absolute: the job has another working folder.

    Raises:
        InvalidInput: there is no such verb, or the parameters do not fit.
        NotFound: there is no such run to come after.
        InvalidParameter: the terms do not fit.
        PluginError: an operation fell over its parameters.
    """
    if verb not in CALLS:
        raise InvalidInput(f"The verb {verb!r} cannot be queued.", hint=f"These can: {', '.join(CALLS)}.")
    checked = check_terms(workspace, terms or Terms(wants=Wants()))
    if verb == "transform" and not checked.after:
        _check_transform(workspace, call)
    with workspace.catalog.transaction():
        pinned = pin_call(workspace, verb, call, is_behind=bool(checked.after))
        shown = name_call(workspace, verb, call)
        recorder = queue_run(workspace, verb, shown, seed, terms=checked, call=pinned.call)
        for version in pinned.versions:
            recorder.read_version(version.full_ref)
    return start_queued(workspace, recorder.run)


def _check_transform(workspace: Workspace, call: Mapping[str, Any]) -> None:
    from mlwf_tui.workflow.transform import check_transform

    with suppress(NotFound):  # the run says what is not there
        check_transform(workspace, call["operation"], call["refs"], to=call["to"],
                        dataset=call.get("dataset", ""), params=call["params"])  # fmt: skip


def perform_call(workspace: Workspace, recorder: Recorder, observer: Observer) -> None:
    """Call a queued verb, which records itself as this run; what does not record is recorded here.

    Raises:
        MlwfError: what went wrong; the run is closed before it is raised.
    """
    verb, adoption = recorder.run.verb, Adoption(recorder.run_id, recorder.run.verb)
    try:
        if verb not in CALLS:
            raise InvalidInput(f"The verb {verb!r} is not done by a worker.", hint="Start it anew.")
        call = name_call(workspace, verb, recorder.run.call)
        result = CALLS[verb](replace(workspace, adopted=adoption), call, observer)
    except BaseException:
        if adoption.is_taken:
            raise  # it was closed by the verb's own recorder
        with closing_run(recorder):
            raise
    if not adoption.is_taken:
        with closing_run(recorder):
            recorder.result = _describe(result)


def _describe(result: Any) -> dict[str, Any]:
    document = msgspec.to_builtins(result, enc_hook=str)  # a path is text
    if not isinstance(document, dict):
        return {}
    problems = getattr(result, "problems", ())
    document["problems"] = document.get("problems", [])[:SHOWN_PROBLEMS]
    if problems and isinstance(problems[0], Problem):
        document["summary"] = f"{len(problems)} problems: {problems[0].path}: {problems[0].reason}"
    return document


def _import(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.import_ import import_folder

    return import_folder(workspace, Path(call["path"]), call["project"], dataset=call["dataset"],
                         format=call["format"], message=call.get("message"), observer=observer)  # fmt: skip


def _export(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.entities.selection import Selection
    from mlwf_tui.workflow.export import export

    selection = msgspec.convert(call.get("selection", {}), Selection)
    return export(workspace, call["ref"], Path(call["folder"]), format=call["format"], selection=selection,
                  is_linked=call.get("is_linked", False), observer=observer)  # fmt: skip


def _transform(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.transform import transform

    newer = {"dataset": call.get("dataset", ""), "workers": call.get("workers")}  # an older queue has not
    return transform(workspace, call["operation"], call["refs"], to=call["to"], params=call["params"],
                     seed=call["seed"], is_strict=call.get("is_strict", False), observer=observer,
                     **newer)  # fmt: skip


def _pipeline(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.pipeline import Request, run_pipeline

    return run_pipeline(workspace, msgspec.convert(dict(call), Request), observer=observer)


def _checkout(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.checkout import checkout

    folder = Path(call["folder"])
    return checkout(workspace, call["ref"], folder, is_forced=call["force"], observer=observer)


def _sync(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.sync import sync

    policy = Side(call["policy"]) if call["policy"] else None
    choices = {key: Side(side) for key, side in call.get("choices", {}).items()}
    return sync(workspace, Path(call["folder"]), message=call["message"], policy=policy, choices=choices,
                observer=observer)  # fmt: skip


def _verify(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.verify import verify

    repair_from = Path(call["repair_from"]) if call["repair_from"] else None
    return verify(workspace, observer, scope=call["scope"], share=call["share"],
                  is_rebuilding=call["is_rebuilding"], repair_from=repair_from)  # fmt: skip


def _collect(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.collect import collect

    return collect(workspace, observer, is_dry_run=call["is_dry_run"], grace_s=call["grace_s"])


def _compare(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.compare import compare

    return compare(workspace, call["models"], on=call.get("on"), split=call.get("split"),
                   evaluator=call.get("evaluator"), observer=observer)  # fmt: skip


def _backup(workspace: Workspace, call: Mapping[str, Any], observer: Observer) -> Any:
    from mlwf_tui.workflow.backup import backup

    return backup(workspace, Path(call["folder"]), observer)


CALLS: Mapping[str, Call] = {
    "import": _import,
    "export": _export,
    "transform": _transform,
    "pipeline": _pipeline,
    "sweep": _pipeline,
    "checkout": _checkout,
    "sync": _sync,
    "verify": _verify,
    "collect": _collect,
    "backup": _backup,
    "compare": _compare,
}
