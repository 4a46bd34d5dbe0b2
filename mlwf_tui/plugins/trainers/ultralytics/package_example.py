"""Finds objects on pictures with this model: `python example.py PICTURE…`, or `--check` to see that it works.

model.json beside this file says what goes in and out. This file does that with NumPy and the runtime that
model.json names under "requires". It reads plain PNG itself; for other pictures it needs Pillow as well. Take
from it whatever you need.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
import zlib
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
UNREADABLE = (  # Pillow and the PNG below
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    zlib.error,
)  # fmt: skip
MAX_PIXELS = 178_000_000  # about where Pillow too refuses
CHECKED = ("sample.png", "expected.json")
CHECK_IOU, CHECK_CONFIDENCE = 0.9, 0.05  # another resize than the maker's shifts a box by less


def main() -> int:
    """Print what is on some pictures, as lines or as JSON, and return the exit code."""
    spec = json.loads((HERE / "model.json").read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--confidence", type=float, default=spec["postprocessing"]["confidence"])
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
        found[str(path)] = detect(picture, spec, run, options.confidence)
        if not options.json:
            print_objects(path, found[str(path)])
    if options.json:
        print(json.dumps(found))
    return 0 if len(found) == len(set(map(str, options.pictures))) else 1


def print_objects(path: Path, objects: list[dict[str, Any]]) -> None:
    """Print what is on a picture, an object a line."""
    print(f"{path}: {len(objects)} objects")
    for one in objects:
        box = " ".join(f"{side:.1f}" for side in one["box"])
        print(f"  {one['class']} {one['confidence']:.3f}  {box}")


def find_changed(spec: dict[str, Any], *others: str) -> str:
    """Return what is wrong with the files that are to be opened, by their digests, or "".

    `others` are asked for beside the weights, which may be a folder.
    """
    listed = spec.get("files", {})
    below = spec["weights"] + "/"
    wanted = [name for name in listed if name == spec["weights"] or name in others or name.startswith(below)]
    added = (path.relative_to(HERE).as_posix() for path in (HERE / spec["weights"]).glob("*.xml"))
    for name in (*wanted, *(name for name in added if listed and name not in listed)):
        try:
            is_same = name in listed and digest(HERE / name) == listed[name]["sha256"]
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
    """Return a function from the input (1, 3, S, S) float32 to the first output."""
    weights = str(HERE / spec["weights"])
    if spec["format"] == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda batch: session.run(None, {name: batch})[0]
    if spec["format"] == "openvino":
        import openvino

        compiled = openvino.Core().compile_model(next(Path(weights).glob("*.xml")), "CPU")
        return lambda batch: compiled(batch)[0]
    if spec["format"] == "torchscript":
        import torch

        network: Any = torch.jit.load(weights, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        return lambda batch: network(torch.from_numpy(batch)).detach().numpy()
    if spec["format"] == "pt":
        with redirect_stdout(sys.stderr):  # where the library's own words are not in the way
            import torch
            from ultralytics.nn.autobackend import AutoBackend

            loaded: Any = AutoBackend(weights, device=torch.device("cpu"), fuse=True, verbose=False).eval()
        return lambda batch: take_first(loaded(torch.from_numpy(batch))).detach().numpy()
    sys.exit(f"This example does not run {spec['format']} files; model.json says what goes in and out.")


def take_first(output: Any) -> Any:
    """Return the first of outputs that may lie in each other."""
    while isinstance(output, (list, tuple)):
        output = output[0]
    return output


def detect(picture: Any, spec: dict[str, Any], run: Any, confidence: float) -> list[dict[str, Any]]:
    """Return the objects on a picture (H, W, 3) uint8 RGB, the surest first, boxes in its pixels."""
    side = spec["input"]["shape"][2]
    batch, scale, left, top = prepare(picture, side, spec["preprocessing"])
    return read_output(run(batch)[0], spec, confidence, picture.shape, scale, (left, top))


def prepare(picture: Any, side: int, how: dict[str, Any]) -> tuple[Any, tuple[float, float], int, int]:
    """Return the input (1, 3, S, S) float32, the scales in x and y, and where the picture lies on it."""
    height, width = picture.shape[:2]
    scale = min(side / height, side / width)
    scales = (side / width, side / height) if how["resize"] == "stretch" else (scale, scale)
    new_width, new_height = round(width * scales[0]), round(height * scales[1])
    left = round((side - new_width) / 2 - 0.1)
    top = round((side - new_height) / 2 - 0.1)
    canvas = np.full((side, side, 3), how["padding_value"], np.uint8)
    canvas[top : top + new_height, left : left + new_width] = resize(picture, new_width, new_height)
    batch = canvas.transpose(2, 0, 1)[None].astype(np.float32) / how["divide_by"]
    return np.ascontiguousarray(batch), scales, left, top


def resize(picture: Any, width: int, height: int) -> Any:
    """Return the picture (height, width, 3) uint8, bilinear with the centres of pixels at a half."""
    if picture.shape[:2] == (height, width):
        return picture
    above, below, down = spread(picture.shape[0], height)
    before, behind, along = spread(picture.shape[1], width)
    source = picture.astype(np.float32)
    rows = source[above] * (1 - down)[:, None, None] + source[below] * down[:, None, None]
    mixed = rows[:, before] * (1 - along)[None, :, None] + rows[:, behind] * along[None, :, None]
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def spread(before: int, after: int) -> tuple[Any, Any, Any]:
    """Return for each new place its two old neighbours and the share of the second, each (after,)."""
    places = ((np.arange(after) + 0.5) * (before / after) - 0.5).clip(0, before - 1)
    first = np.floor(places).astype(int)
    return first, np.minimum(first + 1, before - 1), (places - first).astype(np.float32)


def read_output(
    output: Any,
    spec: dict[str, Any],
    confidence: float,
    shape: tuple[int, ...],
    scales: tuple[float, float],
    corner: tuple[int, int],
) -> list[dict[str, Any]]:
    """Return objects from the output of one picture: (4 + classes, N), or (N, 4 + classes)."""
    how, names = spec["postprocessing"], spec["classes"]
    rows = output.T if how["layout"] == "channels_first" else output  # (N, 4 + classes)
    centers, sizes, scores = rows[:, :2], rows[:, 2:4], rows[:, 4 : 4 + len(names)]
    labels = scores.argmax(1)
    best = scores.max(1)
    boxes = np.concatenate([centers - sizes / 2, centers + sizes / 2], 1)  # (N, 4) left, top, right, bottom
    if how["box_unit"] == "share":
        boxes *= spec["input"]["shape"][2]
    kept = np.flatnonzero(best > confidence)
    kept = kept[np.argsort(-best[kept], kind="stable")]
    if how["nms_iou"] is not None:
        kept = suppress(boxes[kept], labels[kept], kept, how["nms_iou"])
    kept = kept[: how["max_objects"]]
    boxes = boxes[kept]
    boxes[:, 0::2] = ((boxes[:, 0::2] - corner[0]) / scales[0]).clip(0, shape[1])
    boxes[:, 1::2] = ((boxes[:, 1::2] - corner[1]) / scales[1]).clip(0, shape[0])
    return [
        {"class": names[label], "confidence": float(sure), "box": [float(side) for side in box]}
        for box, label, sure in zip(boxes, labels[kept].tolist(), best[kept], strict=True)
        if box[2] > box[0] and box[3] > box[1]
    ]


def suppress(boxes: Any, labels: Any, places: Any, iou: float) -> Any:
    """Return the places of boxes (N, 4), surest first, that no surer one of their class covers."""
    kept: list[int] = []
    for index in range(len(boxes)):
        rivals = [other for other in kept if labels[other] == labels[index]]
        if not rivals or measure_iou(boxes[index], boxes[rivals]).max() <= iou:
            kept.append(index)
    return places[kept]


def measure_iou(box: Any, others: Any) -> Any:
    """Return the share that a box (4,) and each of others (N, 4) have in common, (N,)."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    common = width.clip(0) * height.clip(0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return common / ((box[2] - box[0]) * (box[3] - box[1]) + areas - common + 1e-9)


