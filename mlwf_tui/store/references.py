"""What manifests refer to: their nodes and their items' blobs, each shared node read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.nodes import Child, Inner, read_header
from mlwf_tui.store.rows import Count, Digest32, decode
from mlwf_tui.store.store import Store


class ReferenceRow(msgspec.Struct, array_like=True, gc=False):
    """The head of an item's row up to its blob; what is behind it is skipped, not decoded."""

    dataset: str
    name: str
    blob: Digest32
    size_bytes: Count


class LeafReferences(msgspec.Struct, array_like=True, tag=0, gc=False):
    """A shard with its rows' heads alone."""

    rows: list[ReferenceRow]


UNREADABLE = (CorruptData, StorageFailed)  # what reading a blob may raise
_ASK_AT_ONCE = 5000
_decoder = msgspec.msgpack.Decoder(LeafReferences | Inner)


@dataclass(slots=True)
class LiveSet:
    """The digests that some manifests and blobs need; it only grows, and marks nothing twice."""

    store: Store
    digests: set[bytes] = field(default_factory=set)
    _nodes: set[bytes] = field(default_factory=set)  # whose children are marked
    _expanded: set[bytes] = field(default_factory=set)  # lists of chunks whose chunks are marked

    def mark_blob(self, digest: Digest) -> None:
        """Mark a blob."""
        self.digests.add(bytes.fromhex(digest))

    def mark_manifest(self, digest: Digest) -> None:
        """Mark a manifest with all its nodes and blobs.

        Raises:
            CorruptData: a node of it cannot be read, so what it needs is not known.
        """
        key = bytes.fromhex(digest)
        if key in self._nodes:
            return
        root = read_header(self.store, digest).root
        for node in _iter_nodes(self.store, [root], self._nodes):
            if isinstance(node, LeafReferences):
                self.digests.update(row.blob for row in node.rows)
            else:
                self.digests.update(child.digest for child in node.children)
        self._nodes.add(key)
        self.digests |= {key, root}

    def mark_chunks(self) -> None:
        """Mark the chunks of all large blobs that are marked.

        Raises:
            CorruptData: a list of chunks cannot be read.
        """
        for key in self.store.list_chunked():
            if key in self.digests and key not in self._expanded:
                self.digests.update(self.store.list_chunks(key))
                self._expanded.add(key)


class Lost(msgspec.Struct, frozen=True):
    """Something that a manifest names and that cannot be read."""

    key: str  # of the item; empty where it is a node, which takes many items with it
    digest: bytes


def find_unreadable(store: Store, manifests: Iterable[Digest], observer: Observer) -> set[bytes]:
    """Return the digests that manifests name and that the store lacks or, for nodes, cannot read.

    Raises:
        Cancelled: the observer wants it.
        CorruptData: the index cannot be asked.
    """
    unreadable: set[bytes] = set()
    roots: list[bytes] = []
    for manifest in manifests:
        try:
            roots.append(read_header(store, manifest).root)
        except UNREADABLE:
            unreadable.add(bytes.fromhex(manifest))
    asked: set[bytes] = set()
    for node in _iter_nodes(store, roots, set(), unreadable):
        observer.check_cancelled()
        if isinstance(node, LeafReferences):
            asked.update(row.blob for row in node.rows)
            if len(asked) > _ASK_AT_ONCE:
                unreadable |= store.find_missing(asked)
                asked.clear()
    return unreadable | store.find_missing(asked)


class Tracer:
    """Says which items of manifests the digests of a given set take with them."""

    def __init__(self, store: Store, unreadable: Set[bytes]) -> None:
        self._store = store
        self._unreadable = unreadable
        self._known: dict[bytes, tuple[Lost, ...]] = {}  # by node, since manifests share most of theirs

    def trace(self, manifest: Digest) -> tuple[Lost, ...]:
        """Return what of a manifest cannot be read, in key order."""
        key = bytes.fromhex(manifest)
        if key in self._unreadable:
            return (Lost("", key),)
        return self._trace_node(read_header(self._store, manifest).root)

    def _trace_node(self, digest: bytes) -> tuple[Lost, ...]:
        found = self._known.get(digest)
        if found is None:
            found = self._known[digest] = tuple(self._find_lost(digest))
        return found

    def _find_lost(self, digest: bytes) -> Iterator[Lost]:
        if digest in self._unreadable:
            yield Lost("", digest)
            return
        node = read_references(self._store, digest)
        if isinstance(node, Inner):
            for child in node.children:
                yield from self._trace_node(child.digest)
            return
        for row in node.rows:
            if row.blob in self._unreadable:
                yield Lost(f"{row.dataset}/{row.name}", row.blob)


def iter_blob_sizes(store: Store, manifests: Iterable[Digest]) -> Iterator[tuple[bytes, int]]:
    """Yield the blobs of manifests and their sizes, those of a node that several share once.

    Raises:
        CorruptData: a node cannot be read.
    """
    roots = [read_header(store, manifest).root for manifest in manifests]
    for node in _iter_nodes(store, roots, set()):
        if isinstance(node, LeafReferences):
            yield from ((row.blob, row.size_bytes) for row in node.rows)


def _iter_nodes(
    store: Store, roots: Iterable[bytes], seen: set[bytes], unreadable: set[bytes] | None = None
) -> Iterator[LeafReferences | Inner]:
    """Yield the nodes below `roots`, but for those in `seen`, which grows by them.

    A node that cannot be read goes into `unreadable`, or raises where there is none.
    """
    pending: list[tuple[bytes, Child | None]] = [(root, None) for root in roots]
    while pending:
        digest, parent = pending.pop()
        if digest in seen:
            continue
        try:
            node = read_references(store, digest, parent)
        except UNREADABLE:
            if unreadable is None:
                raise
            unreadable.add(digest)
        else:
            if isinstance(node, Inner):
                pending += [(child.digest, child) for child in node.children]
            yield node
        seen.add(digest)


def read_references(store: Store, digest: bytes, parent: Child | None = None) -> LeafReferences | Inner:
    """Return what a node refers to, checked to be in order and what its parent says.

    Raises:
        CorruptData: it is missing or damaged, or no node.
    """
    node: LeafReferences | Inner = decode(_decoder, store.read(Digest(digest.hex())))
    if isinstance(node, Inner):
        keys = [child.first_key for child in node.children]
        count = sum(child.item_count for child in node.children)
    else:
        keys = [f"{row.dataset}/{row.name}" for row in node.rows]
        count = len(keys)
    is_as_said = parent is None or (parent.first_key, parent.item_count) == (keys[0] if keys else None, count)
    if not is_as_said or not all(before < after for before, after in pairwise(keys)):
        raise CorruptData(f"The manifest's node {digest.hex()} is not what its parent says, or not in order.")
    return node
