"""lint: what of the lineage is undocumented, sprawls or cannot be made again, and putting it right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import assert_never

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.entities.model import Model, Report, ReportKind, describe_benchmark
from mlwf_tui.entities.project import Project, Version, VersionKind
from mlwf_tui.entities.remark import FIXES, WARNING_TAGS, LintResult, Remark, RemarkKind
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.commit import summarise_version
from mlwf_tui.workflow.compare import read_comparison
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.graphs.folding import group_siblings
from mlwf_tui.workflow.pipelines.points import PIPELINE
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workflow.reporting.words import describe_comparison
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workflow.reproduce import VERBS, find_lacks
from mlwf_tui.workflow.run import put_card
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workspace import Workspace

MAX_CLASSES = 5
TELL = "tag it, so that its card says so"
MADE_AGAIN = tuple(verb for verb in VERBS if verb != "import")
"""What should be possible to make again; what was imported is in the home, and its folder may go."""
Described = Project | Version | Model | Report


def lint(workspace: Workspace) -> LintResult:
    """Look through all that is there, and all runs that have made something.

    Whether data can be read is not asked of every byte: `reproduce --check` does that for one run.
    """
    graph = workspace.catalog.lineage.read_graph()
    runs = workspace.catalog.runs.list(limit=None)
    described = [(thing, _has_words(thing)) for thing in _list_describable(workspace)]
    remarks = [
        *(_remark_undocumented(thing) for thing, is_described in described if not is_described),
        *_iter_datasets(graph),
        *_iter_sprawl(workspace, graph),
        *_iter_not_reproducible(workspace, graph, runs),
    ]
    return LintResult(
        remarks=tuple(remarks),
        described=sum(is_described for _, is_described in described),
        describable=len(described),
    )


def fix_remarks(
    workspace: Workspace, kinds: Collection[str] = (), nodes: Collection[str] = ()
) -> tuple[Remark, ...]:
    """Put right what lint says now, of these kinds and of these nodes, or all that can be; return it.

    A description comes from what is known of the thing. A dataset is shown as the version that it is
    of; its edge stays. What was done and cannot be changed any more, a run that has noted files one by one
    or cannot be done again, is tagged, so that its card says so; it is remarked no more. All of it can be
    seen in the history.

    Raises:
        InvalidParameter: there is no fix for such a kind.
    """
    unknown = [kind for kind in kinds if kind not in tuple(FIXES)]
    if unknown:
        raise InvalidParameter(
            f"There is no fix for {unknown[0]!r}.", hint=f"There is one for {', '.join(FIXES)}."
        )
    fixed = []
    for remark in lint(workspace).remarks:
        if not remark.fix or (kinds and remark.kind not in kinds) or (nodes and remark.node not in nodes):
            continue
        _fix(workspace, remark)
        fixed.append(remark)
    return tuple(fixed)


def _fix(workspace: Workspace, remark: Remark) -> None:
    match remark.kind:
        case RemarkKind.UNDOCUMENTED:
            describe(workspace, remark.ref, _find_words(workspace, remark.ref))
        case RemarkKind.DATASET:
            put_card(workspace, remark.node, Card(shown_as="project"))
        case RemarkKind.SPRAWL | RemarkKind.NOT_REPRODUCIBLE:
            tag(workspace, remark.node, WARNING_TAGS[remark.kind])
        case _:
            assert_never(remark.kind)


def _find_words(workspace: Workspace, ref: str) -> str:
    """Return what can be said of a thing from what is known of it."""
    thing = resolve(workspace, ref)
    match thing:
        case Project():
            summary = read_summary(workspace.store, thing.manifest)
            names = ", ".join(summary.schema.class_names[:MAX_CLASSES]) or "no classes"
            objects = format_count(summary.object_count, "object")
            return f"{format_count(summary.item_count, 'item')}, {objects}: {names}"
        case Version():
            return summarise_version(workspace, thing)
        case Model():
            run = workspace.catalog.runs.get(thing.run_id)
            data = ", ".join(ref.title for ref in run.inputs) or "nothing noted"
            return f"{thing.architecture or 'weights'} by {run.verb} of {data}{_tell_score(thing.metrics)}"
        case Report():
            return _describe_report(workspace, thing)
        case Run():
            raise AssertionError("a run is not described so")
        case _:
            assert_never(thing)


def _describe_report(workspace: Workspace, report: Report) -> str:
    if report.kind is ReportKind.COMPARISON:
        return describe_comparison(read_comparison(workspace, report))
    evaluation = read_evaluation(workspace, report)
    return describe_benchmark(report.model_name, report.version_ref, report.part, evaluation)


def _tell_score(metrics: Mapping[str, float]) -> str:
    return f", mAP50 {metrics['map50']:.3f}" if "map50" in metrics else ""


def _list_describable(workspace: Workspace) -> Iterator[Described]:
    catalog = workspace.catalog
    versions = catalog.versions.list_by_project()
    for project in catalog.projects.list():
        yield project
        yield from versions.get(project.id, ())
    yield from catalog.models.list()
    yield from catalog.reports.list()


def _has_words(thing: Described) -> bool:
    """Whether a person, or the summary of a commit, has said what it is; "before train" does not."""
    if isinstance(thing, Version):
        is_vague = thing.kind is VersionKind.AUTOMATIC and thing.message.startswith("before ")
        return bool(thing.message.strip()) and not is_vague
    return bool(thing.description.strip())


def _remark_undocumented(thing: Described) -> Remark:
    ref = thing.ref if isinstance(thing, Version) else thing.name
    kind = type(thing).__name__.lower()
    target = f"{thing.project_id}@{thing.number}" if isinstance(thing, Version) else thing.id
    return Remark(
        kind=RemarkKind.UNDOCUMENTED,
        ref=target,
        node=f"{kind}:{thing.head if isinstance(thing, Project) else thing.id}",
        message=f"the {kind} {ref} has no description of its own",
        fix="describe it by what is known of it",
    )


def _iter_datasets(graph: LineageGraph) -> Iterator[Remark]:
    """Yield the datasets that runs have named; the version that each is of stands beside it already."""
    for node in graph.nodes:
        if node.kind == ArtifactKind.DATASET:
            yield Remark(
                kind=RemarkKind.DATASET,
                ref=node.id,
                node=node.id,
                message=f"the dataset {node.title} stands on the lineage beside its project",
                fix="show its project alone",
            )


def _list_tagged(graph: LineageGraph, kind: RemarkKind) -> frozenset[str]:
    """Return the nodes whose cards say already what there is to remark."""
    return frozenset(node.id for node in graph.nodes if WARNING_TAGS[kind] in node.tags)


def _iter_sprawl(workspace: Workspace, graph: LineageGraph) -> Iterator[Remark]:
    tagged = _list_tagged(graph, RemarkKind.SPRAWL)
    for siblings in group_siblings(workspace, graph):
        if siblings.run in tagged:
            continue
        yield Remark(
            kind=RemarkKind.SPRAWL,
            ref=siblings.run,
            node=siblings.run,
            message=f"{len(siblings.members)} files of {siblings.folder} are noted one by one (they are drawn"
            " as one): note the folder",
            fix=TELL,
        )


def _iter_not_reproducible(
    workspace: Workspace, graph: LineageGraph, runs: Sequence[Run]
) -> Iterator[Remark]:
    """Yield the runs that have made something and could not do so again.

    A step's intermediates are made again by its pipeline, so that is what is asked about it.
    """
    made_again = _list_steps_made_again(workspace, runs)
    on_graph = {node.id for node in graph.nodes} - _list_tagged(graph, RemarkKind.NOT_REPRODUCIBLE)
    for run in runs:
        is_asked = run.verb in MADE_AGAIN or run.is_tracked
        if not (is_asked and run.outputs and run.state is RunState.DONE and f"run:{run.id}" in on_graph):
            continue
        lacks = find_lacks(workspace, run)
        if lacks and run.id not in made_again:
            yield Remark(
                kind=RemarkKind.NOT_REPRODUCIBLE,
                ref=run.id,
                node=f"run:{run.id}",
                message=f"the {run.verb} {run.id} cannot be done again: {'; '.join(lacks)}",
                fix=TELL,
            )


def _list_steps_made_again(workspace: Workspace, runs: Sequence[Run]) -> frozenset[str]:
    """Return the runs that are steps of a pipeline that could be done again, whoever did them first."""
    pipelines = [run for run in runs if run.verb == PIPELINE and run.state is RunState.DONE]
    return frozenset(
        step["run"]
        for run in pipelines
        if not run.is_tracked and not find_lacks(workspace, run)
        for step in run.result["steps"]
    )
