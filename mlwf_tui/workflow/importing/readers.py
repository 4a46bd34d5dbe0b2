"""Reads the items of a folder, in this process or in one for each core; not a verb."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.protocols.importers import Importer
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, Hands, count_hands, open_hands
from mlwf_tui.workflow.importing.reading import ItemReader, Reading, Task
from mlwf_tui.workflow.importing.reading_hand import ReadingSetup
from mlwf_tui.workspace import Workspace

_MOST_TASKS = 512
_MOST_BYTES = 2 << 20
"""Of a batch: tiny images are handed over many at once, large ones by themselves."""


_encoder = msgspec.msgpack.Encoder()
_readings_decoder = msgspec.msgpack.Decoder(list[Reading])


@contextmanager
def open_readers(
    workspace: Workspace, writer: StoreWriter, importer: Importer, root: Path, key: Any
) -> Iterator[Readers]:
    """Give what reads the items of a folder; leaving normally makes durable what hands stored.

    Raises:
        StorageFailed: the disk refused, or a hand died.
    """
    setup = _encoder.encode(ReadingSetup(importer.name, os.fsencode(root), key))
    with ExitStack() as stack:
        yield Readers(
            ItemReader(writer, importer, str(root), key),
            lambda: stack.enter_context(open_hands(workspace.home, "read", setup)),
        )


class Readers:
    """Reads tasks and yields their readings in order: here, or by hands where there are many.

    Used by one thread at a time.
    """

    def __init__(self, reader: ItemReader, open_hands: Callable[[], Hands]) -> None:
        self._reader = reader
        self._open_hands = open_hands
        self._hands: Hands | None = None

    def read(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Reading]]:
        """Yield each task with its reading, in order; tasks are drawn ahead.

        Raises:
            StorageFailed: the disk refused, or a hand died.
        """
        rest = iter(tasks)
        first = list(islice(rest, FEWEST_FOR_HANDS))
        if len(first) < FEWEST_FOR_HANDS or count_hands() == 1:
            for batch in _iter_batches(chain(first, rest)):
                yield from zip(batch, self._reader.read_all(batch), strict=True)
            return
        asked: deque[list[Task]] = deque()

        def iter_messages() -> Iterator[bytes]:
            for batch in _iter_batches(chain(first, rest)):
                asked.append(batch)
                yield _encoder.encode(batch)

        self._hands = self._open_hands()
        for answer in self._hands.map(iter_messages()):
            yield from zip(asked.popleft(), _readings_decoder.decode(answer), strict=True)

    def dismiss(self) -> None:
        """Let hands make durable what they stored while the caller goes on; nothing is read any more.

        Raises:
            StorageFailed: a hand died.
        """
        if self._hands is not None:
            self._hands.dismiss()


def _iter_batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Yield tasks in batches that are small in number and in bytes."""
    batch: list[Task] = []
    size_bytes = 0
    for task in tasks:
        batch.append(task)
        size_bytes += task.unread_bytes
        if len(batch) == _MOST_TASKS or size_bytes >= _MOST_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
