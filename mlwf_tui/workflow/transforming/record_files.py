"""Append-only files of checked records in folders of the home's cache, one file a process; not a verb.

What a kill or a power cut tears at the end of a file is not believed: the records before it are.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from mlwf_tui.store.failures import guard_storage

T = TypeVar("T")

_HEAD_BYTES = 8  # length and CRC-32 of the record, little endian
_MOST_BYTES = 1 << 28  # of a record: more is no record of ours


class RecordFile:
    """The file of one process, made when there is something to note; closed by whoever opens it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
        self._file: IO[bytes] | None = None

    def append(self, records: Iterable[bytes]) -> None:
        """Note records, safe from now on from the death of this process.

        Raises:
            StorageFailed: the disk refused.
        """
        with guard_storage(f"write {self._path}"):
            if self._file is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = self._path.open("xb")
            self._file.write(b"".join(map(_frame, records)))
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            with suppress(OSError):  # all that counts was flushed
                self._file.close()


def iter_records(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the whole records of a file with their offsets, up to the first that is torn."""
    offset = 0
    while True:
        head = file.read(_HEAD_BYTES)
        size, check = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
        if len(head) < _HEAD_BYTES or size > _MOST_BYTES:
            return
        record = file.read(size)
        if len(record) < size or not size or zlib.crc32(record) != check:
            return
        yield offset + _HEAD_BYTES, record
        offset += _HEAD_BYTES + size


def iter_decoded(file: IO[bytes], decoder: msgspec.msgpack.Decoder[T]) -> Iterator[tuple[int, bytes, T]]:
    """Yield the records of a file with their offsets and what they say.

    One that says something else was written by another release of mlwf, and is passed over.
    """
    for offset, record in iter_records(file):
        with suppress(msgspec.DecodeError):
            yield offset, record, decoder.decode(record)


def list_entries(folder: Path) -> list[Path]:
    """Return what is in a folder, which need not be there, by name."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def is_recent(folder: Path, since: datetime | None) -> bool:
    """Whether a file of the folder was written since then, or one is being made."""
    if since is None:
        return True
    with suppress(FileNotFoundError):
        newest = max([folder.stat().st_mtime, *[path.stat().st_mtime for path in list_entries(folder)]])
        return newest >= since.timestamp()
    return False


def clear_folders(parent: Path, since: datetime) -> None:
    """Remove the folders in `parent` to which nobody has written since then."""
    for folder in list_entries(parent):
        if not is_recent(folder, since):
            shutil.rmtree(folder, ignore_errors=True)


def _frame(record: bytes) -> bytes:
    return len(record).to_bytes(4, "little") + zlib.crc32(record).to_bytes(4, "little") + record
