"""Applies a model to items straight from their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.trainers.ultralytics_evaluate import BATCH, build_objects
from mlwf_tui.plugins.trainers.ultralytics_library import (
    choose_device,
    load_weights,
    prepare_library,
    report_failure,
    use_all_threads,
)
from mlwf_tui.protocols import ItemPrediction, Observer, PredictRequest, SourceItem


def predict(
    request: PredictRequest, items: Sequence[SourceItem], observer: Observer
) -> Iterator[ItemPrediction]:
    """Yield one prediction an item; see the contract `Trainer.predict`."""
    prepare_library(request.folder)
    model = load_weights(request.weights)
    model.add_callback("on_predict_start", use_all_threads)
    device = choose_device(request.device)
    for start in range(0, len(items), BATCH):
        observer.check_cancelled()
        batch = items[start : start + BATCH]
        with report_failure("predict"):
            results = model.predict(
                [_decode(source) for source in batch],
                conf=request.confidence,
                imgsz=request.image_size_px,
                device=device,
                batch=len(batch),
                project=str(request.folder.absolute()),
                name="predict",
                exist_ok=True,
                verbose=False,
            )
        for source, result in zip(batch, results, strict=True):
            boxes = result.boxes.data.cpu().numpy()  # (N, 6) left, top, right, bottom, confidence, class
            yield ItemPrediction(key=source.item.key, objects=build_objects(boxes, result.names))
        observer.progress(start + len(batch), len(items), f"{start + len(batch)} of {len(items)} images")


def _decode(source: SourceItem) -> Any:
    """Return (H, W, 3) uint8 BGR, as the library reads files itself."""
    encoded = np.frombuffer(source.read_image(), np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if pixels is None:
        raise InvalidInput(
            f"The image {source.item.key} cannot be decoded.", hint="Remove the item, or import it again."
        )
    return pixels
