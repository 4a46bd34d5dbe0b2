"""Makes entries of what a snapshot holds, and the outline that the tree draws; no widgets, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.lines import first_line
from mlwf_tui.entities.measurement import METRIC_NAMES, choose_two
from mlwf_tui.entities.metric import choose_main, has_best, is_better_low
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Branch, Entry, EntryKind, Excerpt
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS, format_age

RUNS = "section:runs"
OLDER_RUNS = "older:runs"
"""The key of the line that stands for the runs that the tree leaves out."""

SUBJECT_PARAMS = ("name", "step", "project", "to", "version", "model", "data")
"""The parameters that tell runs of one verb apart, best first."""

NODE_KINDS = {
    ArtifactKind.FOLDER.value: EntryKind.FOLDER,
    ArtifactKind.FILE.value: EntryKind.FILE,
    ArtifactKind.WEIGHTS.value: EntryKind.FILE,
    ArtifactKind.RECIPE.value: EntryKind.RECIPE,
    ArtifactKind.INTERMEDIATE.value: EntryKind.INTERMEDIATE,
    ArtifactKind.PROJECT.value: EntryKind.STATE,
    ArtifactKind.VERSION.value: EntryKind.VERSION,
    ArtifactKind.MODEL.value: EntryKind.MODEL,
    ArtifactKind.REPORT.value: EntryKind.REPORT,
    "run": EntryKind.RUN,
}


def build_outline(snapshot: Snapshot, now: datetime, *, is_filtered: bool = False) -> tuple[Branch, ...]:
    """Return workspaces with their projects, then models, reports and runs, active runs first.

    Of runs the newest are there, and a line that opens all; where a filter will leave a part of it, it says
    that older ones are not looked through.
    """
    workspaces = dict.fromkeys(project.workspace for project in snapshot.projects)
    branches = [_build_workspace(name, snapshot, now) for name in workspaces]
    models = [make_model_entry(model) for model in snapshot.models]
    reports = [make_report_entry(report) for report in snapshot.reports]
    runs = sorted(snapshot.runs, key=lambda run: run.state.is_finished)
    return (
        *branches,
        _build_section("models", "Models", models),
        _build_section("reports", "Reports", reports),
        _build_runs(snapshot, [make_run_entry(run, now) for run in runs], is_filtered=is_filtered),
    )


def make_project_entry(project: Project, snapshot: Snapshot) -> Entry:
    return Entry(
        kind=EntryKind.PROJECT,
        key=f"head:{project.id}",
        ref=snapshot.refer_to(project),
        target=project.id,
        title=project.name,
        note=f"{project.item_count:,}{_describe_head(project)}",
        entity=project,
    )


def _describe_head(project: Project) -> str:
    """Return which version the head is as; a star where it is as none, or there is a newer one."""
    number = project.head_version or project.latest_version
    return (f" @{number}" if number is not None else "") + (" *" if project.is_changed else "")


def make_version_entry(version: Version, snapshot: Snapshot, now: datetime) -> Entry:
    project = snapshot.find_project(version.project_id)
    name = snapshot.refer_to(project) if project is not None else version.project_name
    return Entry(
        kind=EntryKind.VERSION,
        key=f"version:{version.id}",
        ref=f"{name}@{version.number}",
        target=version.full_ref,
        title="  ".join(
            (f"@{version.number}", *(f"#{tag}" for tag in version.tags), first_line(version.message))
        ),
        note=format_age(version.created_at, now),
        entity=version,
    )


def make_dataset_entry(within: Entry, name: str, item_count: int) -> Entry:
    """Return the entry of a dataset of a project or version, with those below it."""
    return Entry(
        kind=EntryKind.DATASET,
        key=f"dataset:{within.key}/{name}",
        ref=name,
        title=name,
        note=f"{item_count:,}",
        entity=Excerpt(ref=within.ref, target=within.target, dataset=name, item_count=item_count),
        within=within,
    )


def make_item_entry(within: Entry, item: Item) -> Entry:
    """Return the entry of an item of a project or version."""
    return Entry(
        kind=EntryKind.ITEM,
        key=f"item:{within.key}/{item.key}",
        ref=item.key,
        title=item.name,
        note=item.split.value,
        entity=Excerpt(
            ref=within.ref, target=within.target, dataset=item.dataset, items=(item,), item_count=1
        ),
        within=within,
    )


def make_model_entry(model: Model) -> Entry:
    scores = [key for key in model.metrics if has_best(key) and not is_better_low(key)]
    key = "map" if "map" in scores else choose_main(scores)  # of our own evaluation, "map" is mAP50-95
    return Entry(
        kind=EntryKind.MODEL,
        key=f"model:{model.id}",
        ref=model.name,
        target=model.id,
        title=model.name,
        note="" if key is None else f"{model.metrics[key]:.3f}",
        entity=model,
    )


def make_report_entry(report: Report) -> Entry:
    figure = next(iter(choose_two(report.metrics)), "map")
    note = f"{METRIC_NAMES.get(figure, figure)} {report.write_figure(figure)}" if report.metrics else ""
    return Entry(
        kind=EntryKind.REPORT,
        key=f"report:{report.id}",
        ref=report.name,
        target=report.id,
        title=report.name,
        note=note,
        entity=report,
    )


def make_run_entry(run: Run, now: datetime) -> Entry:
    subject = next((str(run.params[name]) for name in SUBJECT_PARAMS if run.params.get(name)), "")
    subject = subject or str(run.result.get("project", ""))  # that an undo of the newest change was in
    return Entry(
        kind=EntryKind.RUN,
        key=f"run:{run.id}",
        ref=run.id,
        target=run.id,
        title=f"{run.verb} {subject}".strip(),
        note=format_age(run.created_at, now),
        state=run.state.value,
        entity=run,
    )


def make_node_entry(node: LineageNode, snapshot: Snapshot, now: datetime) -> Entry:
    """Return the entry of a node: the known thing where the snapshot holds it, else the node itself."""
    if node.is_planned:
        return Entry(
            kind=EntryKind.PLANNED, key=node.id, ref="", title=node.title, state=node.state, entity=node
        )
    kind, _, thing_id = node.id.partition(":")
    match NODE_KINDS.get(kind, EntryKind.ARTIFACT):
        case EntryKind.MODEL:
            known = next((m for m in snapshot.models if m.id == thing_id), None)
            found = make_model_entry(known) if known else None
        case EntryKind.REPORT:
            report = next((r for r in snapshot.reports if r.id == thing_id), None)
            found = make_report_entry(report) if report else None
        case EntryKind.RUN:
            run = next((r for r in snapshot.runs if r.id == thing_id), None)
            found = make_run_entry(run, now) if run else None
        case EntryKind.VERSION:
            version = snapshot.find_version(thing_id)
            found = make_version_entry(version, snapshot, now) if version else None
        case EntryKind.STATE:
            project = next((p for p in snapshot.projects if p.head == thing_id), None)
            found = make_project_entry(project, snapshot) if project else None
        case _:
            found = None
    return found or _make_stub(node)


def renew_entry(entry: Entry, snapshot: Snapshot, now: datetime) -> Entry | None:
    """Return the entry of the same thing as it is in the snapshot, or None where it is gone."""
    match entry.entity:
        case Run() as run:
            found = next((r for r in snapshot.runs if r.id == run.id), None)
            return make_run_entry(found, now) if found else entry
        case Project() as project:
            known = snapshot.find_project(project.id)
            return make_project_entry(known, snapshot) if known else None
        case Version() as version:
            if snapshot.find_project(version.project_id) is None:
                return None
            newer = snapshot.find_version(version.id) or version  # not all versions are read
            return make_version_entry(newer, snapshot, now)
        case Model() as model:
            kept = next((m for m in snapshot.models if m.id == model.id), None)
            return make_model_entry(kept) if kept else None
        case Report() as report:
            found_report = next((r for r in snapshot.reports if r.id == report.id), None)
            return make_report_entry(found_report) if found_report else None
        case LineageNode() as node:
            drawn = snapshot.nodes.get(node.id)
            return make_node_entry(drawn, snapshot, now) if drawn else entry
        case _:
            return entry


def find_node_id(entry: Entry, snapshot: Snapshot) -> str | None:
    """Return the id of the node that stands for the entry on the lineage graph, if one does."""
    if not isinstance(entry.entity, Project):
        return entry.key if entry.key in snapshot.nodes else None
    head = f"{ArtifactKind.PROJECT.value}:{entry.entity.head}"
    if head in snapshot.nodes:
        return head
    title = f"{entry.entity.name}@{entry.entity.latest_version}"
    named = (
        node.id for node in snapshot.graph.nodes if node.kind == ArtifactKind.VERSION and node.title == title
    )
    return next(named, None)


def find_tags(entry: Entry, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the tags of a version, or those on the card of anything else."""
    if isinstance(entry.entity, Version):
        return entry.entity.tags
    node = snapshot.nodes.get(entry.key)
    return node.tags if node is not None else ()


