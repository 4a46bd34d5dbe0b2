"""Keeps encoded items in the order of their keys, on disk where they are many; memory stays flat."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.errors import StorageFailed
from mlwf_tui.store.manifests import EncodedItem

_RUN_BYTES = 16 << 20
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EncodedItem)
_by_key = itemgetter(0)


@dataclass(slots=True)
class ItemSpool:
    """Takes items in any order and gives them back in key order; the files vanish with the process."""

    folder: Path
    count: int = 0
    _buffer: list[EncodedItem] = field(default_factory=list)
    _buffer_bytes: int = 0
    _runs: list[IO[bytes]] = field(default_factory=list)

    def add(self, item: EncodedItem) -> None:
        """Take an item.

        Raises:
            StorageFailed: the disk refused.
        """
        self.count += 1
        self._buffer.append(item)
        self._buffer_bytes += len(item.row)
        if self._buffer_bytes >= _RUN_BYTES:
            self._write_run()

    def iter_sorted(self) -> Iterator[EncodedItem]:
        """Yield all items in key order, those of equal keys too."""
        self._buffer.sort(key=_by_key)
        return heapq.merge(*map(_read_run, self._runs), iter(self._buffer), key=_by_key)

    def close(self) -> None:
        """Let go of the files."""
        for run in self._runs:
            run.close()

    def _write_run(self) -> None:
        import tempfile  # 3 ms that most imports can do without

        try:
            run = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - closed by `close`
            self._runs.append(run)
            for item in sorted(self._buffer, key=_by_key):
                encoded = _encoder.encode(item)
                run.write(len(encoded).to_bytes(4, "little") + encoded)
            run.flush()
        except OSError as error:
            raise StorageFailed(
                f"{self.folder} could not be written: {error.strerror or error}.",
                hint="Free some space on that disk, then try again.",
            ) from error
        self._buffer, self._buffer_bytes = [], 0


def _read_run(run: IO[bytes]) -> Iterator[EncodedItem]:
    run.seek(0)
    while head := run.read(4):
        yield _decoder.decode(run.read(int.from_bytes(head, "little")))
