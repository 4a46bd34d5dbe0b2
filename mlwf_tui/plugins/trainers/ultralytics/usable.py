"""Which images the library can use: it looks at headers first, and stops later at one it cannot decode."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, PluginError
from mlwf_tui.plugins.trainers.item_batches import CANNOT_DECODE

LEAST_SIDE_PX: Final = 10  # the library's own limit
_CHECKED: Final = (b"\xff\xd8", b"\x89PNG")  # of these header, end and checksums tell nearly all
_NOT_FOUND: Final = re.compile(r"Image Not Found (.+)")
_NO_IMAGES: Final = ("No valid images", "No images found", "no valid images")


def watch_scan() -> None:
    """Let the library's scan leave out what cannot be decoded, and each data set know what was left out.

    Only what its headers say little of is decoded, and once: the library keeps what its scan has found
    beside the data. To be called after `prepare_library`, any number of times.
    """
    from ultralytics.data import dataset

    if hasattr(dataset.verify_image_label, "__wrapped__"):
        return
    dataset.verify_image_label = _decode_labelled(dataset.verify_image_label)
    dataset.verify_image = _decode_classed(dataset.verify_image)
    reading = getattr(dataset.ClassificationDataset, "imread", None)
    if reading is not None:  # not in each version
        dataset.ClassificationDataset.imread = staticmethod(_require_pixels(reading))
    dataset.YOLODataset.get_labels = _note_left_out(
        dataset.YOLODataset.get_labels, lambda self, _: self.im_files
    )
    dataset.ClassificationDataset.verify_images = _note_left_out(
        dataset.ClassificationDataset.verify_images,
        lambda self, found: [sample[0] for sample in (self.samples if found is None else found)],
    )


def list_left_out(trainer: Any, data: Path, files: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what a fit after `watch_scan` has left out, by the keys that `files` has for paths in `data`."""
    for name in ("train_loader", "test_loader"):
        dataset = getattr(getattr(trainer, name, None), "dataset", None)
        for path in sorted(getattr(dataset, "left_out", ())):
            yield Problem(_find_key(path, data, files), find_problem(Path(path)))


def find_problem(path: Path) -> str:
    """Return why the library leaves out an image file that it has not used, in a sentence."""
    pixels = read_pixels(path)
    if pixels is None:
        return CANNOT_DECODE
    height_px, width_px = pixels.shape[:2]
    if min(width_px, height_px) < LEAST_SIDE_PX:
        return (
            f"The image is {width_px}×{height_px} pixels; Ultralytics uses none with a side "
            f"under {LEAST_SIDE_PX}."
        )
    return "Ultralytics does not take the image or its labels; the run's log says why."


def read_pixels(path: Path) -> Any:
    """Return (H, W, 3) uint8 BGR as the library reads a file, or None where it cannot."""
    import cv2
    from ultralytics.utils.patches import imread

    try:
        return imread(str(path))
    except cv2.error:  # it claims more pixels than OpenCV takes
        return None


@contextmanager
def name_undecodable(data: Path, files: Mapping[str, str]) -> Iterator[None]:
    """Name the item where the library stops at an image that it cannot decode.

    Raises:
        InvalidInput: it has.
    """
    try:
        yield
    except PluginError as error:
        found = _NOT_FOUND.findall(str(error.__cause__))
        if not found:
            raise
        path = found[-1]  # of a worker process the cause is a traceback, with the line that raises
        raise InvalidInput(
            f"The image {_find_key(path, data, files)} cannot be decoded.",
            hint="mlwf check PROJECT --near lists all such images; leave them out with `filter`.",
        ) from error


def is_without_images(error: PluginError) -> bool:
    """Whether the library has given up since it found no image that it can use."""
    return any(words in str(error.__cause__) for words in _NO_IMAGES)


def _decode_labelled(verify: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the library's check of an image and its labels, which says None in place of the image."""

    @wraps(verify)
    def verify_decoded(arguments: Any) -> Any:
        found = verify(arguments)
        if found[0] is None or _looks_decodable(Path(found[0])):
            return found
        return [None] * 5 + [*found[5:8], 1, f"{arguments[2]}{found[0]}: {CANNOT_DECODE}"]

    return verify_decoded


def _decode_classed(verify: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the library's check of an image with a class, which counts found and corrupt ones."""

    @wraps(verify)
    def verify_decoded(arguments: Any) -> Any:
        sample, is_found, is_corrupt, message = verify(arguments)
        if not is_found or _looks_decodable(Path(sample[0])):
            return sample, is_found, is_corrupt, message
        return sample, 0, 1, f"{arguments[1]}{sample[0]}: {CANNOT_DECODE}"

    return verify_decoded


def _require_pixels(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return the reader of images with a class, which stops as the one of labelled images does."""

    @wraps(read)
    def read_or_stop(path: str) -> Any:
        pixels = read(path)
        if pixels is None:
            raise FileNotFoundError(f"Image Not Found {path}")
        return pixels

    return read_or_stop


def _note_left_out(
    scan: Callable[[Any], Any], list_files: Callable[[Any, Any], list[str]]
) -> Callable[[Any], Any]:
    """Return a data set's scan, which keeps the files it has dropped as `left_out`."""

    @wraps(scan)
    def scan_noted(self: Any) -> Any:
        asked = set(list_files(self, None))
        found = scan(self)
        self.left_out = asked.difference(list_files(self, found))
        return found

    return scan_noted


def _looks_decodable(path: Path) -> bool:
    with path.open("rb") as file:
        is_checked = file.read(4).startswith(_CHECKED)
    return is_checked or read_pixels(path) is not None


def _find_key(path: str, data: Path, files: Mapping[str, str]) -> str:
    """Return the key of an image's item; its file's name where that is not known."""
    try:
        return files[Path(path).resolve().relative_to(data.resolve()).as_posix()]
    except (KeyError, ValueError):
        return Path(path).name
