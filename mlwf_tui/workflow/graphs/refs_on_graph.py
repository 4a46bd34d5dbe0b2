"""Turns what a person writes into nodes of the lineage: a ref, KIND:ID as on the graph, or a path."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mlwf_tui.catalog.lookup import hint_undelete
from mlwf_tui.entities.ids import ModelId, ReportId, VersionId
from mlwf_tui.entities.lineage import RUN_KIND, Node
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.refs import Entity, resolve, resolve_minor
from mlwf_tui.workspace import Workspace

KIND_NAMES: dict[type, str] = {
    Project: ArtifactKind.PROJECT.value,
    Version: ArtifactKind.VERSION.value,
    Model: ArtifactKind.MODEL.value,
    Report: ArtifactKind.REPORT.value,
    Run: RUN_KIND,
}


def find_nodes(workspace: Workspace, ref: str) -> tuple[Node, ...]:
    """Return the nodes that a ref means: of a project all of its states and versions, else one.

    What was deleted is meant as well, but for projects: its stub is drawn.

    Raises:
        NotFound: nothing is meant by it.
    """
    node = _find_written(workspace, ref)
    if node is not None:
        return (node,)
    state = resolve_minor(workspace, ref)
    if state is not None:
        return ((ArtifactKind.PROJECT.value, state.id),)
    try:
        entity = resolve(workspace, ref)
    except NotFound:
        nodes = _find_paths(workspace, ref) or _find_stubs(workspace, ref)
        if nodes:
            return nodes
        raise
    return _list_states(workspace, entity) if isinstance(entity, Project) else (to_node(entity),)


def find_card_node(workspace: Workspace, ref: str) -> tuple[str, str, Entity | None]:
    """Return kind and id of the one node that a ref means, and what it is where it has a name of its own.

    Of a project it is that of its head; of a folder or file, what its path was last.

    Raises:
        NotFound: nothing is meant by it.
    """
    node = _find_written(workspace, ref)
    if node is not None:
        return (*node, _find_entity(workspace, *node))
    state = resolve_minor(workspace, ref)
    if state is not None:
        return (ArtifactKind.PROJECT.value, state.id, None)
    try:
        entity = resolve(workspace, ref)
    except NotFound:
        nodes = _find_paths(workspace, ref)
        if nodes:
            return (*nodes[-1], None)
        raise
    return (*to_node(entity), entity)


def find_entity(workspace: Workspace, ref: str) -> Entity:
    """Return what a ref, or KIND:ID as on the graph, means.

    Raises:
        NotFound: nothing is meant by it, it was deleted, or it is of a kind without a name of its own.
        InvalidParameter: several ids begin so.
    """
    node = _find_written(workspace, ref)
    if node is None:
        return resolve(workspace, ref)
    entity = _find_entity(workspace, *node)
    if entity is not None:
        return entity
    for deleted in workspace.catalog.deletions.list():
        if (deleted.kind, deleted.id) == node:
            raise NotFound(f"{deleted.ref} was deleted.", hint=hint_undelete(deleted.id))
    raise NotFound(f"Of {ref} nothing is told here.", hint=f"See what it hangs on: mlwf trace {ref}")


def to_node(entity: Entity) -> Node:
    """Return the node that something with a name of its own has; a project's is that of its head."""
    return KIND_NAMES[type(entity)], entity.head if isinstance(entity, Project) else entity.id


def _find_written(workspace: Workspace, ref: str) -> Node | None:
    """Return the node that is written KIND:ID, or None where a ref is not written so. Raises NotFound."""
    kind, colon, id = ref.partition(":")
    if not colon or kind not in (RUN_KIND, *ArtifactKind):
        return None
    if not workspace.catalog.lineage.has_node((kind, id)):
        raise NotFound(f"There is no {kind} with the id {id}.", hint="See mlwf graph --format json.")
    return kind, id


def _find_paths(workspace: Workspace, ref: str) -> tuple[Node, ...]:
    return workspace.catalog.lineage.find_by_path(str(Path(ref).absolute())) if "\0" not in ref else ()


def _find_stubs(workspace: Workspace, ref: str) -> tuple[Node, ...]:
    """Return the deleted versions, models and reports that a ref means."""
    found = (one for one in workspace.catalog.deletions.list() if one.answers_to(ref))
    return tuple((one.kind.value, one.id) for one in found if one.kind is not ArtifactKind.PROJECT)


def _find_entity(workspace: Workspace, kind: str, id: str) -> Entity | None:
    """Return what a node stands for where that has a name of its own; None also where it was deleted."""
    catalog = workspace.catalog
    with suppress(NotFound):
        match kind:
            case ArtifactKind.VERSION:
                return catalog.versions.get_by_id(VersionId(id))
            case ArtifactKind.MODEL:
                return catalog.models.get_by_id(ModelId(id))
            case ArtifactKind.REPORT:
                return catalog.reports.get_by_id(ReportId(id))
            case "run":
                return catalog.runs.get(id)
    return None


def _list_states(workspace: Workspace, project: Project) -> tuple[Node, ...]:
    """Return all that a project has been, but for states that no run has touched."""
    versions = [(ArtifactKind.VERSION.value, v.id) for v in workspace.catalog.versions.list(project.id)]
    states = workspace.catalog.projects.list_states(project.id)
    touched = workspace.catalog.lineage.keep_touched([(ArtifactKind.PROJECT.value, s.id) for s in states])
    return (*versions, *touched) if versions or touched else ((ArtifactKind.PROJECT.value, project.head),)
