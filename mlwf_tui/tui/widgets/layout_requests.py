"""Has pictures of the lineage made in a thread as they are wanted; what is drawn of them is the view's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace
from textual.message import Message
from textual.widget import Widget

from mlwf_tui.tui.widgets.graph_picture import Order, Picture, make_picture


class LaidOut(Message, bubble=False):
    """A picture is ready, or could not be made and is empty; posted by the thread to the view itself."""

    def __init__(self, picture: Picture, error: Exception | None = None) -> None:
        super().__init__()
        self.picture = picture
        self.error = error


class LayoutRequests:
    """Makes one picture at a time; one that is stale when it comes is asked for anew."""

    def __init__(self, view: Widget, adopt: Callable[[Picture], None]) -> None:
        self._view = view
        self._adopt = adopt
        self.wanted = Order()
        self._is_working = False
        self._failed: Order | None = None  # what could not be laid out

    @property
    def has_failed(self) -> bool:
        """Whether what is wanted could not be laid out."""
        return self._failed is self.wanted

    def request(self, before: Picture) -> None:
        """Have what is wanted laid out; `before` is what is drawn now."""
        if not self.wanted.graph.nodes:
            self._adopt(make_empty(self.wanted))
        elif not self._is_working:  # else what is on its way will be found stale, and asked for anew
            self._is_working = True
            work = partial(self._lay_out, self.wanted, before)
            what = "lay out the lineage graph"  # said twice, or Textual writes the repr of the graph: 0.1 s
            self._view.run_worker(
                work, thread=True, exit_on_error=False, group="layout", name=what, description=what
            )
        self._view.refresh()

    def _lay_out(self, order: Order, before: Picture) -> None:
        try:
            picture = make_picture(order, before)
        except Exception as error:  # noqa: BLE001 - the border of the app: the rest of it goes on
            self._view.post_message(LaidOut(make_empty(order), error))
        else:
            self._view.post_message(LaidOut(picture))

    def take(self, event: LaidOut, before: Picture) -> None:
        """Have a picture drawn that is ready, unless something else is wanted by now."""
        self._is_working = False
        order, has_failed = event.picture.order, event.error is not None
        self._failed = order if has_failed else None
        if order is self.wanted:
            self._adopt(event.picture)
        elif not has_failed and order.is_same_as(self.wanted):
            self._adopt(replace(event.picture, order=self.wanted, graph=self.wanted.graph))
        else:
            self.request(before)


def make_empty(order: Order) -> Picture:
    """Return a picture on which nothing is drawn."""
    return Picture(order=order, graph=order.graph, layout=None, map=None)
