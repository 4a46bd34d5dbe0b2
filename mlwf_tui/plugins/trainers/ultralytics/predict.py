"""Applies a model to items straight from their bytes, whole and in tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from msgspec import structs

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.plugins.trainers.evaluating import PARTS
from mlwf_tui.plugins.trainers.item_batches import CANNOT_DECODE, predict_items
from mlwf_tui.plugins.trainers.stopwatch import TorchStopwatch, choose_onnx_providers, describe_onnxruntime
from mlwf_tui.plugins.trainers.tiling import Seen, Tile, keep_best, place_seen, plan_tiles
from mlwf_tui.plugins.trainers.ultralytics.library import (
    choose_device,
    load_weights,
    prepare_library,
    report_failure,
    use_all_threads,
)
from mlwf_tui.plugins.trainers.ultralytics.objects import read_prediction
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import PREDICT_BATCH, ItemPrediction, PassTime, PredictRequest


def predict(
    request: PredictRequest, items: Sequence[SourceItem], observer: Observer
) -> Iterator[ItemPrediction]:
    """Yield one prediction an item; see the contract `Trainer.predict`."""
    with open_predictor(request) as predictor:
        yield from predict_items(items, observer, decode, predictor.look_at)


@contextmanager
def open_predictor(request: PredictRequest) -> Iterator[UltralyticsPredictor]:
    """Give a loaded model; see the contract `Trainer.open_predictor`."""
    prepare_library(request.folder)
    model = load_weights(request.weights, is_trusted=request.is_trusted)
    model.add_callback("on_predict_start", use_all_threads)
    yield UltralyticsPredictor(model, request, choose_device(request.device))


class UltralyticsPredictor:
    """A model of the library that stays loaded."""

    def __init__(self, model: Any, request: PredictRequest, device: str) -> None:
        self._model = model
        self._request = request
        self.device = device

    def predict(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        """Return what the model says of encoded images; see the contract `Predictor.predict`."""
        return self.look_at([decode(data) for data in images])

    def look_at(self, decoded: Sequence[Any]) -> tuple[ItemPrediction, ...]:
        """Return what the model says of images (H, W, 3) uint8 BGR, or of why there is none, a text."""
        pixels = [found for found in decoded if not isinstance(found, str)]
        said = iter(self._look_at_pixels(pixels))
        return tuple(
            ItemPrediction(key="", problem=found) if isinstance(found, str) else next(said)
            for found in decoded
        )

    def _look_at_pixels(self, pixels: Sequence[Any]) -> list[ItemPrediction]:
        whole = self._ask(pixels)
        if not self._request.tile_px or self._model.task == "classify":
            return whole
        return [
            structs.replace(seen, objects=self._add_tiles(image, seen.objects))
            for image, seen in zip(pixels, whole, strict=True)
        ]

    def _add_tiles(self, image: Any, whole: tuple[AnnotatedObject, ...]) -> tuple[AnnotatedObject, ...]:
        """Return what is seen on an image as a whole and on its tiles, each object once."""
        request = self._request
        height_px, width_px = image.shape[:2]
        tiles = plan_tiles(width_px, height_px, request.tile_px, request.tile_overlap)
        if not tiles:
            return whole
        seen = [Seen(found, is_cut=False) for found in whole]
        for start in range(0, len(tiles), PREDICT_BATCH):
            batch = tiles[start : start + PREDICT_BATCH]
            for tile, said in zip(batch, self._ask([_cut(image, tile) for tile in batch]), strict=True):
                seen += place_seen(said.objects, tile, width_px, height_px)
        return keep_best(seen, iou=request.iou, max_objects=request.max_objects)

    def _ask(self, pixels: Sequence[Any]) -> list[ItemPrediction]:
        if not pixels:
            return []
        least = self._request.confidence
        return [read_prediction("", result, self._model, least) for result in self.ask(pixels)]

    def ask(self, pixels: Sequence[Any]) -> list[Any]:
        """Return the library's own results of images (H, W, 3) uint8 BGR, looked at as one batch."""
        request = self._request
        with report_failure("predict"):
            results = self._model.predict(
                list(pixels),
                conf=request.confidence,
                iou=request.iou,
                max_det=request.max_objects,
                imgsz=request.image_size_px,
                device=self.device,
                batch=len(pixels),
                project=str(request.folder.absolute()),
                name="predict",
                exist_ok=True,
                verbose=False,
                retina_masks=True,  # of the image's own size
            )
        return list(results)


@contextmanager
def open_stopwatch(request: PredictRequest) -> Iterator[TorchStopwatch]:
    """Give a loaded model to be timed; see the contract `TimedTrainer.open_stopwatch`."""
    with open_predictor(request) as predictor:
        yield _time(predictor)


@contextmanager
def open_exported_stopwatch(request: PredictRequest, exported: Path) -> Iterator[TorchStopwatch]:
    """Give a model in ONNX Runtime; see the contract `ExportTimedTrainer.open_exported_stopwatch`.

    What comes before and behind it is the library's, as around the weights.
    """
    prepare_library(request.folder)
    asked = choose_device(request.device)
    _, gpu_index = choose_onnx_providers(int(asked) if asked.isdecimal() else None)
    source = load_weights(request.weights, is_trusted=request.is_trusted)  # says task and kind of the model
    with report_failure(f"run {exported.name}"):
        model = type(source)(str(exported))
        model.task = source.task
        model.add_callback("on_predict_start", use_all_threads)
    predictor = UltralyticsPredictor(model, request, "cpu" if gpu_index is None else str(gpu_index))
    yield _time(predictor, describe_onnxruntime())


def _time(predictor: UltralyticsPredictor, runtime: str = "") -> TorchStopwatch:
    """Return a stopwatch whose parts are those of the library's profile, which waits for a GPU at each."""

    def time_pass(pixels: Sequence[Any]) -> PassTime:
        taken_ms = predictor.ask(pixels)[0].speed  # of an image
        return PassTime(**{f"{part}_ms": float(taken_ms[part]) * len(pixels) for part in PARTS})

    return TorchStopwatch(predictor.device, decode=decode, time_pass=time_pass, runtime=runtime)


def decode(data: bytes) -> Any:
    """Return (H, W, 3) uint8 BGR, as the library reads files itself, or why that cannot be."""
    encoded = np.frombuffer(data, np.uint8)
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except cv2.error:  # it claims more pixels than OpenCV takes
        pixels = None
    return CANNOT_DECODE if pixels is None else pixels


def _cut(image: Any, tile: Tile) -> Any:
    return np.ascontiguousarray(image[tile.top : tile.bottom, tile.left : tile.right])
