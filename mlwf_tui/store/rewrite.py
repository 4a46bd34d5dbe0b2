"""Copies records into new packs, every byte checked; what becomes of the old packs is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from mlwf_tui.store.codec import is_sound
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import RECORD_HEADER_BYTES, Record
from mlwf_tui.store.index import PackRecords
from mlwf_tui.store.packs import PackWriter, list_records


class Rewriter:
    """Puts records into packs as they are, and seals the full ones while the next fills.

    The index hears nothing of it: until `finish` is followed by `Index.replace_packs`, the new packs
    are copies that nobody reads. Leaving it with an exception drops the open pack alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pack: PackWriter | None = None
        self._sealer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="seal-pack")
        self._sealing: list[Future[PackRecords]] = []
        self.digests: set[bytes] = set()  # of all that was added

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sealer.shutdown(wait=True)
        if self._pack is not None:
            self._pack.discard()

    def add(self, record: Record, payload: bytes) -> None:
        """Append a record whose payload the caller has checked; one that was added before is passed over.

        Raises:
            StorageFailed: the disk refused.
        """
        if record.digest in self.digests:
            return
        with guard_storage(f"write to {self._folder}"):
            if self._pack is None:
                self._pack = PackWriter(self._folder)
            self._pack.append(record, payload)
        self.digests.add(record.digest)
        if self._pack.is_full:
            self._seal()

    def finish(self) -> list[PackRecords]:
        """Return all packs that were written, durable under their names.

        Raises:
            StorageFailed: the disk refused; those that were sealed before are left, and nobody reads them.
        """
        self._seal()
        return [sealing.result() for sealing in self._sealing]

    def list_sealed(self) -> list[str]:
        """Return the names of the packs that were sealed, also after a failure."""
        self._sealer.shutdown(wait=True)
        return [sealing.result()[0] for sealing in self._sealing if sealing.exception() is None]

    def _seal(self) -> None:
        if self._pack is not None:
            self._sealing.append(self._sealer.submit(_seal, self._folder, self._pack))
            self._pack = None


class Salvage(NamedTuple):
    """What of a damaged pack is in other packs now."""

    record_count: int  # that could be told in it
    saved_count: int
    pack_count: int
    size_bytes: int


def salvage_pack(path: Path, folder: Path, between: Callable[[], None]) -> Salvage:
    """Copy what is sound in a damaged pack into a pack of its own in `folder`; of no record, no pack.

    The same records make the same pack. `between` is called before each record, and may raise.

    Raises:
        StorageFailed: a disk refused.
    """
    records = list_records(path)
    with Rewriter(folder) as rewriter, guard_storage(f"read {path}"), path.open("rb") as file:
        for record in records:
            between()
            file.seek(record.offset + RECORD_HEADER_BYTES)
            payload = file.read(record.stored_size)
            if is_sound(record, payload):
                rewriter.add(record, payload)
        packs = rewriter.finish()
    return Salvage(
        record_count=len({record.digest for record in records}),
        saved_count=len(rewriter.digests),
        pack_count=len(packs),
        size_bytes=sum(size_bytes for _, size_bytes, _ in packs),
    )


def _seal(folder: Path, pack: PackWriter) -> PackRecords:
    try:
        with guard_storage(f"write to {folder}"):
            return pack.seal()
    finally:
        pack.discard()
