"""Inputs and outputs of runs: the edges of lineage, and the rules that keep it free of cycles."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.reach import comes_from
from mlwf_tui.catalog.tables import (
    ArtifactRow,
    EdgeRow,
    FolderRow,
    IntermediateRow,
    ModelRow,
    ProjectRow,
    RecipeRow,
    ReportRow,
    StateRow,
    VersionRow,
)
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.lineage import Direction
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef
from mlwf_tui.errors import Conflict, NotFound

ArtifactTable = type[
    FolderRow | RecipeRow | IntermediateRow | ArtifactRow | StateRow | VersionRow | ModelRow | ReportRow
]

ARTIFACT_TABLES: Mapping[ArtifactKind, ArtifactTable] = {
    ArtifactKind.FOLDER: FolderRow,
    ArtifactKind.RECIPE: RecipeRow,
    ArtifactKind.INTERMEDIATE: IntermediateRow,
    ArtifactKind.PROJECT: StateRow,
    ArtifactKind.VERSION: VersionRow,
    ArtifactKind.MODEL: ModelRow,
    ArtifactKind.REPORT: ReportRow,
    ArtifactKind.FILE: ArtifactRow,
    ArtifactKind.WEIGHTS: ArtifactRow,
    ArtifactKind.DATASET: ArtifactRow,
    ArtifactKind.SESSION: ArtifactRow,
    ArtifactKind.LABELING_JOB: ArtifactRow,
}
_KINDS_OF: Mapping[ArtifactTable, tuple[ArtifactKind, ...]] = {
    table: tuple(kind for kind, other in ARTIFACT_TABLES.items() if other is table)
    for table in ARTIFACT_TABLES.values()
}


def add_edge(database: Database, run_id: RunId, direction: Direction, ref: ArtifactRef) -> bool:
    """Add an edge inside the caller's transaction; return False where it is there already.

    Raises:
        NotFound: there is no such artifact.
        Conflict: an output that is not new, or an input that came of the run itself: a cycle.
    """
    same = EdgeRow.select().where(EdgeRow.kind == ref.kind, EdgeRow.artifact_id == ref.id)
    mine = same.where(EdgeRow.run_id == run_id, EdgeRow.direction == direction)
    if database.find(mine) is not None:
        return False
    table = ARTIFACT_TABLES[ref.kind]
    if database.find(table.select(table.id).where(table.id == ref.id)) is None:
        raise NotFound(f"There is no {ref.kind} with the id {ref.id}.", hint="See mlwf graph.")
    if direction is Direction.INPUT:
        _refuse_cycle(database, run_id, ref)
    elif database.find(same) is not None:
        raise Conflict(
            f"The {ref.kind} {ref.id} was made or used by a run before, so it cannot be a new output.",
            hint="An output is always a new state, version, model, report or folder.",
        )
    database.execute(EdgeRow.insert(run_id=run_id, direction=direction, kind=ref.kind, artifact_id=ref.id))
    return True


def _refuse_cycle(database: Database, run_id: RunId, ref: ArtifactRef) -> None:
    """Raise Conflict where an artifact came of the very run that is to read it.

    A verb reads before it writes, so this is one look-up; a program that writes, lets others work on
    what it wrote, and reads their outcome, is found by walking down from its outputs.
    """
    mine = EdgeRow.select().where(EdgeRow.run_id == run_id, EdgeRow.direction == Direction.OUTPUT)
    if database.find(mine) is not None and comes_from(database, (ref.kind, ref.id), run_id):
        raise Conflict(
            f"The {ref.kind} {ref.title or ref.id} came of the run {run_id} itself: it cannot be its input.",
            hint="Open a second run for what works on the outcome of the first.",
        )


class RunEdges:
    """The inputs and outputs of several runs, each in the order in which they were added."""

    def __init__(self, rows: list[tuple[str, str, str, str, str]]) -> None:
        self._refs: dict[tuple[str, str], list[ArtifactRef]] = defaultdict(list)
        for run_id, direction, kind, artifact_id, title in rows:
            self._refs[run_id, direction].append(ArtifactRef(ArtifactKind(kind), artifact_id, title))

    def select(self, run_id: str, direction: Direction) -> tuple[ArtifactRef, ...]:
        """Return the artifacts at one side of a run."""
        return tuple(self._refs.get((run_id, direction), ()))


def read_edges(database: Database, run_ids: Iterable[str]) -> RunEdges:
    """Return the edges of these runs, with titles as they are today."""
    statement, kinds = _write_query()
    with database.working_on_rows():
        return RunEdges(database.execute_sql(statement, (*kinds, json.dumps(list(run_ids)))))


@cache
def _write_query() -> tuple[str, tuple[str, ...]]:
    """Return the query as SQL, and what it names; its last parameter is a list of ids, as JSON.

    To write it takes peewee 2 ms, and it is asked whenever a run is read.
    """
    state_project = ProjectRow.alias()
    version_project = ProjectRow.alias()
    title = pw.fn.COALESCE(
        FolderRow.path,
        RecipeRow.name,
        IntermediateRow.title,
        state_project.name,
        version_project.name.concat("@").concat(VersionRow.number),
        ModelRow.name,
        ReportRow.name,
        ArtifactRow.name,
        "",
    )
    query = EdgeRow.select(EdgeRow.run_id, EdgeRow.direction, EdgeRow.kind, EdgeRow.artifact_id, title)
    for table, kinds in _KINDS_OF.items():
        query = query.join_from(EdgeRow, table, pw.JOIN.LEFT_OUTER, on=_is_end(kinds, table))
    query = query.join_from(
        StateRow, state_project, pw.JOIN.LEFT_OUTER, on=(state_project.id == StateRow.project_id)
    ).join_from(
        VersionRow, version_project, pw.JOIN.LEFT_OUTER, on=(version_project.id == VersionRow.project_id)
    )
    statement, values = query.where(is_one_of(EdgeRow.run_id, ())).order_by(EdgeRow.sequence).sql()
    return statement, tuple(values[:-1])


def _is_end(kinds: tuple[ArtifactKind, ...], table: ArtifactTable) -> Any:
    return EdgeRow.kind.in_(kinds) & (EdgeRow.artifact_id == table.id)
