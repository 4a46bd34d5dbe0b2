"""What is painted first, before the main screen and the catalog behind it are even imported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Static

TITLES = ("1 Projects", "2 Lineage", "3 Details")


class Skeleton(Screen[None]):
    """The main screen's frame, empty, so that what follows only fills it in."""

    DEFAULT_CSS = """
    Skeleton {
        & > Container { layout: grid; grid-size: 2 2; grid-columns: 36 1fr; grid-rows: 1fr 13; height: 1fr; }
        & Static {
            height: 1fr; border: round $border; border-title-color: $text-muted; color: $text-muted;
            content-align: center middle;
        }
        & #first { row-span: 2; border: round $primary; border-title-color: $primary; }
        & #foot { height: 1; border: none; background: $panel; }
    }
    Skeleton.-wide > Container { grid-size: 3 1; grid-columns: 38 1fr 46; grid-rows: 1fr; }
    Skeleton.-wide #first { row-span: 1; }
    Skeleton.-narrow > Container { grid-size: 1 1; grid-columns: 1fr; grid-rows: 1fr; }
    Skeleton.-narrow #first { row-span: 1; border: none; }
    Skeleton.-narrow .later { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home = home

    def compose(self) -> ComposeResult:
        with Container():
            for number, title in enumerate(TITLES):
                pane = Static(
                    f"Reading the home…\n\n{self._home}" if number == 1 else "",
                    classes="later" if number else "",
                )
                pane.border_title = title
                if number == 0:
                    pane.id = "first"
                yield pane
        yield Static(id="foot")
