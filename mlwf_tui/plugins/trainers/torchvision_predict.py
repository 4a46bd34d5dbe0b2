"""Applies a classifier to the images of a split, or to items straight from their bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from mlwf_tui.entities.annotation import Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.class_folders import name_class_folder
from mlwf_tui.plugins.trainers.item_batches import CANNOT_DECODE, predict_items
from mlwf_tui.plugins.trainers.torchvision_data import decode, prepare
from mlwf_tui.plugins.trainers.torchvision_library import be_deterministic, choose_device, report_failure
from mlwf_tui.plugins.trainers.torchvision_weights import Classifier, load_classifier
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    PREDICT_BATCH,
    EvaluateRequest,
    EvaluateResult,
    ItemPrediction,
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


def evaluate(request: EvaluateRequest, observer: Observer) -> EvaluateResult:
    """Predict every image of a split; see the contract `Trainer.evaluate`."""
    classifier = load_classifier(request.weights)
    prefix = f"{request.split.value}/"
    paths = list(request.paths) or sorted(path for path in request.files if path.startswith(prefix))
    if not paths:
        raise InvalidInput(
            f"There is no item in the split {request.split.value}.",
            hint="Choose another with --split, or make one with `mlwf transform split`.",
        )
    network = Network(classifier, choose_device(request.device))
    labels = {name_class_folder(name): name for name in classifier.class_names}
    predictions: list[ItemPrediction] = []
    hits = np.zeros(2, int)  # within the first one, within the first five
    times = _Times()
    for start in range(0, len(paths), PREDICT_BATCH):
        observer.check_cancelled()
        batch = paths[start : start + PREDICT_BATCH]
        times.begin()
        decoded = [decode((request.data / path).read_bytes()) for path in batch]
        times.note("preprocess")
        following = iter(network.score([pixels for pixels in decoded if pixels is not None]))
        times.note("inference")
        for path, pixels in zip(batch, decoded, strict=True):
            key = request.files[path]
            if pixels is None:
                predictions.append(ItemPrediction(key=key, problem=CANNOT_DECODE))
                continue
            tags = make_tags(next(following), classifier.class_names, most=ALL_TAGS)
            predictions.append(ItemPrediction(key=key, tags=tags))
            truth = labels.get(path.split("/")[1])
            hits += [truth == tags[0].name, truth in [tag.name for tag in tags[:MOST_TAGS]]]
        times.note("postprocess")
        times.end(len(batch))
        if request.note is not None:
            request.note(predictions[start:])
        observer.progress(len(predictions), len(paths), f"{len(predictions)} of {len(paths)} images")
    top1, top5 = (hits / len(paths)).tolist()
    return EvaluateResult(
        predictions=tuple(predictions),
        speed=times.summarise(len(paths)),
        library_metrics={"top1": top1, "top5": top5},
    )


class Network:
    """A classifier on its device."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        be_deterministic()
        self._device, self._size_px = device, classifier.image_size_px
        with report_failure("place the network"):
            self._network = classifier.network.to(device, memory_format=torch.channels_last)

    @torch.no_grad()
    def score(self, images: Sequence[Any]) -> Any:
        """Return the probability of each class, (N, classes) float32, of images (H, W, 3) uint8 RGB."""
        if not images:
            return np.empty((0, 0), np.float32)
        with report_failure("predict"):
            pixels = torch.from_numpy(np.stack([prepare(image, self._size_px) for image in images]))
            scores = self._network(pixels.to(self._device, memory_format=torch.channels_last))
            return scores.float().softmax(dim=1).cpu().numpy()


class _Times:
    """How long the parts of evaluating took, in seconds."""

    def __init__(self) -> None:
        self._parts = {"preprocess": 0.0, "inference": 0.0, "postprocess": 0.0}
        self._latencies_ms: list[float] = []
        self._begun_s = self._last_s = 0.0

    def begin(self) -> None:
        self._begun_s = self._last_s = time.perf_counter()

    def note(self, part: str) -> None:
        now_s = time.perf_counter()
        self._parts[part] += now_s - self._last_s
        self._last_s = now_s

    def end(self, count: int) -> None:
        self._latencies_ms += [(self._last_s - self._begun_s) * 1000 / count] * count

    def summarise(self, count: int) -> dict[str, float]:
        total_s = sum(self._parts.values())
        p50, p95 = np.percentile(self._latencies_ms, [50, 95]).tolist()
        return {
            **{f"{part}_ms": seconds * 1000 / count for part, seconds in self._parts.items()},
            "images_per_second": count / total_s if total_s else 0.0,
            "latency_p50_ms": p50,
            "latency_p95_ms": p95,
        }


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
