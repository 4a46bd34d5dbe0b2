"""What a manifest's items add up to: counted whole, or from another manifest that was counted before."""

from __future__ import annotations

from collections import Counter

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import ManifestContent
from mlwf_tui.store.nodes import read_header, read_root
from mlwf_tui.store.rows import decode
from mlwf_tui.store.store import Store
from mlwf_tui.store.walks import iter_row_changes, iter_rows


class LabelRow(msgspec.Struct, array_like=True, gc=False):
    """The head of an ObjectRow; the rest is skipped, not decoded."""

    class_name: str


class CountRow(msgspec.Struct, array_like=True, gc=False):
    """An ItemRow of which only what is counted is decoded."""

    dataset: str
    name: msgspec.Raw
    blob: msgspec.Raw
    size_bytes: msgspec.Raw
    width_px: msgspec.Raw
    height_px: msgspec.Raw
    split: str
    tags: msgspec.Raw
    objects: list[LabelRow]


_decoder = msgspec.msgpack.Decoder(CountRow)


def count_content(store: Store, manifest: Digest) -> ManifestContent:
    """Return what a manifest holds; every node is read.

    Raises:
        CorruptData: the manifest cannot be read.
    """
    tally = _Tally(ManifestContent(datasets={}, splits={}, classes={}))
    for row in iter_rows(store, read_root(store, read_header(store, manifest).root), "", ""):
        tally.add(row, 1)
    return tally.finish()


def recount_content(
    store: Store, base: Digest, counted: ManifestContent, manifest: Digest
) -> ManifestContent:
    """Return what a manifest holds, where `base` holds `counted`; the work grows with the difference.

    Raises:
        CorruptData: one of the manifests cannot be read.
    """
    tally = _Tally(counted)
    roots = read_header(store, base).root, read_header(store, manifest).root
    for _, old, new in iter_row_changes(store, *roots):
        if old is not None:
            tally.add(old, -1)
        if new is not None:
            tally.add(new, 1)
    return tally.finish()


class _Tally:
    """Counts that rows are added to and taken from."""

    def __init__(self, content: ManifestContent) -> None:
        self.datasets = Counter(content.datasets)
        self.splits = Counter(content.splits)
        self.classes = Counter(content.classes)

    def add(self, row: msgspec.Raw, sign: int) -> None:
        found = decode(_decoder, row)
        self.datasets[found.dataset] += sign
        self.splits[found.split] += sign
        for labelled in found.objects:
            self.classes[labelled.class_name] += sign

    def finish(self) -> ManifestContent:
        return ManifestContent(
            datasets=_drop_zeros(self.datasets),
            splits=_drop_zeros(self.splits),
            classes=_drop_zeros(self.classes),
        )


def _drop_zeros(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
