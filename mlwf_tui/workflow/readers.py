"""Reads the items of a folder, in this process or in one for each core; not a verb."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.protocols import Importer
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, Hands, count_hands, open_hands
from mlwf_tui.workflow.reading import ItemReader, Reading, Task
from mlwf_tui.workflow.reading_hand import ReadingSetup
from mlwf_tui.workflow.scan import get_size
from mlwf_tui.workspace import Workspace

_MOST_TASKS = 32
_MOST_BYTES = 8 << 20


_encoder = msgspec.msgpack.Encoder()
_readings_decoder = msgspec.msgpack.Decoder(list[Reading])


@contextmanager
def open_readers(
    workspace: Workspace, writer: StoreWriter, importer: Importer, root: Path, key: Any, *, expected: int
) -> Iterator[Readers]:
    """Give what reads about `expected` items of a folder; leaving normally makes durable what hands stored.

    Raises:
        StorageFailed: the disk refused, or a hand died.
    """
    if expected < FEWEST_FOR_HANDS or count_hands() == 1:
        yield Readers(ItemReader(writer, importer, str(root), key))
        return
    setup = _encoder.encode(ReadingSetup(importer.name, os.fsencode(root), key))
    with open_hands(workspace.home, "read", setup) as hands:
        yield Readers(hands)


class Readers:
    """Reads tasks and yields their readings in order; used by one thread at a time."""

    def __init__(self, way: ItemReader | Hands) -> None:
        self._way = way

    def read(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Reading]]:
        """Yield each task with its reading, in order; tasks are drawn a little ahead.

        Raises:
            StorageFailed: the disk refused, or a hand died.
        """
        batches = _iter_batches(tasks)
        if isinstance(self._way, ItemReader):
            for batch in batches:
                yield from zip(batch, self._way.read_all(batch), strict=True)
            return
        asked: deque[list[Task]] = deque()

        def iter_messages() -> Iterator[bytes]:
            for batch in batches:
                asked.append(batch)
                yield _encoder.encode(batch)

        for answer in self._way.map(iter_messages()):
            yield from zip(asked.popleft(), _readings_decoder.decode(answer), strict=True)


def _iter_batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Yield tasks in batches that are small in number and in bytes."""
    batch: list[Task] = []
    size_bytes = 0
    for task in tasks:
        batch.append(task)
        size_bytes += get_size(task.image_signature)
        if len(batch) == _MOST_TASKS or size_bytes >= _MOST_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
