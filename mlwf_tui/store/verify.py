"""Checking the packs of a store, in a few threads: which of them, and what was found; mends nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from math import ceil
from pathlib import Path
from threading import Event

import msgspec

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Cancelled, CorruptData
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.index import PACK_ITSELF, Index, PackRow
from mlwf_tui.store.inspection import Candidate, Damage, Findings, inspect_pack, measure_pack
from mlwf_tui.store.packs import PACK_SUFFIX, list_packs

_THREADS = min(4, os.cpu_count() or 1)
_LOOK_S = 0.1


InspectAll = Callable[[Sequence[Candidate], Observer], Generator[Findings, None, None]]
"""Inspects packs and yields what each turned out to be, in any order; the observer hears the bytes.

Who asks closes it, which ends its threads or processes: they use the index.
"""


class StoreCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the store found.

    `lost` are the digests that can no longer be read, with the pack that is to blame; among them the
    large blobs of `broken`, with the first of their chunks that is lost or missing.
    """

    checked_bytes: int
    damages: tuple[Damage, ...] = ()
    lost: Mapping[bytes, str] = {}
    broken: Mapping[bytes, bytes] = {}

    @property
    def ok(self) -> bool:
        return not self.damages

    @property
    def is_index_lost(self) -> bool:
        """Whether the index is too damaged to be asked for anything."""
        return any(not damage.pack for damage in self.damages)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The damages in words; a problem's path is the pack's, or the index's."""
        return tuple(Problem(name_file(damage.pack), damage.reason) for damage in self.damages)


def name_file(pack: str) -> str:
    """Return where a pack lies below the store's folder; the index for an empty name."""
    return f"packs/{pack}{PACK_SUFFIX}" if pack else "index.sqlite"


def verify_packs(
    folder: Path,
    index: Index,
    observer: Observer,
    *,
    share: float = 1.0,
    is_new_only: bool = False,
    inspect_all: InspectAll | None = None,
) -> StoreCheck:
    """Check packs, and that the index names just what they hold; damage is no error.

    All packs; or with `is_new_only` those that were not found sound since they were written; or with a
    `share` that part of them, beginning with those that were verified longest ago. A pack that was
    checked is remembered at once, so work that is stopped goes on where it was. Progress counts bytes.
    Damaged records are remembered too: who puts them stores them again, and they are read from there.
    `inspect_all` does the inspecting where the index can be asked; else threads of this process do.
    """
    damage, known = _read_known(index)
    damages = [Damage("", damage, is_of_index=True)] if damage else []
    # Rows before files: a pack that is sealed in between is then not called missing.
    names = list_packs(folder)
    missing = sorted(known.keys() - names)
    damages += [
        Damage(name, f"The pack is missing, and {known[name].row_count} records with it.") for name in missing
    ]
    lost = {row[0]: row[1] for row in index.iter_rows(missing)} if missing else {}
    chosen = _choose(names, known, share=share, is_new_only=is_new_only)
    candidates = [Candidate(name, known.get(name)) for name in chosen]
    if damage or inspect_all is None:
        findings = inspect_in_threads(folder, None if damage else index, candidates, observer)
    else:
        findings = inspect_all(candidates, observer)
    checked_bytes = 0
    with closing(findings):
        for found in findings:
            checked_bytes += found.size_bytes
            damages += found.damages
            lost.update(dict.fromkeys(found.lost, found.pack))
            if found.pack in known:
                damaged = [d.digest or PACK_ITSELF for d in found.damages if not d.is_of_index]
                index.mark_verified(found.pack, is_sound=not found.damages, damaged=damaged)
    return StoreCheck(checked_bytes=checked_bytes, damages=tuple(damages), lost=lost)


def _read_known(index: Index) -> tuple[str, Mapping[str, PackRow]]:
    """Return what is wrong with the index, else its packs."""
    try:
        damage = index.find_damage()
        known = {} if damage else {row.name: row for row in index.read_packs()}
    except CorruptData as error:
        damage, known = error.message, {}
    return f"{damage} Make it again: mlwf verify --rebuild-index" if damage else "", known


def _choose(
    names: set[str], known: Mapping[str, PackRow], *, share: float, is_new_only: bool
) -> Sequence[str]:
    turns = {name: (known[name].verified_turn or 0) if name in known else 0 for name in names}
    chosen = sorted(names, key=lambda name: (turns[name], name))
    if is_new_only:
        chosen = [name for name in chosen if not turns[name]]
    return chosen[: ceil(len(chosen) * share)]


def inspect_in_threads(
    folder: Path, index: Index | None, candidates: Sequence[Candidate], observer: Observer
) -> Generator[Findings, None, None]:
    """Yield what packs turned out to be; threads wait for the disk and hash without holding each other up.

    `index` None: it is too damaged to be asked.
    """
    return _Packs(folder, index).inspect(candidates, observer)


class _Packs:
    def __init__(self, folder: Path, index: Index | None) -> None:
        self._folder = folder
        self._index = index
        self._is_stopped = Event()
        self._read_bytes: dict[str, int] = {}  # of the packs that are being read

    def inspect(self, candidates: Sequence[Candidate], observer: Observer) -> Generator[Findings, None, None]:
        sizes = {candidate.name: measure_pack(self._folder, candidate.name) for candidate in candidates}
        total, done = sum(sizes.values()), 0
        pending, going = iter(candidates), set[Future[Findings]]()
        with self._threads() as pool:
            while True:
                observer.check_cancelled()
                while len(going) < 2 * _THREADS and (candidate := next(pending, None)):
                    going.add(pool.submit(self._inspect, candidate))
                if not going:
                    return
                ended, going = wait(going, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    found = future.result()
                    del self._read_bytes[found.pack]
                    done += sizes[found.pack]
                    yield found
                observer.progress(done + sum(self._read_bytes.copy().values()), total, "checking packs")

    @contextmanager
    def _threads(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
            try:
                yield pool
            finally:
                self._is_stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _inspect(self, candidate: Candidate) -> Findings:
        name = candidate.name
        self._read_bytes[name] = 0

        def look(read_bytes: int) -> None:
            self._read_bytes[name] = read_bytes
            if self._is_stopped.is_set():
                raise Cancelled("The check was stopped.")

        return inspect_pack(self._folder, self._index, candidate, look)
