"""The dialog of a long verb that runs in this process: how far it is, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.pace import TimeLeft, describe_rate
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.formats import format_time_left

BAR_WIDTH = 53


class ProgressDialog(Dialog[None]):
    """Draws progress; Esc asks whether the verb is to stop, ⏎ hides the dialog while the verb goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "stop it, after a yes", show=False, id="progress.cancel"),
        Binding("enter,b,q", "hide", "go on behind", show=False, id="progress.hide"),
    ]
    DEFAULT_CSS = """
    ProgressDialog {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 64; max-width: 100%; height: auto;
            background: $panel; border: round $primary; padding: 1 2;
        }
    }
    """

    def __init__(self, title: str, cancel: Callable[[], None], progress: Progress | None = None) -> None:
        super().__init__()
        self._title = title
        self._cancel = cancel
        self._progress = progress
        self._is_cancelling = False
        self._is_over = False
        self._question: Confirm | None = None
        self._bar = Static()
        self._pace = Static()
        self._message = Static(markup=False)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "esc stop it · ⏎ go on behind"
            yield self._bar
            yield self._pace
            yield self._message

    def on_mount(self) -> None:
        self.show(self._progress or Progress(step=0, total=None, message="starting…"))

    def show(self, progress: Progress, rate: float | None = None, left: TimeLeft | None = None) -> None:
        """Draw how far the verb has come; its `rate` in steps a second and the time left, where known."""
        self._progress = progress
        self._bar.update(_draw_bar(progress))
        self._pace.update(Content.styled(_describe_pace(progress, rate, left), "$text-muted"))
        message = "stopping after this item…" if self._is_cancelling else progress.message
        self._message.update(message)

    def close(self) -> None:
        """Go away, at once or when what lies over it has been closed; its own question goes as well."""
        self._is_over = True
        if self._question is not None and self._question.is_active:
            self._question.dismiss(None)
        self._leave()

    def on_screen_resume(self) -> None:
        if self._is_over:
            self._leave()

    def _leave(self) -> None:
        if self.is_active:  # to dismiss takes away whatever lies on top
            self.dismiss(None)

    def action_cancel(self) -> None:
        """Ask first: Esc means back elsewhere, and what was done so far is lost."""
        if self._is_cancelling or self._is_over:
            return
        text = "It ends after the item it is at, and what it has done so far may be lost."
        text += " ⏎ in its window lets it go on behind instead."
        self._question = Confirm(f"Stop “{self._title}”?", text, yes="Stop it", is_dangerous=True)
        self.app.push_screen(self._question, self._answer)

    def _answer(self, is_wanted: bool | None) -> None:
        self._question = None
        if is_wanted and not self._is_over:
            self._stop()

    def _stop(self) -> None:
        self._is_cancelling = True
        self._cancel()
        if self._progress is not None:
            self.show(self._progress)

    def action_hide(self) -> None:
        self.dismiss(None)


def _describe_pace(progress: Progress, rate: float | None, left: TimeLeft | None) -> str:
    words = [f"{progress.step:,} of {progress.total:,}" if progress.total else f"{progress.step:,} so far"]
    if rate is not None:
        words.append(describe_rate(rate))
    if left is not None:
        words.append(f"{format_time_left(left)} left")
    return " · ".join(words)


def _draw_bar(progress: Progress) -> Content:
    """Draw a bar, or an empty one where nobody knows the end."""
    share = min(1.0, progress.step / progress.total) if progress.total else 0.0
    filled = round(BAR_WIDTH * share)
    return Content.assemble(
        ("━" * filled, "$accent"),
        ("━" * (BAR_WIDTH - filled), "$border"),
        f" {share:4.0%}" if progress.total else "",
    )
