"""What a parameter may be in a sweep or a search: some values, or a range; how it is written and read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from mlwf_tui.errors import InvalidParameter

GRID_POINTS = 5  # of a range without a step
MOST_VALUES = 1000
DIGITS = 5  # of a real number that was drawn: what it is, not noise behind the last figure that matters
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})((?::[^:]*)*)")
WHOLE = re.compile(r"[-+]?\d+")
HINT = "Write values as 4,8,16, or a range as 0.0001..0.01, 1..9:2 or 0.0001..0.01:log."


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: the values to choose from, or where there are none a range, both ends allowed."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    is_whole: bool = False
    is_log: bool = False

    @property
    def is_choice(self) -> bool:
        return bool(self.values)

    def list_values(self) -> tuple[Any, ...]:
        """Return the values of a grid: all of them, or of a range those at each step.

        A real range without a step has five, evenly spaced, on a logarithmic one by a constant factor.

        Raises:
            InvalidParameter: there are more than a thousand.
        """
        if self.values:
            return self.values
        step = self.step or (1.0 if self.is_whole and not self.is_log else None)
        if step is None:
            return tuple(dict.fromkeys(self.place(i / (GRID_POINTS - 1)) for i in range(GRID_POINTS)))
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > MOST_VALUES:
            raise InvalidParameter(
                f"{self.name} would have {count:,} values.",
                hint=f"Give a step: {self.name}={_write(self.low, self)}..{_write(self.high, self)}:STEP",
            )
        return tuple(self.round(self.low + step * index) for index in range(count))

    def place(self, share: float) -> Any:
        """Return the value of a range that lies at `share` of it, from 0 to 1."""
        if self.is_log:
            low, high = math.log(self.low), math.log(self.high)
            return self.round(math.exp(low + share * (high - low)))
        return self.round(self.low + share * (self.high - self.low))

    def round(self, value: float) -> Any:
        """Return a value of the range as it is given to a training: whole, or to five digits, inside."""
        if self.is_whole:
            return round(min(max(value, self.low), self.high))
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def find_choice(self, value: Any) -> Any:
        """Return the choice that a run's parameter is: `4` and "4" are the same."""
        return next((choice for choice in self.values if str(choice) == str(value)), value)

    def measure(self, value: Any) -> float:
        """Return where a value lies, from 0 to 1; of choices, by their order."""
        if self.values:
            place = self.values.index(value) if value in self.values else 0
            return place / max(1, len(self.values) - 1)
        if self.high == self.low:
            return 0.0
        if self.is_log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (float(value) - self.low) / (self.high - self.low)

    def write(self) -> str:
        """Return it as a person writes it behind the `=`."""
        if self.values:
            return ",".join(str(value) for value in self.values)
        ends = f"{_write(self.low, self)}..{_write(self.high, self)}"
        step = "" if self.step is None else f":{_write(self.step, self)}"
        return ends + step + (":log" if self.is_log else "")


def read_axis(name: str, text: str, *, is_real: bool = False) -> Axis:
    """Return what `4,8,16`, `1..9`, `1..9:2` or `0.0001..0.01:log` means.

    A range whose ends are whole numbers is one of whole numbers, unless `is_real` says that the parameter
    is not.

    Raises:
        InvalidParameter: it means nothing.
    """
    found = RANGE.fullmatch(text.strip())
    if found is None:
        return _read_choices(name, text)
    low, high = float(found[1]), float(found[2])
    words = [word.strip() for word in found[3].split(":")[1:]]
    is_log = "log" in words
    steps = [word for word in words if word != "log"]
    if len(steps) > 1 or not all(re.fullmatch(NUMBER, word) for word in steps):
        raise InvalidParameter(f"The range {name}={text} cannot be read.", hint=HINT)
    step = float(steps[0]) if steps else None
    is_whole = not is_real and all(WHOLE.fullmatch(word) for word in (found[1], found[2], *steps))
    _check_range(name, text, low, high, step, is_log=is_log)
    return Axis(name=name, low=low, high=high, step=step, is_whole=is_whole, is_log=is_log)


def split_values(name: str, text: str) -> tuple[Any, ...]:
    """Return the values that a sweep takes one after the other: `1,2,3`, or `1..3`.

    Raises:
        InvalidParameter: it means nothing, or too many.
    """
    return read_axis(name, text).list_values()


def count_points(axes: Sequence[Axis]) -> int:
    """Return how many points the grid of some axes has."""
    return math.prod(len(axis.list_values()) for axis in axes)


def _read_choices(name: str, text: str) -> Axis:
    words = [word.strip() for word in text.split(",")]
    if not name or not all(words):
        raise InvalidParameter(f"{name}={text} names no values.", hint=HINT)
    return Axis(name=name, values=tuple(_read_plain(word) for word in dict.fromkeys(words)))


def _read_plain(word: str) -> Any:
    """Return what a word means: a whole number, a number, true or false, or itself."""
    is_name = word[:1] == "0" and word[1:].isdecimal()  # as 007
    if WHOLE.fullmatch(word) and not is_name:
        return int(word)
    if re.fullmatch(NUMBER, word) and not is_name:
        return float(word)
    return {"true": True, "false": False}.get(word.lower(), word)


def _check_range(name: str, text: str, low: float, high: float, step: float | None, *, is_log: bool) -> None:
    if not low < high:
        raise InvalidParameter(f"The range {name}={text} has no inside.", hint="Write the lower end first.")
    if is_log and low <= 0:
        raise InvalidParameter(
            f"The range {name}={text} cannot be logarithmic.", hint="Let it begin above 0."
        )
    if is_log and step is not None:
        raise InvalidParameter(f"{name}={text} has a step and is logarithmic.", hint="Give one of the two.")
    if step is not None and not 0 < step <= high - low:
        raise InvalidParameter(f"The step of {name}={text} does not fit.", hint="Give one above 0.")


def _write(value: float, axis: Axis) -> str:
    return str(round(value)) if axis.is_whole else f"{value:.12g}"
