"""The lineage graph as a value: nodes for artifacts and runs, edges in the direction of the data."""

from __future__ import annotations

from datetime import datetime

import msgspec


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact or a run. `id` is `kind:id`, so that it names one thing in the whole home."""

    id: str
    kind: str  # an ArtifactKind's value, or "run"
    title: str
    state: str  # a RunState's value for runs, for versions their kind or "deleted", else ""
    detail: str  # one line: items, mAP, message
    created_at: datetime


class LineageEdge(msgspec.Struct, frozen=True):
    """Data flows from `source` to `target`; both are node ids."""

    source: str
    target: str


class LineageGraph(msgspec.Struct, frozen=True):
    """A bipartite graph artifact → run → artifact without cycles, oldest node first."""

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
