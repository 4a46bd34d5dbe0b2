"""Everything of a home that the main screen lists, read in one go from a worker thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mlwf_tui.entities.ids import ProjectId
from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import DEFAULT_WORKSPACE, Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.content import count_datasets
from mlwf_tui.workflow.describe import Coverage, measure_coverage
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.groups import list_groups
from mlwf_tui.workflow.journal import latest_sequence
from mlwf_tui.workflow.models import list_models
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.reports import list_reports
from mlwf_tui.workflow.runs import count_runs, is_queue_paused, list_present_runs
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace


@dataclass(frozen=True)
class Snapshot:
    """What was there when it was read; `versions` only of the projects whose branch was opened."""

    sequence: int = 0  # of the newest journal event that is surely in it
    projects: tuple[Project, ...] = ()
    versions: Mapping[ProjectId, tuple[Version, ...]] = field(default_factory=dict)
    datasets: Mapping[ProjectId, Mapping[str, int]] = field(default_factory=dict)  # of the same, with counts
    models: tuple[Model, ...] = ()
    reports: tuple[Report, ...] = ()
    runs: tuple[Run, ...] = ()  # the newest, and all that are not over
    run_count: int = 0  # of all
    is_queue_paused: bool = False
    graph: LineageGraph = LineageGraph((), ())
    coverage: Coverage = Coverage()
    folders: tuple[LineageNode, ...] = ()  # drawn in the place of sibling files, their members
    is_read_only: bool = False  # as is the home: nothing can be done that changes it

    @property
    def is_empty(self) -> bool:
        return not (self.projects or self.models or self.reports or self.runs)

    @property
    def older_run_count(self) -> int:
        """How many runs there are besides `runs`; what is new may be counted and not be among them yet."""
        return max(0, self.run_count - len(self.runs))

    @cached_property
    def active_runs(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if not run.state.is_finished)

    @cached_property
    def nodes(self) -> Mapping[str, LineageNode]:
        """Every node of the lineage by its id, with those that stand for many."""
        return {node.id: node for node in (*self.graph.nodes, *self.folders)}

    @cached_property
    def has_hidden(self) -> bool:
        """Whether a card was left out of the lineage by a person."""
        return any(node.is_hidden for node in self.graph.nodes)

    @cached_property
    def _makers(self) -> Mapping[str, str]:
        return {edge.target: edge.source for edge in self.graph.edges}

    def find_run_of(self, node_id: str) -> str | None:
        """Return the id of the run that a node is, that made it, or that reads what nothing has made."""
        run = node_id if node_id.startswith("run:") else self._makers.get(node_id)
        if run is None:
            run = next((edge.target for edge in self.graph.edges if edge.source == node_id), None)
        return run.partition(":")[2] if run is not None else None

    @cached_property
    def _name_counts(self) -> Counter[str]:
        return Counter(project.name for project in self.projects)

    def refer_to(self, project: Project) -> str:
        """Return the shortest ref that names this project and no other."""
        if self._name_counts[project.name] > 1 and project.workspace != DEFAULT_WORKSPACE:
            return f"{project.workspace}/{project.name}"
        return project.name

    def find_target(self, ref: str) -> str:
        """Return a ref of data by the id of the project that has the name here; else the ref itself.

        A form keeps what it was opened with, so that what is chosen in it stays what was looked at.
        """
        name, at, which = ref.partition("@")
        project = next((one for one in self.projects if self.refer_to(one) == name), None)
        return ref if project is None else f"{project.id}{at}{which}"

    def find_model_target(self, name: str) -> str:
        """Return the id of the model that has the name here; else the name itself."""
        return next((model.id for model in self.models if model.name == name), name)

    def find_project(self, project_id: str) -> Project | None:
        return next((project for project in self.projects if project.id == project_id), None)

    def find_version(self, version_id: str) -> Version | None:
        versions = (version for known in self.versions.values() for version in known)
        return next((version for version in versions if version.id == version_id), None)

    def iter_data_refs(self) -> Iterator[str]:
        """Yield what a person may write where data is asked for, projects before their versions."""
        for project in self.projects:
            ref = self.refer_to(project)
            yield ref
            for number in range(project.latest_version or 0, 0, -1):
                yield f"{ref}@{number}"


def read_snapshot(workspace: Workspace, opened: Iterable[ProjectId]) -> Snapshot:
    """Read the home. The journal's end is read first, so that no later change can be missed."""

    sequence = latest_sequence(workspace)
    projects = list_projects(workspace)
    wanted = set(opened)
    graph, runs = read_graph(workspace), list_present_runs(workspace)
    models, reports = list_models(workspace), list_reports(workspace)
    return Snapshot(
        sequence=sequence,
        projects=projects,
        versions={p.id: list_versions(workspace, p.id) for p in projects if p.id in wanted},
        datasets={p.id: count_datasets(workspace, p) for p in projects if p.id in wanted},
        models=models,
        reports=reports,
        runs=runs,
        run_count=count_runs(workspace),
        is_queue_paused=is_queue_paused(workspace),
        graph=_add_planned_steps(workspace, graph, runs),
        coverage=measure_coverage(workspace, (*projects, *models, *reports)),
        folders=list_groups(workspace, graph),
        is_read_only=workspace.is_read_only,
    )


def _add_planned_steps(workspace: Workspace, graph: LineageGraph, runs: Iterable[Run]) -> LineageGraph:
    """Return the graph with what pipelines that go on still have to do."""
    if not any(run.verb == "pipeline" and not run.state.is_finished for run in runs):
        return graph
    # What pipelines import is 60 ms that the app's first picture does without.
    from mlwf_tui.workflow.pipelines.planned_steps import add_planned_steps  # noqa: PLC0415

    return add_planned_steps(workspace, graph)
