"""What differs between two manifests, where an item that only went to another key is one renamed item."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.pairing import pair_by_key
from mlwf_tui.store.nodes import read_header
from mlwf_tui.store.rows import Digest32, decode, decode_item
from mlwf_tui.store.store import Store
from mlwf_tui.store.walks import iter_row_changes


class BlobRow(msgspec.Struct, array_like=True, gc=False):
    """The head of an ItemRow up to its blob; the rest is skipped, not decoded."""

    dataset: str
    name: str
    blob: Digest32


class _Lone(NamedTuple):
    """An item that only one side has."""

    head: BlobRow
    key: str
    row: msgspec.Raw


RenamedRow = tuple[ChangeKind, str, msgspec.Raw | None, msgspec.Raw | None]
"""What became of an item: kind, key, row before and after."""

_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(BlobRow)


def iter_renamed_changes(store: Store, before: Digest, after: Digest) -> Iterator[ItemChange]:
    """Yield the items that differ in key order, the renamed at their new keys.

    An item is renamed where one of the same blob was removed. Of several those that are the same but for
    their keys are paired first, then those of the same name, of the same dataset, and in key order. The
    rows that differ are held in memory, encoded, until the trees have been compared.

    Raises:
        CorruptData: one of them is missing or damaged, or is no manifest.
    """
    yield from _iter_decoded(iter_renamed_rows(store, before, after))


def iter_renamed_rows(store: Store, before: Digest, after: Digest) -> Iterator[RenamedRow]:
    """Yield the same with rows in the places of items: kind, key, row before and after."""
    roots = read_header(store, before).root, read_header(store, after).root
    rows = list(iter_row_changes(store, *roots))
    removed = [_read_head(key, old) for key, old, new in rows if old is not None and new is None]
    added = [_read_head(key, new) for key, old, new in rows if new is not None and old is None]
    sources = {new.key: old for old, new in _pair_renamed(removed, added)}
    gone = {source.key for source in sources.values()}
    for key, old, new in rows:
        if key in gone:
            continue
        if source := sources.get(key):
            yield ChangeKind.RENAMED, key, source.row, new
        else:
            yield _name_change(old, new), key, old, new


def trace_changes(store: Store, before: Digest, after: Digest) -> tuple[Iterator[ItemChange], set[str]]:
    """Return the same, images followed also to keys that others had, and the keys that got another image.

    Where two exchanged names both were renamed, and what another has come over was removed. New pixels
    under an old key are a change of that item as long as no item that differs had or has either of them
    elsewhere.

    Raises:
        CorruptData: likewise.
    """
    rows = list(iter_renamed_rows(store, before, after))
    sources, gone, refilled = _trace(rows)
    return _iter_decoded(_follow(rows, sources, gone, refilled)), refilled


def decode_head(row: bytes | msgspec.Raw) -> BlobRow:
    """Return the head of a row.

    Raises:
        CorruptData: it is no such row.
    """
    return decode(_head_decoder, row)


def has_same_content(one: bytes | msgspec.Raw, other: bytes | msgspec.Raw) -> bool:
    """Say whether two rows differ in nothing but their keys; False where it would take decoding them."""
    return _get_content(one) == _get_content(other)


def _iter_decoded(rows: Iterable[RenamedRow]) -> Iterator[ItemChange]:
    for kind, key, old, new in rows:
        before_item = None if old is None else decode_item(old)
        after_item = None if new is None else decode_item(new)
        if before_item != after_item:  # an earlier version wrote the same item in other bytes
            yield ItemChange(kind, key, before_item, after_item)


def _trace(rows: Sequence[RenamedRow]) -> tuple[dict[str, _Lone], set[str], set[str]]:
    """Return whence images came by their new keys, which keys they left, and which have another image now."""
    changed = ((key, old, new) for kind, key, old, new in rows if kind is ChangeKind.CHANGED and old and new)
    heads = ((_read_head(key, old), _read_head(key, new)) for key, old, new in changed)
    repixelled = [(before, after) for before, after in heads if before.head.blob != after.head.blob]
    if not repixelled:
        return {}, set(), set()
    removed = [_read_head(key, old) for kind, key, old, _ in rows if kind is ChangeKind.REMOVED and old]
    added = [_read_head(key, new) for kind, key, _, new in rows if kind is ChangeKind.ADDED and new]
    lost = [*removed, *(before for before, _ in repixelled)]
    found = [*added, *(after for _, after in repixelled)]
    sources = {after.key: before for before, after in _pair_renamed(lost, found)}
    gone = {source.key for source in sources.values()}
    known = {before.head.blob for before in lost}
    known |= {decode_head(old).blob for kind, _, old, _ in rows if kind is ChangeKind.RENAMED and old}
    refilled = {after.key for _, after in repixelled if after.key in gone or after.head.blob in known}
    return sources, gone, refilled


def _follow(
    rows: Iterable[RenamedRow], sources: Mapping[str, _Lone], gone: Container[str], refilled: Container[str]
) -> Iterator[RenamedRow]:
    for kind, key, old, new in rows:
        if key in refilled and key not in gone:
            yield ChangeKind.REMOVED, key, old, None
        if source := sources.get(key):
            yield ChangeKind.RENAMED, key, source.row, new
        elif key in refilled:
            yield ChangeKind.ADDED, key, None, new
        elif key not in gone:
            yield kind, key, old, new


def _get_content(row: bytes | msgspec.Raw) -> bytes:
    head = decode_head(row)
    # Both are lists of fewer than sixteen, so that each begins with one byte, and the names follow.
    return bytes(row)[len(_encoder.encode((head.dataset, head.name))) :]


def _read_head(key: str, row: msgspec.Raw) -> _Lone:
    return _Lone(decode_head(row), key, row)


def _pair_renamed(removed: Sequence[_Lone], added: Sequence[_Lone]) -> Iterator[tuple[_Lone, _Lone]]:
    shared = {lone.head.blob for lone in removed} & {lone.head.blob for lone in added}
    removed, added = ([lone for lone in side if lone.head.blob in shared] for side in (removed, added))
    for key in (
        lambda lone: (*_digest_content(lone), lone.head.name),
        lambda lone: (*_digest_content(lone), lone.head.dataset),
        _digest_content,
        lambda lone: (lone.head.blob, lone.head.name),
        lambda lone: (lone.head.blob, lone.head.dataset),
        lambda lone: lone.head.blob,
    ):
        pairs, removed, added = pair_by_key(removed, added, key)
        yield from pairs


def _digest_content(lone: _Lone) -> tuple[bytes, int]:
    """Return what tells an item's image and all that is said of it from those of others."""
    return lone.head.blob, hash(_get_content(lone.row))


def _name_change(old: msgspec.Raw | None, new: msgspec.Raw | None) -> ChangeKind:
    if old is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
