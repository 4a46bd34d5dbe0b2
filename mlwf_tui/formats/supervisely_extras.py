"""What Supervisely's annotations say besides shapes and tags: custom data, author, dates, ids.

Custom values of ours that Supervisely has a place of its own for (`createdAt`, `id`) go to that place,
and what stands there is read as custom values: both come back as they were.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

Value = str | float | bool
Custom = Mapping[str, Value]

DESCRIPTION: Final = "description"
_TEXTS: Final = (DESCRIPTION, "createdAt", "updatedAt", "instance")
_FLAGS: Final = ("nnCreated", "nnUpdated")
PLACES: Final = (*_TEXTS, "id", *_FLAGS)
"""The members of an object that are read as custom values, and written from them."""

_LARGEST_INTEGER = int(sys.float_info.max)
_EXACT_INTEGERS = 1 << 53
_encode = msgspec.json.Encoder().encode


def write_extras(confidence: float | None, author: str, custom: Custom) -> bytes:
    """Return the members that end an object, each with a comma before it; most objects have none.

    Raises:
        ValueError: a number that is not finite, or a text that is no Unicode.
    """
    extras = b""
    if confidence is not None:
        extras += b', "confidence": ' + _write_number(confidence)
    if author:
        extras += b', "labelerLogin": ' + _encode(author)
    if custom:
        placed = [key for key in PLACES if key in custom and _fits(key, custom[key])]
        extras += b"".join([b', "%b": %b' % (key.encode(), write_value(custom[key])) for key in placed])
        rest = {key: value for key, value in custom.items() if key not in placed}
        extras += b', "customData": ' + write_custom(rest) if rest else b""
    return extras


def write_custom(custom: Custom) -> bytes:
    """Return custom values in the order of their keys.

    Raises:
        ValueError: as `write_extras`.
    """
    return b"{%b}" % b", ".join([b"%b: %b" % (_encode(k), write_value(custom[k])) for k in sorted(custom)])


def write_value(value: Value) -> bytes:
    """Return a text, number or boolean.

    Raises:
        ValueError: as `write_extras`.
    """
    return _encode(value) if isinstance(value, str | bool) else _write_number(value)


def split_description(custom: Custom) -> tuple[str, Custom]:
    """Return an item's description, and its other custom values."""
    text = custom.get(DESCRIPTION)
    if not isinstance(text, str) or not text:
        return "", custom
    return text, {key: value for key, value in custom.items() if key != DESCRIPTION}


def read_custom(found: object, notes: list[str], *, name: str = "customData") -> dict[str, Value]:
    """Return the custom values of a JSON object; what is none is noted, in words that follow its owner."""
    custom: dict[str, Value] = {}
    if not found:  # null, false, {}: nothing is said
        return custom
    if not isinstance(found, dict):
        notes.append(f"has {name} that is not an object, which is not kept")
        return custom
    for key, value in found.items():
        if isinstance(value, str | bool | float):
            custom[key] = value
        elif isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
            custom[key] = float(value)
        else:
            notes.append(f"has {name} {shorten(key)}, which is no text, number or boolean and not kept")
    return custom


def read_place(key: str, value: object, custom: dict[str, Value], notes: list[str]) -> None:
    """Put what stands in a place of its own beside the custom values; null, false and "" say nothing."""
    if not value or (key != DESCRIPTION and not _fits(key, value)):
        return
    if not _fits(key, value):
        notes.append(f"has a {key} that is no text, which is not kept")
    elif key in custom:
        notes.append(f"has a {key} beside the one in its custom data, which is not kept")
    else:
        assert isinstance(value, str | int | float)
        custom[key] = value if isinstance(value, str | bool) else float(value)


def shorten(text: str) -> str:
    """Return a text of somebody else's as a problem can show it."""
    return text if len(text) <= 40 and text.isprintable() else f"{text[:40]!r}…"


def _fits(key: str, value: object) -> bool:
    """Say whether a custom value can stand in the place of its own, and is told there from nothing."""
    if key in _TEXTS:
        return isinstance(value, str) and value != ""
    if key in _FLAGS:
        return value is True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value < _EXACT_INTEGERS and value % 1 == 0  # type: ignore[operator]


def _write_number(value: float) -> bytes:
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return _encode(value).removesuffix(b".0")
