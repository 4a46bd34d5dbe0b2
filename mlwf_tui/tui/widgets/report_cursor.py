"""A cursor on what of a page stands for something: rows of tables, cells of matrices, figures; no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from mlwf_tui.tui.widgets.drawing import Line, Linked


@dataclass(frozen=True, slots=True)
class Spot:
    """A stretch of a row that stands for `target`; `end` is the cell after it."""

    row: int
    start: int
    end: int
    target: object


def find_spots(lines: Sequence[Line]) -> list[Spot]:
    """Return all spots of a page, from its top and in each row from the left."""
    spots: list[Spot] = []
    for row, line in enumerate(lines):
        column = 0
        for text, _ in line:
            width = cell_len(text)
            if isinstance(text, Linked):
                last = spots[-1] if spots else None
                if last and (last.row, last.end, last.target) == (row, column, text.target):
                    spots[-1] = Spot(row, last.start, column + width, text.target)
                else:
                    spots.append(Spot(row, column, column + width, text.target))
            column += width
    return spots


class Cursor:
    """Stands on one spot of a page, or on none."""

    def __init__(self) -> None:
        self._spots: Sequence[Spot] = ()
        self._place = -1

    @property
    def spot(self) -> Spot | None:
        """Where it stands."""
        return self._spots[self._place] if self._place >= 0 else None

    @property
    def has_any(self) -> bool:
        """Whether there is anything to stand on."""
        return bool(self._spots)

    def show(self, spots: Sequence[Spot]) -> None:
        """Take the spots of a page that was drawn anew; it stays on what it stood for."""
        before = self.spot
        self._spots, self._place = spots, -1
        if before is not None:
            same = [place for place, spot in enumerate(spots) if spot.target == before.target]
            self._place = min(same, key=lambda place: abs(spots[place].row - before.row), default=-1)

    def go_to(self, spot: Spot) -> None:
        """Stand on a spot of the page."""
        self._place = self._spots.index(spot)

    def leave(self) -> None:
        """Stand on none."""
        self._place = -1

    def put(self, column: int, row: int) -> bool:
        """Stand on the spot at a cell; False where there is none."""
        for place, spot in enumerate(self._spots):
            if spot.row == row and spot.start <= column < spot.end:
                self._place = place
                return True
        return False

    def move_rows(self, by: int, top: int, bottom: int) -> bool:
        """Go to the nearest spot of the next row that has one, up or down; False where none follows.

        From nowhere it comes to the first one that is seen, `top` to below `bottom`, or the last one.
        """
        now = self.spot
        if now is None or not top <= now.row < bottom:
            seen = [place for place, spot in enumerate(self._spots) if top <= spot.row < bottom]
            if seen:
                self._place = seen[0] if by > 0 else seen[-1]
            return bool(seen)
        rows = [spot.row for spot in self._spots if (spot.row - now.row) * by > 0]
        if not rows:
            return False
        row = min(rows) if by > 0 else max(rows)
        near = [place for place, spot in enumerate(self._spots) if spot.row == row]
        self._place = min(near, key=lambda place: abs(self._spots[place].start - now.start))
        return True

    def move_columns(self, by: int) -> bool:
        """Go to the spot beside it in its row; False where there is none."""
        now, place = self.spot, self._place + by
        if now is None or not 0 <= place < len(self._spots) or self._spots[place].row != now.row:
            return False
        self._place = place
        return True


def mark(line: Line, spot: Spot) -> Line:
    """Return a line in which a spot is seen to be chosen."""
    marked: Line = []
    column = 0
    for text, role in line:
        end = column + cell_len(text)
        if end <= spot.start or column >= spot.end:
            marked.append((text, role))
        else:  # spots begin and end with a piece of text
            marked.append((set_cell_size(text, end - column), "picked"))
        column = end
    return marked
