"""show: everything about one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.ids import Digest, ProjectId, RunId, VersionId
from mlwf_tui.entities.lineage import RUN_KIND
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.metric import MetricSummary
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Job, Run
from mlwf_tui.entities.usage import Usage
from mlwf_tui.errors import InvalidParameter, MlwfError, NotFound, StorageFailed
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.cards.reading import read_card, write_files
from mlwf_tui.workflow.content import read_content
from mlwf_tui.workflow.graphs.refs_on_graph import find_entity, to_node
from mlwf_tui.workflow.metrics import Outlook, read_outlooks
from mlwf_tui.workflow.refs import Entity
from mlwf_tui.workflow.running.heartbeat import read_heartbeat
from mlwf_tui.workflow.running.usage import read_usage
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One thing and the facts that belong to its kind; `facts` holds plain values in reading order."""

    kind: str
    entity: Entity
    facts: Mapping[str, Any]


def show(workspace: Workspace, ref: str) -> Shown:
    """Return the thing that a ref, or KIND:ID as on the graph, names.

    Raises:
        NotFound: nothing has that name or id, or it was deleted.
    """
    entity = find_entity(workspace, ref)
    match entity:
        case Project():
            return Shown(kind="project", entity=entity, facts=_describe_project(workspace, entity))
        case Version():
            return Shown(kind="version", entity=entity, facts=_describe_version(workspace, entity))
        case Model():
            machine = _describe_usage_of(workspace, entity.run_id)
            facts = {
                **_describe_model(entity),
                **_describe_card(workspace, entity),
                "machine": machine,
                "card": _read_card(workspace, entity),
            }
            return Shown(kind="model", entity=entity, facts=facts)
        case Report():
            machine = _describe_usage_of(workspace, entity.run_id)
            facts = {**_describe_report(entity), **_describe_card(workspace, entity), "machine": machine}
            return Shown(kind="report", entity=entity, facts=facts)
        case Run():
            run = get_run(workspace, entity.id)  # which sees whether its process is still there
            return Shown(kind="run", entity=run, facts=_describe_run(workspace, run))


def write_model_files(
    workspace: Workspace, shown: Shown, *, card: Path | None = None, folder: Path | None = None
) -> list[Path]:
    """Write a model's card to a file, and what is kept beside its weights to a folder; return the paths.

    Raises:
        InvalidParameter: it is no model.
        StorageFailed: a file cannot be written.
        CorruptData: stored bytes are damaged.
    """
    if card is None and folder is None:
        return []
    if not isinstance(shown.entity, Model):
        raise InvalidParameter(f"This is a {shown.kind}, and only models have cards.", hint="Name a model.")
    written: list[Path] = []
    try:
        if card is not None:
            card.write_text(read_card(workspace, shown.entity), "utf-8")
            written.append(card)
        if folder is not None:
            written += write_files(workspace, shown.entity, folder)
    except OSError as error:
        raise StorageFailed(
            f"{error.filename} cannot be written: {error.strerror}.", hint="Give another place."
        ) from error
    return written


def _describe_card(workspace: Workspace, entity: Model | Report) -> dict[str, Any]:
    kind, id = to_node(entity)
    card = workspace.catalog.cards.get(f"{kind}:{id}")
    return {"tags": list(card.tags), "is_hidden": card.is_hidden}


def _describe_project(workspace: Workspace, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "workspace": project.workspace,
        "item_count": project.item_count,
        **_describe_content(workspace, project.id, project.manifest),
        "head": project.manifest,
        "latest_version": project.latest_version,
        "is_changed": project.is_changed,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
    }


def _describe_version(workspace: Workspace, version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "name": version.ref,
        "description": version.message,
        "number": version.number,
        "tags": list(version.tags),
        "kind_of_version": version.kind.value,
        "author": version.author,
        "created_at": version.created_at,
        "item_count": version.item_count,
        **_describe_content(workspace, version.project_id, version.manifest),
        "manifest": version.manifest,
        "parents": [_name_parent(workspace, parent) for parent in version.parents],
    }


def _name_parent(workspace: Workspace, version_id: VersionId) -> str:
    try:
        return workspace.catalog.versions.get_by_id(version_id).ref
    except NotFound:
        return "deleted"


def _describe_content(workspace: Workspace, project_id: ProjectId, manifest: Digest) -> dict[str, Any]:
    """Count a manifest's items by dataset and split, and its objects by class."""
    summary = read_summary(workspace.store, manifest)
    content = read_content(workspace, project_id, manifest)
    return {
        "classes": [
            {"name": c.name, "color": c.color, "object_count": content.classes.get(c.name, 0)}
            for c in summary.schema.classes
        ],
        "datasets": [{"name": name, "item_count": count} for name, count in content.datasets.items()],
        "splits": dict(content.splits),
        "object_count": summary.object_count,
        "size_bytes": summary.size_bytes,
    }


