"""Thumbnails in a thread: of the items that can be seen, the newest wish only; some thousand are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Outline, Picture
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.protocols.observer import SILENT
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.thumbnail_grid import PICTURE_COLUMNS, PICTURE_ROWS
from mlwf_tui.workspace import Workspace

MAX_KEPT = 3000  # of some 1.2 KB
BATCH = 16  # between two looks at whether others are wanted by now

Wish = Sequence[tuple[Item, Sequence[Outline]]]


class Thumbnails:
    """Draws what a grid shows. All but the drawing is called on the loop."""

    def __init__(self, workspace: Workspace, work: Work, *, on_drawn: Callable[[], None]) -> None:
        self._workspace = workspace
        self._work = work
        self._on_drawn = on_drawn
        self._kept: OrderedDict[str, Picture | None] = OrderedDict()  # None where there can be none
        self._wish: Wish = ()
        self._is_drawing = False
        self._generation = 0  # grows when the items become others

    def find(self, item: Item) -> Picture | None:
        """Return an item's thumbnail where it is known."""
        return self._kept.get(item.key)

    def is_broken(self, item: Item) -> bool:
        """Whether an item can have no thumbnail: its bytes are missing, damaged, or no image."""
        return item.key in self._kept and self._kept[item.key] is None

    def forget(self) -> None:
        """Take it that the items are others now."""
        self._kept.clear()
        self._wish = ()
        self._generation += 1

    def want(self, wish: Wish) -> None:
        """Draw these in place of those that were wanted before and are not begun."""
        self._wish = wish
        self._begin()

    def _begin(self) -> None:
        missing = [(item, outlines) for item, outlines in self._wish if item.key not in self._kept]
        if self._is_drawing or not missing:
            return
        from mlwf_tui.workflow.pictures import (  # noqa: PLC0415 - Pillow, 60 ms that the start need not wait for
            render_thumbnails,
        )

        self._is_drawing = True
        batch = missing[:BATCH]
        keys = [item.key for item, _ in batch]
        draw = partial(
            render_thumbnails,
            self._workspace,
            batch,
            columns=PICTURE_COLUMNS,
            rows=PICTURE_ROWS,
            observer=SILENT,
        )
        keep = partial(self._keep, self._generation, keys)
        self._work.start("thumbnails", draw, keep, fail=self._give_up)

    def _keep(self, generation: int, keys: Sequence[str], drawn: dict[str, Picture]) -> None:
        self._is_drawing = False
        if generation == self._generation:
            self._kept |= {key: drawn.get(key) for key in keys}
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            self._on_drawn()
        self._begin()

    def _give_up(self, error: MlwfError) -> None:
        self._is_drawing = False
        self._wish = ()
        if not isinstance(error, Cancelled):
            self._work.fail(error)
