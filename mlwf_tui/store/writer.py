"""Adding blobs to the store: hash, look up, compress, append, and seal packs behind the writer's back."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import BinaryIO, Self

from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import InvalidInput, NotFound, StorageFailed
from mlwf_tui.store.chunks import ChunkRef, Cutter, cut, encode_chunk_list
from mlwf_tui.store.codec import compress
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import MAX_RECORD_BYTES, Codec, Record, RecordKind
from mlwf_tui.store.index import Index
from mlwf_tui.store.packs import PackWriter

_CHUNK_BATCH = 16  # looked up and appended together


class StoreWriter:
    """Puts blobs into packs. Leaving it normally makes all durable; an exception drops the open pack.

    Packs that were filled before the exception stay: their blobs are whole, so a second try finds
    them and does not write them again. Threads may call `put` and `put_file` at once. What was put
    can be read from the store once the writer has been left.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder = folder
        self._index = index
        self._lock = RLock()
        self._pack: PackWriter | None = None
        self._sealing: tuple[PackWriter, Future[None]] | None = None
        # One thread waits for the disk while the next pack fills.
        self._sealer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="seal-pack")
        self._is_broken = False
        self.sealed: list[str] = []  # names of packs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._discard()

    def put(self, data: bytes, *, kind: RecordKind = RecordKind.BLOB) -> Digest:
        """Store `data` unless it is there already and not known to be damaged, and return its digest.

        Raises:
            StorageFailed: the disk refused; the writer takes nothing more.
        """
        return self.put_all((data,), kind=kind)[0]

    def put_all(self, blobs: Iterable[bytes], *, kind: RecordKind = RecordKind.BLOB) -> list[Digest]:
        """Store several blobs, and return their digests in order; faster than one by one.

        Raises:
            StorageFailed: the disk refused; the writer takes nothing more.
        """
        digests: list[Digest] = []
        small: dict[bytes, bytes] = {}
        for data in blobs:
            if len(data) > MAX_RECORD_BYTES:
                digests.append(self._put_chunked(io.BytesIO(data))[0])
            else:
                digest = blake3(data).digest()
                small[digest] = data
                digests.append(Digest(digest.hex()))
        self._put_records(kind, small)
        return digests

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Store the bytes of a regular file and return their digest and count; large ones are streamed.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it cannot be read.
            StorageFailed: the store's disk refused; the writer takes nothing more.
        """
        with _open_source(path) as file:
            data = file.read(MAX_RECORD_BYTES + 1)
            if len(data) <= MAX_RECORD_BYTES:
                return self.put(data), len(data)
            file.seek(0)
            return self._put_chunked(file)

    def seal_ahead(self) -> None:
        """Let what was put become durable while the caller goes on; leaving the writer waits for it.

        Raises:
            StorageFailed: the disk refused.
        """
        with self._lock:
            self._check_whole()
            with self._one_step():
                self._start_sealing()

    def _put_chunked(self, stream: BinaryIO) -> tuple[Digest, int]:
        hasher = blake3()
        chunks: list[ChunkRef] = []
        batch: dict[bytes, bytes] = {}
        from mlwf_tui.store.tensors import find_tensors  # of weights: images do without

        tensors = find_tensors(stream)
        for chunk in cut(stream, tensors):
            hasher.update(chunk)
            digest = blake3(chunk).digest()
            chunks.append(ChunkRef(len(chunk), digest))
            batch[digest] = chunk
            if len(batch) == _CHUNK_BATCH:
                self._put_records(RecordKind.CHUNK, batch)
                batch = {}
        self._put_records(RecordKind.CHUNK, batch)
        blob_digest = hasher.digest()
        cutter = Cutter.TENSORS if tensors else Cutter.FASTCDC_2020
        self._put_records(RecordKind.CHUNK_LIST, {blob_digest: encode_chunk_list(chunks, cutter)})
        return Digest(blob_digest.hex()), sum(chunk.size_bytes for chunk in chunks)

    def _put_records(self, kind: RecordKind, raws: Mapping[bytes, bytes]) -> None:
        """Append those records, by digest, that are not stored yet."""
        with self._lock:
            self._check_whole()
            fresh = [digest for digest in raws if not self._is_pending(digest)]
        missing = self._index.find_unstored(fresh)
        if not missing:
            return
        packed = [_pack(kind, digest, raws[digest]) for digest in fresh if digest in missing]
        with self._lock, guard_storage(f"write to {self._folder}"):
            self._check_whole()
            with self._one_step():
                for record, payload in packed:
                    if not self._is_pending(record.digest):  # otherwise another thread was faster
                        self._append(record, payload)

    def _is_pending(self, digest: bytes) -> bool:
        if self._pack is not None and digest in self._pack.digests:
            return True
        return self._sealing is not None and digest in self._sealing[0].digests

    def _append(self, record: Record, payload: bytes) -> None:
        if self._pack is None:
            self._pack = PackWriter(self._folder)
        self._pack.append(record, payload)
        if self._pack.is_full:
            self._start_sealing()

    def _start_sealing(self) -> None:
        self._wait_for_sealing()
        if self._pack is not None:
            self._sealing = self._pack, self._sealer.submit(self._seal, self._pack)
            self._pack = None

    def _wait_for_sealing(self) -> None:
        # Packs are sealed one after the other: a chunk list is never visible before its chunks.
        if self._sealing is not None:
            self._sealing[1].result()
            self._sealing = None

    def _seal(self, pack: PackWriter) -> None:
        try:
            with guard_storage(f"write to {self._folder}"):
                sealed = pack.seal()
            self._index.add_packs([sealed])
            self.sealed.append(sealed[0])
        finally:
            pack.discard()

    def _finish(self) -> None:
        with self._lock:
            self.seal_ahead()
            with self._one_step():
                self._wait_for_sealing()

    def _discard(self) -> None:
        self._sealer.shutdown(wait=True)
        with self._lock:
            if self._pack is not None:
                self._pack.discard()
                self._pack = None

    @contextmanager
    def _one_step(self) -> Iterator[None]:
        # Whatever ends the step early, Ctrl-C too, may have left half a record in the open pack.
        self._is_broken = True
        yield
        self._is_broken = False

    def _check_whole(self) -> None:
        if self._is_broken:
            raise StorageFailed(
                "This writer has failed before and takes nothing more.", hint="Start the work again."
            )


def _pack(kind: RecordKind, digest: bytes, raw: bytes) -> tuple[Record, bytes]:
    codec, payload = (Codec.RAW, raw) if kind == RecordKind.CHUNK_LIST else compress(raw, kind)
    return Record(kind, codec, len(raw), len(payload), digest, 0), payload


@contextmanager
def _open_source(path: Path) -> Iterator[BinaryIO]:
    # The writer has turned its own OSErrors into StorageFailed; what is left is the source's.
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InvalidInput(f"{path} is not a regular file.", hint="Give the path of a file.")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint="Check the path.") from error
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check its mode and its disk."
        ) from error
