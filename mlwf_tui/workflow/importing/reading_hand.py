"""A hand that reads: tasks in, readings out, images into packs of its own; not a verb."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.registry import Registry
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.importing.reading import ItemReader, Task
from mlwf_tui.workflow.messages import Work


class ReadingSetup(msgspec.Struct, array_like=True, frozen=True):
    """What a reading hand is told first; see `Importer.read_key` for the key."""

    importer: str
    root: bytes  # a path may hold any byte
    key: Any


_encoder = msgspec.msgpack.Encoder()
_setup_decoder = msgspec.msgpack.Decoder(ReadingSetup)
_tasks_decoder = msgspec.msgpack.Decoder(list[Task])


@contextmanager
def open_reading(home: Path, setup: bytes) -> Iterator[Work]:
    """Be a hand that reads; leaving normally makes durable what it stored."""
    decoded = _setup_decoder.decode(setup)
    importer = Registry().get_importer(decoded.importer)
    with Store(home / "store") as store, store.writer() as writer:
        reader = ItemReader(writer, importer, os.fsdecode(decoded.root), decoded.key)
        yield lambda message: _encoder.encode(reader.read_all(_tasks_decoder.decode(message)))
