"""Tells from an image's bytes what it is, how large it is shown, whether it is whole; decodes no pixel."""

from __future__ import annotations

from typing import Final

import msgspec

from mlwf_tui.entities.item import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media import jpeg, png
from mlwf_tui.media.exif import UPRIGHT, StoredSize

MAX_PIXELS: Final = 178_000_000  # 0.5 GB decoded; larger claims come from hostile headers
MAX_SIDE_PX: Final = 1 << 20  # beyond it OpenCV, which decodes for training and operations, gives up

_END_OF_JPEG = b"\xff\xd9"
_ANIMATED = ("gif", "png", "webp")


class ImageFacts(msgspec.Struct, frozen=True):
    """Size in pixels as a viewer shows it, EXIF orientation applied; `format` such as `jpeg`.

    `orientation` is what was applied: 1 where the pixels lie in the file as they are shown.
    """

    width_px: int
    height_px: int
    format: str
    orientation: int = UPRIGHT


def probe_image(data: bytes) -> ImageFacts:
    """Return what `data` is, by its content whatever its name; only its header and its end are read.

    Of an animation it is the first frame.

    Raises:
        InvalidInput: it is no image, is cut off or damaged, holds several pages, or claims too many
            pixels. The message is what can follow the file's name: "is cut off".
    """
    format = _find_format(data)
    size = _read_size(data, format)
    if size.width_px * size.height_px > MAX_PIXELS or max(size.width_px, size.height_px) > MAX_SIDE_PX:
        raise InvalidInput(
            f"claims {size.width_px}x{size.height_px} pixels, of which at most {MAX_PIXELS:,} can be used",
            hint="Cut it into smaller images.",
        )
    # The other formats say of their parts where they end, and their size is not told unless all are there.
    is_whole = _has_jpeg_end(data) if format == "jpeg" else png.has_end(data) if format == "png" else True
    if not is_whole and format == "jpeg" and not jpeg.find_first_scan(data):
        raise InvalidInput("is cut off or damaged in its header")
    if not is_whole:
        raise InvalidInput("is cut off", hint="Copy the file again from where it came.")
    width_px, height_px = size.shown
    return ImageFacts(width_px, height_px, format, size.orientation)


def count_frames(data: bytes) -> int:
    """Return how many frames an image that can be an animation has, 1 of others and where it is damaged."""
    if _find_format(data) not in _ANIMATED:
        return 1
    from mlwf_tui.media import headers

    return headers.count_frames(data)


def _find_format(data: bytes) -> str:
    head = data[:16]
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head.startswith(b"BM"):
        return "bmp"
    raise InvalidInput(_describe_foreign(head) if data else "is empty")


_FOREIGN: Final = {
    b"\0\0\0\x0cjP  \r\n": "a JPEG 2000", b"\xff\x4f\xff\x51": "a JPEG 2000", b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL \r\n": "a JPEG XL", b"8BPS": "a Photoshop file", b"%PDF": "a PDF",
    b"v/1\x01": "an OpenEXR", b"#?RADIANCE": "a Radiance HDR", b"<svg": "an SVG",
}  # fmt: skip
_BRANDS: Final = {b"avif": "an AVIF", b"avis": "an AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1"), "a HEIC"
)


def _describe_foreign(head: bytes) -> str:
    """Say what a file is that is no image of a format that is read."""
    found = next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)
    if found is None and head[4:8] == b"ftyp":
        found = _BRANDS.get(head[8:12])
    return f"is {found}, which is not read: convert it to JPEG or PNG" if found else "is not an image"


def _read_size(data: bytes, format: str) -> StoredSize:
    # What most images do not need is not loaded; Pillow alone takes 60 ms.
    match format:
        case "jpeg" | "png":
            size = jpeg.read_size(data) if format == "jpeg" else png.read_size(data)
            if size is None:
                from mlwf_tui.media import headers

                size = headers.read_size(data, format)
            return size
        case "tiff":
            from mlwf_tui.media import headers, tiff

            size = tiff.read_size(data)
            headers.check_tiff(data)
            return size
        case "webp":
            from mlwf_tui.media import webp

            return webp.read_size(data)
        case "gif":
            from mlwf_tui.media import gif

            return gif.read_size(data)
        case _:
            from mlwf_tui.media import bmp

            return bmp.read_size(data)


def _has_jpeg_end(data: bytes) -> bool:
    if data.endswith(_END_OF_JPEG) or data.rstrip(b"\0").endswith(_END_OF_JPEG):
        return True
    # Phones append films and depth maps. The end of the image itself lies behind its first scan;
    # before that, a thumbnail's end would be found.
    scan = jpeg.find_first_scan(data)
    return scan > 0 and data.find(_END_OF_JPEG, scan) > 0
