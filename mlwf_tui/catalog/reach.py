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
    {ties}
)
"""
# Where a run has read what a part of it made, as a pipeline does of its steps, these lie before it.
_IS_APART = """
part.parent_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM run_edge AS given
    CROSS JOIN run_edge AS made
        ON made.kind = given.kind AND made.artifact_id = given.artifact_id AND made.direction = 'output'
    CROSS JOIN run AS maker ON maker.id = made.run_id AND maker.parent_id = given.run_id
    WHERE given.run_id = part.parent_id AND given.direction = 'input'
)
"""
_TO_PARTS = f"""
    UNION
    SELECT part.id FROM reached CROSS JOIN run AS part ON part.parent_id = reached.run_id WHERE {_IS_APART}
"""
_TO_WHOLE = f"""
    UNION
    SELECT part.parent_id FROM reached CROSS JOIN run AS part ON part.id = reached.run_id WHERE {_IS_APART}
"""
_EDGES = """
SELECT edge.run_id, edge.direction, edge.kind, edge.artifact_id, 0 AS is_tie, edge.sequence AS place
FROM reached CROSS JOIN run_edge AS edge ON edge.run_id = reached.run_id
"""
_TIES = f"""
UNION ALL
SELECT part.id, 'input', 'run', part.parent_id, 1, part.sequence
FROM reached CROSS JOIN run AS part ON part.id = reached.run_id
WHERE part.parent_id IN (SELECT run_id FROM reached) AND {_IS_APART}
"""
_IN_ORDER = "ORDER BY is_tie, place"
_IS_REACHED = """
SELECT 1 FROM reached CROSS JOIN run_edge AS edge
    ON edge.run_id = reached.run_id AND edge.direction = 'output'
WHERE edge.kind = ? AND edge.artifact_id = ? LIMIT 1
"""


class EdgeFact(NamedTuple):
    """One edge as the table holds it, or one from a run (the kind is `run`) to a part of it."""

    run_id: str
    direction: str
    kind: str
    artifact_id: str


def read_reach(
    database: Database, starts: Collection[Node], side: Direction, *, with_parts: bool
) -> list[EdgeFact]:
    """Return the edges to all that `starts` came from (INPUT), or to all that came of them (OUTPUT).

    `with_parts`, a run leads to the runs that are parts of it, as a search to its trials.
    """
    far = side
    near = Direction.OUTPUT if far is Direction.INPUT else Direction.INPUT
    if with_parts:
        to_ties = _TO_WHOLE if far is Direction.INPUT else _TO_PARTS
        text = _REACH.format(near=near, far=far, ties=to_ties) + _EDGES + _TIES + _IN_ORDER
    else:
        text = _REACH.format(near=near, far=far, ties="") + _EDGES + _IN_ORDER
    query = pw.RawQuery(text, (json.dumps(sorted(starts)),))
    edges = [EdgeFact._make(row[:4]) for row in database.fetch_plain(query)]
    within = {edge[2:] for edge in edges if edge.direction == far} | set(starts)
    return [edge for edge in edges if edge.kind == RUN_KIND or edge.direction == far or edge[2:] in within]


def comes_from(database: Database, artifact: Node, run_id: str) -> bool:
    """Whether an artifact was made by a run, or by any that came of it."""
    query = pw.RawQuery(
        _REACH.format(near=Direction.INPUT, far=Direction.OUTPUT, ties="") + _IS_REACHED,
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
