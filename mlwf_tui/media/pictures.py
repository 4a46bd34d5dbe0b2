"""From an image's bytes to a picture of a few cells, with the outlines of its objects drawn over it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from itertools import cycle
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.entities.picture import GREY, WHOLE, Outline, Picture, Window
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.headers import PILLOW_ERRORS
from mlwf_tui.media.probe import ImageFacts, probe_image

MAX_PIXELS: Final = 64_000_000  # decoded whole, in a second and 0.2 GB; a JPEG is decoded at an eighth
MAX_COLORS: Final = 96  # fewer than can be told apart at this size; each pair of them costs a style
MAX_SCALE: Final = 8.0  # a tiny image is not blown up beyond this
SHARP_PX: Final = 480  # the longer side of a sharp picture: 60–100 KB to send, where cells are 20
MAX_SHARP_SCALE: Final = 4.0
PAIR_GAP_PX: Final = 4  # between two pictures side by side
CAPTION_PX: Final = 14
_REACHES: Final = (1.0, 255.0, 65535.0)  # of values of 32 bits, as programs write them
MASK_MARGIN_PX: Final = 2  # of a mask outside of what is seen, so that no border is drawn where it is cut
MIN_MARK_OPACITY: Final = 0.5  # what is fainter would hide more than it shows where there are no colours

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
# What turns the stored pixels into the shown ones, by EXIF orientation.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def draw_picture(
    data: bytes,
    outlines: Sequence[Outline],
    columns: int,
    rows: int,
    *,
    is_sharp: bool = False,
    outlined_px: tuple[int, int] | None = None,
    window: Window = WHOLE,
) -> Picture:
    """Return the image as large as it fits into `columns` x `rows` cells, its sides in proportion.

    Of a window, that part of it alone. The outlines are drawn in their order, in pixels of the image as a
    viewer shows it, or of a larger one of `outlined_px`, width and height, that it is a thumbnail of. A
    sharp one is made in more pixels as well.

    Raises:
        InvalidInput: it is no image, is damaged, or claims too many pixels. The message is what can
            follow the file's name.
    """
    facts = probe_image(data)
    part_px = window.measure(facts.width_px, facts.height_px)
    size = fit_size(*part_px, columns, rows)
    sharp_size = _fit_sharp(*part_px)
    share = max(part_px[0] / facts.width_px, part_px[1] / facts.height_px)
    try:
        side_px = round(max(*size, *(sharp_size if is_sharp else ())) / share)
        decoded = _cut(decode_upright(data, side_px, facts), window)
        image = _shrink(decoded, size)
        sharp = _draw_sharp(decoded, outlines, facts, sharp_size, window) if is_sharp else b""
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    marks = Image.new("L", size)
    width_px, height_px = outlined_px or (facts.width_px, facts.height_px)
    view = _View.fit(window, (width_px, height_px), size)
    for outline in outlines:
        _draw_outline(image, marks, outline, view)
    return Picture(size[0], size[1] // 2, image.tobytes(), marks.tobytes(), sharp)


def draw_pair(
    data: bytes, outlines: tuple[Sequence[Outline], Sequence[Outline]], captions: tuple[str, str]
) -> bytes:
    """Return a PNG file of the image twice, side by side, each with outlines and a caption above it.

    Raises:
        InvalidInput: it is no image, is damaged, or claims too many pixels.
    """
    facts = probe_image(data)
    size = _fit_sharp(facts.width_px, facts.height_px)
    pair = Image.new("RGB", (2 * size[0] + PAIR_GAP_PX, size[1] + CAPTION_PX), (255, 255, 255))
    pen = ImageDraw.Draw(pair)
    try:
        decoded = decode_upright(data, max(size), facts)
        for place, (of_side, caption) in enumerate(zip(outlines, captions, strict=True)):
            half = Image.open(BytesIO(_draw_sharp(decoded, of_side, facts, size))).convert("RGB")
            left = place * (size[0] + PAIR_GAP_PX)
            pair.paste(half, (left, CAPTION_PX))
            plain = caption.encode("ascii", "replace").decode()  # Pillow's own font has no more
            pen.text((left + 2, 1), plain, fill=(0, 0, 0))
    except PILLOW_ERRORS as error:
        raise InvalidInput("is cut off or damaged") from error
    file = BytesIO()
    pair.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


class _View(NamedTuple):
    """How pixels of an image become those that are drawn: moved, then scaled."""

    left_px: float
    top_px: float
    across: float
    down: float
    image_px: tuple[int, int]

    @classmethod
    def fit(cls, window: Window, image_px: tuple[int, int], size: tuple[int, int]) -> _View:
        """Return the view of a part of an image in a picture of `size`, width and height."""
        part_px = window.measure(*image_px)
        edges_px = window.left * image_px[0], window.top * image_px[1]
        return cls(*edges_px, size[0] / part_px[0], size[1] / part_px[1], image_px)

    def place(self, x: float, y: float) -> tuple[int, int]:
        """Return a point in drawn pixels; what lies far outside of the image is put just outside."""
        across, down = (x - self.left_px) * self.across, (y - self.top_px) * self.down
        left, top = -self.left_px * self.across, -self.top_px * self.down
        right, bottom = (
            left + self.image_px[0] * self.across,
            top + self.image_px[1] * self.down,
        )
        return round(min(max(across, left - 1), right)), round(min(max(down, top - 1), bottom))


def _cut(image: Image.Image, window: Window) -> Image.Image:
    """Return the part of an image that is seen, at least a pixel of it."""
    if window == WHOLE:
        return image
    left, top = int(window.left * image.width), int(window.top * image.height)
    right, bottom = round(window.right * image.width), round(window.bottom * image.height)
    return image.crop((left, top, max(left + 1, right), max(top + 1, bottom)))


def _fit_sharp(width_px: float, height_px: float) -> tuple[int, int]:
    scale = min(SHARP_PX / max(width_px, height_px), MAX_SHARP_SCALE)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def _draw_sharp(
    decoded: Image.Image,
    outlines: Sequence[Outline],
    facts: ImageFacts,
    size: tuple[int, int],
    window: Window = WHOLE,
) -> bytes:
    """Return the image in `size` pixels with its outlines, as a PNG file of few colours."""
    image = _shrink(decoded, size)
    marks = Image.new("L", size)
    view = _View.fit(window, (facts.width_px, facts.height_px), size)
    for outline in outlines:
        _draw_outline(image, marks, outline, view, is_wide=True)
    file = BytesIO()
    image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        file, "PNG", compress_level=6
    )
    return file.getvalue()


def decode_upright(
    data: bytes, side_px: int, facts: ImageFacts | None = None, *, is_any_size: bool = False
) -> Image.Image:
    """Return the image as a viewer shows it; a JPEG hardly larger than it takes for sides of `side_px`.

    One of `is_any_size` may have as many pixels as Pillow allows.

    Raises:
        InvalidInput: it is no image, or claims too many pixels; damaged ones raise what Pillow does.
    """
    facts = facts or probe_image(data)
    if is_huge(facts) and not is_any_size:
        raise InvalidInput("is too large to be shown", hint=f"At most {MAX_PIXELS:,} pixels are shown.")
    image = _open(data, facts)
    longer = 2 * side_px
    image.draft("RGB", (longer, longer))  # by the longer side: which one is which is not known yet
    image.load()
    if image.mode.startswith("I;16") or (image.mode == "I" and facts.format != "tiff"):
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits a pixel, as microscopes write
    elif image.mode in ("I", "F"):
        image = _scale_wide(image)
    if facts.format != "tiff" and facts.orientation in _TURNS:  # a TIFF Pillow's reader turns itself
        image = image.transpose(_TURNS[facts.orientation])
    return image


def is_huge(facts: ImageFacts) -> bool:
    """Whether decoding an image takes so much memory that it is not done by the way."""
    return facts.format != "jpeg" and facts.width_px * facts.height_px > MAX_PIXELS


def _open(data: bytes, facts: ImageFacts) -> Image.Image:
    """Return an image whose size is known to be taken, of which Pillow would warn."""
    if facts.width_px * facts.height_px <= MAX_PIXELS:
        return Image.open(BytesIO(data), formats=_FORMATS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(BytesIO(data), formats=_FORMATS)


def _scale_wide(image: Image.Image) -> Image.Image:
    """Return an image of 32 bits a pixel, whole numbers or floats, as a grey one of 8.

    It is taken to reach from 0 to 1, 255 or 65535, whichever holds all of its values and is filled by more
    than a sixteenth; else from its own smallest value to its largest. What is no finite number is black.
    """
    import numpy as np  # which hardly any image needs

    values = np.array(image, np.float32)  # (H, W); changed in place, since it may take 0.7 GB
    is_finite = np.isfinite(values)
    low = float(values.min(where=is_finite, initial=np.inf))
    high = float(values.max(where=is_finite, initial=-np.inf))
    reach = next((reach for reach in _REACHES if low >= 0 and reach / 16 < high <= reach), None)
    if reach is not None:
        low, high = 0.0, reach
    span = high - low
    values[~is_finite] = low
    with np.errstate(over="ignore", invalid="ignore"):
        values -= np.float32(low)
        values *= np.float32(255 / span if span > 0 else 0.0)
    np.rint(values, out=values).clip(0, 255, out=values)
    values[~is_finite] = 0
    return Image.fromarray(values.astype(np.uint8))


def fit_size(width_px: float, height_px: float, columns: int, rows: int) -> tuple[int, int]:
    """Return the size in drawn pixels, the height even, of an image in a field of cells."""
    scale = min(columns / width_px, 2 * rows / height_px, MAX_SCALE)
    width = min(columns, max(1, round(width_px * scale)))
    cells = min(rows, max(1, round(height_px * scale / 2)))
    return width, 2 * cells


def _shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return an RGB image of exactly `size`, in few colours."""
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGBA")
    is_larger = image.width <= size[0]
    method = Image.Resampling.NEAREST if is_larger else Image.Resampling.LANCZOS
    small = image.resize(size, method, reducing_gap=2.0)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", size, (*GREY, 255)), small)
    small = small.convert("RGB")
    return small.quantize(MAX_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")


def _draw_outline(
    image: Image.Image,
    marks: Image.Image,
    outline: Outline,
    view: _View,
    *,
    is_wide: bool = False,
) -> None:
    """Draw a border, one pixel wide or three, on the image and on its marks; and the inside of a mask."""
    if outline.fill and outline.geometry.kind is GeometryKind.MASK:
        inside = Image.new("L", image.size)
        _draw_mask(inside, outline.geometry, view, is_filled=True)
        image.paste(outline.color, mask=inside.point(lambda value: round(value * outline.fill)))
    shape = Image.new("L", image.size)
    pen = ImageDraw.Draw(shape)
    geometry = outline.geometry
    points = [view.place(x, y) for x, y in geometry.points]
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            (left, top), (right, bottom) = points
            pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=255)
        case GeometryKind.MASK:
            _draw_mask(shape, geometry, view)
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            for ring in (points, *([view.place(x, y) for x, y in hole] for hole in geometry.holes)):
                pen.line([*ring, ring[0]], fill=255)
        case GeometryKind.POLYLINE:
            pen.line(points, fill=255)
        case GeometryKind.POINT | GeometryKind.KEYPOINTS:
            for x, y in points:
                pen.line((x - 1, y, x + 1, y), fill=255)
                pen.line((x, y - 1, x, y + 1), fill=255)
    if is_wide:
        shape = shape.filter(ImageFilter.MaxFilter(3))
    image.paste(outline.color, mask=shape.point(lambda value: round(value * outline.opacity)))
    if outline.opacity > MIN_MARK_OPACITY:
        marks.paste(255, mask=shape)


