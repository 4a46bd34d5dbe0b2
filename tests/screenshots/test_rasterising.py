from __future__ import annotations

from screenshots.rasterising import place_signs

LINE = '<text class="r1" x="100" y="10" textLength="{width}" clip-path="url(#a)">{text}</text>'


def test_each_dot_of_a_curve_stays_in_its_cell() -> None:
    placed = place_signs(LINE.format(width="36.6", text="⢀&#160;⠢"))
    spans = '<tspan x="100.0">⢀</tspan><tspan x="124.4">⠢</tspan>'
    assert placed == f'<text class="r1" y="10" clip-path="url(#a)">{spans}</text>'


def test_other_texts_are_left_as_they_are() -> None:
    text = LINE.format(width="36.6", text="a&lt;b")
    assert place_signs(text) == text
