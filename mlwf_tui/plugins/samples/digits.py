"""A small detection project drawn on the spot: handwritten digits on photographs; no network.

The digits are the 901 from 0 to 4 of scikit-learn's copy of the UCI set (8 x 8 pixels), the photographs its
`china.jpg` and `flower.jpg`. No digit is pasted twice, so that however the images are split, a benchmark
on held-out images measures digits that the model has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.errors import InvalidParameter

IMAGE_SIZE_PX = 128
DIGIT_SIZE_PX = (38, 62)  # smallest and largest height of a pasted digit, before its margins are cut
MAX_DIGITS = 3  # on one image
MIN_CONTRAST = 90.0  # between a digit and what it covers, in grey levels
CLASS_NAMES = ("zero", "one", "two", "three", "four")  # five, so that two cores learn them in a minute

_NEW_SHARE = 0.08  # of digits, kept for images that nobody labelled

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Digit:
    label: int
    strokes: Pixels  # (8, 8), 0-1


@dataclass(frozen=True, slots=True)
class _Placed:
    """A digit on an image; the box in whole pixels, right and bottom exclusive."""

    label: int
    box: tuple[int, int, int, int]


class DigitsSample:
    """Handwritten digits on pieces of photographs, as a Pascal VOC folder."""

    name = "digits"
    summary = "handwritten digits on photographs, 128 px, five classes, Pascal VOC"

    def write(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write a VOC folder without splits into `folder`; the same seed and count write the same bytes.

        Raises:
            InvalidParameter: there are not digits enough for so many images.
        """
        for part in ("Annotations", "JPEGImages"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng([seed, 2])
        painter = _Painter(_deal_digits(random)[0], np.random.default_rng([seed, 0]), image_count)
        for index in range(image_count):
            name = f"digits_{index:04d}"
            image, placed = painter.paint()
            _save_jpeg(image, folder / "JPEGImages" / f"{name}.jpg")
            _write_voc(placed, folder / "Annotations" / f"{name}.xml", f"{name}.jpg")

    def write_unlabelled(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write images of digits that `write` never uses, without any annotation, into `folder`.

        Raises:
            InvalidParameter: there are not digits enough for so many images.
        """
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng([seed, 2])
        painter = _Painter(_deal_digits(random)[1], np.random.default_rng([seed, 1]), image_count)
        for index in range(image_count):
            _save_jpeg(painter.paint()[0], folder / f"new_{index:04d}.jpg")


class _Painter:
    """Draws images; digits and random numbers go on from one image to the next, no digit comes twice."""

    def __init__(self, digits: Sequence[_Digit], random: np.random.Generator, image_count: int) -> None:
        most = len(digits) // MAX_DIGITS
        if image_count > most:
            raise InvalidParameter(
                f"The digits do not suffice for {image_count} images.", hint=f"Ask for at most {most}."
            )
        self.photographs = _read_photographs()
        self.digits = iter(digits)
        self.random = random

    def paint(self) -> tuple[Pixels, tuple[_Placed, ...]]:
        """Return an image (H, W, 3) of 0-255, and the one to three digits on it."""
        image = self._cut_background()
        placed: list[_Placed] = []
        for digit in islice(self.digits, int(self.random.integers(1, MAX_DIGITS + 1))):
            strokes = self._shape(digit)
            place = self._find_place(strokes.shape, placed)
            if place is not None:
                _blend(image, strokes, place, self._choose_color(image, strokes, place))
                height, width = strokes.shape
                left, top = place
                placed.append(_Placed(digit.label, (left, top, left + width, top + height)))
        return image + self.random.normal(0, 4, image.shape).astype(np.float32), tuple(placed)

    def _cut_background(self) -> Pixels:
        photograph = self.photographs[int(self.random.integers(len(self.photographs)))]
        side = int(self.random.integers(IMAGE_SIZE_PX, photograph.height))
        left = int(self.random.integers(photograph.width - side + 1))
        top = int(self.random.integers(photograph.height - side + 1))
        piece = photograph.crop((left, top, left + side, top + side))
        resized = piece.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX), Image.Resampling.BILINEAR)
        light = self.random.uniform(0.6, 1.2)
        return np.asarray(resized, np.float32) * np.float32(light)  # (H, W, 3)

    def _shape(self, digit: _Digit) -> Pixels:
        """Return the digit's opacity at a random size and slant, cut to what is visible."""
        size = int(self.random.integers(*DIGIT_SIZE_PX, endpoint=True))
        grey = Image.fromarray((digit.strokes * 255).astype(np.uint8)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        turned = grey.rotate(self.random.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
        opacity: Pixels = np.clip(np.asarray(turned, np.float32) / 255 * 1.5 - 0.2, 0, 1).astype(np.float32)
        rows, columns = np.nonzero(opacity > 0.3)
        return opacity[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]

    def _find_place(self, shape: tuple[int, ...], placed: Sequence[_Placed]) -> tuple[int, int] | None:
        """Return a left top corner that touches no other digit, or None after a few tries."""
        height, width = shape
        for _ in range(20):
            left = int(self.random.integers(2, IMAGE_SIZE_PX - width - 2))
            top = int(self.random.integers(2, IMAGE_SIZE_PX - height - 2))
            box = (left - 3, top - 3, left + width + 3, top + height + 3)
            if not any(_overlap(box, other.box) for other in placed):
                return left, top
        return None

    def _choose_color(self, image: Pixels, strokes: Pixels, place: tuple[int, int]) -> Pixels:
        """Return a colour (3,) that stands out from the pixels that it will cover."""
        left, top = place
        covered = image[top : top + strokes.shape[0], left : left + strokes.shape[1]]
        ground = float(covered.mean())
        bright = self.random.uniform(ground + MIN_CONTRAST, 255) if ground < 255 - MIN_CONTRAST else 255
        dark = self.random.uniform(0, ground - MIN_CONTRAST) if ground > MIN_CONTRAST else 0
        grey = bright if 255 - ground > ground else dark
        return np.clip(grey + self.random.uniform(-30, 30, 3), 0, 255).astype(np.float32)


def _read_photographs() -> tuple[Image.Image, ...]:
    from sklearn.datasets import load_sample_images  # takes a second

    return tuple(Image.fromarray(pixels) for pixels in load_sample_images().images)


def _deal_digits(random: np.random.Generator) -> tuple[tuple[_Digit, ...], tuple[_Digit, ...]]:
    """Return the digits for labelled images and those for new ones, shuffled; none is in both."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    strokes = (bunch.images / 16).astype(np.float32)  # (1797, 8, 8)
    order = random.permutation(np.flatnonzero(bunch.target < len(CLASS_NAMES)))
    digits = tuple(_Digit(int(bunch.target[row]), strokes[row]) for row in order)
    start = round(_NEW_SHARE * len(digits))
    return digits[start:], digits[:start]


def _overlap(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _blend(image: Pixels, strokes: Pixels, place: tuple[int, int], color: Pixels) -> None:
    left, top = place
    height, width = strokes.shape
    opacity = strokes[:, :, None]  # (h, w, 1)
    under = image[top : top + height, left : left + width]
    image[top : top + height, left : left + width] = under * (1 - opacity) + color * opacity


def _save_jpeg(image: Pixels, path: Path) -> None:
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path, quality=92)


def _write_voc(placed: Sequence[_Placed], path: Path, image_name: str) -> None:
    """Write one annotation; VOC counts pixels from 1 and includes the last one of a box."""
    root = Element("annotation")
    _add_text(root, "folder", "JPEGImages")
    _add_text(root, "filename", image_name)
    size = SubElement(root, "size")
    for tag, value in (("width", IMAGE_SIZE_PX), ("height", IMAGE_SIZE_PX), ("depth", 3)):
        _add_text(size, tag, value)
    for digit in placed:
        node = SubElement(root, "object")
        _add_text(node, "name", CLASS_NAMES[digit.label])
        _add_text(node, "difficult", 0)
        left, top, right, bottom = digit.box
        box = SubElement(node, "bndbox")
        for tag, value in (("xmin", left + 1), ("ymin", top + 1), ("xmax", right), ("ymax", bottom)):
            _add_text(box, tag, value)
    indent(root)
    path.write_bytes(tostring(root, encoding="utf-8") + b"\n")


def _add_text(parent: Element, tag: str, value: object) -> None:
    SubElement(parent, tag).text = str(value)