def _draw_mask(shape: Image.Image, geometry: Geometry, view: _View, *, is_filled: bool = False) -> None:
    """Draw what a mask's runs fill, or the border of that, as far as it is seen."""
    (left, top), (right, bottom) = (view.place(x, y) for x, y in geometry.points)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    bounds = geometry.bounds
    source = round(bounds.width_px), round(bounds.height_px)
    if source[0] * source[1] > MAX_PIXELS or sum(geometry.runs) != source[0] * source[1]:
        inside = 255 if is_filled else None
        ImageDraw.Draw(shape).rectangle((left, top, right, bottom), outline=255, fill=inside)
        return
    margin = MASK_MARGIN_PX
    seen = (
        max(left, -margin),
        max(top, -margin),
        min(right, shape.width + margin),
        min(bottom, shape.height + margin),
    )
    size = seen[2] - seen[0], seen[3] - seen[1]
    if min(size) < 1:
        return
    across, down = source[0] / (right - left), source[1] / (bottom - top)
    box = (seen[0] - left) * across, (seen[1] - top) * down, (seen[2] - left) * across, (seen[3] - top) * down
    bits = b"".join(bytes((value,)) * run for run, value in zip(geometry.runs, cycle((0, 255)), strict=False))
    filled = Image.frombytes("L", source, bits).resize(size, Image.Resampling.BOX, box=box)
    solid = ImageOps.expand(filled.point(lambda value: 255 if value >= 128 else 0), border=1)
    drawn = solid if is_filled else ImageChops.subtract(solid, solid.filter(ImageFilter.MinFilter(3)))
    shape.paste(drawn.crop((1, 1, size[0] + 1, size[1] + 1)), seen[:2])