def _make_stub(node: LineageNode) -> Entry:
    """Return the entry of a node that nothing of the snapshot stands for."""
    kind = EntryKind.GROUP if node.members else NODE_KINDS.get(node.kind, EntryKind.ARTIFACT)
    ref, target = _refer_to(kind, node)
    return Entry(
        kind=kind,
        key=node.id,
        ref=ref,
        target=target,
        title=node.title,
        state=node.state if node.state in STATE_GLYPHS else "",
        entity=node,
    )


def _refer_to(kind: EntryKind, node: LineageNode) -> tuple[str, str]:
    """Return what a person writes for a node, and what names it beyond doubt; all others are KIND:ID."""
    bare = node.id.partition(":")[2]
    match kind:
        case EntryKind.GROUP:
            return node.title, ""
        case EntryKind.VERSION:
            return node.title, node.title
        case EntryKind.STATE if "@" in node.title:
            return node.title, node.title
        case EntryKind.MODEL | EntryKind.REPORT:
            return node.title, bare
        case EntryKind.RUN:
            return bare, bare
        case EntryKind.FOLDER | EntryKind.FILE:
            return node.path or node.title, node.id
        case _:
            return node.id, node.id


def _build_workspace(name: str, snapshot: Snapshot, now: datetime) -> Branch:
    projects = [project for project in snapshot.projects if project.workspace == name]
    entry = Entry(
        kind=EntryKind.WORKSPACE,
        key=f"workspace:{name}",
        ref="",
        title=name,
        note=format_count(len(projects), "project"),
    )
    return Branch(entry, tuple(_build_project(project, snapshot, now) for project in projects), is_open=True)


