"""Renders pictures in a thread: one at a time, of those wanted meanwhile only the last, some kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Outline, Picture, Window
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.workspace import Workspace

MAX_KEPT = 32  # of some 20 KB


@dataclass(frozen=True, slots=True)
class Order:
    """A picture that is wanted; `key` tells it from every other one. Without an `image` the store has it."""

    key: Hashable
    item: Item
    outlines: Sequence[Outline]
    columns: int
    rows: int
    image: bytes | None = None
    window: Window = WHOLE


class Pictures:
    """Draws what one place of the screen shows. All is called on the loop."""

    def __init__(
        self,
        workspace: Workspace,
        work: Work,
        *,
        on_drawn: Callable[[Picture], None],
        on_broken: Callable[[MlwfError], None],
    ) -> None:
        self._workspace = workspace
        self._work = work
        self._on_drawn = on_drawn
        self._on_broken = on_broken
        self._kept: OrderedDict[Hashable, Picture] = OrderedDict()
        self._wanted: Order | None = None
        self._shown: Hashable = None
        self._is_rendering = False

    def want(self, order: Order) -> None:
        """Draw this picture, at once where it is known."""
        if order.key == self._shown or min(order.columns, order.rows) < 1:
            return
        self._shown = order.key
        known = self._kept.get(order.key)
        if known is not None:
            self._kept.move_to_end(order.key)
            self._wanted = None
            self._on_drawn(known)
            return
        self._wanted = order
        if not self._is_rendering:
            self._begin()

    def forget(self) -> None:
        """Take it that nothing is shown."""
        self._shown = self._wanted = None

    def _begin(self) -> None:
        order, self._wanted = self._wanted, None
        if order is None:
            return
        self._is_rendering = True
        work = partial(_render, self._workspace, order, is_sharp=self._work.has_graphics)
        self._work.start("picture", work, partial(self._keep, order), fail=partial(self._give_up, order))

    def _keep(self, order: Order, picture: Picture) -> None:
        self._is_rendering = False
        self._kept[order.key] = picture
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        if order.key == self._shown:
            self._on_drawn(picture)
        self._begin()

    def _give_up(self, order: Order, error: MlwfError) -> None:
        self._is_rendering = False
        if order.key == self._shown:
            self._on_broken(error)
        self._begin()


def _render(workspace: Workspace, order: Order, *, is_sharp: bool) -> Picture:
    from mlwf_tui.workflow.pictures import (  # noqa: PLC0415 - Pillow, 60 ms that the start need not wait for
        render_image,
        render_item,
    )

    if order.image is None:
        return render_item(
            workspace, order.item, order.outlines, columns=order.columns, rows=order.rows, is_sharp=is_sharp,
            window=order.window,
        )  # fmt: skip
    return render_image(
        order.item.name,
        order.image,
        order.outlines,
        columns=order.columns,
        rows=order.rows,
        is_sharp=is_sharp,
    )
