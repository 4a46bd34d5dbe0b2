"""Writes a model in another form with an example, and measures how far both agree."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.errors import InvalidInput, InvalidParameter, PluginError
from mlwf_tui.plugins.trainers.package_trying import EXAMPLE, run_example
from mlwf_tui.plugins.trainers.ultralytics import package_example
from mlwf_tui.plugins.trainers.ultralytics.evaluate import build_objects
from mlwf_tui.plugins.trainers.ultralytics.library import (
    choose_device,
    describe_environment,
    is_gpu,
    load_weights,
    prepare_library,
    report_failure,
)
from mlwf_tui.plugins.trainers.ultralytics.predict import decode
from mlwf_tui.plugins.trainers.ultralytics.targets import get_target
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import Agreement, ExportRequest, ExportResult

LICENCE = (
    "AGPL-3.0-or-later, as Ultralytics states for models trained with it; or its makers' Enterprise licence"
)
BOX_TOLERANCE_PX, SCORE_TOLERANCE = 0.5, 0.005  # float32 differs by 0.0001, an FP16 engine by some tenths


class _Sample(NamedTuple):
    pixels: Any  # (H, W, 3) uint8 BGR
    batch: Any  # (1, 3, S, S) float32: what the network is given


def export(request: ExportRequest, observer: Observer) -> ExportResult:
    """Write the package's weights and example; see the contract `Trainer.export`."""
    target = get_target(request.format)
    prepare_library(request.folder)
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # an import error; it reports uses
    on_gpu = target.name == "tensorrt"
    device = choose_device(request.device if on_gpu else "cpu")
    if on_gpu and not is_gpu(device):
        raise InvalidParameter(
            f"A package for {target.name} is made on the GPU that is to run it, and there is none here.",
            hint="Make it on a machine with an NVIDIA GPU, or choose another format, as onnx.",
        )
    package = request.folder / "package"
    package.mkdir()
    source = shutil.copyfile(request.weights, request.folder / "model.pt")
    observer.progress(0, 3, f"writing {request.format}")
    model = load_weights(source, is_trusted=request.is_trusted)
    model.model.args = _hide_paths(model.model.args)
    with report_failure(f"write {request.format}"):
        if target.library_name:
            side, more = request.image_size_px, {"dynamic": True} if request.has_any_batch else {}
            made = Path(model.export(format=target.library_name, imgsz=side, device=device, **more))
            weights = made.rename(package / made.name)
        else:
            weights = _save(model, package / source.name)
    observer.check_cancelled()
    observer.progress(1, 3, "comparing outputs")
    is_stretched = type(model.model.model[-1]).__name__ == "RTDETRDecoder"
    samples = [_prepare(data, request.image_size_px, is_stretched) for data in request.samples]
    batches = [sample.batch for sample in samples]
    loaded = copy.deepcopy(model.model)  # the file is not opened again, and what runs it fuses its layers
    outputs = [_run_all(one, batches, device, name=weights.name) for one in (loaded, weights)]
    agreement = _compare(*outputs, is_share=is_stretched)
    interface = _describe(request, model.task, weights, outputs[1][0].shape, is_stretched=is_stretched)
    observer.check_cancelled()
    has_example = not on_gpu and model.task == "detect"
    if has_example:
        observer.progress(2, 3, "running the example")
        agreement += (_try_example(request, package, interface, model, samples, outputs[0]),)
    observer.progress(3, 3, "written")
    return ExportResult(
        weights=weights.name,
        interface=interface,
        agreement=agreement,
        licence=LICENCE,
        example=EXAMPLE if has_example else "",
        requires=target.requires,
        environment=describe_environment(device),
    )


