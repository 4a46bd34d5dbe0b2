"""Inspects packs by a process for each core: in one, threads that hash wait for each other's Python.

Both sides of it: what asks the hands, and what a hand does. Not a verb.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.inspection import Candidate, Findings, inspect_pack, measure_pack
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.messages import Work

if TYPE_CHECKING:
    from mlwf_tui.store.verify import InspectAll

_FEWEST_BYTES = 512 << 20
"""Starting processes takes as long as inspecting so much."""

_encoder = msgspec.msgpack.Encoder()
_candidate_decoder = msgspec.msgpack.Decoder(Candidate)
_findings_decoder = msgspec.msgpack.Decoder(Findings)


def make_inspection(home: Path, store: Store, *, fewest_bytes: int = _FEWEST_BYTES) -> InspectAll:
    """Return what inspects the packs of a home's store: hands where there is much to read, else threads.

    Raises, as it is used:
        StorageFailed: a hand died.
    """
    from mlwf_tui.store.verify import inspect_in_threads  # neither of which a hand needs
    from mlwf_tui.workflow.hands import count_hands

    def inspect_all(candidates: Sequence[Candidate], observer: Observer) -> Generator[Findings, None, None]:
        sizes = [measure_pack(store.packs_folder, candidate.name) for candidate in candidates]
        if sum(sizes) < fewest_bytes or count_hands() == 1:
            yield from inspect_in_threads(store.packs_folder, store.index, candidates, observer)
        else:
            yield from _inspect_by_hands(home, candidates, sizes, observer)

    return inspect_all


def _inspect_by_hands(
    home: Path, candidates: Sequence[Candidate], sizes: Sequence[int], observer: Observer
) -> Iterator[Findings]:
    from mlwf_tui.workflow.hands import open_hands

    total, done = sum(sizes), 0
    with open_hands(home, "inspect", b"") as hands:
        for answer, size in zip(hands.map(map(_encoder.encode, candidates)), sizes, strict=True):
            observer.check_cancelled()
            yield _findings_decoder.decode(answer)
            done += size
            observer.progress(done, total, "checking packs")


@contextmanager
def open_inspecting(home: Path, _: bytes) -> Iterator[Work]:
    """Be a hand that inspects: candidates in, findings out."""
    with Store(home / "store") as store:

        def inspect(message: bytes) -> bytes:
            candidate = _candidate_decoder.decode(message)
            return _encoder.encode(inspect_pack(store.packs_folder, store.index, candidate, _look))

        yield inspect


def _look(read_bytes: int) -> None:
    """Hear how far the reading of a pack is; a hand says so once it is through."""