def _build_project(project: Project, snapshot: Snapshot, now: datetime) -> Branch:
    entry = make_project_entry(project, snapshot)
    if project.latest_version is None:
        return Branch(entry, ())
    versions = snapshot.versions.get(project.id)
    if versions is None:
        return Branch(entry, (), is_loaded=False)
    datasets = snapshot.datasets.get(project.id, {})
    held = Branch(
        Entry(
            kind=EntryKind.SECTION,
            key=f"datasets:{project.id}",
            ref="",
            title="Datasets",
            note=f"{len(datasets)}",
        ),
        tuple(Branch(make_dataset_entry(entry, name, count)) for name, count in datasets.items()),
    )
    made = tuple(Branch(make_version_entry(version, snapshot, now)) for version in versions)
    return Branch(entry, (held, *made) if datasets else made)


def make_section_entry(name: str, title: str, count: int) -> Entry:
    return Entry(kind=EntryKind.SECTION, key=f"section:{name}", ref="", title=title, note=f"{count:,}")


def make_runs_entry(snapshot: Snapshot) -> Entry:
    return make_section_entry("runs", "Runs", len(snapshot.runs) + snapshot.older_run_count)


def _build_runs(snapshot: Snapshot, entries: Sequence[Entry], *, is_filtered: bool) -> Branch:
    branches = [Branch(entry) for entry in entries]
    if snapshot.older_run_count:
        title = f"{snapshot.older_run_count:,} older"
        older = Entry(
            kind=EntryKind.SECTION,
            key=OLDER_RUNS,
            ref="",
            title=f"{title} not searched" if is_filtered else title,
            note="⏎ all",
        )
        branches.append(Branch(older, is_kept=True))
    return Branch(make_runs_entry(snapshot), tuple(branches), is_open=True)


def _build_section(name: str, title: str, entries: Sequence[Entry]) -> Branch:
    section = make_section_entry(name, title, len(entries))
    return Branch(section, tuple(Branch(entry) for entry in entries), is_open=True)
