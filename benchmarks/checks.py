"""Whether what a tool brought back is what it was given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from benchmarks.trees import CLASSES, list_checkout_pairs, list_yolo_pairs
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.store import Store

_READ_BYTES = 1 << 20
_TOLERANCE_PX = 0.001

Box = tuple[str, float, float, float, float]
"""Class name, left, top, right, bottom in pixels."""


def compare_trees(source: Path, restored: Path) -> tuple[int, int]:
    """Return how many files of `source` are missing or other bytes, and how many are there beside them."""
    expected = {file.relative_to(source) for file in iter_files(source)}
    wrong = sum(not _is_same_file(source / name, restored / name) for name in expected)
    extra = sum(file.relative_to(restored) not in expected for file in iter_files(restored))
    return wrong, extra


def compare_checkout(source: Path, checkout: Path) -> tuple[int, int]:
    """Compare a YOLO tree with our checkout of it: images by their bytes, labels as boxes in pixels."""
    expected = {(image.parent.name, image.name): (image, label) for image, label in list_yolo_pairs(source)}
    found = {
        (image.parent.parent.name, image.name): (image, annotation)
        for image, annotation in list_checkout_pairs(checkout)
    }
    wrong = sum(key not in found or not _is_same_item(*pair, *found[key]) for key, pair in expected.items())
    return wrong, len(found.keys() - expected.keys())


def measure_label_share(source: Path, home: Path) -> float:
    """Return what the manifests of a home that holds a YOLO tree take, as a share of its label files."""
    with Store(home / "store") as store:
        stored = sum(
            stored_size
            for _, _, _, stored_size, _, _, kind in store.index.iter_rows()
            if kind == RecordKind.NODE
        )
    return stored / sum(label.stat().st_size for _, label in list_yolo_pairs(source))


def iter_files(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder; tools keep theirs in hidden ones, which are left out."""
    for path in folder.iterdir():
        if path.name.startswith(".") or path.suffix == ".dvc":
            continue
        if path.is_dir():
            yield from iter_files(path)
        else:
            yield path


def _is_same_item(image: Path, label: Path, found_image: Path, annotation: Path) -> bool:
    if not annotation.is_file() or not _is_same_file(image, found_image):
        return False
    content = json.loads(annotation.read_bytes())
    size = content["size"]
    boxes = _read_yolo(label, size["width"], size["height"])
    found = [_read_box(shape) for shape in content["objects"]]
    return len(boxes) == len(found) and all(map(_is_same_box, boxes, found))


def _read_yolo(label: Path, width_px: int, height_px: int) -> list[Box]:
    boxes = []
    for line in label.read_text().splitlines():
        index, *shares = line.split()
        x, y, width, height = map(float, shares)
        left, right = (x - width / 2) * width_px, (x + width / 2) * width_px
        top, bottom = (y - height / 2) * height_px, (y + height / 2) * height_px
        boxes.append((CLASSES[int(index)], left, top, right, bottom))
    return boxes


def _read_box(shape: dict[str, object]) -> Box:
    match shape:
        case {"classTitle": str(name), "points": {"exterior": [[left, top], [right, bottom]]}}:
            return name, left, top, right, bottom
        case _:
            return "no box", 0, 0, 0, 0


def _is_same_box(one: Box, other: Box) -> bool:
    pairs = zip(one[1:], other[1:], strict=True)
    return one[0] == other[0] and all(math.isclose(*pair, abs_tol=_TOLERANCE_PX) for pair in pairs)


def _is_same_file(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(_READ_BYTES):
            if block != second.read(_READ_BYTES):
                return False
    return True
