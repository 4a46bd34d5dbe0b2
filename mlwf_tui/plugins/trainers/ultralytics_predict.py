"""Applies a model to items straight from their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from mlwf_tui.errors import CorruptData, NotFound
from mlwf_tui.plugins.trainers.ultralytics_library import (
    choose_device,
    load_weights,
    prepare_library,
    report_failure,
    use_all_threads,
)
from mlwf_tui.plugins.trainers.ultralytics_objects import read_prediction
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import PREDICT_BATCH, ItemPrediction, PredictRequest


def predict(
    request: PredictRequest, items: Sequence[SourceItem], observer: Observer
) -> Iterator[ItemPrediction]:
    """Yield one prediction an item; see the contract `Trainer.predict`."""
    prepare_library(request.folder)
    model = load_weights(request.weights)
    model.add_callback("on_predict_start", use_all_threads)
    device = choose_device(request.device)
    for start in range(0, len(items), PREDICT_BATCH):
        observer.check_cancelled()
        batch = items[start : start + PREDICT_BATCH]
        decoded = [_decode(source) for source in batch]
        pixels = [found for found in decoded if not isinstance(found, str)]
        with report_failure("predict"):
            results = (
                model.predict(
                    pixels,
                    conf=request.confidence,
                    imgsz=request.image_size_px,
                    device=device,
                    batch=len(pixels),
                    project=str(request.folder.absolute()),
                    name="predict",
                    exist_ok=True,
                    verbose=False,
                    retina_masks=True,  # of the image's own size
                )
                if pixels
                else []
            )
        following = iter(results)
        for source, found in zip(batch, decoded, strict=True):
            if isinstance(found, str):
                yield ItemPrediction(key=source.item.key, problem=found)
                continue
            result = next(following)
            yield read_prediction(source.item.key, result, model, request.confidence)
        observer.progress(start + len(batch), len(items), f"{start + len(batch)} of {len(items)} images")


def _decode(source: SourceItem) -> Any:
    """Return (H, W, 3) uint8 BGR, as the library reads files itself, or why that cannot be."""
    try:
        encoded = np.frombuffer(source.read_image(), np.uint8)
    except (CorruptData, NotFound) as error:
        return error.message
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    return "The image cannot be decoded." if pixels is None else pixels
