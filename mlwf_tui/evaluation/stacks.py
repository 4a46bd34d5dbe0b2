"""Many rows of numbers of unequal length, worked on side by side; knows nothing of what they mean.

NumPy's own running sums take 5 ns a number, of float32 as of float64. Laid place by place, the rows of
one place one after the other, a step from place to place is one operation on all rows that go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlwf_tui.evaluation.columns import Floats, Ints

_NARROW = 400  # numbers of a place: with fewer, calling NumPy takes longer than its own running sum


@dataclass(frozen=True)
class Stack:
    """How rows of falling length lie: place 0 of all rows, then place 1 of those that have one, and so on."""

    lengths: Ints  # (L,) falling

    @cached_property
    def widths(self) -> Ints:
        """(H,) how many rows reach each place."""
        longest = int(self.lengths.max(initial=0))
        return np.searchsorted(-self.lengths, -np.arange(longest), "left")

    @cached_property
    def _starts(self) -> Ints:
        return np.cumsum(self.widths) - self.widths

    @cached_property
    def order(self) -> Ints:
        """(S,) where each number of the stack stands when the rows are written one after the other."""
        place = np.repeat(np.arange(len(self.widths)), self.widths)
        row = np.arange(len(place)) - np.repeat(self._starts, self.widths)
        return (np.cumsum(self.lengths) - self.lengths)[row] + place

    @cached_property
    def rows(self) -> Ints:
        """(S,) the row of each number of the stack."""
        return np.arange(int(self.lengths.sum())) - np.repeat(self._starts, self.widths)

    def sum_down(self, values: Floats) -> None:
        """Replace each number by the sum of its row up to it; (S, B), in place."""
        if self._is_narrow(values):
            for row in self._iter_rows():
                values[row] = np.cumsum(values[row], axis=0)
            return
        for above, here in self._iter_steps():
            np.add(values[here], values[above], out=values[here])

    def max_up(self, values: Floats) -> None:
        """Replace each number by the largest of its row from it on; (S, B), in place."""
        if self._is_narrow(values):
            for row in self._iter_rows():
                values[row] = np.maximum.accumulate(values[row][::-1], axis=0)[::-1]
            return
        for above, here in reversed(list(self._iter_steps())):
            np.maximum(values[above], values[here], out=values[above])

    def drop_up(self, values: Floats) -> None:
        """Subtract from each number the next one of its row; (S, B), in place."""
        for above, here in self._iter_steps():
            np.subtract(values[above], values[here], out=values[above])

    def divide(self, values: Floats, by: Floats) -> None:
        """Divide the numbers of each row by those of `by` (L, B); (S, B), in place."""
        for start, width in zip(self._starts.tolist(), self.widths.tolist(), strict=True):
            part = values[start : start + width]
            np.divide(part, by[:width], out=part)

    def total(self, values: Floats) -> Floats:
        """Return the sum of each row; (S, B) to (L, B)."""
        totals = np.zeros((len(self.lengths), values.shape[1]))
        for start, width in zip(self._starts.tolist(), self.widths.tolist(), strict=True):
            totals[:width] += values[start : start + width]
        return totals

    def _is_narrow(self, values: Floats) -> bool:
        return bool(len(self.widths)) and values.size < _NARROW * len(self.widths)

    def _iter_steps(self) -> Iterator[tuple[slice, slice]]:
        """Yield where a place lies and, of the rows that go on, where the one before it does."""
        starts, widths = self._starts.tolist(), self.widths.tolist()
        for at in range(1, len(starts)):
            yield (
                slice(starts[at - 1], starts[at - 1] + widths[at]),
                slice(starts[at], starts[at] + widths[at]),
            )

    def _iter_rows(self) -> Iterator[Ints]:
        for row, length in enumerate(self.lengths.tolist()):
            yield self._starts[:length] + row
