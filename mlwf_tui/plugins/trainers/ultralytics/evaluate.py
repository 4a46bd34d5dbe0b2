"""Runs a model over a split on the library's own validation path, and keeps every faint detection."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry
from mlwf_tui.errors import PluginError
from mlwf_tui.plugins.trainers.evaluating import list_images, summarise_speed
from mlwf_tui.plugins.trainers.item_batches import CANNOT_DECODE
from mlwf_tui.plugins.trainers.ultralytics.library import (
    choose_device,
    load_weights,
    prepare_library,
    report_failure,
    use_all_threads,
)
from mlwf_tui.plugins.trainers.ultralytics.metrics import read_metrics
from mlwf_tui.plugins.trainers.ultralytics.objects import ALL_TAGS, read_prediction
from mlwf_tui.plugins.trainers.ultralytics.usable import (
    find_problem,
    is_without_images,
    name_undecodable,
    read_pixels,
    watch_scan,
)
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import EvaluateRequest, EvaluateResult, ItemPrediction

CONFIDENCE_FLOOR = 0.001
MAX_BOXES = 300  # of one image
BATCH = 16


def evaluate(request: EvaluateRequest, observer: Observer) -> EvaluateResult:
    """Predict every image of a split; see the contract `Trainer.evaluate`."""
    sink = _Sink(request, observer, len(_list_images(request)))
    prepare_library(request.folder)
    model = load_weights(request.weights, is_trusted=request.is_trusted)
    model.add_callback("on_val_start", use_all_threads)
    watch_scan()
    if model.task != "detect" or "RTDETR" in type(model).__name__:
        return _evaluate_plainly(request, model, observer)
    model.add_callback("on_val_batch_start", sink.start_batch)
    common = {
        "imgsz": request.image_size_px, "device": choose_device(request.device), "max_det": MAX_BOXES,
        "project": str(request.folder.absolute()), "exist_ok": True, "conf": CONFIDENCE_FLOOR,
    }  # fmt: skip
    results = _validate(request, model, _write_data(request), validator=_make_validator(sink), **common)
    return EvaluateResult(
        predictions=(*sink.predictions, *_tell_left_out(request, sink.predictions)),
        speed=summarise_speed(results.speed, sink.latencies_ms) if results is not None else {},
        library_metrics=read_metrics(results.results_dict, model.task) if results is not None else {},
    )


def _validate(request: EvaluateRequest, model: Any, data: Path, **options: Any) -> Any:
    """Return what the library has measured on the split, None where it can use none of the images.

    Raises:
        InvalidInput: it has stopped at an image that it cannot decode.
    """
    try:
        with name_undecodable(request.data, request.files), report_failure("evaluate"):
            return model.val(
                data=str(data.absolute()), split=request.split.value, batch=BATCH, plots=False,
                name="evaluate", **options,
            )  # fmt: skip
    except PluginError as error:
        if is_without_images(error):
            return None
        raise


def _tell_left_out(
    request: EvaluateRequest, predictions: Sequence[ItemPrediction]
) -> Iterator[ItemPrediction]:
    """Yield why there is no prediction of each image that the library has left out."""
    known = {prediction.key for prediction in predictions}
    for path in _list_images(request):
        if request.files[path] not in known:
            yield ItemPrediction(key=request.files[path], problem=find_problem(request.data / path))


def _evaluate_plainly(request: EvaluateRequest, model: Any, observer: Observer) -> EvaluateResult:
    """Measure as the library does, then ask about each image: what a validator sees is not in pixels."""
    is_part = bool(request.paths) and model.task == "classify"  # the library takes whole folders of these
    data = request.data if model.task == "classify" else _write_data(request)
    common = {
        "imgsz": request.image_size_px, "device": choose_device(request.device), "exist_ok": True,
        "project": str(request.folder.absolute()), "max_det": MAX_BOXES,
    }  # fmt: skip
    results = None if is_part else _validate(request, model, data, **common)
    paths, latencies_ms = _list_images(request), []
    predictions: list[ItemPrediction] = []
    floor = 0.0 if model.task == "classify" else CONFIDENCE_FLOOR
    for start in range(0, len(paths), BATCH):
        observer.check_cancelled()
        batch, started_s = paths[start : start + BATCH], time.perf_counter()
        pixels = [read_pixels(request.data / path) for path in batch]
        usable = [found for found in pixels if found is not None]
        with report_failure("predict"):
            said = iter(
                model.predict(
                    usable, conf=CONFIDENCE_FLOOR, batch=len(usable), verbose=False, retina_masks=True,
                    name="predict", **common,
                )
                if usable
                else ()
            )  # fmt: skip
        latencies_ms += [(time.perf_counter() - started_s) * 1000 / len(batch)] * len(batch)
        read = [
            ItemPrediction(key=request.files[path], problem=CANNOT_DECODE)
            if found is None
            else read_prediction(request.files[path], next(said), model, floor, max_tags=ALL_TAGS)
            for path, found in zip(batch, pixels, strict=True)
        ]
        predictions += read
        if request.note is not None:
            request.note(read)
        observer.progress(len(predictions), len(paths), f"{len(predictions)} of {len(paths)} images")
    return EvaluateResult(
        predictions=tuple(predictions),
        speed=summarise_speed(results.speed, latencies_ms) if results is not None else {},
        library_metrics=read_metrics(results.results_dict, model.task) if results is not None else {},
    )


def build_objects(boxes: Any, names: dict[int, str]) -> tuple[AnnotatedObject, ...]:
    """Return objects, best first, from rows (N, 6) of left, top, right, bottom, confidence, class."""
    rows = sorted(np.asarray(boxes, np.float64).tolist(), key=lambda row: -row[4])
    return tuple(
        AnnotatedObject(names[int(label)], Geometry.rectangle(left, top, right, bottom), confidence)
        for left, top, right, bottom, confidence, label in rows
        if right > left and bottom > top
    )


@dataclass(slots=True)
class _Sink:
    """Takes what the validator predicts, batch by batch."""

    request: EvaluateRequest
    observer: Observer
    total: int
    predictions: list[ItemPrediction] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)  # an image's part of its batch, pixels to boxes
    started_s: float = 0.0

    def start_batch(self, _: object) -> None:
        self.started_s = time.perf_counter()

    def finish_batch(self, paths: Sequence[str], rows: Sequence[Any], names: dict[int, str]) -> None:
        taken_ms = (time.perf_counter() - self.started_s) * 1000
        self.latencies_ms.extend([taken_ms / len(paths)] * len(paths))
        root = self.request.data.resolve()
        read = [
            ItemPrediction(
                key=self.request.files[Path(path).resolve().relative_to(root).as_posix()],
                objects=build_objects(boxes, names),
            )
            for path, boxes in zip(paths, rows, strict=True)
        ]
        self.predictions += read
        if self.request.note is not None:
            self.request.note(read)
        done = len(self.predictions)
        self.observer.progress(done, self.total, f"{done} of {self.total} images")
        self.observer.check_cancelled()


def _make_validator(sink: _Sink) -> Any:
    """Return a validator class of the library that hands its predictions to the sink."""
    import torch
    from ultralytics.models.yolo.detect import DetectionValidator

    class RecordingValidator(DetectionValidator):  # type: ignore[misc]  # untyped base
        def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
            rows = []
            for place, found in enumerate(preds):
                copied = {**found, "bboxes": found["bboxes"].clone()}  # scaling works in place
                scaled = self.scale_preds(copied, self._prepare_batch(place, batch))
                columns = (scaled["bboxes"], scaled["conf"][:, None], scaled["cls"][:, None])
                rows.append(torch.cat(columns, dim=1).cpu().numpy())
            sink.finish_batch(batch["im_file"], rows, self.names)
            super().update_metrics(preds, batch)

    return RecordingValidator


def _write_data(request: EvaluateRequest) -> Path:
    """Return the description of the data: the exporter's, or one that names the wanted images alone."""
    described = (request.data / "data.yaml").absolute()
    if not request.paths:
        return described
    listing = request.folder.absolute() / "images.txt"
    images = "".join(f"{request.data.absolute() / path}\n" for path in request.paths)
    listing.write_text(images, "utf-8")
    content = yaml.safe_load(described.read_text("utf-8"))
    content |= {"path": str(described.parent), request.split.value: str(listing)}
    narrowed = listing.with_name("data.yaml")
    narrowed.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return narrowed


def _list_images(request: EvaluateRequest) -> list[str]:
    split = request.split.value
    return list_images(request, f"images/{split}/", f"{split}/")
