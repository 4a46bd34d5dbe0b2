"""The middle pane: several views of which one is shown; each is made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from mlwf_tui.tui.widgets.crumb_line import CrumbLine
from mlwf_tui.tui.widgets.tab_line import TabLine


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view that the stage can show; `make` is called once."""

    name: str
    title: str
    make: Callable[[], Widget]


class Stage(Vertical):
    """Shows one view at a time below a line of tabs. A hidden view costs no drawing."""

    DEFAULT_CSS = """
    Stage > .view { height: 1fr; width: 1fr; }
    """

    class Made(Message):
        """A view has its widgets now, and can take the focus."""

        def __init__(self, view: Widget) -> None:
            super().__init__()
            self.view = view

    def __init__(self, specs: Sequence[ViewSpec], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._specs = {spec.name: spec for spec in specs}
        self._views: dict[str, Widget] = {}
        self._alone: Widget | None = None
        self.tabs = TabLine([(spec.name, spec.title) for spec in specs], id="views")
        self.crumbs = CrumbLine(id="crumbs")
        self.crumbs.display = False
        self._crumbs_of = ""  # the view that the crumbs say the place in

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.crumbs

    @property
    def active(self) -> str:
        """Name of the view that is shown."""
        return self.tabs.active

    @property
    def shown(self) -> Widget | None:
        """The view that is drawn now: the active one, or what stands in for all of them."""
        return self._alone or self._views.get(self.active)

    @property
    def is_whole(self) -> bool:
        """Whether all views are made."""
        return len(self._views) == len(self._specs)

    def make_next(self) -> None:
        """Make and mount one of the views that were not wanted yet, so that it is ready when it is."""
        name = next((name for name in self._specs if name not in self._views), None)
        if name is not None:
            self.get_view(name)

    def find_view(self, name: str) -> Widget | None:
        """Return a view if it was made already."""
        return self._views.get(name)

    def get_view(self, name: str) -> Widget:
        """Return a view, made and mounted hidden if this is the first time it is wanted."""
        if name not in self._views:
            view = self._specs[name].make()
            view.add_class("view")
            view.display = False
            self._views[name] = view
            self.mount(view)
            view.call_after_refresh(self._note_made, view)
        return self._views[name]

    def _note_made(self, view: Widget) -> None:
        """Tell a view its size: what it was told while it was being made it may not have heard."""
        if view.is_attached:
            view.post_message(Resize(view.size, view.virtual_size, view.container_size))
            self.post_message(self.Made(view))

    def show(self, name: str) -> Widget:
        """Show this view in place of the present one, and return it."""
        view = self.get_view(name)
        self.clear_alone()
        for other in self._views.values():
            other.display = other is view  # not by style sheet: what is hidden at once takes no focus
        self.tabs.show(name)
        self._arrange_crumbs()
        return view

    def show_crumbs(self, view: str, titles: Sequence[str], note: str) -> None:
        """Say above a view which place in it is seen; without titles and note, nothing."""
        self._crumbs_of = view
        self.crumbs.show(titles, note)
        self._arrange_crumbs()

    def _arrange_crumbs(self) -> None:
        has_any = len(self.crumbs.titles) > 1 or bool(self.crumbs.note)
        self.crumbs.display = has_any and self._alone is None and self.active == self._crumbs_of

    def show_alone(self, widget: Widget, *, keep_tabs: bool = False) -> None:
        """Show a widget in place of all views: the welcome, an error, that things are being read."""
        self.clear_alone()
        for view in self._views.values():
            view.display = False
        widget.add_class("view")
        self._alone = widget
        self.tabs.display = keep_tabs  # not by style sheet: that would style all views anew
        self._arrange_crumbs()
        self.mount(widget)

    def clear_alone(self) -> None:
        """Take away what `show_alone` put there."""
        if self._alone is not None:
            self._alone.remove()
            self._alone = None
            self.tabs.display = True
