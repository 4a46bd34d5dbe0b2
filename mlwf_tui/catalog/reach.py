"""What lies up- and downstream of some nodes, found by SQLite itself; the work grows with what is found."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.entities.lineage import RUN_KIND, Direction, Node

# CROSS JOIN keeps SQLite to this order of the tables: each step is two look-ups in an index.
_REACH = """
WITH RECURSIVE start (kind, id) AS (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
), reached (run_id) AS (
    SELECT id FROM start WHERE kind = 'run'
    UNION
    SELECT near.run_id FROM start CROSS JOIN run_edge AS near
        ON near.kind = start.kind AND near.artifact_id = start.id AND near.direction = '{near}'
    UNION
    SELECT near.run_id FROM reached
        CROSS JOIN run_edge AS far ON far.run_id = reached.run_id AND far.direction = '{far}'
        CROSS JOIN run_edge AS near
        ON near.kind = far.kind AND near.artifact_id = far.artifact_id AND near.direction = '{near}'
)
"""
_EDGES = """
SELECT edge.run_id, edge.direction, edge.kind, edge.artifact_id
FROM reached CROSS JOIN run_edge AS edge ON edge.run_id = reached.run_id ORDER BY edge.sequence
"""
_IS_REACHED = """
SELECT 1 FROM reached CROSS JOIN run_edge AS edge
    ON edge.run_id = reached.run_id AND edge.direction = 'output'
WHERE edge.kind = ? AND edge.artifact_id = ? LIMIT 1
"""


class EdgeFact(NamedTuple):
    """One edge as the table holds it."""

    run_id: str
    direction: str
    kind: str
    artifact_id: str


def read_reach(database: Database, starts: Collection[Node], side: Direction) -> list[EdgeFact]:
    """Return the edges to all that `starts` came from (INPUT), or to all that came of them (OUTPUT)."""
    far = side
    near = Direction.OUTPUT if far is Direction.INPUT else Direction.INPUT
    query = pw.RawQuery(_REACH.format(near=near, far=far) + _EDGES, (json.dumps(sorted(starts)),))
    edges = [EdgeFact._make(row) for row in database.fetch_plain(query)]
    within = {edge[2:] for edge in edges if edge[1] == far} | set(starts)
    return [edge for edge in edges if edge[1] == far or edge[2:] in within]


def comes_from(database: Database, artifact: Node, run_id: str) -> bool:
    """Whether an artifact was made by a run, or by any that came of it."""
    query = pw.RawQuery(
        _REACH.format(near=Direction.INPUT, far=Direction.OUTPUT) + _IS_REACHED,
        (json.dumps([(RUN_KIND, run_id)]), *artifact),
    )
    return bool(database.fetch_plain(query))


def group_by_kind(edges: Iterable[EdgeFact], starts: Iterable[Node]) -> dict[str, set[str]]:
    """Return the ids of all nodes at some edges, by kind."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for kind, id in starts:
        ids[kind].add(id)
    runs = ids[RUN_KIND]
    for run_id, _, kind, artifact_id in edges:
        runs.add(run_id)
        ids[kind].add(artifact_id)
    return ids
