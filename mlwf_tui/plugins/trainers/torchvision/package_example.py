"""Says what pictures show, with this model: `python example.py PICTURE…`, or `--check` to see that it works.

model.json beside this file says what goes in and out. This file does that with NumPy, Pillow and the runtime
that model.json names under "requires". Take from it whatever you need.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
UNREADABLE = (  # as Pillow says it
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
CHECKED = ("sample.png", "expected.json")
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
    changed = find_changed(spec, *(CHECKED if options.check else ()))
    if changed:
        sys.exit(changed)
    run = load(spec)
    if options.check:
        return check(spec, run)
    found = {}
    for path in options.pictures:
        try:
            picture = read_picture(path)
        except UNREADABLE as error:
            print(f"{path} cannot be read: {error}", file=sys.stderr)
            continue
        said = found[str(path)] = classify(picture, spec, run)
        if not options.json:
            best = max(said, key=said.__getitem__)
            print(f"{path}: {best} {said[best]:.3f}")
    if options.json:
        print(json.dumps(found))
    return 0 if len(found) == len(set(map(str, options.pictures))) else 1


def find_changed(spec: dict[str, Any], *others: str) -> str:
    """Return what is wrong with the files that are to be opened, by their digests, or "".

    `others` are asked for beside the weights.
    """
    listed = spec.get("files", {})
    for name in (name for name in (spec["weights"], *others) if name in listed):
        try:
            is_same = digest(HERE / name) == listed[name]["sha256"]
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}."
        if not is_same:
            return (
                f"{name} is not the file that model.json tells of: its SHA-256 is another. It is not opened."
            )
    return ""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            hasher.update(part)
    return hasher.hexdigest()


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


def classify(picture: Any, spec: dict[str, Any], run: Any) -> dict[str, float]:
    """Return the probability of each class for a picture (H, W, 3) uint8 RGB."""
    side = spec["input"]["shape"][2]
    steps = spec["preprocessing"]
    pixels = resize(picture.astype(np.float32), side)
    normal = (pixels / steps["divide_by"] - np.float32(steps["mean"])) / np.float32(steps["deviation"])
    batch = np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)  # (1, 3, S, S)
    return dict(zip(spec["classes"], run(batch)[0].tolist(), strict=True))


def read_picture(path: Path) -> Any:
    """Return a picture (H, W, 3) uint8 RGB as it is shown: turned by EXIF, of 16 bits the upper 8."""
    with Image.open(path) as opened:
        opened.load()
        exif = b"" if opened.format == "TIFF" else opened.info.get("exif", b"")  # Pillow turns a TIFF itself
        return turn(to_rgb(opened), find_orientation(exif))


def to_rgb(opened: Any) -> Any:
    """Return the pixels (H, W, 3) uint8 RGB of an image of Pillow, which would clip what has more bits."""
    if opened.format == "TIFF" and opened.mode in ("I", "F"):
        raise ValueError("it has 32 bits a value, which the model does not read")
    if opened.mode.startswith(("I", "F")):
        upper = (np.asarray(opened) / 256).clip(0, 255).astype(np.uint8)  # (H, W)
        return upper[..., None].repeat(3, 2)
    return np.asarray(opened.convert("RGB"))


def turn(pixels: Any, orientation: int) -> Any:
    """Return the pixels (H, W, 3) as EXIF says that they are shown; 5 to 8 swap the sides."""
    pixels = pixels.swapaxes(0, 1) if orientation > 4 else pixels
    down, along = ((1, 1), (1, -1), (-1, -1), (-1, 1))[(orientation - 1) % 4]
    return np.ascontiguousarray(pixels[::down, ::along])


def find_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, that an EXIF block states; 1 where it states none or is damaged."""
    block = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for at in range(start + 2, start + 2 + count * 12, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", block, at)
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # it ends too early
        pass
    return 1


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
    found = classify(read_picture(HERE / "sample.png"), spec, run)
    worst = max(abs(found[name] - expected[name]) for name in expected)
    print(f"largest difference {worst:.4f}, allowed {CHECK_TOLERANCE}")
    return 0 if worst <= CHECK_TOLERANCE else 1


if __name__ == "__main__":
    raise SystemExit(main())
