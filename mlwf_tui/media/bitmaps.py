"""Masks as PNG files and back: run lengths on one side, one bit a pixel on the other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import MAX_PIXELS

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error,
    zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class MaskRuns(NamedTuple):
    """A mask as a geometry holds it: row-major run lengths over all its pixels, background first.

    No run but the first is empty.
    """

    width_px: int
    height_px: int
    runs: tuple[int, ...]


def can_be_drawn(width_px: int, height_px: int, runs: Sequence[int]) -> bool:
    """Say whether `encode_mask` takes these runs and `decode_mask` gives the same ones back."""
    pixels = width_px * height_px
    return (
        min(width_px, height_px) > 0
        and pixels <= MAX_PIXELS
        and min(runs, default=-1) >= 0
        and 0 not in runs[1:]
        and sum(runs) == pixels
    )


def encode_mask(width_px: int, height_px: int, runs: Sequence[int]) -> bytes:
    """Return a grey PNG of one bit a pixel; made by hand, since Pillow takes twice as long."""
    values = np.arange(len(runs)) % 2 == 1
    pixels = np.repeat(values, runs).reshape(height_px, width_px)  # (H, W) bool
    rows = np.packbits(pixels, axis=1)  # (H, ceil(W / 8)) uint8
    filtered = np.pad(rows, ((0, 0), (1, 0)))  # each row behind its filter, 0 for none
    head = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 6)
    return PNG_SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def decode_mask(png: bytes, *, max_pixels: int = MAX_PIXELS) -> MaskRuns:
    """Return the pixels of a PNG that are set: opaque where it has opacity, else not black.

    Raises:
        InvalidInput: it is no PNG, is damaged, or claims more than `max_pixels`, which is seen before
            a pixel is unpacked. The message follows a name: "is damaged".
    """
    if not png.startswith(PNG_SIGNATURE):
        raise InvalidInput("is not a PNG")
    try:
        with PngImageFile(BytesIO(png)) as image:  # not Image.open, which may take it for something else
            width_px, height_px = image.size
            if min(image.size) < 1 or width_px * height_px > max_pixels:
                raise InvalidInput(f"claims {width_px}x{height_px} pixels")
            pixels = _find_set(image)
    except _PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    return MaskRuns(width_px, height_px, measure_runs(pixels))


def measure_runs(pixels: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the run lengths of the pixels (H, W) as a geometry holds them."""
    flat = pixels.ravel()
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate(([0], borders, [flat.size]))).tolist()
    return (0, *runs) if flat[0] else tuple(runs)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"%b%b%b%b" % (len(body).to_bytes(4), kind, body, zlib.crc32(body, zlib.crc32(kind)).to_bytes(4))


def _find_set(image: Image.Image) -> NDArray[np.bool_]:
    """Return the set pixels as (H, W) bool."""
    if image.mode == "1" and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    values = np.asarray(image)  # (H, W), or (H, W, channels)
    if values.ndim == 2:
        return np.asarray(values != 0)
    if image.mode in ("LA", "RGBA"):
        return np.asarray(values[:, :, -1] != 0)
    return np.asarray(values.any(axis=2))
