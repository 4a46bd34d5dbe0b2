"""Streams of somebody else's: zstd in bounded memory, and the digest of a file; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import zstandard
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData

MAX_WINDOW_BYTES = 1 << 27  # 128 MiB, as the zstd tool allows without being asked
_STEP_BYTES = 1 << 20


class ZstdStream:
    """Reads what a stream of zstd frames holds, a part at a time.

    A stream that is cut off ends early without a word: what is in it has to say where it ends.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._reader = decompressor.stream_reader(packed, read_across_frames=True, closefd=False)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, and none only at the end.

        Raises:
            CorruptData: it is no zstd, or damaged.
        """
        try:
            return self._reader.read(size)
        except zstandard.ZstdError as error:
            raise CorruptData(f"A zstd stream is damaged: {error}.") from error


def compute_stream_digest(stream: IO[bytes], tell: Callable[[int], None]) -> Digest:
    """Return the BLAKE3-256 digest of a stream up to its end; `tell` hears how many bytes were read."""
    hasher, count = blake3(), 0
    while part := stream.read(_STEP_BYTES):
        hasher.update(part)
        count += len(part)
        tell(count)
    return Digest(hasher.hexdigest())