def _hide_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a training's settings without the paths of this machine, which are nobody else's business."""
    return {
        key: "" if isinstance(value, str) and Path(value).is_absolute() else value
        for key, value in settings.items()
    }


def _save(model: Any, path: Path) -> Path:
    """Write what `YOLO(path)` loads: the network and how it was trained, and no state of its training."""
    model.ckpt = {"train_args": _hide_paths((model.ckpt or {}).get("train_args") or {}), "epoch": -1}
    definition = dict(model.model.yaml)
    definition["yaml_file"] = Path(str(definition.get("yaml_file", ""))).name
    model.model.yaml, model.model.pt_path = definition, path.name
    model.save(path)
    return path


def _prepare(data: bytes, side_px: int, is_stretched: bool) -> _Sample:
    from ultralytics.data.augment import LetterBox

    pixels = decode(data)
    if isinstance(pixels, str):
        raise InvalidInput("A picture to compare on cannot be decoded.", hint="mlwf verify looks for damage.")
    box = LetterBox((side_px, side_px), auto=False, scale_fill=is_stretched)
    canvas = box(image=pixels)[..., ::-1]  # (S, S, 3) RGB
    batch = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32) / 255
    return _Sample(pixels, batch)


def _run_all(source: Any, batches: Sequence[Any], device: str, *, name: str) -> list[Any]:
    """Return the first output of a network or file for each batch, float32, by the library's own runtime."""
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    place = torch.device(f"cuda:{device}" if device.isdecimal() else device)
    with report_failure(f"run {name}"), torch.no_grad():
        given = str(source) if isinstance(source, Path) else source
        backend = AutoBackend(given, device=place, fuse=True, verbose=False)
        backend.eval()
        return [_first(backend(torch.from_numpy(batch).to(place))) for batch in batches]


def _first(output: Any) -> Any:
    while isinstance(output, list | tuple):
        output = output[0]
    return output.float().cpu().numpy() if hasattr(output, "cpu") else np.asarray(output, np.float32)


def _compare(before: Sequence[Any], after: Sequence[Any], *, is_share: bool) -> tuple[Agreement, ...]:
    """Return how far the outputs (1, 4 + classes, N), or (1, N, 4 + classes) of shares, differ at most.

    Of other tasks what comes behind the box counts as scores; of a classifier, (1, classes), all does.
    """
    box = score = 0.0
    for old, new in zip(before, after, strict=True):
        if old.shape != new.shape:
            raise PluginError(
                f"The packaged model answers with {new.shape} numbers instead of {old.shape}.",
                hint="Try another format.",
            )
        old, new = (np.moveaxis(one[0], -1, 0) if is_share else one[0] for one in (old, new))
        difference = np.abs(old - new)  # (4 + classes, N)
        if difference.ndim == 1:
            score = float(np.maximum(score, difference.max()))
            continue
        box = float(np.maximum(box, difference[:4].max()))  # as the built-in max does not, it keeps NaN
        score = float(np.maximum(score, difference[4:].max()))
    tolerance = BOX_TOLERANCE_PX / 640 if is_share else BOX_TOLERANCE_PX
    return (
        Agreement(name="box_share" if is_share else "box_px", difference=box, tolerance=tolerance),
        Agreement(name="score", difference=score, tolerance=SCORE_TOLERANCE),
    )


_CHANNELS = {
    "detect": "center x, center y, width, height, then one score a class in the order of classes",
    "segment": "as of detect, then 32 coefficients; a second output has 32 masks, whose sum by the"
    " coefficients, through a sigmoid, is the object's mask within its box",
    "pose": "as of detect, then x, y and confidence of each keypoint",
    "obb": "as of detect, then the angle in radians",
    "classify": "one probability a class, in the order of classes",
}


def _describe(
    request: ExportRequest, task: str, weights: Path, shape: Sequence[int], *, is_stretched: bool
) -> dict[str, Any]:
    """Return what goes in and out, as model.json says it and the example reads it."""
    described = _describe_boxes(request, weights, shape, is_stretched=is_stretched)
    described["output"]["channels"] = _CHANNELS[task]
    if task == "classify":
        described["preprocessing"] = {
            "resize": "the shorter side to S, bilinear with smoothing, then the square in the middle",
            "divide_by": 255.0,
        }
        described["postprocessing"] = {"class": "the one with the best probability, which is the confidence"}
    return described


