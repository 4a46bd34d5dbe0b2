"""Small JPEG pictures of images, for pages that carry their pictures in themselves."""

from __future__ import annotations

from io import BytesIO

import msgspec
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.headers import PILLOW_ERRORS
from mlwf_tui.media.pictures import decode_upright
from mlwf_tui.media.probe import probe_image

QUALITY = 72


class Thumbnail(msgspec.Struct, frozen=True):
    """A JPEG file, and the sizes in pixels of it and of the image as a viewer shows it."""

    jpeg: bytes
    width_px: int
    height_px: int
    image_width_px: int
    image_height_px: int


def make_thumbnail(data: bytes, side_px: int) -> Thumbnail:
    """Return an image so small that its longer side has at most `side_px` pixels.

    Raises:
        InvalidInput: it is no image, is damaged, or claims too many pixels. The message is what can
            follow the file's name.
    """
    facts = probe_image(data)
    try:
        image = decode_upright(data, side_px, facts)
        image.thumbnail((side_px, side_px), reducing_gap=2.0)
        if image.mode != "RGB":
            paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
            image = Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
        file = BytesIO()
        image.save(file, "JPEG", quality=QUALITY)
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    return Thumbnail(file.getvalue(), *image.size, facts.width_px, facts.height_px)