def _describe_model(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "description": model.description,
        "architecture": model.architecture,
        "task": model.task,
        "metrics": dict(model.metrics),
        "classes": list(model.class_names),
        "image_size_px": model.image_size_px,
        "checkpoints": [
            {"name": c.name, "digest": c.blob, "size_bytes": c.size_bytes} for c in model.checkpoints
        ],
        "files": [
            {"name": f.name, "digest": f.blob, "size_bytes": f.size_bytes, "role": f.role.value}
            for f in model.files
        ],
        "is_starred": model.is_starred,
        "trainer": model.trainer,
        "run": model.run_id,
        "created_at": model.created_at,
    }


def _read_card(workspace: Workspace, model: Model) -> str:
    """Return the model's card as Markdown, or why there is none."""
    try:
        return read_card(workspace, model)
    except MlwfError as error:
        return error.message


def _describe_report(report: Report) -> dict[str, Any]:
    return {
        "id": report.id,
        "name": report.name,
        "description": report.description,
        "model": report.model_name,
        "version": report.version_ref,
        "split": report.split,
        "metrics": dict(report.metrics),
        "speed": dict(report.speed),
        "settings": dict(report.settings),
        "run": report.run_id,
        "created_at": report.created_at,
    }


def _describe_run(workspace: Workspace, run: Run) -> dict[str, Any]:
    """Tell all of a run, and the last value of each metric that it reported."""
    outlook = read_outlooks(workspace, [run])[run.id]
    card = workspace.catalog.cards.get(f"{RUN_KIND}:{run.id}")
    return {
        "id": run.id,
        "name": f"{run.verb} {run.id}",
        "title": card.title,
        "description": card.description,
        "tags": list(card.tags),
        "is_hidden": card.is_hidden,
        **describe_run(run),
        "params": dict(run.params),
        "seed": run.seed,
        "author": run.author,
        "environment": dict(run.environment),
        "result": dict(run.result),
        "metrics": {key: summary.last for key, summary in outlook.standing.summaries.items()},
        **describe_outlook(outlook),
        "machine": describe_usage(read_usage(workspace, run)),
        "heartbeat": _describe_heartbeat(workspace, run),
        "error": run.error,
        "hint": run.hint,
        "jobs": [_describe_job(job) for job in workspace.catalog.jobs.list_of(run.id)],
    }


def _describe_heartbeat(workspace: Workspace, run: Run) -> dict[str, Any] | None:
    """Return when a tracked run's program was last heard of; None of a run that mlwf does."""
    found = read_heartbeat(workspace.run_folder(run.id))
    if found is None:
        return None
    is_late = not run.state.is_finished and found.is_late(datetime.now(UTC))
    return {"at": found.at, "patience_s": found.patience_s, "is_late": is_late}


def _describe_usage_of(workspace: Workspace, run_id: RunId) -> dict[str, Any] | None:
    """Return what the run took that made a model or report; None where the run is not there any more."""
    try:
        return describe_usage(read_usage(workspace, workspace.catalog.runs.get(run_id)))
    except NotFound:
        return None


def describe_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return what a run took of the machine as plain values; None where nothing was measured."""
    return None if usage is None else dict(msgspec.to_builtins(usage))


def _describe_job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "pid": job.process.pid,
        "leases": list(job.leases),
        "outcome": job.outcome,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "ran_s": job.ran_s,
        "cpu_s": job.cpu_s,
        "max_rss_bytes": job.max_rss_bytes,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def describe_run(run: Run) -> dict[str, Any]:
    """Return a run as `mlwf runs` lists it."""
    return {
        "id": run.id,
        "verb": run.verb,
        "state": run.state.value,
        "inputs": [{"kind": a.kind.value, "id": a.id, "name": a.title} for a in run.inputs],
        "outputs": [{"kind": a.kind.value, "id": a.id, "name": a.title} for a in run.outputs],
        "output_name": run.output_name,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "took_s": run.find_length_s(),
        "priority": run.priority,
        "waits_for": run.waits_for,
        "retry_count": run.retry_count,
        "parent": run.parent,
    }


def describe_outlook(outlook: Outlook) -> dict[str, Any]:
    """Return what looks wrong of a run, and how long it will still take; None where nobody can know."""
    left = outlook.time_left
    return {
        "marks": [describe_mark(mark) for mark in outlook.standing.marks],
        "time_left_s": None if left is None else round(left.seconds, 1),
        "time_left_margin_s": None if left is None else round(left.margin_s, 1),
    }


def describe_mark(mark: Mark) -> dict[str, Any]:
    return {
        "kind": mark.kind.value,
        "key": mark.key,
        "step": mark.step,
        "message": mark.message,
        "hint": mark.hint,
    }


def describe_summary(summary: MetricSummary) -> dict[str, Any]:
    """Return one metric in figures; `last` is None where the newest value is not finite."""
    return {
        "key": summary.key,
        "count": summary.count,
        "gap_count": summary.gap_count,
        "last": summary.last,
        "last_step": summary.last_step,
        "best": summary.best,
        "best_step": None if summary.best is None else summary.best_step,
    }
