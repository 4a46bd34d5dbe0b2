"""Says what pictures show, with this model: `python example.py PICTURE…`, or `--check` to see that it works.

model.json beside this file says what goes in and out. This file does that with NumPy, Pillow and the runtime
that model.json names under "requires". Take from it whatever you need.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
CHECK_TOLERANCE = 0.005


def main() -> int:
    """Print what some pictures show, as lines or as JSON, and return the exit code."""
    spec = json.loads((HERE / "model.json").read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--check", action="store_true", help="compare with expected.json on sample.png")
    options = parser.parse_args()
    if not options.pictures and not options.check:
        parser.error("give a picture, or --check")
    run = load(spec)
    if options.check:
        return check(spec, run)
    found = {}
    for path in options.pictures:
        try:
            said = found[str(path)] = classify(path, spec, run)
        except (OSError, SyntaxError, ValueError) as error:  # as Pillow says it
            print(f"{path} cannot be read: {error}", file=sys.stderr)
            continue
        if not options.json:
            best = max(said, key=said.__getitem__)
            print(f"{path}: {best} {said[best]:.3f}")
    if options.json:
        print(json.dumps(found))
    return 0 if len(found) == len(set(map(str, options.pictures))) else 1


def load(spec: dict[str, Any]) -> Any:
    """Return a function from the input (1, 3, S, S) float32 to the probabilities (1, classes)."""
    weights = str(HERE / spec["weights"])
    if spec["format"] == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda batch: session.run(None, {name: batch})[0]
    import torch

    if spec["format"] == "pt":
        from torchvision import models

        saved = torch.load(weights, map_location="cpu", weights_only=True)
        built = models.get_model(saved["architecture"], weights=None, num_classes=len(saved["class_names"]))
        built.load_state_dict(saved["weights"])
        built.eval()
        return lambda batch: built(torch.from_numpy(batch)).softmax(dim=1).detach().numpy()
    load_script: Any = torch.jit.load
    network = load_script(weights, map_location="cpu")
    return lambda batch: network(torch.from_numpy(batch)).detach().numpy()


def classify(path: Path, spec: dict[str, Any], run: Any) -> dict[str, float]:
    """Return the probability of each class."""
    side = spec["input"]["shape"][2]
    steps = spec["preprocessing"]
    with Image.open(path) as opened:
        pixels = resize(np.asarray(opened.convert("RGB"), np.float32), side)
    normal = (pixels / steps["divide_by"] - np.float32(steps["mean"])) / np.float32(steps["deviation"])
    batch = np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)  # (1, 3, S, S)
    return dict(zip(spec["classes"], run(batch)[0].tolist(), strict=True))


def resize(pixels: Any, side: int) -> Any:
    """Return (S, S, 3): the mean of the pixels where the image shrinks, between two where it grows."""
    height, width = pixels.shape[:2]
    weigh = weigh_areas if min(height, width) > side else weigh_neighbours
    rows, columns = weigh(height, side), weigh(width, side)
    return np.einsum("xw,ywc->yxc", columns, np.einsum("yh,hwc->ywc", rows, pixels))


def weigh_areas(length: int, side: int) -> Any:
    """Return (S, length): how much of each new pixel lies on each old one."""
    edges = np.arange(side + 1) * (length / side)
    old = np.arange(length)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.maximum(covered, 0).astype(np.float32) * np.float32(side / length)


def weigh_neighbours(length: int, side: int) -> Any:
    """Return (S, length): the two old pixels next to each new one, by their distance."""
    middle = np.clip((np.arange(side) + 0.5) * (length / side) - 0.5, 0, length - 1)
    low = np.floor(middle).astype(int)
    weights = np.zeros((side, length), np.float32)
    weights[np.arange(side), low] = 1 - (middle - low)
    weights[np.arange(side), np.minimum(low + 1, length - 1)] += middle - low
    return weights


def check(spec: dict[str, Any], run: Any) -> int:
    """Compare what the model says of sample.png with expected.json; return the exit code."""
    expected = json.loads((HERE / "expected.json").read_text("utf-8"))["probabilities"]
    found = classify(HERE / "sample.png", spec, run)
    worst = max(abs(found[name] - expected[name]) for name in expected)
    print(f"largest difference {worst:.4f}, allowed {CHECK_TOLERANCE}")
    return 0 if worst <= CHECK_TOLERANCE else 1


if __name__ == "__main__":
    raise SystemExit(main())
