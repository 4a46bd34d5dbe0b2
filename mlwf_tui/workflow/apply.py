"""apply: let a model annotate the items of a version, into a project, in a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import check_dataset
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Problem, Run
from mlwf_tui.params import ParamSpec, build_params, describe_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_changes, iter_items
from mlwf_tui.workflow.benchmark import find_model
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.refs import by_name, check_project_name
from mlwf_tui.workflow.running.ends import look_at_file, note_file
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.recorder import Recorder, pin_version
from mlwf_tui.workflow.transforming.finished_predictions import forget_predictions
from mlwf_tui.workflow.transforming.placing import check_free, place_beside
from mlwf_tui.workflow.transforming.recipes import LEFT_OUT, find_known
from mlwf_tui.workflow.using.annotating import (
    Annotated,
    ApplyParams,
    annotate,
    check_applicable,
    describe_problems,
    digest_apply,
)
from mlwf_tui.workflow.using.outside import (
    check_path,
    find_path,
    import_images,
    is_picture,
    is_video,
    read_picture,
    read_video,
)
from mlwf_tui.workflow.using.targets import check_target
from mlwf_tui.workflow.using.trust import check_model
from mlwf_tui.workspace import Workspace


def list_params() -> tuple[ParamSpec, ...]:
    """Return the declared parameters of apply."""
    return describe_params(ApplyParams)


def submit_apply(
    workspace: Workspace,
    model_ref: str,
    ref: str,
    *,
    to: str,
    dataset: str = "",
    params: Mapping[str, Any],
    is_trusted: bool = False,
    terms: Terms | None = None,
    is_again: bool = False,
) -> Run:
    """Pin the data and queue the run, which starts when there is room; return at once.

    `ref` may also be the path of a folder, which is imported into `to` first, of a picture, or of a video,
    whose frames become its items. The model may be one that a training will make which the run is to come
    after. Where `is_again`, the model is asked though what it says is known.

    With `dataset` the result comes into that dataset of `to`, and what else the project has stays beside it.
    Policy `replace` drops the objects that are there, `add` keeps both, `merge` keeps them and adds what
    was not there, `keep` leaves items alone that have objects already.

    Raises:
        NotFound: there is no such model, project or version.
        InvalidParameter: a parameter does not fit, or a project or dataset cannot be named so.
        InvalidInput: the model's task does not fit, or a path is no folder, no picture and no video.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
        Conflict: `to` holds something else, or was changed since the same was applied to before.
    """
    check_project_name(to)
    if dataset:
        check_dataset(dataset)
    checked = asdict(build_params(ApplyParams, params))
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=checked["device"])
    model = find_model(workspace, model_ref, agreed)
    if model is not None:
        check_applicable(model)
        check_model(workspace, model, is_trusted=is_trusted)
    path = find_path(workspace, ref)
    if path is not None:
        check_path(path, dataset)
    file = look_at_file(str(path)) if path is not None and path.is_file() else None
    data = by_name(workspace, ref) if path is None else str(path)
    shown = {"model": model_ref if model is None else model.name, "data": data, "to": to, **checked}
    shown |= {"dataset": dataset} if dataset else {}
    shown |= {"is_trusted": True} if is_trusted else {}
    with workspace.catalog.transaction():
        if path is None:
            pin_version(workspace, ref, verb="apply")
        target = workspace.catalog.projects.find(to, workspace.settings.workspace)
        call = {"is_again": is_again, **({"to": target.id} if target else {})}
        recorder = queue_run(workspace, "apply", shown, 0, terms=agreed, call=call)
        if model is not None:
            recorder.read_model(model.id)
        version = recorder.read_version(ref) if path is None else None
        if file is not None:
            recorder.read_artifact(note_file(workspace, file, is_weights=False, is_output=False))
        if not dataset:
            check_target(workspace, to, data, version)
    return start_queued(workspace, recorder.run)


def perform_apply(recorder: Recorder, version: Version | None, model: Model, observer: Observer) -> None:
    """Do a queued application of a model, to a version, or to what its path holds: called by the worker."""
    workspace, run = recorder.workspace, recorder.run
    names = ApplyParams.__dataclass_fields__
    params = build_params(ApplyParams, {k: v for k, v in run.params.items() if k in names})
    source = _read_source(recorder, version, params.every, observer)
    recipe = digest_apply(model, params, [(source.manifest, "")])
    is_again = bool(run.call.get("is_again"))
    if is_again:
        forget_predictions(workspace.home, recipe)
    known = None if is_again else find_known(workspace, recipe, observer)
    workspace.catalog.runs.set_recipe(run.id, recipe)
    if known is not None:
        _finish(recorder, source, model, Annotated(manifest=known.manifest), is_cached=True)
        return
    _check_free(recorder, source)
    annotated = annotate(recorder, model, params, [(source.manifest, "")], observer)
    _finish(recorder, source, model, annotated, is_cached=False)
    if not annotated.problems:  # else another try has only those to look at that failed
        forget_predictions(workspace.home, recipe)


class _Source(NamedTuple):
    """What the model looks at: a manifest of items, and the version that it is of."""

    manifest: Digest
    item_count: int
    title: str
    version: Version | None = None  # None of a video or a picture
    problems: tuple[Problem, ...] = ()  # with files of a folder, or with the video or picture itself


def _read_source(recorder: Recorder, version: Version | None, every: int, observer: Observer) -> _Source:
    """Return what the model is to look at: of a path, what it holds now."""
    workspace, run = recorder.workspace, recorder.run
    path, to = Path(run.params["data"]), _name_target(recorder)
    if version is not None:  # of a folder too, where an earlier job of the run has imported it
        problems = msgspec.convert(run.result.get(LEFT_OUT, ()), tuple[Problem, ...])
        return _Source(version.manifest, version.item_count, version.ref, version, problems)
    if is_video(path):
        items, problems = read_video(recorder, path, every=every, observer=observer)
        return _Source(items.digest, items.item_count, path.name, problems=problems)
    if is_picture(path):
        items, problems = read_picture(recorder, path)
        return _Source(items.digest, items.item_count, path.name, problems=problems)
    check_target(workspace, to, str(path), None)  # it may have been queued for long
    problems = import_images(recorder, path, to, observer)
    with workspace.catalog.transaction():
        version = recorder.read_version(to)
        workspace.catalog.runs.extend_result(run.id, {LEFT_OUT: msgspec.to_builtins(problems)})
    return _Source(version.manifest, version.item_count, version.ref, version, problems)


def _name_target(recorder: Recorder) -> str:
    """Return what the project is called now that gets the result: the one that was meant, if there was one.

    Raises:
        NotFound: it was deleted.
    """
    meant = recorder.run.call.get("to")
    return recorder.workspace.catalog.projects.get(meant).name if meant else str(recorder.run.params["to"])


def _check_free(recorder: Recorder, source: _Source) -> None:
    """Refuse items whose names are taken in the dataset that they are for, before the model is asked."""
    workspace, params = recorder.workspace, recorder.run.params
    target = workspace.catalog.projects.find(_name_target(recorder), workspace.settings.workspace)
    if params.get("dataset") and target is not None:
        keys = (item.key for item in iter_items(workspace.store, source.manifest))
        check_free(workspace.store, target.manifest, keys, params["dataset"])


def _finish(
    recorder: Recorder, source: _Source, model: Model, annotated: Annotated, *, is_cached: bool
) -> None:
    """Make the result the target's head and newest version, and close the run, in one transaction.

    What the target has become meanwhile is kept as a version and is a parent of the new one: an
    application may take hours, and its result is not thrown away for a change beside it. Where the target
    holds this very result there is no new version. Put beside what the target has, it is refused where that
    changes in the moment it takes; the predictions are kept then.
    """
    workspace, run, manifest = recorder.workspace, recorder.run, annotated.manifest
    version, problems = source.version, (*source.problems, *annotated.problems)
    target = find_or_create_project(workspace, _name_target(recorder))
    dataset = run.params.get("dataset", "")
    placed, conflicts = manifest, tuple[str, ...]()
    if dataset:
        with recorder.writer() as writer:
            placed, conflicts = place_beside(
                workspace.store, writer, target.manifest, manifest.digest, dataset
            )
    is_own = not dataset and version is not None and version.project_id == target.id
    replaced = _count_replaced(workspace, source.manifest, manifest.digest) if is_own else 0
    with recorder.finishing():
        now = target if dataset else workspace.catalog.projects.get_by_id(target.id)
        same = recorder.find_same(now, placed.digest)
        made = same or recorder.write_version(
            now,
            placed.digest,
            placed.item_count,
            message=f"{model.name} applied to {source.title}",
            parents=(version,) if version is not None and version.project_id == target.id else (),
        )
        recorder.result = {
            "project": target.name,
            "version": made.number,
            "created": same is None,
            "items_in": source.item_count,
            "items_out": manifest.item_count,
            **annotated.to_result(),
            "problems": [msgspec.to_builtins(problem) for problem in problems],
            LEFT_OUT: [msgspec.to_builtins(problem) for problem in source.problems],
            "objects_replaced": replaced,
            "conflicts": conflicts,
            "cached": is_cached,
            "run": run.id,
            "manifest": manifest.digest,
            "summary": f"{format_count(manifest.object_count, 'object')}"
            + f" on {format_count(manifest.item_count, 'item')}"
            + describe_problems(annotated.problems)
            + _describe_left_out(source),
        }


def _describe_left_out(source: _Source) -> str:
    """Return what a summary says of what of the source is not looked at, with what leads up to it."""
    left_out = [problem for problem in source.problems if not problem.is_taken]
    if source.version is None:
        return "".join(f", {problem.path} {problem.reason}" for problem in left_out)
    return (
        f", partly: {format_count(len(left_out), 'file')} {'was' if len(left_out) == 1 else 'were'} left out"
        if left_out
        else ""
    )


def _count_replaced(workspace: Workspace, before: Digest, after: Digest) -> int:
    """Return how many objects that no model predicted are there no more."""
    count = 0
    for change in iter_changes(workspace.store, before, after):
        was = change.before.annotation.objects if change.before is not None else ()
        left = change.after.annotation.objects if change.after is not None else ()
        count += sum(labelled.confidence is None and labelled not in left for labelled in was)
    return count
