"""Says of bytes that are no JSON what a person can put right: a NaN, which Python writes and JSON lacks."""

from __future__ import annotations

import re
from typing import Final

_PLACE: Final = re.compile(r"\(byte (\d+)\)")
_NO_JSON: Final = (b"NaN", b"Infinity")


def tell_json_fault(error: Exception, content: bytes) -> str:
    """Return what decoding `content` has raised, in words; where a NaN or an infinity is the cause, that."""
    place = _PLACE.search(str(error))
    if place is None:
        return str(error)
    at = int(place[1])
    word = next((word for word in _NO_JSON if content.startswith(word, at)), b"")
    return f"it has {word.decode()} (byte {at}), and JSON knows no such number" if word else str(error)
