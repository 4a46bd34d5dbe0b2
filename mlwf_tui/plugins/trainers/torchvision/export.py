"""Writes a classifier in another form or as its weights, with an example, and measures how far both agree."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.trainers.package_trying import EXAMPLE, run_example
from mlwf_tui.plugins.trainers.torchvision import package_example
from mlwf_tui.plugins.trainers.torchvision.data import DEVIATION, MEAN, decode, prepare
from mlwf_tui.plugins.trainers.torchvision.library import describe_environment, report_failure
from mlwf_tui.plugins.trainers.torchvision.targets import REQUIRES, check_target
from mlwf_tui.plugins.trainers.torchvision.weights import load_classifier
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import Agreement, ExportRequest, ExportResult

LICENCE = "BSD-3-Clause of torchvision for the architecture; weights are their maker's"
SCORE_TOLERANCE = 0.005
EXAMPLE_TOLERANCE = 0.005  # its own resize
OPSET = 17

Run = Callable[[Any], Any]


class _WithProbabilities(torch.nn.Module):
    """A network that ends with probabilities, so that nobody has to know how to make them."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.network(images).softmax(dim=1)
        return scores  # (N, classes)


def export(request: ExportRequest, observer: Observer) -> ExportResult:
    """Write the package's weights and example; see the contract `Trainer.export`."""
    check_target(request.format)
    classifier = load_classifier(request.weights)
    package = request.folder / "package"
    package.mkdir()
    observer.progress(0, 3, f"writing {request.format}")
    network = _WithProbabilities(classifier.network).eval()
    side = classifier.image_size_px
    with report_failure(f"write {request.format}"):
        weights = _write(network, request, package, side)
    observer.check_cancelled()
    observer.progress(1, 3, "comparing outputs")
    images = [_decode(data) for data in request.samples]
    batches = [prepare(pixels, side)[None] for pixels in images]  # (1, 3, S, S) float32 each
    before = [_run_network(network, batch) for batch in batches]
    interface = _describe(request, weights.name, side, classifier.class_names)
    (package / "model.json").write_text(json.dumps(interface), encoding="utf-8")  # the caller says more
    shutil.copyfile(package_example.__file__, package / EXAMPLE)
    with report_failure(f"run {weights.name}"):
        after = [_load(weights, request.format)(batch) for batch in batches]
    agreement = Agreement(name="score", difference=_differ(before, after), tolerance=SCORE_TOLERANCE)
    observer.check_cancelled()
    observer.progress(2, 3, "running the example")
    example = _try_example(request, package, images, before, classifier.class_names)
    observer.progress(3, 3, "written")
    return ExportResult(
        weights=weights.name,
        interface=interface,
        agreement=(agreement, example),
        licence=LICENCE,
        example=EXAMPLE,
        requires=REQUIRES[request.format],
        environment=describe_environment(torch.device("cpu")),
    )


def _decode(data: bytes) -> Any:
    pixels = decode(data)
    if pixels is None:
        raise InvalidInput("A picture to compare on cannot be decoded.", hint="mlwf verify looks for damage.")
    return pixels


def _write(network: torch.nn.Module, request: ExportRequest, package: Path, side_px: int) -> Path:
    example = torch.zeros(1, 3, side_px, side_px)
    if request.format == "torchscript":
        path = package / "model.torchscript"
        trace: Any = torch.jit.trace  # untyped
        trace(network, example).save(str(path))
        return path
    if request.format == "pt":
        return Path(shutil.copyfile(request.weights, package / "model.pt"))
    path = package / "model.onnx"
    free = {name: {0: "batch"} for name in ("images", "probabilities")} if request.has_any_batch else None
    torch.onnx.export(
        network, (example,), str(path), input_names=["images"], output_names=["probabilities"],
        dynamic_axes=free, opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    return path


@torch.no_grad()
def _run_network(network: torch.nn.Module, batch: Any) -> Any:
    return network(torch.from_numpy(batch)).numpy()


def _load(weights: Path, format: str) -> Run:
    if format == "torchscript":
        load: Any = torch.jit.load  # untyped
        loaded = load(str(weights), map_location="cpu")
        return lambda batch: loaded(torch.from_numpy(batch)).detach().numpy()
    if format == "pt":
        network = _WithProbabilities(load_classifier(weights).network).eval()
        return lambda batch: _run_network(network, batch)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"images": batch})[0]


def _differ(before: Sequence[Any], after: Sequence[Any]) -> float:
    """Return the largest difference; NaN where one is NaN."""
    return float(np.max([np.abs(old - new).max() for old, new in zip(before, after, strict=True)]))


def _describe(
    request: ExportRequest, weights: str, side_px: int, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return what goes in and out, as model.json says it and the example reads it."""
    return {
        "task": "classify",
        "format": request.format,
        "weights": weights,
        "classes": list(class_names),
        "input": {
            "name": "images",
            "shape": [1, 3, side_px, side_px],
            "layout": "NCHW: picture, channel, row, column",
            "dtype": "float32",
            "colors": "RGB",
        },
        "preprocessing": {
            "resize": "stretch",
            "interpolation": "the mean of the pixels where it shrinks, bilinear where it grows",
            "divide_by": 255.0,
            "mean": MEAN.tolist(),
            "deviation": DEVIATION.tolist(),
        },
        "output": {
            "name": "probabilities",
            "shape": [1, len(class_names)],
            "dtype": "float32",
            "channels": "a probability a class, in the order of classes; their sum is 1",
        },
        "postprocessing": {"confidence": request.confidence},
    }


def _try_example(
    request: ExportRequest,
    package: Path,
    images: Sequence[Any],
    outputs: Sequence[Any],
    class_names: Sequence[str],
) -> Agreement:
    """Run the example by itself on the pictures, and measure how far it is from what the network says."""
    paths = []
    for number, pixels in enumerate(images):
        paths.append(request.folder / f"sample-{number}.png")
        cv2.imwrite(str(paths[-1]), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if request.has_sample:
        shutil.copyfile(paths[0], package / "sample.png")
        expected = dict(zip(class_names, outputs[0][0].tolist(), strict=True))
        (package / "expected.json").write_text(json.dumps({"probabilities": expected}), encoding="utf-8")
    found = run_example(package, paths)
    difference = max(
        abs(said[name] - float(output[0][place]))
        for said, output in zip(found, outputs, strict=True)
        for place, name in enumerate(class_names)
    )
    return Agreement(name="example_score", difference=difference, tolerance=EXAMPLE_TOLERANCE)
