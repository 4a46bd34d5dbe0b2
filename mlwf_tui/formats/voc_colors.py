"""How Pascal VOC numbers the colours of its pictures of classes and objects."""

from __future__ import annotations

from typing import Final

LABELS_NAME: Final = "labelmap.txt"
"""The file of classes and their colours: `name:R,G,B:parts:actions` a line."""

VOID: Final = 255
"""The number of what belongs to no class: borders, and what is too hard."""


def number_color(code: int) -> int:
    """Return the number that VOC gives a colour 0xRRGGBB; each colour has one, each number a colour.

    The lowest bits of a number are the highest of red, green and blue, the next three the next.

    Source: VOC 2012 development kit, VOClabelcolormap.m.
    """
    red, green, blue = code.to_bytes(3)
    number = 0
    for level in range(8):
        for place, channel in enumerate((red, green, blue)):
            number |= (channel >> (7 - level) & 1) << (3 * level + place)
    return number


def color_number(number: int) -> int:
    """Return the colour 0xRRGGBB that VOC gives a number; see `number_color`."""
    channels = [0, 0, 0]
    for bit in range(24):
        channels[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
    return int.from_bytes(bytes(channels))
