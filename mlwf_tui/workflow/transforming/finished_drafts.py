"""Keeps on disk which drafts of a recipe are made, so that none is made again after a kill; not a verb.

A folder for each recipe in the home's cache, and in it a file for each process that makes drafts. A
record is appended once the images that it names are durable. One that is torn costs no more than making
its draft again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.store.manifests import EncodedItem
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.transforming.record_files import (
    RecordFile,
    clear_folders,
    is_recent,
    iter_decoded,
    list_entries,
)

_FOLDER = "drafts"
_ASK_AT_ONCE = 5000


class FinishedDraft(msgspec.Struct, frozen=True, array_like=True):
    """What became of a draft. `item` is None, and `blob` empty, where nothing of it was left."""

    draft: bytes  # see digest_draft
    blob: bytes
    item: EncodedItem | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FinishedDraft)


def digest_draft(encoded: bytes) -> bytes:
    """Return what tells an encoded draft from the others of its recipe, 16 bytes."""
    return hashlib.blake2b(encoded, digest_size=16).digest()


def place_drafts(home: Path, recipe: Digest) -> Path:
    """Return the folder of a recipe's finished drafts, which need not be there."""
    return home / "cache" / _FOLDER / recipe


class DraftLog:
    """The file of one process, made when there is something to note; closed by whoever opens it."""

    def __init__(self, folder: Path) -> None:
        self._file = RecordFile(folder)

    def append(self, finished: Sequence[FinishedDraft]) -> None:
        """Note drafts whose images are durable.

        Raises:
            StorageFailed: the disk refused.
        """
        if finished:
            self._file.append(map(_encoder.encode, finished))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class FinishedDrafts:
    """The drafts of a recipe that earlier runs have made and whose images the store still has.

    Of each, memory holds where it stands; used by one thread at a time.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._files: list[IO[bytes]] = []
        self._places: dict[bytes, tuple[int, int, int]] = {}  # file, offset and size of its record
        missing: set[bytes] = set()
        for path in list_entries(folder):
            with suppress(FileNotFoundError):  # another run of the recipe has ended
                self._files.append(path.open("rb"))
                missing |= self._read(len(self._files) - 1, store)
        for draft in missing:
            self._places.pop(draft, None)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, draft: bytes) -> bool:
        return draft in self._places

    def find(self, draft: bytes) -> FinishedDraft | None:
        """Return what became of a draft, or None where that is not known."""
        place = self._places.get(draft)
        if place is None:
            return None
        number, offset, size = place
        return _decoder.decode(os.pread(self._files[number].fileno(), size, offset))

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            file.close()

    def _read(self, number: int, store: Store) -> set[bytes]:
        """Note a file's records, and return the drafts whose images are gone."""
        blobs: dict[bytes, bytes] = {}
        gone: set[bytes] = set()
        for offset, record, finished in iter_decoded(self._files[number], _decoder):
            self._places[finished.draft] = number, offset, len(record)
            if finished.blob:
                blobs[finished.draft] = finished.blob
        drafts = list(blobs)
        for start in range(0, len(drafts), _ASK_AT_ONCE):
            asked = drafts[start : start + _ASK_AT_ONCE]
            missing = store.find_missing({blobs[draft] for draft in asked})
            gone.update(draft for draft in asked if blobs[draft] in missing)
        return gone


def forget_drafts(home: Path, recipe: Digest) -> None:
    """Remove what is known of a recipe's drafts: its result is there."""
    shutil.rmtree(place_drafts(home, recipe), ignore_errors=True)


def iter_kept_blobs(home: Path, since: datetime | None) -> Iterator[Digest]:
    """Yield the images that finished drafts need, of recipes that were worked on since then."""
    for folder in list_entries(home / "cache" / _FOLDER):
        if is_recent(folder, since):
            for path in list_entries(folder):
                with suppress(FileNotFoundError), path.open("rb") as file:
                    for _, _, finished in iter_decoded(file, _decoder):
                        if finished.blob:
                            yield Digest(finished.blob.hex())


def clear_drafts(home: Path, since: datetime) -> None:
    """Remove what is known of recipes that nobody has worked on since then."""
    clear_folders(home / "cache" / _FOLDER, since)
