"""Pictures in real pixels on terminals that have Sixel graphics: one strip of pixels for each row of cells.

Sixels lie over cells without being them. So the cells of a picture are drawn as the same placeholders that
Kitty's graphics have (`tui/graphics.py`), and `tui/terminal.py` writes the strip of a row instead of them
(decision 150).

Source: DEC STD 070, Video Systems Reference Manual, chapter 9, "Sixel Graphics"
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from io import BytesIO
from itertools import pairwise
from termios import TIOCGWINSZ
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and Pillow, which the start need not wait for
    import numpy as np
    from numpy.typing import NDArray

BAND_PX = 6  # pixels that one character tells, one below the other
COLORS = 128  # registers; a terminal has 256 or more, and each costs 15 bytes a strip
MIN_CELL_PX, MAX_CELL_PX = 4, 64  # of a side; what is told beyond these is no cell
MIN_RUN = 4  # of equal characters that are shorter as a count


def measure_cell() -> tuple[int, int] | None:
    """Return width and height of a cell in pixels as the terminal's driver tells; None where it does not."""
    if sys.__stderr__ is None:
        return None
    try:
        told = ioctl(sys.__stderr__.fileno(), TIOCGWINSZ, bytes(8))  # where Textual writes to
    except OSError:  # no terminal
        return None
    rows, columns, width_px, height_px = struct.unpack("HHHH", told)
    if not rows or not columns:
        return None
    cell = width_px // columns, height_px // rows
    return cell if all(MIN_CELL_PX <= side <= MAX_CELL_PX for side in cell) else None


def write_strips(png: bytes, columns: int, rows: int, cell_px: tuple[int, int]) -> tuple[str, ...]:
    """Return for each row of cells what draws its strip of the picture from where the cursor stands."""
    import numpy as np
    from PIL import Image

    width, height = cell_px
    image = Image.open(BytesIO(png), formats=("PNG",)).convert("RGB")
    image = image.resize((columns * width, rows * height), Image.Resampling.BILINEAR)
    indexed = image.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(indexed.getpalette(), int).reshape(-1, 3)
    pixels = np.asarray(indexed)
    return tuple(_write_strip(pixels[row * height : (row + 1) * height], palette) for row in range(rows))


def _write_strip(pixels: NDArray[np.uint8], palette: NDArray[np.int_]) -> str:
    """Return the sequence for a strip; `pixels` (H, W) are rows of `palette` (C, 3), 0–255."""
    import numpy as np

    height, width = pixels.shape
    used = np.unique(pixels).tolist()
    percents = (palette[used] * 100 + 127) // 255
    colors = "".join(
        f"#{color};2;{red};{green};{blue}"
        for color, (red, green, blue) in zip(used, percents.tolist(), strict=True)
    )
    bands = "-".join(_write_band(pixels[top : top + BAND_PX]) for top in range(0, height, BAND_PX))
    # What no pixel says stays as it is: the last band may reach below the row.
    return f'\x1bP0;1;0q"1;1;{width};{height}{colors}{bands}\x1b\\'


def _write_band(pixels: NDArray[np.uint8]) -> str:
    """Return up to six rows of pixels: one line for each colour, one over the other."""
    import numpy as np

    weights = (1 << np.arange(len(pixels)))[:, None]
    lines = []
    for color in np.unique(pixels).tolist():
        bits = np.where(pixels == color, weights, 0).sum(0)
        lines.append(f"#{color}" + "".join(_iter_runs(bits)))
    return "$".join(lines)


def _iter_runs(bits: NDArray[np.int_]) -> Iterator[str]:
    """Yield the characters of a line; a blank end is left out."""
    import numpy as np

    edges = [0, *(np.flatnonzero(np.diff(bits)) + 1).tolist(), len(bits)]
    starts: Sequence[int] = bits[edges[:-1]].tolist()
    for place, (value, (first, last)) in enumerate(zip(starts, pairwise(edges), strict=True), 1):
        if value or place < len(starts):
            count, character = last - first, chr(63 + value)
            yield f"!{count}{character}" if count >= MIN_RUN else character * count
