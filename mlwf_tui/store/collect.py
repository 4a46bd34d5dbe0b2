"""Getting rid of bytes that nothing needs: which packs are worth it, and replacing them safely.

The order keeps every live byte readable at every moment. Live records of half-dead packs are copied
into new packs while others go on writing; then, with all writers kept out, what has become live since
is looked for, the index is turned over in one transaction, and the old packs are deleted last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.codec import is_sound
from mlwf_tui.store.format import PACK_HEADER, RECORD_HEADER_BYTES, TRAILER_BYTES, Record
from mlwf_tui.store.index import Index, PackRecords, to_record
from mlwf_tui.store.packs import PACK_BYTES, PACK_RECORDS, list_records
from mlwf_tui.store.rewrite import Rewriter
from mlwf_tui.store.store import Store
from mlwf_tui.store.verify import name_file

MAX_DEAD_SHARE = 0.2  # of a pack's bytes; what is left over costs less room than rewriting costs time
SMALL_SHARE = 0.125  # of a full pack
MANY_SMALL = 16
"""So many small packs, as many small runs leave them, are put together."""
_RECORD_BYTES = 2 * RECORD_HEADER_BYTES  # in front of the payload, and in the table
_FRAME_BYTES = len(PACK_HEADER) + TRAILER_BYTES

Mark = Callable[[], Set[bytes]]
"""Returns all live digests; asked a second time, it adds what has become live since."""


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a collect did, or would do; sizes in bytes."""

    packs_dropped: int  # without a live byte
    packs_rewritten: int  # their live records are in new packs
    freed_bytes: int
    live_bytes: int  # of records that something needs, where the index reads them
    dead_bytes: int  # of all packs before, those too that are not worth rewriting
    problems: tuple[Problem, ...] = ()  # packs that were left alone because they are damaged


class _PackUse(NamedTuple):
    name: str
    size_bytes: int
    row_count: int
    live_bytes: int
    is_damaged: bool

    @property
    def is_small(self) -> bool:
        return self.size_bytes < SMALL_SHARE * PACK_BYTES and self.row_count < SMALL_SHARE * PACK_RECORDS

    @property
    def dead_bytes(self) -> int:
        return max(0, self.size_bytes - self.live_bytes - _FRAME_BYTES)

    @property
    def is_wasteful(self) -> bool:
        """Whether it is worth replacing; a damaged one is where what was damaged can be read elsewhere."""
        return self.is_damaged or not self.live_bytes or self.dead_bytes > MAX_DEAD_SHARE * self.size_bytes


def plan_collect(store: Store, mark: Mark) -> Collected:
    """Return what `collect` would do now; nothing is changed and nobody waits.

    Of packs those are read that a verify has found damaged.
    """
    uses = _measure(store.index, mark)
    chosen, problems = [], list[Problem]()
    for use in _choose(uses):
        try:
            if use.is_damaged:
                _check_live(store, use, mark(), lambda: None)
            chosen.append(use)
        except CorruptData as error:
            problems.append(_leave_alone(use, error))
    return _sum_up(uses, chosen, (), problems)


def collect(store: Store, mark: Mark, observer: Observer, *, timeout_s: float | None = None) -> Collected:
    """Drop packs without a live byte, rewrite those with too many dead ones, and many small ones.

    A pack that a verify has found damaged is replaced as soon as nothing that is live is read from its
    damaged parts, and left alone until then.

    Raises:
        Busy: others kept writing, or another collect is at work; nothing was deleted.
        StorageFailed: the disk refused; nothing that was live is gone.
        CorruptData: from `mark`, where it cannot tell what is live.
    """
    with store.hold_care():
        uses = _measure(store.index, mark)
        chosen = _choose(uses)
        if not chosen:
            return _sum_up(uses, (), (), ())
        with store.hold_exclusive(timeout_s=timeout_s):
            pass  # says so before the work where writers would not let it end
        with Rewriter(store.packs_folder) as rewriter, _discarding_unread(store, rewriter):
            copier = _Copier(store, rewriter, mark())
            with store.hold_shared():
                copier.copy_all(chosen, observer)
                sealed = rewriter.finish()
            with store.hold_exclusive(timeout_s=timeout_s), store.hold_opening():
                settled = _list_settled(store.index, copier.copied, rewriter.digests, mark())
                # One of which all was copied has its old name again, and lies in the old one's place.
                gone = settled - {name for name, _, _ in sealed}
                store.index.replace_packs(sealed, gone)
                store.delete_packs(gone)
                store.forget_packs(settled - gone)
    replaced = [use for use in chosen if use.name in settled]
    return _sum_up(uses, replaced, sealed, copier.problems)


def _choose(uses: Sequence[_PackUse]) -> list[_PackUse]:
    """Return the packs that are worth replacing."""
    wasteful = [use for use in uses if use.is_wasteful]
    small = [use for use in uses if use.is_small and not use.is_wasteful]
    return wasteful + small if len(small) >= MANY_SMALL else wasteful