def _describe_boxes(
    request: ExportRequest, weights: Path, shape: Sequence[int], *, is_stretched: bool
) -> dict[str, Any]:
    side = request.image_size_px
    return {
        "format": request.format,
        "weights": weights.name,
        "classes": list(request.class_names),
        "input": {
            "name": "images",
            "shape": [1, 3, side, side],
            "layout": "NCHW: picture, channel, row, column",
            "dtype": "float32",
            "colors": "RGB",
            "range": [0.0, 1.0],
        },
        "preprocessing": {
            "resize": "stretch" if is_stretched else "letterbox",
            "scale": "each side to S" if is_stretched else "min(S / height, S / width), sides rounded",
            "interpolation": "bilinear, centres of pixels at a half, no smoothing",
            "padding_value": 114,
            "padding": "left = round((S - width) / 2 - 0.1), top likewise, the rest right and below",
            "divide_by": 255.0,
        },
        "output": {
            "name": "output0",
            "shape": list(map(int, shape)),
            "dtype": "float32",
        },
        "postprocessing": {
            "layout": "channels_last" if is_stretched else "channels_first",
            "box_unit": "share" if is_stretched else "pixels of the input",
            "class": "the one with the best score, which is the confidence",
            "confidence": request.confidence,
            "nms_iou": None if is_stretched else request.iou,
            "nms": "among objects of one class, surest first; those that overlap a kept one more are dropped",
            "max_objects": request.max_objects,
            "back": "x = (x - left) / scale, y = (y - top) / scale, cut to the picture",
        },
    }


def _try_example(
    request: ExportRequest,
    package: Path,
    interface: dict[str, Any],
    model: Any,
    samples: Sequence[_Sample],
    outputs: Sequence[Any],
) -> Agreement:
    """Put the example into the package, run it by itself, and count what it misses of the model's objects."""
    shutil.copyfile(package_example.__file__, package / EXAMPLE)
    (package / "model.json").write_text(json.dumps(interface), encoding="utf-8")  # the caller says more
    confidence = _choose_confidence(request, outputs)
    said = [_ask(model, request, sample.pixels, confidence) for sample in samples]
    expected = [_to_plain(found for found in one if (found.confidence or 0) > confidence) for one in said]
    if request.has_sample:
        shown = choose_sample(expected)
        cv2.imwrite(str(package / "sample.png"), samples[shown].pixels)
        document = {"confidence": confidence, "objects": expected[shown]}
        (package / "expected.json").write_text(json.dumps(document), encoding="utf-8")
    pictures = []
    for number, sample in enumerate(samples):
        pictures.append(request.folder / f"sample-{number}.png")
        cv2.imwrite(str(pictures[-1]), sample.pixels)
    found = run_example(package, pictures, "--confidence", str(confidence * 0.9))
    missing = sum(
        not package_example.is_among(one, there)
        for wanted, there in zip(expected, found, strict=True)
        for one in wanted
    )
    return Agreement(name="example_missing", difference=float(missing), tolerance=0.0)


def choose_sample(expected: Sequence[Sequence[Any]]) -> int:
    """Return the place of the picture with the most objects, which a check says most of."""
    return max(range(len(expected)), key=lambda place: len(expected[place]))


def _choose_confidence(request: ExportRequest, outputs: Sequence[Any]) -> float:
    """Return the package's confidence, or half of the best score where the model is never that sure."""
    scores = [output[0][4:] if output.shape[1] < output.shape[2] else output[0][:, 4:] for output in outputs]
    best = max(float(score.max()) for score in scores)
    return request.confidence if best > request.confidence else best / 2


def _ask(model: Any, request: ExportRequest, pixels: Any, confidence: float) -> tuple[AnnotatedObject, ...]:
    with report_failure("predict"):
        (result,) = model.predict(
            pixels,
            conf=confidence,
            iou=request.iou,
            max_det=request.max_objects,
            imgsz=request.image_size_px,
            rect=False,
            device="cpu",
            project=str(request.folder.absolute()),
            name="predict",
            exist_ok=True,
            verbose=False,
        )
    return build_objects(result.boxes.data.cpu().numpy(), result.names)


def _to_plain(objects: Any) -> list[dict[str, Any]]:
    return [
        {"class": found.class_name, "confidence": found.confidence, "box": list(found.geometry.bounds)}
        for found in objects
    ]
