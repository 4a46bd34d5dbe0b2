"""What is painted first, before the main screen and the catalog behind it are even imported."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Static

from mlwf_tui.entities.layout import Arrangement
from mlwf_tui.tui.widgets.pane_shares import PaneShares, ScreenSize, apply_grid, find_screen_size

TITLES = {"tree": "1 Projects", "stage": "2 Lineage", "details": "3 Details"}


class Skeleton(Screen[None]):
    """The main screen's frame, empty, as its panes were left, so that what follows only fills it in."""

    DEFAULT_CSS = """
    Skeleton {
        & > Container { layout: grid; height: 1fr; }
        & Static {
            height: 1fr; border: round $border; border-title-color: $text-muted; color: $text-muted;
            content-align: center middle;
        }
        & #tree { border: round $primary; border-title-color: $primary; }
        & #foot { height: 1; border: none; background: $panel; }
    }
    Skeleton.-narrow #tree { border: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-broad")]

    def __init__(self, home: str, arrangements: Mapping[str, Arrangement]) -> None:
        super().__init__()
        self._home = home
        self._arrangements = arrangements

    def compose(self) -> ComposeResult:
        with Container():
            for name, title in TITLES.items():
                pane = Static(f"Reading the home…\n\n{self._home}" if name == "stage" else "", id=name)
                pane.border_title = title
                yield pane
        yield Static(id="foot")

    def on_resize(self) -> None:
        size = self.app.size
        kept = self._arrangements.get(find_screen_size(size.width).value, Arrangement())
        first, main, last = TITLES
        shares = PaneShares((first, main, last), kept, size.width, size.height - 1)
        seen = shares.seen if shares.size is not ScreenSize.NARROW else shares.seen[:1]
        for name in TITLES:
            self.query_one(f"#{name}").display = name in seen
        grid = shares.grid
        self.query_one(f"#{first}").styles.row_span = 2 if grid.is_tall else 1
        apply_grid(self.query_one(Container), grid)
