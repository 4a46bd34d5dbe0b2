"""Applies a classifier to the images of a split, or to items straight from their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlwf_tui.entities.annotation import Tag
from mlwf_tui.formats.class_folders import name_class_folder
from mlwf_tui.plugins.trainers.evaluating import list_images, summarise_speed
from mlwf_tui.plugins.trainers.item_batches import CANNOT_DECODE, predict_items
from mlwf_tui.plugins.trainers.stopwatch import (
    Laps,
    TorchStopwatch,
    choose_onnx_providers,
    describe_onnxruntime,
)
from mlwf_tui.plugins.trainers.torchvision.data import decode, prepare
from mlwf_tui.plugins.trainers.torchvision.library import be_deterministic, choose_device, report_failure
from mlwf_tui.plugins.trainers.torchvision.weights import Classifier, load_classifier
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    PREDICT_BATCH,
    EvaluateRequest,
    EvaluateResult,
    ItemPrediction,
    PassTime,
    PredictRequest,
)

MOST_TAGS = 5  # of an image
ALL_TAGS = 100  # of one that is measured: ROC curves want every class, and nobody looks at more


def predict(
    request: PredictRequest, items: Sequence[SourceItem], observer: Observer
) -> Iterator[ItemPrediction]:
    """Yield one prediction an item; see the contract `Trainer.predict`."""
    with open_predictor(request) as predictor:
        yield from predict_items(items, observer, _decode, predictor.look_at)


@contextmanager
def open_predictor(request: PredictRequest) -> Iterator[ClassifierPredictor]:
    """Give a loaded classifier; see the contract `Trainer.open_predictor`."""
    classifier = load_classifier(request.weights)
    network = Network(classifier, choose_device(request.device))
    yield ClassifierPredictor(network, classifier.class_names, request.confidence)


class ClassifierPredictor:
    """A classifier that stays loaded."""

    def __init__(self, network: Network, class_names: Sequence[str], least: float) -> None:
        self._network, self._class_names, self._least = network, class_names, least

    def predict(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        """Return what the classifier says of encoded images; see the contract `Predictor.predict`."""
        return self.look_at([_decode(data) for data in images])

    def look_at(self, decoded: Sequence[Any]) -> tuple[ItemPrediction, ...]:
        """Return what it says of images (H, W, 3) uint8 RGB, or of why there is none, a text."""
        pixels = [found for found in decoded if not isinstance(found, str)]
        scores = iter(self._network.score(pixels))
        return tuple(
            ItemPrediction(key="", problem=found)
            if isinstance(found, str)
            else ItemPrediction(key="", tags=make_tags(next(scores), self._class_names, least=self._least))
            for found in decoded
        )


@contextmanager
def open_stopwatch(request: PredictRequest) -> Iterator[TorchStopwatch]:
    """Give a loaded classifier to be timed; see the contract `TimedTrainer.open_stopwatch`."""
    classifier = load_classifier(request.weights)
    device = choose_device(request.device)
    network = Network(classifier, device)

    def time_pass(pixels: Sequence[Any]) -> PassTime:
        laps = Laps(network.gpu_index)
        laps.begin()
        _end(laps, network.score(pixels, laps), classifier, request)
        return _read(laps)

    name = device.type if network.gpu_index is None else str(network.gpu_index)
    yield TorchStopwatch(name, decode=_decode, time_pass=time_pass)


@contextmanager
def open_exported_stopwatch(request: PredictRequest, exported: Path) -> Iterator[TorchStopwatch]:
    """Give a classifier in ONNX Runtime; see the contract `ExportTimedTrainer.open_exported_stopwatch`."""
    import onnxruntime

    classifier = load_classifier(request.weights)
    device = choose_device(request.device)
    providers, gpu_index = choose_onnx_providers((device.index or 0) if device.type == "cuda" else None)
    with report_failure(f"run {exported.name}"):
        session = onnxruntime.InferenceSession(str(exported), providers=providers)

    def time_pass(pixels: Sequence[Any]) -> PassTime:
        laps = Laps(gpu_index)
        laps.begin()
        batch = np.stack([prepare(image, classifier.image_size_px) for image in pixels])
        laps.note("preprocess")
        with report_failure(f"run {exported.name}"):
            scores = session.run(None, {"images": batch})[0]  # (N, classes) probabilities
        laps.note("inference")
        _end(laps, scores, classifier, request)
        return _read(laps)

    name = "cpu" if gpu_index is None else str(gpu_index)
    yield TorchStopwatch(name, decode=_decode, time_pass=time_pass, runtime=describe_onnxruntime())


def _end(laps: Laps, scores: Any, classifier: Classifier, request: PredictRequest) -> None:
    """Make tags of scores (N, classes), as predicting does, and end the last part."""
    for of_one in scores:
        make_tags(of_one, classifier.class_names, least=request.confidence)
    laps.note("postprocess")


def _read(laps: Laps) -> PassTime:
    return PassTime(**{f"{part}_ms": taken_ms for part, taken_ms in laps.taken_ms.items()})


def evaluate(request: EvaluateRequest, observer: Observer) -> EvaluateResult:
    """Predict every image of a split; see the contract `Trainer.evaluate`."""
    classifier = load_classifier(request.weights)
    paths = list_images(request, f"{request.split.value}/")
    paths = paths if request.paths else sorted(paths)
    network = Network(classifier, choose_device(request.device))
    labels = {name_class_folder(name): name for name in classifier.class_names}
    predictions: list[ItemPrediction] = []
    hits = np.zeros(2, int)  # within the first one, within the first five
    laps, latencies_ms = Laps(network.gpu_index), []
    for start in range(0, len(paths), PREDICT_BATCH):
        observer.check_cancelled()
        batch = paths[start : start + PREDICT_BATCH]
        before_ms = sum(laps.taken_ms.values())
        laps.begin()
        decoded = [decode((request.data / path).read_bytes()) for path in batch]
        following = iter(network.score([pixels for pixels in decoded if pixels is not None], laps))
        for path, pixels in zip(batch, decoded, strict=True):
            key = request.files[path]
            if pixels is None:
                predictions.append(ItemPrediction(key=key, problem=CANNOT_DECODE))
                continue
            tags = make_tags(next(following), classifier.class_names, most=ALL_TAGS)
            predictions.append(ItemPrediction(key=key, tags=tags))
            truth = labels.get(path.split("/")[1])
            hits += [truth == tags[0].name, truth in [tag.name for tag in tags[:MOST_TAGS]]]
        laps.note("postprocess")
        latencies_ms += [(sum(laps.taken_ms.values()) - before_ms) / len(batch)] * len(batch)
        if request.note is not None:
            request.note(predictions[start:])
        observer.progress(len(predictions), len(paths), f"{len(predictions)} of {len(paths)} images")
    top1, top5 = (hits / len(paths)).tolist()
    return EvaluateResult(
        predictions=tuple(predictions),
        speed=summarise_speed({part: ms / len(paths) for part, ms in laps.taken_ms.items()}, latencies_ms),
        library_metrics={"top1": top1, "top5": top5},
    )


class Network:
    """A classifier on its device."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        be_deterministic()
        self._device, self._size_px = device, classifier.image_size_px
        self.gpu_index = (device.index or 0) if device.type == "cuda" else None
        with report_failure("place the network"):
            self._network = classifier.network.to(device, memory_format=torch.channels_last)

    @torch.no_grad()
    def score(self, images: Sequence[Any], laps: Laps | None = None) -> Any:
        """Return the probability of each class, (N, classes) float32, of images (H, W, 3) uint8 RGB.

        `laps`, which have begun, are told of the parts; the last one is still to be ended.
        """
        if not images:
            return np.empty((0, 0), np.float32)
        with report_failure("predict"):
            pixels = torch.from_numpy(np.stack([prepare(image, self._size_px) for image in images]))
            pixels = pixels.to(self._device, memory_format=torch.channels_last)  # (N, 3, S, S) float32
            if laps is not None:
                laps.note("preprocess")
            scores = self._network(pixels)  # (N, classes)
            if laps is not None:
                laps.note("inference")
            return scores.float().softmax(dim=1).cpu().numpy()


def make_tags(
    scores: Any, class_names: Sequence[str], *, least: float = 0.0, most: int = MOST_TAGS
) -> tuple[Tag, ...]:
    """Return the most probable classes, best first."""
    best = np.argsort(-scores, kind="stable")[:most].tolist()
    return tuple(Tag(class_names[label], float(scores[label])) for label in best if scores[label] >= least)


def _decode(data: bytes) -> Any:
    """Return (H, W, 3) uint8 RGB, or why that cannot be."""
    pixels = decode(data)
    return CANNOT_DECODE if pixels is None else pixels
