"""Rows of the lineage graph as strips, kept in pieces: a scroll draws what comes into view alone."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip

PIECE = 64  # cells
MAX_PIECES = 1024  # some five screens of 160x45; a piece takes about 3 KB


class RowPieces:
    """Keeps what was drawn until it is told to forget; `draw` makes cells left…left+PIECE-1 of a row."""

    def __init__(self, draw: Callable[[int, int], Strip]) -> None:
        self._draw = draw
        self._pieces: dict[tuple[int, int], Strip] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def forget(self) -> None:
        """Draw everything anew from now on."""
        self._pieces.clear()

    def read(self, row: int, left: int, width: int) -> Strip:
        """Return cells left…left+width-1 of a row."""
        first = left // PIECE
        pieces = [self._find(row, number) for number in range(first, (left + width - 1) // PIECE + 1)]
        start = left - first * PIECE
        return Strip.join(pieces).crop(start, start + width)

    def _find(self, row: int, number: int) -> Strip:
        piece = self._pieces.get((row, number))
        if piece is None:
            while len(self._pieces) >= MAX_PIECES:
                del self._pieces[next(iter(self._pieces))]  # the oldest: views move on
            piece = self._pieces[row, number] = self._draw(row, number * PIECE)
        return piece
