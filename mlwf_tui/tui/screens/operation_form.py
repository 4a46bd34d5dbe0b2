"""The form of an operation: besides asking, it counts and shows what the operation would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.content import Content

from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.form import Form, FormField


class Looks(msgspec.Struct, frozen=True):
    """What can be seen before anything is done; called with a form whose fields can be used."""

    preview: Callable[[OperationForm], None]
    count: Callable[[OperationForm], None]
    add: Callable[[OperationForm], None]  # puts it onto the draft of a pipeline instead


class OperationForm(Form):
    """Asks for an operation's parameters and target. Counting goes on in a thread until it is asked anew."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: a field with the focus takes most keys.
        Binding("ctrl+o", "preview", "preview", show=False, priority=True, id="operation.preview"),
        Binding("ctrl+n", "count", "count", show=False, priority=True, id="operation.count"),
        Binding("ctrl+y", "add", "add as a step", show=False, priority=True, id="operation.add"),
    ]
    MORE_KEYS = " · ^o preview · ^n count · ^y as a step"

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        *,
        command: Callable[[Mapping[str, str]], str],
        verb: str,
        looks: Looks,
        given: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title, fields, command=command, verb=verb, given=given)
        self._looks = looks
        self._counting: ScreenObserver | None = None

    def refill(self, values: Mapping[str, str]) -> OperationForm:
        title, command, verb = self._title, self._command, self._verb
        return OperationForm(title, self._fields, command=command, verb=verb, looks=self._looks, given=values)

    def on_unmount(self) -> None:
        self._stop_counting()

    def action_preview(self) -> None:
        if self.is_mounted and self.check():
            self._looks.preview(self)

    def action_count(self) -> None:
        if self.is_mounted and self.check():
            self._looks.count(self)

    def action_add(self) -> None:
        if self.is_mounted and self.check():
            self._looks.add(self)

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
            self.tell(f"counting… {progress.step:,}")

    def _stop_counting(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None

    def _call(self, receive: Callable[[Progress], None], progress: Progress) -> None:
        if self.app.is_running:
            self.app.call_from_thread(receive, progress)


def draw_error(error: MlwfError) -> Content:
    """Return what went wrong and what to do about it."""
    parts: list[Any] = [("✗ ", "$error bold"), (error.message, "$error")]
    if error.hint:
        parts.append(("  " + error.hint, "$text-muted"))
    return Content.assemble(*parts)
