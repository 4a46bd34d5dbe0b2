"""The steps that pipelines still have to do, as nodes of the lineage graph; not a verb.

They are made up from what a pipeline's run has noted, each time the graph is looked at, and nothing of
them is stored: once the run has ended, however it did, they are gone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.lineage import LineageEdge, LineageGraph, LineageNode
from mlwf_tui.entities.pipeline import StepReport, StepState
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState
from mlwf_tui.errors import NotFound
from mlwf_tui.formats.pipelines import read_pipeline
from mlwf_tui.workflow.pipelines.points import PIPELINE
from mlwf_tui.workflow.refs import resolve_project_ref
from mlwf_tui.workspace import Workspace

_TO_DO = (StepState.WAITING, StepState.RUNNING)


def add_planned_steps(workspace: Workspace, graph: LineageGraph) -> LineageGraph:
    """Return the graph with what pipelines on it that have not ended still have to do.

    Each such step is a queued run with the intermediate that it will make. Their ids name nothing in the
    home.
    """
    nodes, edges = list(graph.nodes), list(graph.edges)
    for node in graph.nodes:
        if node.kind == "run" and node.title == PIPELINE and not RunState(node.state).is_finished:
            run = workspace.catalog.runs.get(node.id.partition(":")[2])
            recipe = next((found for found in run.inputs if found.kind is ArtifactKind.RECIPE), None)
            if recipe is not None and run.result.get(
                "steps"
            ):  # else a program of somebody else calls itself so
                planned = _Planned(workspace, run, recipe, {known.id for known in graph.nodes})
                nodes += planned.iter_nodes()
                edges += planned.iter_edges()
    return LineageGraph(tuple(nodes), tuple(edges))


class _Planned:
    """What one pipeline's run still has to do."""

    def __init__(self, workspace: Workspace, run: Run, recipe: ArtifactRef, known: set[str]) -> None:
        self._workspace = workspace
        self._run = run
        self._known = known  # ids of nodes that are there
        self._reports = msgspec.convert(run.result["steps"], tuple[StepReport, ...])
        text = workspace.catalog.recipes.get(recipe.id).text
        self._pipeline = read_pipeline(text.encode(), recipe.title)
        self._lasts = {branch.name: branch.last for branch in self._pipeline.branches}

    def iter_nodes(self) -> Iterator[LineageNode]:
        for report in self._list_to_do():
            if report.state is StepState.WAITING:
                yield self._node("run", report.name, report.operation, RunState.QUEUED.value)
            yield self._node(ArtifactKind.INTERMEDIATE, report.name, report.name, "")

    def iter_edges(self) -> Iterator[LineageEdge]:
        for report in self._list_to_do():
            run_id = self._find_run(report)
            if report.state is StepState.WAITING:
                for name in report.inputs:
                    yield from self._edge(self._find_result(name), run_id)
            yield from self._edge(run_id, self._name(ArtifactKind.INTERMEDIATE, report.name))
        for output in self._pipeline.outputs:
            yield from self._edge(self._find_result(output.result), f"run:{self._run.id}")

    def _list_to_do(self) -> list[StepReport]:
        return [report for report in self._reports if report.state in _TO_DO]

    def _node(self, kind: str, name: str, title: str, state: str) -> LineageNode:
        return LineageNode(
            id=self._name(kind, name),
            kind=kind,
            title=title,
            state=state,
            detail=f"{name}, to do" if kind == "run" else "to be made",
            created_at=self._run.created_at,
        )

    def _name(self, kind: str, step: str) -> str:
        return f"{kind}:{self._run.id}/{step}"

    def _edge(self, source: str, target: str) -> Iterator[LineageEdge]:
        if all(node in self._known or f":{self._run.id}/" in node for node in (source, target)):
            yield LineageEdge(source, target)

    def _find_run(self, report: StepReport) -> str:
        """Return the node of the run that does a step: the real one where it has begun."""
        if report.state is StepState.RUNNING:
            for part in self._workspace.catalog.runs.list_parts(self._run.id):
                if part.params.get("step") == report.name:
                    return f"run:{part.id}"
        return self._name("run", report.name)

    def _find_result(self, name: str) -> str:
        """Return the node of what a source, step or branch holds, or will."""
        resolved = self._lasts.get(name, name)
        report = next((report for report in self._reports if report.name == resolved), None)
        if report is None:
            return self._find_source(resolved)
        if report.state in _TO_DO:
            return self._name(ArtifactKind.INTERMEDIATE, resolved)
        outputs = self._workspace.catalog.runs.get(RunId(report.run)).outputs
        kinds = (ArtifactKind.INTERMEDIATE, ArtifactKind.VERSION)
        return next((f"{made.kind}:{made.id}" for made in outputs if made.kind in kinds), "")

    def _find_source(self, name: str) -> str:
        versions = self._workspace.catalog.versions
        try:
            project, number = resolve_project_ref(self._workspace, self._run.params["sources"][name])
            version = versions.latest(project.id) if number is None else versions.get(project.id, number)
        except NotFound:  # it was deleted meanwhile: then no edge leads from it
            return ""
        return "" if version is None else f"{ArtifactKind.VERSION}:{version.id}"
