"""Keeps encoded items in the order of their keys, on disk where they are many; memory stays flat."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.errors import StorageFailed
from mlwf_tui.store.manifests import EncodedItem

_MEMORY_BYTES = 2 << 20
_ITEM_BYTES = 256  # that Python takes for an item besides its row
_BLOCK_ITEMS = 64
_SIZE_BYTES = 4
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[EncodedItem])
_by_key = itemgetter(0)


@dataclass(slots=True, eq=False, repr=False)
class ItemSpool:
    """Takes items in any order and gives them back in key order; the file vanishes with the process."""

    folder: Path
    count: int = 0
    _buffer: list[EncodedItem] = field(default_factory=list)
    _buffer_bytes: int = 0
    _file: IO[bytes] | None = None
    _runs: list[_Run] = field(default_factory=list)

    def add(self, item: EncodedItem) -> None:
        """Take an item.

        Raises:
            StorageFailed: the disk refused.
        """
        self.count += 1
        self._buffer.append(item)
        self._buffer_bytes += len(item.row) + _ITEM_BYTES
        if self._buffer_bytes >= _MEMORY_BYTES:
            self._write_buffer()

    def iter_sorted(self) -> Iterator[EncodedItem]:
        """Yield all items in key order, those of equal keys too."""
        self._buffer.sort(key=_by_key)
        runs = [] if self._file is None else [_read_run(self._file, run) for run in self._runs]
        return heapq.merge(*runs, iter(self._buffer), key=_by_key) if runs else iter(self._buffer)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _write_buffer(self) -> None:
        items = sorted(self._buffer, key=_by_key)
        try:
            if self._file is None:
                import tempfile  # 3 ms that most imports can do without

                self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - closed by `close`
            start = self._file.tell()
            for at in range(0, len(items), _BLOCK_ITEMS):
                block = _encoder.encode(items[at : at + _BLOCK_ITEMS])
                self._file.write(len(block).to_bytes(_SIZE_BYTES, "little") + block)
            self._file.flush()
            self._add_run(items[0].key, items[-1].key, start, self._file.tell())
        except OSError as error:
            raise StorageFailed(
                f"{self.folder} could not be written: {error.strerror or error}.",
                hint="Free some space on that disk, then try again.",
            ) from error
        self._buffer, self._buffer_bytes = [], 0

    def _add_run(self, first_key: str, last_key: str, start: int, end: int) -> None:
        # Items mostly come in order: then all of them are one run, and nothing has to be merged.
        if self._runs and self._runs[-1].last_key <= first_key:
            self._runs[-1].last_key, self._runs[-1].end = last_key, end
        else:
            self._runs.append(_Run(last_key, start, end))


class _Run(msgspec.Struct):
    """A part of the file that is in order."""

    last_key: str
    start: int
    end: int


def _read_run(file: IO[bytes], run: _Run) -> Iterator[EncodedItem]:
    descriptor, at = file.fileno(), run.start
    while at < run.end:
        at += _SIZE_BYTES
        size = int.from_bytes(os.pread(descriptor, _SIZE_BYTES, at - _SIZE_BYTES), "little")
        yield from _decoder.decode(os.pread(descriptor, size, at))
        at += size
