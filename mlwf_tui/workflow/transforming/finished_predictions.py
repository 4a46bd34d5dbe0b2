"""Keeps on disk what a model has said of items, so that it is not asked again after a kill; not a verb.

A folder for each recipe of an application in the home's cache. A record holds what was said of one batch
of images; it is believed only for the same images in the same order, since what a library computes of an
image may depend, in its last bits, on those beside it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.workflow.transforming.record_files import RecordFile, clear_folders, iter_decoded, list_entries

_FOLDER = "predictions"


class _PredictedBatch(msgspec.Struct, frozen=True, array_like=True):
    """What a model has said of a batch, in the order of its items."""

    batch: bytes  # see _digest_batch
    predictions: tuple[ItemPrediction, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_PredictedBatch)


class FinishedPredictions:
    """What earlier runs of a recipe were told, and the file for what this one is; used by one thread."""

    def __init__(self, home: Path, recipe: Digest) -> None:
        self._known: dict[bytes, bytes] = {}  # encoded, a tenth of the size in memory
        folder = _place(home, recipe)
        for path in list_entries(folder):
            with suppress(FileNotFoundError), path.open("rb") as file:  # another run of the recipe has ended
                self._known |= {said.batch: record for _, record, said in iter_decoded(file, _decoder)}
        self._file = RecordFile(folder)

    def find(self, batch: Sequence[Item]) -> tuple[ItemPrediction, ...] | None:
        """Return what was said of these items, or None where that is not known."""
        record = self._known.get(_digest_batch(batch))
        return None if record is None else _decoder.decode(record).predictions

    def note(
        self, batch: Sequence[Item], predictions: Iterable[ItemPrediction]
    ) -> tuple[ItemPrediction, ...]:
        """Keep what was said of these items, and return it as it will be read again.

        What was said of an image that cannot be used is not kept: the next run tries it again.

        Raises:
            StorageFailed: the disk refused.
        """
        record = _encoder.encode(_PredictedBatch(_digest_batch(batch), tuple(predictions)))
        read = _decoder.decode(record).predictions
        if not any(prediction.problem for prediction in read):
            self._file.append([record])
        return read

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def forget_predictions(home: Path, recipe: Digest) -> None:
    """Remove what is known of a recipe's predictions: its result is there."""
    shutil.rmtree(_place(home, recipe), ignore_errors=True)


def clear_predictions(home: Path, since: datetime) -> None:
    """Remove what is known of recipes that nobody has worked on since then."""
    clear_folders(home / "cache" / _FOLDER, since)


def _place(home: Path, recipe: Digest) -> Path:
    return home / "cache" / _FOLDER / recipe


def _digest_batch(batch: Sequence[Item]) -> bytes:
    lines = "\n".join(f"{item.blob} {item.key}" for item in batch)
    return hashlib.blake2b(lines.encode(), digest_size=16).digest()
