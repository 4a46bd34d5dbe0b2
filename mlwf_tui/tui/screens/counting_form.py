"""A form that can say what would come of it, counted in a thread, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.form import Form, FormField


class CountingForm(Form):
    """Asks, and counts when it is told to; counting goes on in a thread until it is asked anew.

    `count` is called with the form, whose fields can then be used; it calls `watch_count`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "count", "count", show=False, priority=True, id="operation.count"),
    ]
    MORE_KEYS = " · ^n count"

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        *,
        command: Callable[[Mapping[str, str]], str],
        verb: str,
        count: Callable[[CountingForm], None],
        given: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title, fields, command=command, verb=verb, given=given)
        self._count = count
        self._counting: ScreenObserver | None = None

    def refill(self, values: Mapping[str, str]) -> CountingForm:
        return type(self)(
            self._title, self._fields, command=self._command, verb=self._verb, count=self._count, given=values
        )

    def on_unmount(self) -> None:
        self._stop_counting()

    def action_count(self) -> None:
        if self.is_mounted and self.check():
            self._count(self)

    def watch_count(self, work: Work, count: Callable[[ScreenObserver], Content]) -> None:
        """Count in a thread and tell what came of it below the command line."""
        self._stop_counting()
        observer = ScreenObserver(lambda progress: self._call(self._tell_progress, progress))
        self._counting = observer

        def done(told: Content) -> None:
            self._tell_counted(observer, told)

        def fail(error: MlwfError) -> None:
            if not isinstance(error, Cancelled):
                self._tell_counted(observer, draw_error(error))

        self.tell("counting…")
        work.start("count", lambda: count(observer), done, fail=fail)

    def _tell_counted(self, observer: ScreenObserver, told: Content) -> None:
        if self._counting is observer and self.is_mounted:
            self._counting = None
            self.tell(told)

    def _tell_progress(self, progress: Progress) -> None:
        if self._counting is not None and self.is_mounted:
            self.tell(draw_progress(progress))

    def _stop_counting(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None

    def _call(self, receive: Callable[[Progress], None], progress: Progress) -> None:
        if self.app.is_running:
            self.app.call_from_thread(receive, progress)


def draw_progress(progress: Progress) -> str:
    """Return what is being done, and how far it is once that is known."""
    what = f"{progress.message or 'counting'}…"
    return f"{what} {progress.step:,}" if progress.step else what


def draw_error(error: MlwfError) -> Content:
    """Return what went wrong and what to do about it."""
    parts: list[Any] = [("✗ ", "$error bold"), (error.message, "$error")]
    if error.hint:
        parts.append(("  " + error.hint, "$text-muted"))
    return Content.assemble(*parts)
