"""Reads images ahead of an exporter and writes them behind it, in threads: both mostly wait for the disk."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.protocols.exporters import ExportedItem

_THREADS_PER_CORE = 2  # while one waits for the disk, another checks and unpacks
_MOST_THREADS = 16
_AHEAD_PER_THREAD = 4  # images in memory


class ImagesAhead:
    """Gives an exporter items whose images are read already, and writes them where it wants them.

    Leave its block before the files are used: it waits for the last of them, and raises what writing one
    has raised. `read` must be safe for threads.
    """

    def __init__(self, read: Callable[[Digest], bytes]) -> None:
        threads = min(_MOST_THREADS, _THREADS_PER_CORE * len(os.sched_getaffinity(0)))
        self._read = read
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="export")
        self._most = threads * _AHEAD_PER_THREAD
        self._writing: deque[Future[int]] = deque()

    def __enter__(self) -> ImagesAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            self._settle(0)

    def iter_items(self, items: Iterable[Item]) -> Iterator[ExportedItem]:
        """Yield the items in order, each with a way to its image's bytes and to its file."""
        reading: deque[tuple[Item, Future[bytes]]] = deque()
        for item in items:
            reading.append((item, self._pool.submit(self._read, item.blob)))
            if len(reading) >= self._most:
                yield self._give(*reading.popleft())
        while reading:
            yield self._give(*reading.popleft())

    def _give(self, item: Item, data: Future[bytes]) -> ExportedItem:
        def write(path: Path) -> bool:
            self._settle(self._most)
            self._writing.append(self._pool.submit(path.write_bytes, data.result()))
            return True

        return ExportedItem(item, data.result, write)

    def _settle(self, most: int) -> None:
        """Wait until no more than `most` files are to be written."""
        while len(self._writing) > most:
            self._writing.popleft().result()
