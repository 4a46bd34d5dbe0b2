"""Compares what an item says with what a person wrote; a missing value is only ever unequal."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Collection
from typing import Final, TypeGuard

from mlwf_tui.expressions.fields import Scalar

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)

Comparing = Callable[[Scalar, Scalar], bool]

_ORDERS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
ORDER_SIGNS: Final = frozenset(_ORDERS)
EQUAL_SIGNS: Final = frozenset({"=", "=="})


def find_comparison(sign: str) -> Comparing:
    """Return the test of a sign; text and numbers are unequal, and neither comes before the other."""
    if sign in EQUAL_SIGNS:
        return is_equal
    if sign == "!=":
        return lambda left, right: not is_equal(left, right)
    order = _ORDERS[sign]

    def compare(left: Scalar, right: Scalar) -> bool:
        return _is_number(left) and _is_number(right) and order(left, right)

    return compare


def is_equal(left: Scalar, right: Scalar) -> bool:
    """Say whether two values are the same; true is not 1."""
    if left is None or right is None or isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right


def is_among(value: Scalar, wanted: Collection[Scalar]) -> bool:
    """Say whether a value is one of some."""
    return any(is_equal(value, one) for one in wanted)


def read_number(value: Scalar) -> Scalar:
    """Return the number that a text writes, as formats without types keep one; any other value as it is."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return float(value)


def make_glob(pattern: str) -> Callable[[Scalar], bool]:
    """Return the test for a pattern as of file names: * for anything, ? for one character, [abc]."""
    matches = re.compile(fnmatch.translate(pattern)).match
    return lambda value: isinstance(value, str) and matches(value) is not None


def is_open_glob(pattern: str) -> bool:
    """Say whether a `[` of a pattern has no `]`, so that it would stand for itself."""
    rest = pattern
    while "[" in rest:
        inside = rest.partition("[")[2].removeprefix("!")
        end = inside.find("]", 1)  # one at the beginning is one of the characters
        if end < 0:
            return True
        rest = inside[end + 1 :]
    return False


def _is_number(value: Scalar) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
