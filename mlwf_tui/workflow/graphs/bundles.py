"""Draws bundles of runs as one: all that one process, pipeline or search has done, with its best metric."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from mlwf_tui.entities.lineage import (
    RUN_KIND,
    LineageGraph,
    LineageNode,
    Neighbours,
    index_neighbours,
    join_members,
    sort_along,
)
from mlwf_tui.entities.metric import is_better_low
from mlwf_tui.entities.run import RunState
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workspace import Workspace

LONG_FROM = 6  # runs; of a short pipeline each step is worth to be seen


class _Bundle(msgspec.Struct, frozen=True):
    """Runs that belong together: node ids; `root` is the one that they are parts of, "" where none is."""

    root: str
    runs: frozenset[str]


class _Best(msgspec.Struct, frozen=True):
    """The best value of the metric that most runs of a bundle tell, and whose it is."""

    key: str
    value: float
    run: str  # the node's id


def list_bundles(workspace: Workspace, graph: LineageGraph) -> tuple[LineageNode, ...]:
    """Return a run for each long bundle on the graph, outer ones first; its `members` are their ids.

    A bundle is what one process has opened of tracked runs, or a run and all its parts. What only its
    runs have read and made is in it, but for what its root and its best run have made.
    """
    runs = {node.id: node for node in graph.nodes if node.kind == RUN_KIND}
    if len(runs) < LONG_FROM:
        return ()
    bundles = _find_bundles(workspace, runs)
    if not bundles:
        return ()
    bests = _find_bests(workspace, bundles)
    down, up = index_neighbours(graph)
    drawn: list[LineageNode] = []
    for level in _split_by_level(bundles):
        nodes = [
            _draw(bundle, runs, bests.get(bundle), tuple(_list_members(bundle, bests, down, up)))
            for bundle in level
        ]
        drawn += _drop_cyclic(graph, nodes)
    return tuple(drawn)


def _find_bundles(workspace: Workspace, runs: Mapping[str, LineageNode]) -> list[_Bundle]:
    """Return the long bundles, larger ones first."""
    ties = workspace.catalog.runs.read_ties(id.partition(":")[2] for id in runs)
    parts: defaultdict[str, list[str]] = defaultdict(list)
    processes: defaultdict[str, list[str]] = defaultdict(list)
    for tie in ties:
        if tie.parent:
            parts[f"{RUN_KIND}:{tie.parent}"].append(f"{RUN_KIND}:{tie.run_id}")
        if tie.process:
            processes[tie.process].append(f"{RUN_KIND}:{tie.run_id}")
    for id in runs:
        parent, slash, _ = id.partition("/")  # a step that a pipeline still has to do
        if slash:
            parts[parent].append(id)
    found = [_Bundle(root if root in runs else "", _gather([root], parts, runs)) for root in parts]
    found += [_Bundle("", _gather(opened, parts, runs)) for opened in processes.values()]
    found.sort(key=lambda bundle: -len(bundle.runs))
    unique = {bundle.runs: bundle for bundle in reversed(found)}
    return [bundle for bundle in unique.values() if len(bundle.runs) >= LONG_FROM][::-1]


def _gather(starts: Iterable[str], parts: Mapping[str, list[str]], runs: Collection[str]) -> frozenset[str]:
    """Return some runs and all their parts, as far as they are on the graph."""
    seen = dict.fromkeys(starts)
    for run in (waiting := list(seen)):
        new = [part for part in parts.get(run, ()) if part not in seen]
        seen |= dict.fromkeys(new)
        waiting += new
    return frozenset(run for run in seen if run in runs)


def _split_by_level(bundles: Sequence[_Bundle]) -> Iterator[list[_Bundle]]:
    """Yield the bundles that lie in no other, those that lie in one, and so on; no two of one overlap."""
    waiting = list(bundles)
    while waiting:
        taken: set[str] = set()
        level: list[_Bundle] = []
        for bundle in waiting:
            if taken.isdisjoint(bundle.runs):
                level.append(bundle)
                taken |= bundle.runs
        yield level
        outer = [bundle.runs for bundle in level]
        waiting = [s for s in waiting if s not in level and any(s.runs < runs for runs in outer)]


def _find_bests(workspace: Workspace, bundles: Sequence[_Bundle]) -> dict[_Bundle, _Best]:
    ids = {run.partition(":")[2] for bundle in bundles for run in bundle.runs if "/" not in run}
    outlooks = read_outlooks(workspace, workspace.catalog.runs.list(limit=None, ids=ids))
    mains = {
        f"{RUN_KIND}:{id}": outlook.standing.main_summary
        for id, outlook in outlooks.items()
        if outlook.standing.main_summary is not None
    }
    bests: dict[_Bundle, _Best] = {}
    for bundle in bundles:
        told = {run: mains[run] for run in sorted(bundle.runs) if run in mains}
        keys = Counter(summary.key for summary in told.values() if summary.best is not None)
        if not keys:
            continue
        key = keys.most_common(1)[0][0]
        values = [
            (summary.best, run)
            for run, summary in told.items()
            if summary.key == key and summary.best is not None
        ]
        value, run = min(values) if is_better_low(key) else max(values)
        bests[bundle] = _Best(key, value, run)
    return bests


def _list_members(
    bundle: _Bundle, bests: Mapping[_Bundle, _Best], down: Neighbours, up: Neighbours
) -> Iterator[str]:
    """Yield the runs, and the artifacts that nobody else has to do with."""
    best = bests.get(bundle)
    shown = {bundle.root} if best is None else {bundle.root, best.run}
    yield from sorted(bundle.runs)
    around = {id for run in bundle.runs for id in (*up.get(run, ()), *down.get(run, ()))}
    for artifact in sorted(around - bundle.runs):
        makers, readers = set(up.get(artifact, ())), set(down.get(artifact, ()))
        is_own = makers | readers <= bundle.runs and (makers or len(readers) == 1)
        if is_own and (readers or makers.isdisjoint(shown)):
            yield artifact


def _draw(
    bundle: _Bundle, runs: Mapping[str, LineageNode], best: _Best | None, members: tuple[str, ...]
) -> LineageNode:
    mine = sorted((runs[id] for id in bundle.runs), key=lambda node: node.created_at)
    verbs = Counter(node.title for node in mine).most_common()
    name = runs[bundle.root].title if bundle.root else verbs[0][0] if len(verbs) == 1 else "runs"
    states = Counter(node.state for node in mine)
    details = [f"{len(mine)} runs: {', '.join(f'{count} {state}' for state, count in states.most_common())}"]
    if best is not None:
        details.append(f"best {best.key} {best.value:.4g} in {best.run.partition(':')[2]}")
    return LineageNode(
        id=f"runs:{(bundle.root or mine[0].id).partition(':')[2]}",
        kind=RUN_KIND,
        title=f"{name} ×{len(mine)}",
        state=runs[bundle.root].state if bundle.root else _join_states(states),
        detail=" · ".join(details),
        created_at=mine[0].created_at,
        author=mine[0].author,
        members=members,
    )


def _join_states(states: Collection[str]) -> str:
    """Return the state of a bundle: as long as one of its runs goes on, so does it."""
    going = [state for state in RunState if not state.is_finished]
    order: tuple[RunState, ...] = (RunState.RUNNING, *going, RunState.DONE, *RunState)
    return next(str(state) for state in order if state in states)


def _drop_cyclic(graph: LineageGraph, groups: list[LineageNode]) -> list[LineageNode]:
    """Return the groups without those that came of themselves, by way of what is not in them."""
    while groups:
        joined = join_members(graph, groups)
        down, up = index_neighbours(joined)
        left = {node.id for node in joined.nodes}
        left -= set(sort_along(left, down, up))
        left -= set(sort_along(left, _within(up, left), _within(down, left)))
        if not left:
            break
        groups = [group for group in groups if group.id not in left]
    return groups


def _within(neighbours: Neighbours, nodes: Collection[str]) -> dict[str, list[str]]:
    return {id: [beyond for beyond in neighbours.get(id, ()) if beyond in nodes] for id in nodes}
