"""Goes through items batch by batch for a model that looks at decoded images; knows no library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import structs

from mlwf_tui.errors import CorruptData, NotFound
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import PREDICT_BATCH, ItemPrediction

CANNOT_DECODE = "The image cannot be decoded."

Decode = Callable[[bytes], Any]
"""Returns pixels, or a text that says why there are none."""
LookAt = Callable[[Sequence[Any]], Sequence[ItemPrediction]]


def predict_items(
    items: Sequence[SourceItem], observer: Observer, decode: Decode, look_at: LookAt
) -> Iterator[ItemPrediction]:
    """Yield one prediction an item, in order; see the contract `Trainer.predict`."""
    for start in range(0, len(items), PREDICT_BATCH):
        observer.check_cancelled()
        batch = items[start : start + PREDICT_BATCH]
        said = look_at([_read(source, decode) for source in batch])
        for source, prediction in zip(batch, said, strict=True):
            yield structs.replace(prediction, key=source.item.key)
        done = start + len(batch)
        observer.progress(done, len(items), f"{done} of {len(items)} images")


def _read(source: SourceItem, decode: Decode) -> Any:
    try:
        return decode(source.read_image())
    except (CorruptData, NotFound) as error:
        return error.message
