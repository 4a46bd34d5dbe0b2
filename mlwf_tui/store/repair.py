"""Replaces damaged packs: what is sound in them is kept, the rest is taken from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress

from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.codec import is_sound
from mlwf_tui.store.format import RECORD_HEADER_BYTES, Record, RecordKind
from mlwf_tui.store.index import to_record
from mlwf_tui.store.packs import list_records
from mlwf_tui.store.rewrite import Rewriter
from mlwf_tui.store.store import Store

Source = Callable[[bytes], tuple[Record, bytes]]
"""Returns a checked record and its payload by digest, or raises CorruptData."""


def repair_packs(store: Store, damaged: Set[str], missing: Iterable[bytes], source: Source) -> int:
    """Put what damaged packs held, and `missing` digests, into new packs; return how many `source` gave.

    The damaged packs go to the folder `damaged` beside `packs`: nothing is thrown away. What is sound
    neither here nor there is forgotten by the index, and is then missing.

    Raises:
        Busy: a collect or another repair is at work.
        StorageFailed: the disk refused; the store is as it was.
    """
    with store.hold_care(), store.hold_shared(), Rewriter(store.packs_folder) as rewriter:
        store.set_packs_aside([pack for pack in damaged if store.path_of(pack).is_dir()])
        repair = _Repair(store, rewriter, damaged, source)
        for pack in sorted(damaged):
            repair.save(pack)
        repair.fetch(missing)
        sealed = rewriter.finish()
        # A pack that could be mended whole has its old name again, and lies in the old one's place.
        gone = damaged - {name for name, _, _ in sealed}
        with store.hold_opening():
            store.index.replace_packs(sealed, gone, is_loss=True)
            store.set_packs_aside(gone)
            store.forget_packs(damaged)
    return repair.fetched


class _Repair:
    def __init__(self, store: Store, rewriter: Rewriter, damaged: Set[str], source: Source) -> None:
        self._store = store
        self._rewriter = rewriter
        self._damaged = damaged
        self._source = source
        self.fetched = 0

    def save(self, pack: str) -> None:
        """Copy the sound records of a pack, and fetch those that are not."""
        read_here = [to_record(row) for row in self._store.index.iter_rows([pack])]
        records = [*_list_records(self._store, pack), *read_here]
        safe = self._list_safe([record.digest for record in records])
        bad: set[bytes] = set()
        for record in records:
            if record.digest in safe or record.digest in self._rewriter.digests:
                continue
            payload = self._read_sound(pack, record)
            if payload is None:
                bad.add(record.digest)
            else:
                self._rewriter.add(record, payload)
        self.fetch(bad)

    def fetch(self, digests: Iterable[bytes]) -> None:
        """Take records from the source, a large blob with those of its chunks that are missing here."""
        for digest in digests:
            with suppress(CorruptData):  # what cannot be mended is found missing afterwards
                self._fetch(digest)

    def _fetch(self, digest: bytes) -> None:
        if digest in self._rewriter.digests:
            return
        record, payload = self._source(digest)
        if record.kind == RecordKind.CHUNK_LIST:
            self.fetch(self._store.find_missing([chunk.digest for chunk in decode_chunk_list(payload)]))
        self._rewriter.add(record, payload)
        self.fetched += 1

    def _list_safe(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return those digests that the index reads from a pack that is not damaged."""
        return {row[0] for row in self._store.index.find_rows(digests) if row[1] not in self._damaged}

    def _read_sound(self, pack: str, record: Record) -> bytes | None:
        with suppress(CorruptData, StorageFailed):  # the pack is cut, gone, or cannot be read
            payload = self._store.read_span(pack, record)[RECORD_HEADER_BYTES:]
            if is_sound(record, payload):
                return payload
        return None


def _list_records(store: Store, pack: str) -> list[Record]:
    try:
        return list_records(store.path_of(pack))
    except StorageFailed:
        return []  # there is no such file, or it cannot be read
