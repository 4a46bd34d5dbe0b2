"""The dialog of a long verb that runs in this process: how far it is, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlwf_tui.entities.run import Progress

BAR_WIDTH = 40


class ProgressDialog(ModalScreen[None]):
    """Draws progress; Esc asks the verb to stop, ⏎ hides the dialog while the verb goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="progress.cancel"),
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
        self._bar = Static()
        self._message = Static(markup=False)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "esc cancel · ⏎ go on behind"
            yield self._bar
            yield self._message

    def on_mount(self) -> None:
        self.show(self._progress or Progress(step=0, total=None, message="starting…"))

    def show(self, progress: Progress) -> None:
        """Draw how far the verb has come."""
        self._progress = progress
        self._bar.update(_draw_bar(progress))
        message = "stopping after this item…" if self._is_cancelling else progress.message
        self._message.update(message)

    def action_cancel(self) -> None:
        self._is_cancelling = True
        self._cancel()
        if self._progress is not None:
            self.show(self._progress)

    def action_hide(self) -> None:
        self.dismiss(None)


def _draw_bar(progress: Progress) -> Content:
    if not progress.total:
        return Content.styled(f"{progress.step:,} so far", "$accent")
    filled = min(BAR_WIDTH, round(BAR_WIDTH * progress.step / progress.total))
    return Content.assemble(
        ("━" * filled, "$accent"),
        ("━" * (BAR_WIDTH - filled), "$border"),
        f" {progress.step / progress.total:4.0%}  ",
        (f"{progress.step:,} of {progress.total:,}", "$text-muted"),
    )
