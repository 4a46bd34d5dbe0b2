"""What is read at once: few tasks where their files are large, be these images or labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.store.manifests import StoredImage
from mlwf_tui.workflow.hands import Hands
from mlwf_tui.workflow.importing.readers import Readers
from mlwf_tui.workflow.importing.reading import ItemReader, Reading, Task
from mlwf_tui.workflow.importing.signing import SIGNATURE

MIB = 1 << 20


class CountingReader:
    """Notes how many tasks are read at once."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def read_all(self, tasks: Iterable[Task]) -> list[Reading]:
        readings = [Reading() for _ in tasks]
        self.counts.append(len(readings))
        return readings


def make_tasks(count: int, *, image_bytes: int, source_bytes: int, is_stored: bool) -> Iterator[Task]:
    stored = StoredImage("main", "a.png", bytes(32), image_bytes, 8, 8) if is_stored else None
    for number in range(count):
        name, sizes = f"{number}.png", (image_bytes, source_bytes)
        image, source = (SIGNATURE.pack(size, 0, 0, number, 0) for size in sizes)
        yield Task("main", name, Split.NONE, name, image, f"{number}.txt", source, None, stored)


def open_no_hands() -> Hands:
    raise AssertionError("there are too few tasks for hands")


@pytest.mark.parametrize(
    ("image_bytes", "source_bytes", "is_stored", "counts"),
    [
        (MIB, 100, False, [2, 2, 2, 2]),
        (100, MIB, False, [2, 2, 2, 2]),
        (MIB, 100, True, [8]),
        (MIB, MIB, True, [2, 2, 2, 2]),
    ],
)
def test_what_is_read_at_once_is_small_in_bytes(
    image_bytes: int, source_bytes: int, is_stored: bool, counts: list[int]
) -> None:
    reader = CountingReader()
    readers = Readers(cast(ItemReader, reader), open_no_hands)
    tasks = make_tasks(8, image_bytes=image_bytes, source_bytes=source_bytes, is_stored=is_stored)
    assert len(list(readers.read(tasks))) == 8
    assert reader.counts == counts
