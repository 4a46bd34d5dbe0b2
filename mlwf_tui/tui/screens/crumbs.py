"""The places on the line of crumbs: all, a workspace, a project, a task, the history of one thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.outline import make_node_entry, make_project_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.graph_lens import Scope

WHOLE = "Everything"


class Crumb(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the lineage that can be gone to: `depth` scopes deep, or the one of the entry `key`."""

    title: str
    key: str = ""
    depth: int | None = None

    @property
    def kind(self) -> str:
        """What it is the lineage of."""
        kind = self.key.partition(":")[0]
        return {"head": "project", "": ""}.get(kind, kind)


def list_crumbs(scopes: Sequence[Scope], snapshot: Snapshot) -> list[Crumb]:
    """Return the way to the scope that is drawn, from everything on, with what the first one lies in."""
    crumbs = [Crumb(title=WHOLE, depth=0)]
    if scopes:
        crumbs += make_crumbs(scopes[0].around, snapshot)
    crumbs += [Crumb(title=scope.title, depth=number) for number, scope in enumerate(scopes, start=1)]
    return crumbs


def make_crumbs(keys: Iterable[str], snapshot: Snapshot) -> list[Crumb]:
    """Return the places of workspaces and projects."""
    crumbs = []
    for key in keys:
        kind, _, id = key.partition(":")
        project = snapshot.find_project(id) if kind == "head" else None
        if kind == "workspace":
            crumbs.append(Crumb(title=id, key=key))
        elif project is not None:
            crumbs.append(Crumb(title=snapshot.refer_to(project), key=key))
    return crumbs


def list_around(entry: Entry, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the keys of workspace and project that an entry lies in, as far as that is known."""
    match entry.entity:
        case Project() as project:
            return (f"workspace:{project.workspace}",)
        case Version() as version:
            return _lie_in(snapshot.find_project(version.project_id))
        case Run() as run:
            return _find_workspace(run.id, snapshot, run)
        case Model() as model:
            return _find_workspace(model.run_id, snapshot)
        case LineageNode() as node if node.kind in ("version", "project"):
            name = node.title.rpartition("@")[0] or node.title
            found = [project for project in snapshot.projects if project.name == name]
            return _lie_in(found[0]) if len(found) == 1 else ()
        case _:
            return _find_workspace(snapshot.find_run_of(entry.key) or "", snapshot)


def find_place(key: str, snapshot: Snapshot, now: datetime) -> Entry | None:
    """Return the entry that a crumb stands for, None where it is gone."""
    kind, _, id = key.partition(":")
    if kind == "workspace":
        return Entry(kind=EntryKind.WORKSPACE, key=key, ref="", title=id)
    if kind == "head":
        project = snapshot.find_project(id)
        return make_project_entry(project, snapshot) if project is not None else None
    node = snapshot.nodes.get(key)
    return make_node_entry(node, snapshot, now) if node is not None else None


def _lie_in(project: Project | None) -> tuple[str, ...]:
    return (f"workspace:{project.workspace}", f"head:{project.id}") if project is not None else ()


def _find_workspace(run_id: str, snapshot: Snapshot, run: Run | None = None) -> tuple[str, ...]:
    found = run or next((run for run in snapshot.runs if run.id == run_id), None)
    return (f"workspace:{found.workspace}",) if found is not None else ()
