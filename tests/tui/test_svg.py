"""The app's picture needs no network and has its texts where they stand."""

from __future__ import annotations

import re

from mlwf_tui.tui.svg import tidy_svg
from mlwf_tui.workspace import Workspace
from tests.tui.driving import drive


def _find_texts(svg: str) -> list[tuple[float, float, str]]:
    """Return where each text begins without its blanks, its row, and itself."""
    found = re.findall(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"[^>]*>([^<]*)<', svg)
    texts = []
    for x, y, raw in found:
        text = raw.replace("&#160;", " ")
        start = float(x) + 12.2 * (len(text) - len(text.lstrip()))
        texts.append((round(start), float(y), text.strip()))
    return [text for text in texts if text[2]]


async def test_a_screenshot_asks_nothing_of_the_network_and_no_text_begins_with_blanks(
    empty_home: Workspace,
) -> None:
    async with drive(empty_home) as app:
        svg = app.app.export_screenshot(title="mlwf")
        stock = super(type(app.app), app.app).export_screenshot(title="mlwf")
    assert "url(" in stock
    assert not re.search(r'url\("|https?://(?!www\.w3\.org|www\.textualize\.io)', svg)
    assert _find_texts(svg) == _find_texts(stock)
    assert not re.search(r">(?:&#160;)+[^&<]", svg)
    assert tidy_svg(svg) == svg
