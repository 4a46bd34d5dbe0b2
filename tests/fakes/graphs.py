"""Lineage graphs of any size, as a long life with the app would make them; the same seed, the same graph."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from mlwf_tui.entities.lineage import LineageEdge, LineageGraph, LineageNode

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def make_node(kind: str, number: int, *, state: str = "", title: str = "", detail: str = "") -> LineageNode:
    return LineageNode(
        id=f"{kind}:{number}",
        kind=kind,
        title=title or f"{kind} {number}",
        state=state,
        detail=detail or f"{number} items",
        created_at=BEGIN + timedelta(minutes=number),
    )


def make_graph(nodes: Iterable[LineageNode], edges: Iterable[tuple[str, str]]) -> LineageGraph:
    return LineageGraph(tuple(nodes), tuple(LineageEdge(source, target) for source, target in edges))


def make_chain(length: int) -> LineageGraph:
    """Return version → run → version → …"""
    nodes = [make_node("run" if number % 2 else "version", number) for number in range(length)]
    return make_graph(nodes, [(a.id, b.id) for a, b in pairwise(nodes)])


def make_history(count: int, seed: int = 0) -> LineageGraph:
    """Return `count` nodes or one more: runs that mostly use what was made lately, sometimes two things."""
    draw = random.Random(seed)
    nodes: list[LineageNode] = []
    edges: list[tuple[str, str]] = []
    artifacts: list[LineageNode] = []
    while len(nodes) < count:
        if not artifacts or draw.random() < 0.02:
            nodes.append(make_node("folder", len(nodes)))
            artifacts.append(nodes[-1])
            continue
        back = [int(draw.expovariate(1 / 6)) for _ in range(1 if draw.random() < 0.8 else 2)]
        sources = {artifacts[max(0, len(artifacts) - 1 - steps)].id for steps in back}
        run = make_node("run", len(nodes), state=draw.choice(["done", "running", "failed"]))
        nodes.append(run)
        edges += [(source, run.id) for source in sorted(sources)]
        nodes.append(make_node(draw.choice(["version", "project", "model", "report"]), len(nodes)))
        edges.append((run.id, nodes[-1].id))
        artifacts.append(nodes[-1])
    return make_graph(nodes, edges)