def _measure(index: Index, mark: Mark) -> list[_PackUse]:
    packs = index.read_packs()  # first: what is written while we mark is not taken for dead
    live = mark()
    live_bytes: Counter[str] = Counter()
    for digest, pack, _, stored_size, _, _, _ in index.iter_rows():
        if digest in live:
            live_bytes[pack] += stored_size + _RECORD_BYTES
    return [
        _PackUse(row.name, row.size_bytes, row.row_count, live_bytes[row.name], row.is_damaged)
        for row in packs
    ]


def _sum_up(
    uses: Sequence[_PackUse],
    gone: Sequence[_PackUse],
    sealed: Sequence[PackRecords],
    problems: Sequence[Problem],
) -> Collected:
    """Add up; without `sealed`, the new packs are taken to hold just what is live."""
    rewritten = [use for use in gone if use.live_bytes]
    new_bytes = sum(size for _, size, _ in sealed) if sealed else sum(use.live_bytes for use in rewritten)
    return Collected(
        packs_dropped=len(gone) - len(rewritten),
        packs_rewritten=len(rewritten),
        freed_bytes=sum(use.size_bytes for use in gone) - new_bytes,
        live_bytes=sum(use.live_bytes for use in uses),
        dead_bytes=sum(use.dead_bytes for use in uses),
        problems=tuple(problems),
    )


class _Copier:
    """Copies what is live in packs that go; leaves a pack alone of which it cannot read all of that."""

    def __init__(self, store: Store, rewriter: Rewriter, live: Set[bytes]) -> None:
        self._store = store
        self._rewriter = rewriter
        self._live = live
        self.copied: set[str] = set()  # packs that can go
        self.problems: list[Problem] = []

    def copy_all(self, uses: Sequence[_PackUse], observer: Observer) -> None:
        total, done = sum(use.size_bytes for use in uses), 0
        for use in uses:
            try:
                # All of it is checked first: copies of a pack that stays would only take room.
                for record in _check_live(self._store, use, self._live, observer.check_cancelled):
                    observer.check_cancelled()
                    self._rewriter.add(record, _read(self._store, use.name, record))
                self.copied.add(use.name)
            except CorruptData as error:
                self.problems.append(_leave_alone(use, error))
            done += use.size_bytes
            observer.progress(done, total, "rewriting packs")


def _leave_alone(use: _PackUse, error: CorruptData) -> Problem:
    return Problem(name_file(use.name), f"It is left alone until it is mended. {error.message}")


def _check_live(store: Store, use: _PackUse, live: Set[bytes], between: Callable[[], None]) -> list[Record]:
    """Return what is live in a pack, but for what is read from another, once all of it has been read.

    `between` is called before each record, and may raise. No bytes are kept: a pack has 64 MB of them.

    Raises:
        CorruptData: some of it cannot be read.
    """
    between()
    with _reading():
        records = list_records(store.path_of(use.name))
    if use.is_damaged:  # behind a damaged head no record can be told
        records += map(to_record, store.index.iter_rows([use.name]))
    wanted = [record for record in records if record.digest in live]
    rows = {row[0]: row[1] for row in store.index.find_rows([record.digest for record in wanted])}
    found = []
    for record in wanted:
        if rows.get(record.digest, use.name) == use.name or not _is_readable(store, record.digest):
            between()
            _read(store, use.name, record)
            found.append(record)
    return found


def _is_readable(store: Store, digest: bytes) -> bool:
    """Return whether the copy that another pack holds is sound: else the one here is the last."""
    try:
        store.read_record(digest)
    except (CorruptData, StorageFailed):
        return False
    return True


def _read(store: Store, pack: str, record: Record) -> bytes:
    with _reading():
        payload = store.read_span(pack, record)[RECORD_HEADER_BYTES:]
    if not is_sound(record, payload):
        raise CorruptData(f"Its record {record.digest.hex()} is damaged: mlwf verify says what it hits.")
    return payload


@contextmanager
def _reading() -> Iterator[None]:
    """Take a pack that cannot be read for a damaged one; a disk that cannot be written is another thing."""
    try:
        yield
    except StorageFailed as error:
        raise CorruptData(error.message) from error


def _list_settled(index: Index, packs: Set[str], copied: Set[bytes], live: Set[bytes]) -> set[str]:
    """Return those packs from which nothing live is read but what was copied."""
    needed = {row[1] for row in index.iter_rows(packs) if row[0] in live and row[0] not in copied}
    return set(packs) - needed


@contextmanager
def _discarding_unread(store: Store, rewriter: Rewriter) -> Iterator[None]:
    """Delete the new packs where the index was not turned over to them."""
    try:
        yield
    except BaseException:
        names = rewriter.list_sealed()
        with store.hold_opening():
            known = {row.name for row in store.index.read_packs()}
            unread = store.index.drop_unread(names) + [name for name in names if name not in known]
            store.delete_packs(unread)
        raise
