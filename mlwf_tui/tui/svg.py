"""The app's picture as an SVG that needs no network, and that every program draws alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mlwf_tui.errors import StorageFailed

CELL_PX = 12.2  # width of a cell in what Rich writes
_FETCHED = re.compile(r',\s*url\("[^"]*"\)\s*format\("[^"]*"\)')
_TEXT = re.compile(r'(<text [^>]*?x=")([\d.]+)(" y="[\d.]+" textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)')
_BLANK = "&#160;"


def tidy_svg(svg: str) -> str:
    """Return Rich's SVG with fonts of this machine alone, and no text that begins with blanks.

    Where it is opened nothing is asked of the network; and librsvg, which leaves such blanks out, puts every
    text where it belongs.
    """
    return _TEXT.sub(_shift, _FETCHED.sub("", svg))


def write_svg(svg: str, name: str, folders: Sequence[Path]) -> Path:
    """Write it as a new file into the first of the folders that takes it, and return where it is.

    Raises:
        StorageFailed: none of them can be written.
    """
    reasons = []
    for folder in folders:
        file = folder / name
        try:
            with file.open("x", encoding="utf-8") as opened:
                opened.write(svg)
        except OSError as error:
            reasons.append(f"{folder}: {error.strerror or error}")
        else:
            return file.absolute()
    raise StorageFailed(
        f"The picture {name} cannot be written: {'; '.join(reasons)}.",
        hint="Start mlwf in a folder of yours that has room.",
    )


def _shift(found: re.Match[str]) -> str:
    head, x, between, length, end, blanks = found.groups()
    width = CELL_PX * (len(blanks) // len(_BLANK))
    left = float(length) - width
    if left < CELL_PX / 2:  # blank as a whole
        return found[0]
    return f"{head}{float(x) + width:.1f}{between}{left:.1f}{end}"
