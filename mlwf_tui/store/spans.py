"""Reads many blobs at once, those that lie side by side in a pack by one call; every byte checked."""

from __future__ import annotations

import logging
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence

from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.format import (
    MAX_RECORD_BYTES,
    RECORD_HEADER_BYTES,
    Codec,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.index import BlobRow, to_record
from mlwf_tui.store.store import Store

logger = logging.getLogger(__name__)

_MAX_OFFSET = 1 << 62
_SPAN_BYTES = MAX_RECORD_BYTES + RECORD_HEADER_BYTES  # what a core's cache still holds when it is hashed


class SpanReader:
    """Reads blobs into one buffer that it keeps; used by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._buffer = memoryview(bytearray(_SPAN_BYTES))

    def iter_blobs(
        self, digests: Collection[bytes], damaged: dict[bytes, CorruptData] | None = None
    ) -> Iterator[tuple[bytes, bytes | memoryview]]:
        """Yield each blob once with its digest, in the order in which they lie in the packs.

        A memoryview is good until the next blob is asked for. The index is asked once for all. One that is
        damaged is not yielded where `damaged` is given, which gets what is wrong with it.

        Raises:
            CorruptData: one is missing, or its bytes are not what they were, and `damaged` is not given.
        """
        wanted = set(digests)
        rows = sorted(filter(_is_plain, self._store.index.find_rows(list(wanted))), key=_get_place)
        for span in _iter_spans(rows):
            yield from self._read_span(span, damaged)
        for digest in wanted.difference([row[0] for row in rows]):
            yield from self._read_alone(digest, damaged)

    def _read_span(
        self, span: Sequence[BlobRow], damaged: dict[bytes, CorruptData] | None
    ) -> Iterator[tuple[bytes, bytes | memoryview]]:
        _, pack, start, *_ = span[0]
        try:
            found = self._store.read_into(pack, start, self._buffer[: _get_end(span[-1]) - start])
        except CorruptData:  # the pack is not there any more
            found = 0
        for row in span:
            at, end = row[2] - start, _get_end(row) - start
            blob = _check(row, self._buffer[at:end]) if end <= found else None
            if blob is None:
                yield from self._read_alone(row[0], damaged)
            else:
                yield row[0], blob

    def _read_alone(
        self, digest: bytes, damaged: dict[bytes, CorruptData] | None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Read a blob that lies in chunks; or one more time, to say what is wrong with it."""
        try:
            blob = self._store.read(Digest(digest.hex()))
        except CorruptData as error:
            if damaged is None:
                raise
            damaged[digest] = error
            return
        yield digest, blob


def _is_plain(row: BlobRow) -> bool:
    """Say whether a row names one record that fits into the buffer; a damaged index may say anything."""
    _, _, offset, stored_size, _, _, kind = row
    return (
        kind != RecordKind.CHUNK_LIST
        and isinstance(offset, int)
        and isinstance(stored_size, int)
        and 0 <= offset < _MAX_OFFSET
        and 0 <= stored_size <= MAX_RECORD_BYTES
    )


def _iter_spans(rows: Iterable[BlobRow]) -> Iterator[Sequence[BlobRow]]:
    """Yield runs of rows that lie side by side and fit into the buffer."""
    span: list[BlobRow] = []
    for row in rows:
        is_next = span and row[1] == span[-1][1] and row[2] == _get_end(span[-1])
        if span and not (is_next and _get_end(row) - span[0][2] <= _SPAN_BYTES):
            yield span
            span = []
        span.append(row)
    if span:
        yield span


def _check(row: BlobRow, stored: memoryview) -> bytes | memoryview | None:
    """Return a blob from its record's bytes, or None where they are not what they should be."""
    digest, _, offset, stored_size, raw_size, codec, kind = row
    payload = stored[RECORD_HEADER_BYTES:]
    try:
        # No RecordKind, no Codec: they would be a third of this function's own time.
        head = encode_record_header(Record(kind, codec, raw_size, stored_size, digest, offset))  # type: ignore[arg-type]
        if stored[:RECORD_HEADER_BYTES] != head:
            return None
        if codec != Codec.RAW:
            return unpack(to_record(row), bytes(payload))
    except (CorruptData, struct.error):
        logger.debug("the blob %s is read again", digest.hex())
        return None
    return payload if len(payload) == raw_size and blake3(payload).digest() == digest else None


def _get_place(row: BlobRow) -> tuple[str, int]:
    return row[1], row[2]


def _get_end(row: BlobRow) -> int:
    return row[2] + RECORD_HEADER_BYTES + row[3]
