"""The one door to stored bytes: write, read with every byte checked, verify, rebuild the index."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
from blake3 import blake3
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import Busy, CorruptData, InvalidInput, StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.adoption import iter_whole, open_adopting, rebuild
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.codec import is_sound, unpack
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import (
    DIGEST_BYTES,
    RECORD_HEADER_BYTES,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.locks import hold_file, hold_folder
from mlwf_tui.store.packs import (
    PackFiles,
    list_packs,
    place_pack,
    remove_stale,
    sync_folder,
)
from mlwf_tui.store.writer import StoreWriter

if TYPE_CHECKING:  # for the annotation alone: whoever opens a store seldom verifies it
    from mlwf_tui.store.verify import InspectAll, StoreCheck

_DAMAGE_HINT = "mlwf verify lists all that is damaged, mlwf verify --repair-from BACKUP mends it."
_LOSS_HINT = (
    "mlwf verify says what that hits; mlwf verify --repair-from BACKUP, or importing the files again,"
    " brings it back."
)
INDEX = "index.sqlite"
_WRITER_TIMEOUT_S = 60.0  # a collect deletes for a moment only
COLLECTOR_TIMEOUT_S = 10.0  # writers may be at it for hours


class _Missing(CorruptData):
    """The index names no such blob: who asks has the digest from a catalog or manifest, so it is a loss."""


class StoreStats(msgspec.Struct, frozen=True, kw_only=True):
    """What the store holds. `raw_bytes` counts each distinct byte once, `stored_bytes` whole packs."""

    blob_count: int
    raw_bytes: int
    stored_bytes: int
    pack_count: int


class Store:
    """Blobs by digest in one folder. Threads and processes may use it at once; who opens it closes it."""

    def __init__(self, folder: Path, *, scratch_folder: Path | None = None) -> None:
        """Open the store, or make it; clear what dead writers left and adopt packs they had sealed.

        One that can only be read keeps its index in `scratch_folder` and takes no locks: nobody collects.

        Raises:
            StorageFailed: the folder cannot be made or written.
            Busy: another process has been opening it for a minute.
        """
        self.folder = folder
        self.packs_folder = folder / "packs"
        self._is_read_only = scratch_folder is not None
        with guard_storage(f"open the store {folder}"):
            if scratch_folder is not None:
                self.index = open_adopting(scratch_folder / INDEX, self.packs_folder)
                self._files = PackFiles(self.packs_folder)
                return
            self.packs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with hold_folder(folder):
                remove_stale(self.packs_folder)
                self.index = open_adopting(folder / INDEX, self.packs_folder)
        self._files = PackFiles(self.packs_folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index and all packs; the caller has ended its reads and left its writers."""
        self._files.close()
        self.index.close()

    @contextmanager
    def writer(self) -> Iterator[StoreWriter]:
        """Give a writer; leaving it makes what was put durable and readable.

        What was put is safe from collect for as long as the writer is open. Whoever needs it longer,
        until the catalog names it, holds the store around it, as the Recorder of a run does.
        """
        with self.hold_shared(), StoreWriter(self.packs_folder, self.index) as writer:
            yield writer
        self.forget_packs(writer.sealed)  # one may lie in the place of a damaged pack of the same records

    @contextmanager
    def hold_shared(self) -> Iterator[None]:
        """Keep collect from deleting anything; any number of threads and processes may do so at once.

        Raises:
            Busy: a collect has been deleting for a minute.
        """
        if self._is_read_only:
            yield
            return
        busy = Busy(
            f"The store {self.folder} is being cleared by a collect.", hint="Try again when it has ended."
        )
        timeout_s = _WRITER_TIMEOUT_S
        with hold_file(self.folder / "lock", is_shared=True, timeout_s=timeout_s, busy=busy):
            yield

    @contextmanager
    def hold_exclusive(self, *, timeout_s: float | None = None) -> Iterator[None]:
        """Wait until nobody holds the store, and keep all out: collect's last step, and that alone.

        Raises:
            Busy: others held it for all of `timeout_s`, ten seconds if it is None.
        """
        timeout_s = COLLECTOR_TIMEOUT_S if timeout_s is None else timeout_s
        busy = Busy(
            f"Others have been writing to the store {self.folder} for {timeout_s:.0f} s.",
            hint="Nothing was deleted. Try again when their runs have ended; mlwf runs lists them.",
        )
        with hold_file(self.folder / "lock", is_shared=False, timeout_s=timeout_s, busy=busy):
            yield

    @contextmanager
    def hold_care(self, *, timeout_s: float | None = None) -> Iterator[None]:
        """Be the only one who replaces packs: a collect or a repair.

        Raises:
            Busy: another did so for all of `timeout_s`, ten seconds if it is None.
            StorageFailed: the store can only be read.
        """
        if self._is_read_only:  # by the copy of an index: the real one would still name what is gone
            raise StorageFailed(
                f"The store {self.folder} can only be read: its disk is full, or may not be written.",
                hint=f"Free some space first: all in {self.folder.parent / 'cache'} may be deleted while"
                " nothing runs, and is made anew.",
            )
        timeout_s = COLLECTOR_TIMEOUT_S if timeout_s is None else timeout_s
        busy = Busy(
            f"Another collect, repair or backup is at work on {self.folder}.", hint="Wait for it to end."
        )
        with hold_file(self.folder / "care.lock", is_shared=False, timeout_s=timeout_s, busy=busy):
            yield

    def contains(self, digest: Digest) -> bool:
        """Return whether the index names this digest; its bytes are not read."""
        return self.index.contains(_to_bytes(digest))

    @contextmanager
    def hold_opening(self) -> Iterator[None]:
        """Let nobody open the store meanwhile: who opens it enters the packs that lie there.

        Raises:
            Busy: another process has been opening it for a minute.
        """
        with guard_storage(f"lock the store {self.folder}"), hold_folder(self.folder):
            yield

    def find_missing(self, digests: Collection[bytes]) -> set[bytes]:
        """Return those digests that the index does not name; no bytes are read."""
        return self.index.find_missing(digests)

    def read(self, digest: Digest) -> bytes:
        """Return a whole blob, every byte checked.

        Raises:
            CorruptData: it is missing, or its bytes are not what they were.
        """
        return b"".join(self.iter_chunks(digest))

    def iter_chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield a blob piece by piece, each checked before it is handed out; memory stays flat.

        Raises:
            CorruptData: it is missing; or a piece, or the whole in the end, is not what it was.
        """
        key = _to_bytes(digest)
        pack, record, payload = self._read_payload(key)
        with _name_damage(key, pack):
            if record.kind != RecordKind.CHUNK_LIST:
                yield unpack(record, payload)
                return
            chunks = decode_chunk_list(payload)
        hasher = blake3()
        for chunk in chunks:
            part = self._read_chunk(key, chunk.digest)
            hasher.update(part)
            yield part
        with _name_damage(key, pack):
            if hasher.digest() != key:
                raise CorruptData("Its chunks are whole but do not make it up.")

    def write_file(self, digest: Digest, path: Path) -> None:
        """Write a blob to `path`, over what is there; a reader sees the old file or the whole new one.

        Raises:
            CorruptData: as `read`; `path` is then as it was.
            StorageFailed: the disk refused.
        """
        temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
        with guard_storage(f"write {path}"):
            try:
                with temporary.open("xb") as file:
                    for part in self.iter_chunks(digest):
                        file.write(part)
                temporary.replace(path)
            except BaseException:
                with suppress(FileNotFoundError):
                    temporary.unlink()
                raise

    def list_chunked(self) -> list[bytes]:
        """Return the digests of all blobs that are stored in chunks."""
        return self.index.list_digests(RecordKind.CHUNK_LIST)

    def list_chunks(self, digest: bytes) -> list[bytes]:
        """Return the digests of the chunks of a blob that is stored in chunks.

        Raises:
            CorruptData: as `read`.
        """
        pack, _, payload = self._read_payload(digest)
        with _name_damage(digest, pack):
            return [chunk.digest for chunk in decode_chunk_list(payload)]

    def read_record(self, digest: bytes) -> tuple[Record, bytes]:
        """Return a record as it is stored, and its payload, checked.

        Raises:
            CorruptData: as `read`.
        """
        pack, record, payload = self._read_payload(digest)
        with _name_damage(digest, pack):
            if not is_sound(record, payload):
                raise CorruptData("The stored bytes are not what their digest says.")
        return record, payload

    def read_span(self, pack: str, record: Record) -> bytes:
        """Return a record's head and payload as they lie in a pack, unchecked.

        Raises:
            CorruptData: the pack is not there.
        """
        with _name_damage(record.digest, pack):
            return self._files.read(pack, record.offset, RECORD_HEADER_BYTES + record.stored_size)

    def read_into(self, pack: str, offset: int, target: memoryview) -> int:
        """Fill `target` with a pack's bytes, unchecked, and return how many there were.

        Raises:
            CorruptData: the pack is not there.
        """
        return self._files.read_into(pack, offset, target)

    def verify(
        self,
        observer: Observer,
        *,
        share: float = 1.0,
        is_new_only: bool = False,
        inspect_all: InspectAll | None = None,
    ) -> StoreCheck:
        """Read packs once and check all that can be checked; damage is a problem, not an error.

        See `verify_packs` for which packs, and for `inspect_all`. Progress counts bytes.
        """
        from mlwf_tui.store.inspection import Damage
        from mlwf_tui.store.verify import verify_packs

        check = verify_packs(
            self.packs_folder,
            self.index,
            observer,
            share=share,
            is_new_only=is_new_only,
            inspect_all=inspect_all,
        )
        if check.is_index_lost:
            return check
        broken = self._find_broken_lists(check.lost)
        damages = [
            Damage(pack, f"The blob {blob.hex()} lacks its chunk {chunk.hex()}.", blob, is_of_index=True)
            for blob, (pack, chunk) in broken.items()
        ]
        return replace(
            check,
            damages=(*check.damages, *damages),
            lost={**{blob: pack for blob, (pack, _) in broken.items()}, **check.lost},
            broken={blob: chunk for blob, (_, chunk) in broken.items()},
        )

    def drop_packs(self, packs: Collection[str]) -> None:
        """Forget packs and delete them; what the others hold as well is read from there.

        Raises:
            Busy: others write to the store.
            StorageFailed: the disk refused.
        """
        with self.hold_exclusive(), self.hold_opening():
            rest = list_packs(self.packs_folder).difference(packs)
            self.index.replace_packs(iter_whole(self.packs_folder, sorted(rest)), packs)
            self.delete_packs(packs)

    def forget_packs(self, packs: Collection[str]) -> None:
        """Open packs anew at their next read: other files may lie in their places."""
        self._files.forget(packs)

    def delete_packs(self, packs: Collection[str]) -> None:
        """Delete the files of packs that the index names no more; the caller holds the opening.

        Raises:
            StorageFailed: the disk refused.
        """
        self._files.forget(packs)
        with guard_storage(f"delete from {self.packs_folder}"):
            for pack in packs:
                self.path_of(pack).unlink(missing_ok=True)
            sync_folder(self.packs_folder)

    def set_packs_aside(self, packs: Collection[str]) -> None:
        """Move damaged packs, which the index names no more, to a folder beside; as `delete_packs`."""
        if not packs:
            return
        self._files.forget(packs)
        folder = self.folder / "damaged"
        with guard_storage(f"move packs to {folder}"):
            folder.mkdir(mode=0o700, exist_ok=True)
            for pack in packs:
                with suppress(FileNotFoundError):
                    self.path_of(pack).rename(place_pack(folder, pack))
            sync_folder(folder)
            sync_folder(self.packs_folder)

    def read_stats(self) -> StoreStats:
        """Return counts and sizes, from the index alone."""
        return StoreStats(**self.index.read_totals()._asdict())

    def rebuild_index(self) -> None:
        """Make the index again from the packs alone; of a pack without a whole footer, what is sound.

        The caller has left its writers. Other processes see the new index, unless the old file was
        so damaged that a new one had to take its place: they see that when they open the store again.
        """
        with guard_storage(f"rebuild the index of {self.folder}"), hold_folder(self.folder):
            self.index = rebuild(self.index, self.packs_folder)

    def _find_broken_lists(self, lost: Mapping[bytes, str]) -> dict[bytes, tuple[str, bytes]]:
        """Return by blob the first of its chunks that is missing or lost, and the pack that is to blame."""
        broken: dict[bytes, tuple[str, bytes]] = {}
        for blob in self.list_chunked():
            with suppress(CorruptData, StorageFailed):  # said already, where its pack was checked
                pack, _, payload = self._read_payload(blob)
                chunks = [chunk.digest for chunk in decode_chunk_list(payload)]
                missing = self.index.find_missing(chunks)
                for chunk in [chunk for chunk in chunks if chunk in missing or chunk in lost][:1]:
                    broken[blob] = lost.get(chunk, pack), chunk
        return broken

    def _read_payload(self, key: bytes) -> tuple[str, Record, bytes]:
        pack, record, stored = self._read_stored(key)
        with _name_damage(key, pack):
            if stored[:RECORD_HEADER_BYTES] != encode_record_header(record):
                raise CorruptData("Its record is not where the index says, or is damaged.")
            if len(stored) != RECORD_HEADER_BYTES + record.stored_size:
                raise CorruptData("The pack is cut off.")
        return pack, record, stored[RECORD_HEADER_BYTES:]

    def _read_stored(self, key: bytes) -> tuple[str, Record, bytes]:
        """Return where a record lies and its bytes there, unchecked."""
        pack, record = self._find(key)
        try:
            return pack, record, self.read_span(pack, record)
        except CorruptData:
            now, record = self._find(key)
            if now == pack:
                raise
            return now, record, self.read_span(now, record)  # a collect has put it into another pack

    def _find(self, key: bytes) -> tuple[str, Record]:
        found = self.index.find(key)
        if found is None:
            raise _Missing(f"The store lacks the blob {key.hex()}.", hint=_LOSS_HINT)
        return found

    def _read_chunk(self, blob: bytes, key: bytes) -> bytes:
        try:
            pack, record, payload = self._read_payload(key)
        except _Missing as error:
            raise CorruptData(
                f"The blob {blob.hex()} lacks its chunk {key.hex()}.", hint=_DAMAGE_HINT
            ) from error
        with _name_damage(key, pack):
            if record.kind == RecordKind.CHUNK_LIST:
                raise CorruptData("A chunk is itself a list of chunks.")
            return unpack(record, payload)

    def path_of(self, pack: str) -> Path:
        """Return where a pack lies."""
        return place_pack(self.packs_folder, pack)


def _to_bytes(digest: Digest) -> bytes:
    try:
        key = bytes.fromhex(digest)
    except ValueError:
        key = b""
    if len(key) != DIGEST_BYTES:
        raise InvalidInput(f"{digest!r} is not a digest.", hint="A digest is 64 hexadecimal digits.")
    return key


@contextmanager
def _name_damage(key: bytes, pack: str) -> Iterator[None]:
    try:
        yield
    except CorruptData as error:
        raise CorruptData(
            f"The blob {key.hex()} in the pack {pack} is damaged. {error.message}", hint=_DAMAGE_HINT
        ) from error
