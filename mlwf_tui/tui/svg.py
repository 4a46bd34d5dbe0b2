"""The app's picture as an SVG that needs no network, and that every program draws alike."""

from __future__ import annotations

import re

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


def _shift(found: re.Match[str]) -> str:
    head, x, between, length, end, blanks = found.groups()
    width = CELL_PX * (len(blanks) // len(_BLANK))
    left = float(length) - width
    if left < CELL_PX / 2:  # blank as a whole
        return found[0]
    return f"{head}{float(x) + width:.1f}{between}{left:.1f}{end}"
