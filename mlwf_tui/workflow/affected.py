"""What would be affected if one item were wrong: who holds its image, or one made of it, and who saw that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest, StateId
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.lineage import LineageGraph, LineageNode, index_neighbours, measure_distances
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import CorruptData, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import find_item, iter_shards, read_shard
from mlwf_tui.store.rows import decode_item
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workspace import Workspace

HOLDERS = (ArtifactKind.VERSION, ArtifactKind.PROJECT, ArtifactKind.INTERMEDIATE)


class Effect(StrEnum):
    """How a thing has to do with the item."""

    HOLDS = "holds"  # a version or state with the image itself
    DERIVED = "derived"  # one with an image that was made of it
    TRAINED = "trained"  # a model that learned from it
    VALIDATED = "validated"  # a model whose best checkpoint was chosen with it
    MEASURED = "measured"  # a report whose split has it
    DOWNSTREAM = "downstream"  # it came of one of these in another way


class ItemPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the image lies, or one made of it."""

    ref: str
    key: str
    split: Split
    is_derived: bool


class AffectedNode(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be affected."""

    node: LineageNode
    effect: Effect


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """All that hangs on one item, strongest effects first. `unread` states could not be looked into."""

    key: str
    blob: Digest
    places: tuple[ItemPlace, ...]
    nodes: tuple[AffectedNode, ...]
    unread: tuple[str, ...]


def find_affected(workspace: Workspace, ref: str, key: str, *, observer: Observer) -> Affected:
    """Return every version that holds an item's image or one made of it, and what came of these.

    An image is the same wherever its bytes are the same, in whatever project. Every shard of the home
    is read at most once, however many versions share it.

    Raises:
        NotFound: there is no such project, version or item.
    """
    _, manifest = resolve_manifest(workspace, ref)
    item = find_item(workspace.store, manifest, key)
    if item is None:
        raise NotFound(f"{ref} has no item {key!r}.", hint="Keys are written DATASET/NAME.")
    graph = _name_states(workspace, workspace.catalog.lineage.read_graph())
    seeker = _Seeker(workspace, item.blob)
    hits: dict[str, list[Item]] = {}
    unread: list[str] = []
    nodes = [node for node in graph.nodes if node.kind in HOLDERS]
    for number, node in enumerate(nodes, start=1):
        observer.check_cancelled()
        try:
            found = seeker.find(_find_manifest(workspace, node))
        except (NotFound, CorruptData):  # deleted and collected, or damaged: the rest is told all the same
            unread.append(node.title)
            continue
        observer.progress(number, len(nodes), node.title)
        if found:
            hits[node.id] = found
    return Affected(
        key=key,
        blob=item.blob,
        places=tuple(_iter_places(nodes, hits, item.blob)),
        nodes=tuple(_list_nodes(workspace, graph, hits, item.blob)),
        unread=tuple(unread),
    )


class _Seeker:
    """Finds the items of manifests whose rows name a blob; remembers what each shard holds of them."""

    def __init__(self, workspace: Workspace, blob: Digest) -> None:
        self._store = workspace.store
        self._needle = bytes.fromhex(blob)
        self._shards: dict[Digest, list[Item]] = {}
        self._manifests: dict[Digest, list[Item]] = {}

    def find(self, manifest: Digest) -> list[Item]:
        """Return the items with the image, or with an image whose origin it is."""
        if manifest not in self._manifests:
            shards = iter_shards(self._store, manifest)
            self._manifests[manifest] = [item for shard in shards for item in self._find_in(shard)]
        return self._manifests[manifest]

    def _find_in(self, shard: Digest) -> list[Item]:
        if shard not in self._shards:
            rows = read_shard(self._store, shard)
            # A row names a digest as its blob, or as an origin; 32 bytes are met nowhere else by chance.
            self._shards[shard] = [decode_item(row) for row in rows if self._needle in bytes(row)]
        return self._shards[shard]


def _name_states(workspace: Workspace, graph: LineageGraph) -> LineageGraph:
    """Call the states of projects `project@base.minor`, committed or not: the name alone means the head."""
    nodes = []
    for node in graph.nodes:
        if node.kind == ArtifactKind.PROJECT:
            state = workspace.catalog.projects.get_state(StateId(node.id.partition(":")[2]))
            node = replace(node, title=f"{node.title.partition('@')[0]}@{state.base}.{state.minor}")
        nodes.append(node)
    return LineageGraph(tuple(nodes), graph.edges)


def _find_manifest(workspace: Workspace, node: LineageNode) -> Digest:
    kind, _, id = node.id.partition(":")
    return workspace.catalog.lineage.get_manifest((kind, id))


def _iter_places(
    nodes: list[LineageNode], hits: Mapping[str, list[Item]], blob: Digest
) -> Iterator[ItemPlace]:
    for node in nodes:
        for item in hits.get(node.id, ()):
            yield ItemPlace(ref=node.title, key=item.key, split=item.split, is_derived=item.blob != blob)


def _list_nodes(
    workspace: Workspace, graph: LineageGraph, hits: Mapping[str, list[Item]], blob: Digest
) -> list[AffectedNode]:
    down, up = index_neighbours(graph)
    reached = measure_distances(hits, down)
    affected = []
    for node in graph.nodes:
        if node.id in hits:
            is_same = any(item.blob == blob for item in hits[node.id])
            affected.append(AffectedNode(node=node, effect=Effect.HOLDS if is_same else Effect.DERIVED))
        elif node.id in reached and node.kind != "run":
            inputs = [source for run in up.get(node.id, ()) for source in up.get(run, ())]
            splits = {item.split for source in inputs for item in hits.get(source, ())}
            affected.append(AffectedNode(node=node, effect=_judge(workspace, node, splits)))
    order = list(Effect)
    return sorted(affected, key=lambda one: order.index(one.effect))


def _judge(workspace: Workspace, node: LineageNode, splits: set[Split]) -> Effect:
    """Return what a model or report has to do with data that holds the item in these splits."""
    if node.kind == ArtifactKind.MODEL:
        if Split.TRAIN in splits:
            return Effect.TRAINED
        if Split.VAL in splits:
            return Effect.VALIDATED
    if node.kind == ArtifactKind.REPORT:
        with suppress(NotFound):  # deleted
            if workspace.catalog.reports.get(node.id.partition(":")[2]).split in splits:
                return Effect.MEASURED
    return Effect.DOWNSTREAM
