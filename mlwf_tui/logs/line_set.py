"""A set of line numbers in a bit a line: which lines match, which one is the tenth; no reading."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate

PAGE_LINES = 1024
PAGE_BYTES = PAGE_LINES // 8


class LineSet:
    """Line numbers, ordered: of a log of ten million lines it takes 1.3 MB, however many are in it."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._counts = array("I")  # of each page
        self._before: array[int] = array("Q", [0])  # how many are in the pages before; empty where unknown

    def __len__(self) -> int:
        return self._sum()[-1]

    def __contains__(self, line: int) -> bool:
        return 0 <= line // 8 < len(self._bits) and bool(self._bits[line // 8] >> line % 8 & 1)

    def put(self, first_page: int, pages: bytes) -> None:
        """Say anew which lines of some pages are in the set; `pages` is a multiple of PAGE_BYTES long."""
        start, end = first_page * PAGE_BYTES, first_page * PAGE_BYTES + len(pages)
        if len(self._bits) < end:
            self._counts.extend([0] * ((end - len(self._bits)) // PAGE_BYTES))
            self._bits.extend(bytes(end - len(self._bits)))
        self._bits[start:end] = pages
        for page in range(first_page, first_page + len(pages) // PAGE_BYTES):
            self._counts[page] = self._read_page(page).bit_count()
        self._before = array("Q")

    def count_before(self, line: int) -> int:
        """Return how many lines of the set come before this one."""
        page = min(line // PAGE_LINES, len(self._counts))
        rest = line - page * PAGE_LINES
        if page == len(self._counts):
            return len(self)
        return self._sum()[page] + (self._read_page(page) & ((1 << rest) - 1)).bit_count()

    def get(self, place: int) -> int:
        """Return the line that has `place` others before it.

        Raises:
            IndexError: there are not so many.
        """
        if not 0 <= place < len(self):
            raise IndexError(place)
        page = bisect_right(self._sum(), place) - 1
        bits, rest = self._read_page(page), place - self._sum()[page]
        low, width = 0, PAGE_LINES
        while width > 1:  # the half that it is in
            width //= 2
            lower = (bits >> low & ((1 << width) - 1)).bit_count()
            if rest >= lower:
                low, rest = low + width, rest - lower
        return page * PAGE_LINES + low

    def _read_page(self, page: int) -> int:
        return int.from_bytes(self._bits[page * PAGE_BYTES : (page + 1) * PAGE_BYTES], "little")

    def _sum(self) -> array[int]:
        if not self._before:
            self._before = array("Q", accumulate(self._counts, initial=0))
        return self._before
