"""Turns the app's SVG into PNG by rsvg-convert, which pays no heed to the width that a text is to have."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

from PIL import Image

PNG_COLORS = 64
_TEXT = re.compile(
    r'<text (?P<before>[^>]*?) x="(?P<x>[\d.]+)"(?P<between>[^>]*?) textLength="(?P<width>[\d.]+)"'
    r"(?P<after>[^>]*)>(?P<text>[^<]*)</text>"
)
_BRAILLE = re.compile("[\u2801-\u28ff]")


def write_png(svg: Path, png: Path, width_px: int) -> None:
    """Draw a picture of the app.

    Raises:
        subprocess.CalledProcessError: the picture cannot be drawn.
    """
    placed = place_signs(svg.read_text("utf-8")).encode()
    command = ("rsvg-convert", "--width", str(width_px), "--output", str(png))
    subprocess.run(command, input=placed, check=True)
    Image.open(png).quantize(PNG_COLORS).save(png, optimize=True)


def place_signs(svg: str) -> str:
    """Return an SVG whose curves stay in their cells: most fonts' dots of Braille are wider than letters."""
    return _TEXT.sub(_place, svg)


def _place(found: re.Match[str]) -> str:
    signs = html.unescape(found["text"])
    if not _BRAILLE.search(signs):
        return found[0]
    left, cell = float(found["x"]), float(found["width"]) / len(signs)
    spans = "".join(
        f'<tspan x="{left + place * cell:.1f}">{html.escape(sign)}</tspan>'
        for place, sign in enumerate(signs)
        if not sign.isspace()
    )
    return f"<text {found['before']}{found['between']}{found['after']}>{spans}</text>"