def check(spec: dict[str, Any], run: Any) -> int:
    """Say whether the model finds on sample.png what the one that it was made from has found."""
    expected = json.loads((HERE / "expected.json").read_text("utf-8"))
    if not expected["objects"]:
        sys.exit("Nothing could be checked: the model has found nothing on sample.png.")
    found = detect(read_picture(HERE / "sample.png"), spec, run, expected["confidence"] * 0.9)
    missing = [one for one in expected["objects"] if not is_among(one, found)]
    for one in missing:
        print(f"not found: {one['class']} {one['confidence']:.3f} at {one['box']}")
    print(f"{len(expected['objects']) - len(missing)} of {len(expected['objects'])} expected objects found")
    return 1 if missing else 0


def is_among(wanted: dict[str, Any], found: list[dict[str, Any]]) -> bool:
    """Whether some object is the wanted one: of its class, in its place, about as sure."""
    return any(
        one["class"] == wanted["class"]
        and abs(one["confidence"] - wanted["confidence"]) <= CHECK_CONFIDENCE
        and measure_iou(np.array(one["box"]), np.array([wanted["box"]]))[0] >= CHECK_IOU
        for one in found
    )


def read_picture(path: Path) -> Any:
    """Return a picture (H, W, 3) uint8 RGB as it is shown: turned by EXIF, of 16 bits the upper 8."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        pixels = read_png(data)
        if pixels is not None:
            return pixels
    from PIL import Image

    try:
        with Image.open(path) as opened:
            opened.load()
            exif = b"" if opened.format == "TIFF" else opened.info.get("exif", b"")  # Pillow turns a TIFF
            return turn(to_rgb(opened), find_orientation(exif))
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error


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


def read_png(data: bytes) -> Any:
    """Return a PNG of 8 bits a channel (H, W, 3) uint8 RGB as shown, or None where it is of another kind."""
    packed, exif, at = b"", b"", 8
    header = data[16:29]
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        exif = data[at + 8 : at + 8 + length] if kind == b"eXIf" else exif
        at += 12 + length
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", header)
    channels = {0: 1, 2: 3, 4: 2, 6: 4}.get(color)
    if depth != 8 or interlace or channels is None or width * height > MAX_PIXELS:
        return None
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    pixels = unfilter(lines, channels).reshape(height, width, channels)
    return turn(pixels[..., :3] if channels >= 3 else pixels[..., :1].repeat(3, 2), find_orientation(exif))


def unfilter(lines: Any, channels: int) -> Any:
    """Return the bytes (H, W * channels) of a PNG's lines, each with its filter before it."""
    out = np.zeros((len(lines) + 1, lines.shape[1] - 1 + channels), np.uint8)  # a border of zeros
    for row, line in enumerate(lines, start=1):
        kind, values = line[0], line[1:]
        up, here = out[row - 1], out[row]
        if kind == 0:
            here[channels:] = values
        elif kind == 1:
            sums = values.reshape(-1, channels).cumsum(0, np.uint32)
            here[channels:] = (sums & 255).astype(np.uint8).reshape(-1)
        elif kind == 2:
            here[channels:] = values + up[channels:]
        else:
            unfilter_slowly(kind, values.tolist(), up.tolist(), here, channels)
    return out[1:, channels:]


def unfilter_slowly(kind: int, values: list[int], up: list[int], here: Any, channels: int) -> None:
    """Undo the filters whose bytes follow from those before: 3 the mean, 4 Paeth's."""
    line = [0] * (len(values) + channels)
    for place, value in enumerate(values):
        a, b, c = line[place], up[place + channels], up[place]
        if kind == 3:
            guess = (a + b) // 2
        else:
            near = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            guess = (a, b, c)[near.index(min(near))]
        line[place + channels] = (value + guess) & 255
    here[:] = line


if __name__ == "__main__":
    sys.exit(main())
