"""Tells whether a key was there before, of millions, in little memory; knows nothing of what they name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

_BLOCK_KEYS = 128
_MOST_RUNS = 32


class KeySet:
    """Keys that have passed by: texts without control characters.

    Keys that come in order take a byte or two beside their text; in a set of Python's they take a hundred.
    Where the order breaks a new run begins, and where it breaks all the time a set has to do.
    """

    def __init__(self) -> None:
        self._run = _Run()
        self._past: list[_Run] = []
        self._loose: set[str] = set()

    def holds(self, key: str) -> bool:
        """Say whether a key was taken in."""
        return key in self._loose or any(run.holds(key) for run in (self._run, *self._past))

    def add(self, key: str) -> bool:
        """Take a key in; return False where it is there already."""
        run = self._run
        is_in_order = key > run.last
        if not is_in_order and run.holds(key):
            return False
        if self._past and any(past.holds(key) for past in self._past):
            return False
        if key in self._loose:
            return False
        if is_in_order:
            run.append(key)
        elif len(self._past) < _MOST_RUNS:
            self._past.append(run)
            self._run = _Run()
            self._run.append(key)
        else:
            self._loose.add(key)
        return True


class _Run:
    """Keys in order, packed a block at a time."""

    __slots__ = ("_blocks", "_firsts", "_open", "_open_place", "_tail", "last")

    def __init__(self) -> None:
        self.last = ""
        self._blocks: list[str] = []  # a line for each key
        self._firsts: list[str] = []
        self._open_place = -1  # of the block that is unpacked
        self._open: list[str] = []
        self._tail: list[str] = []  # what does not fill a block yet

    def append(self, key: str) -> None:
        """Add a key that comes behind all others."""
        self.last = key
        self._tail.append(key)
        if len(self._tail) == _BLOCK_KEYS:
            self._firsts.append(self._tail[0])
            self._blocks.append("\n".join(self._tail))
            self._tail.clear()

    def holds(self, key: str) -> bool:
        if key > self.last:
            return False
        if self._tail and key >= self._tail[0]:
            return self._tail[bisect_left(self._tail, key)] == key
        place = bisect_right(self._firsts, key) - 1
        if place < 0:
            return False
        if place != self._open_place:  # keys are asked for in order too, so mostly in the same block
            self._open_place, self._open = place, self._blocks[place].split("\n")
        index = bisect_left(self._open, key)
        return index < len(self._open) and self._open[index] == key
