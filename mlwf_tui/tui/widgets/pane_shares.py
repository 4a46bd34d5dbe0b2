"""How panes share a screen: by its size, by the borders a person has moved, by what is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace
from textual.widget import Widget

from mlwf_tui.entities.layout import Arrangement

NARROW_COLUMNS = 100  # below this, one pane at a time
WIDE_COLUMNS = 150  # from here on, three beside each other
LEAST_COLUMNS, LEAST_ROWS = 16, 5  # of a pane, its frame included
LEAST_MAIN_COLUMNS, LEAST_MAIN_ROWS = 30, 7


class ScreenSize(StrEnum):
    """How much room a screen has; each has an arrangement of its own."""

    NARROW = "narrow"
    MEDIUM = "medium"
    WIDE = "wide"


class Border(StrEnum):
    """A border that can be moved: beside the first pane, or between the main one and the last."""

    SIDE = "side"
    DETAILS = "details"


class Shares(msgspec.Struct, frozen=True):
    """What each pane gets. `details` are columns on a wide screen, else rows; 0 where it is not seen."""

    side: int
    details: int


class Grid(msgspec.Struct, frozen=True):
    """Columns and rows as style sheets write them; `is_tall` where the first pane stands in two rows."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    is_tall: bool


DEFAULTS = {
    ScreenSize.WIDE: Shares(38, 46),
    ScreenSize.MEDIUM: Shares(36, 13),
    ScreenSize.NARROW: Shares(0, 0),
}


def find_screen_size(columns: int) -> ScreenSize:
    """Return the size of a screen of so many columns."""
    if columns < NARROW_COLUMNS:
        return ScreenSize.NARROW
    return ScreenSize.WIDE if columns >= WIDE_COLUMNS else ScreenSize.MEDIUM


class PaneShares(msgspec.Struct, frozen=True):
    """An arrangement on a screen of `columns` by `rows`; `names` are of the first, main and last pane."""

    names: tuple[str, str, str]
    arrangement: Arrangement
    columns: int
    rows: int

    @property
    def size(self) -> ScreenSize:
        return find_screen_size(self.columns)

    @property
    def seen(self) -> tuple[str, ...]:
        """The panes that are not hidden; one always is."""
        return tuple(n for n in self.names if n not in self.arrangement.hidden) or (self.names[1],)

    @property
    def borders(self) -> tuple[Border, ...]:
        """The borders that there are between panes that are seen beside or above each other."""
        first, main, last = (name in self.seen for name in self.names)
        if self.size is ScreenSize.NARROW:
            return ()
        sides = (Border.SIDE,) if first and (main or last) else ()
        return (*sides, Border.DETAILS) if main and last else sides

    @property
    def shares(self) -> Shares:
        """What the first and the last pane get here; the main one has the rest."""
        wanted, usual = self.arrangement, DEFAULTS[self.size]
        is_wide, has_details = self.size is ScreenSize.WIDE, Border.DETAILS in self.borders
        beside = LEAST_COLUMNS if is_wide and has_details else 0
        most = self.columns - LEAST_MAIN_COLUMNS - beside
        side = _bound(wanted.side or usual.side, LEAST_COLUMNS, most) if Border.SIDE in self.borders else 0
        if not has_details:
            return Shares(side, 0)
        least = LEAST_COLUMNS if is_wide else LEAST_ROWS
        most = self.columns - side - LEAST_MAIN_COLUMNS if is_wide else self.rows - LEAST_MAIN_ROWS
        return Shares(side, _bound(wanted.details or usual.details, least, most))

    @property
    def grid(self) -> Grid:
        """How the panes lie in a grid; on a narrow screen the one that is seen has all of it."""
        got = self.shares
        is_stacked = self.size is ScreenSize.MEDIUM and got.details > 0
        columns = [str(got.side)] if got.side else []
        columns += ["1fr", str(got.details)] if got.details and not is_stacked else ["1fr"]
        rows = ("1fr", str(got.details)) if is_stacked else ("1fr",)
        return Grid(tuple(columns), rows, is_tall=is_stacked and got.side > 0)

    def place_border(self, border: Border, size: int) -> Arrangement:
        """Return the arrangement whose pane at `border` has this size, as far as there is room."""
        moved = replace(self.arrangement, **{border.value: max(1, size)})
        return replace(
            moved, **{border.value: getattr(replace(self, arrangement=moved).shares, border.value)}
        )

    def find_border(self, pane: str, *, is_vertical: bool) -> Border | None:
        """Return the border that keys move up and down, or left and right, from a pane.

        As in tmux it is the one at its right or lower end, else the one before it.
        """
        is_stacked = self.size is ScreenSize.MEDIUM
        if is_vertical:
            return Border.DETAILS if is_stacked and Border.DETAILS in self.borders else None
        wanted = Border.SIDE if is_stacked or pane == self.names[0] else Border.DETAILS
        upright = [b for b in self.borders if b is Border.SIDE or not is_stacked]
        return wanted if wanted in upright else next(iter(upright), None)

    def move(self, border: Border, by: int) -> Arrangement:
        """Return the arrangement with a border moved right or down by so many cells."""
        is_before = border is Border.SIDE
        return self.place_border(border, getattr(self.shares, border.value) + (by if is_before else -by))

    def grow(self, pane: str, steps: int, columns: int, rows: int) -> Arrangement:
        """Return the arrangement with a pane larger by steps of so many columns or rows, or smaller."""
        grown = self
        for border in self._list_around(pane):
            is_before = pane == self.names[0 if border is Border.SIDE else 1]
            is_row = border is Border.DETAILS and self.size is not ScreenSize.WIDE
            by = steps * (rows if is_row else columns)
            grown = replace(grown, arrangement=grown.move(border, by if is_before else -by))
        return grown.arrangement

    def toggle(self, pane: str) -> Arrangement:
        """Return the arrangement without a pane, or with it again; the last one that is seen stays."""
        hidden = set(self.arrangement.hidden) ^ {pane}
        if set(self.names) <= hidden:
            return self.arrangement
        return replace(self.arrangement, hidden=tuple(name for name in self.names if name in hidden))

    def _list_around(self, pane: str) -> Sequence[Border]:
        """Return the borders that a pane grows by."""
        if pane == self.names[1]:
            return self.borders
        own = Border.SIDE if pane == self.names[0] else Border.DETAILS
        return (own,) if own in self.borders else self.borders[:1]


def _bound(size: int, least: int, most: int) -> int:
    return max(least, min(size, most))


def apply_grid(widget: Widget, grid: Grid) -> None:
    """Let a widget lay its children out so."""
    styles = widget.styles
    styles.grid_size_columns, styles.grid_size_rows = len(grid.columns), len(grid.rows)
    styles.grid_columns, styles.grid_rows = " ".join(grid.columns), " ".join(grid.rows)
