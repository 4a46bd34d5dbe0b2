"""The lineage in the words of others: OpenLineage's events and W3C PROV as JSON."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mlwf_tui import __version__
from mlwf_tui.entities.lineage import RUN_KIND, LineageGraph, LineageNode, index_neighbours
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.workspace import Workspace

PRODUCER = f"urn:mlwf:{__version__}"
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACET_SCHEMAS = "https://openlineage.io/spec/facets/"
EVENT_TYPES = {
    RunState.DONE: "COMPLETE", RunState.FAILED: "FAIL", RunState.LOST: "FAIL", RunState.STOPPED: "ABORT",
}  # fmt: skip


def iter_openlineage(workspace: Workspace, graph: LineageGraph) -> Iterator[dict[str, Any]]:
    """Yield for each run of a graph that it has started, and where it has ended how; each with both ends."""
    nodes = {node.id: node for node in graph.nodes}
    down, up = index_neighbours(graph)
    runs = _list_runs(workspace, graph)
    parents = {run.id: run for run in workspace.catalog.runs.list(limit=None, ids=_list_parents(runs))}
    for run in runs:
        node_id = f"run:{run.id}"
        parent = None if run.parent is None else parents.get(run.parent)
        event = {
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "run": {"runId": _to_uuid(run), "facets": _facets(run, parent)},
            "job": _to_job(run),
            "inputs": [_to_dataset(nodes[id]) for id in up.get(node_id, ())],
            "outputs": [_to_dataset(nodes[id]) for id in down.get(node_id, ())],
        }
        yield {"eventType": "START", "eventTime": _format(run.started_at or run.created_at), **event}
        if run.finished_at is not None:
            yield {"eventType": EVENT_TYPES[run.state], "eventTime": _format(run.finished_at), **event}


def to_prov(workspace: Workspace, graph: LineageGraph) -> dict[str, Any]:
    """Return the graph as a PROV-JSON document: artifacts are entities, runs activities, authors agents."""
    runs = {f"run:{run.id}": run for run in _list_runs(workspace, graph)}
    document: dict[str, Any] = {
        "prefix": {
            **{kind: f"urn:mlwf:{kind}:" for kind in sorted({node.kind for node in graph.nodes} | {"run"})},
            "agent": "urn:mlwf:agent:",
            "mlwf": "urn:mlwf:",
        },
        "entity": {node.id: _to_entity(node) for node in graph.nodes if node.id not in runs},
        "activity": {node.id: _to_activity(node, runs[node.id]) for node in graph.nodes if node.id in runs},
        "agent": {
            _to_agent(run.author): {"prov:label": run.author, "prov:type": _qualify("prov:Person")}
            for run in runs.values()
        },
        "used": {},
        "wasGeneratedBy": {},
        "wasAssociatedWith": {
            f"_:a{number}": {"prov:activity": node_id, "prov:agent": _to_agent(run.author)}
            for number, (node_id, run) in enumerate(runs.items())
        },
    }
    for number, edge in enumerate(graph.edges):
        if edge.target in runs:
            document["used"][f"_:u{number}"] = {"prov:activity": edge.target, "prov:entity": edge.source}
        else:
            generated = {"prov:entity": edge.target, "prov:activity": edge.source}
            document["wasGeneratedBy"][f"_:g{number}"] = generated
    return document


def _list_runs(workspace: Workspace, graph: LineageGraph) -> Sequence[Run]:
    """Return the runs of a graph, oldest first."""
    wanted = [node.id.partition(":")[2] for node in graph.nodes if node.kind == RUN_KIND]
    return workspace.catalog.runs.list(limit=None, ids=wanted)[::-1]


def _to_uuid(run: Run) -> str:
    """Return the same UUID for the same run, every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mlwf:run:{run.id}"))


def _list_parents(runs: Sequence[Run]) -> set[str]:
    return {run.parent for run in runs if run.parent is not None}


def _to_job(run: Run) -> dict[str, str]:
    return {"namespace": f"mlwf/{run.workspace}", "name": run.verb}


def _facets(run: Run, parent: Run | None) -> dict[str, Any]:
    facets: dict[str, Any] = {
        "processing_engine": _facet("1-1-1/ProcessingEngineRunFacet", version=__version__, name="mlwf")
    }
    if run.started_at is not None:
        times = {"nominalStartTime": _format(run.started_at)}
        if run.finished_at is not None:
            times["nominalEndTime"] = _format(run.finished_at)
        facets["nominalTime"] = _facet("1-0-1/NominalTimeRunFacet", **times)
    if parent is not None:
        facets["parent"] = _facet(
            "1-2-0/ParentRunFacet", run={"runId": _to_uuid(parent)}, job=_to_job(parent)
        )
    if run.error:
        facets["errorMessage"] = _facet(
            "1-0-1/ErrorMessageRunFacet", message=run.error, programmingLanguage="Python"
        )
    return facets


def _to_dataset(node: LineageNode) -> dict[str, Any]:
    """Return an artifact by the place where it lies, or by its id, which stays when its name does not."""
    facets = {
        "documentation": _facet(
            "1-1-0/DocumentationDatasetFacet", description=f"{node.kind} {node.title}. {node.detail}".strip()
        )
    }
    if node.kind == ArtifactKind.VERSION:
        number = node.title.rpartition("@")[2]
        facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=number)
    if node.path:
        return {"namespace": "file", "name": node.path, "facets": facets}
    return {"namespace": "mlwf", "name": node.id, "facets": facets}


def _facet(schema: str, **fields: Any) -> dict[str, Any]:
    name = schema.partition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{FACET_SCHEMAS}{schema}.json#/$defs/{name}", **fields}


def _to_entity(node: LineageNode) -> dict[str, Any]:
    return {
        "prov:label": node.title,
        "prov:type": _qualify(f"mlwf:{node.kind}"),
        "mlwf:detail": node.detail,
        "mlwf:created_at": _format(node.created_at),
    }


def _to_activity(node: LineageNode, run: Run) -> dict[str, Any]:
    times = {"prov:startTime": run.started_at, "prov:endTime": run.finished_at}
    return {
        **{key: _format(at) for key, at in times.items() if at is not None},
        "prov:label": node.title,
        "prov:type": _qualify("mlwf:run"),
        "mlwf:verb": run.verb,
        "mlwf:state": run.state.value,
    }


def _to_agent(author: str) -> str:
    return f"agent:{quote(author, safe='') or 'unknown'}"


def _qualify(name: str) -> Mapping[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _format(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
