"""The app: themes, signals and the palette around the one main screen; run_app opens the home for it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual import events, on
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.errors import MlwfError
from mlwf_tui.settings import prepare_home, read_settings
from mlwf_tui.tui import plain_signs
from mlwf_tui.tui.held_keys import Fence, HeldKeys
from mlwf_tui.tui.screens.skeleton import Skeleton
from mlwf_tui.tui.svg import tidy_svg
from mlwf_tui.tui.terminal import CellDiff, find_obstacle, is_backed_up, is_wanted
from mlwf_tui.tui.theme import DARK, THEMES
from mlwf_tui.workflow.personal.sittings import read_sitting

if TYPE_CHECKING:  # these cost 300 ms with all that is behind them, which the first paint does not wait for
    from mlwf_tui.tui.screens.main import MainScreen
    from mlwf_tui.tui.widgets.picture_view import PictureView
    from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
CATCH_UP_S = 0.2
GC_THRESHOLD = 20_000
"""Objects between two looks for garbage: of a command's 100,000 one would hold the app for 40 ms."""
ENDING_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def _load_provider() -> type[Provider]:
    from mlwf_tui.tui.commands import ActionProvider  # noqa: PLC0415 - which the first paint need not wait for

    return ActionProvider


class MlwfApp(App[None]):
    """Shows one opened home, as it was `left`; ends with 128 + a signal's number where that ended it."""

    TITLE = "mlwf"
    COMMANDS = {_load_provider}  # noqa: RUF012 - as in textual, which takes a set of functions
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", "how to quit", show=False, system=True, id="app.how_to_quit"),
    ]
    CSS = """
    * { scrollbar-size-vertical: 1; }
    Toast { background: $boost; padding: 0 1; width: 56; max-width: 90%; }
    ToastRack { margin-bottom: 1; }
    ModalScreen > ToastRack { dock: top; align: right top; margin: 0; }
    """

    def __init__(
        self,
        home: Path,
        open_home: Callable[[], Workspace],
        *,
        theme: str = DARK.name,
        left: Sitting | None = None,
        read_clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__()
        self._home = home
        self._open_home = open_home
        self._left = left or Sitting()
        self._read_clock = read_clock or _read_local_clock
        self.failure: MlwfError | None = None
        signs = plain_signs.ASCII if plain_signs.is_wanted(os.environ) else None
        is_thrifty = is_wanted(os.environ) and not find_obstacle()
        self._diff = CellDiff(signs) if is_thrifty else None
        self._held = HeldKeys(self, super().on_event)
        self._is_behind = False  # frames were left out because the terminal did not read
        if "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"  # a page down is 6 KB instead of 71 over SSH
        for own_theme in THEMES:
            self.register_theme(own_theme)
        self.theme = theme if theme in self.available_themes else DARK.name

    def get_default_screen(self) -> Screen[None]:
        return Skeleton(str(self._home), self._left.arrangements)

    def on_load(self) -> None:
        """Hear signals before the terminal is the app's, so that none leaves it as the app has it."""
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in ENDING_SIGNALS:
                loop.add_signal_handler(number, self._end_by_signal, number)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self._draw_all(), immediate=True)
        self.screen_change_signal.subscribe(self, self._held.see_screen, immediate=True)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._load_main(), name="open the home")

    async def _load_main(self) -> None:
        """Put the main screen over the skeleton; where the home cannot be opened, end and keep why."""
        try:
            make_screen, workspace = await asyncio.to_thread(self._open)
        except MlwfError as error:
            self._fail(error)
        else:
            await self.push_screen(make_screen(workspace, self._read_clock, self._left))

    def _fail(self, error: MlwfError) -> None:
        """End, and keep why for whoever started the app."""
        self.failure = error
        self.exit(return_code=1)

    def _open(self) -> tuple[type[MainScreen], Workspace]:
        from mlwf_tui.tui.screens.main import MainScreen  # noqa: PLC0415 - see TYPE_CHECKING above

        return MainScreen, self._open_home()

    def action_command_palette(self) -> None:
        """Open the palette; one at a time."""
        from mlwf_tui.tui.widgets.palette import Palette  # noqa: PLC0415 - not before it is asked for

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Keep of the stock commands what the main screen does not say better itself."""
        yield from (c for c in super().get_system_commands(screen) if c.title == "Theme")

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Return the screen as an SVG that asks nothing of the network."""
        return tidy_svg(super().export_screenshot(title=title, simplify=simplify))

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or not await self._held.take(event):
            await super().on_event(event)

    @on(Fence)
    async def _on_fence(self, fence: Fence) -> None:
        await self._held.go_on(fence)

    def on_main_screen_answered(self) -> None:
        self._held.forget()

    async def on_key(self) -> None:
        """Let a key wait while what it means is being read: the branch that was opened before it."""
        wait = getattr(self.focused, "wait_for_branch", None)  # the tree's, which is not imported here
        if wait is not None:
            await wait()

    def on_main_screen_completed(self) -> None:
        """Look for no garbage in what was made with the start: that would hold the app for 0.1 s."""
        if not self.is_headless:
            gc.freeze()

    def on_main_screen_home_lost(self, message: MainScreen.HomeLost) -> None:
        self._fail(message.error)

    def on_main_screen_redraw_requested(self) -> None:
        self._draw_all()

    def _draw_all(self) -> None:
        """Paint everything anew, whatever the terminal may show: another program may have had it."""
        if self._diff is not None:
            self._diff.forget()
        self.screen.refresh(layout=True)

    def on_main_screen_notice_sent(self, message: MainScreen.NoticeSent) -> None:
        """Send the terminal what draws nothing, unless it has stopped reading."""
        if self._driver is not None and not is_backed_up(self._driver):
            self._driver.write(message.sequence)
            self._driver.flush()

    def on_picture_view_sent(self, message: PictureView.Sent) -> None:
        """Send the terminal a picture's pixels; while it does not read, the picture is drawn in cells."""
        if self._driver is None or is_backed_up(self._driver):
            message.view.use_cells()
            return
        self._driver.write(message.sequence)
        self._driver.flush()

    def on_picture_view_striped(self, message: PictureView.Striped) -> None:
        """Keep the strips of a picture, to be written where its cells stand."""
        if self._diff is not None and message.view.use_strips(message.picture, message.number):
            self._diff.keep_picture(message.number, message.strips)

    def on_picture_view_dropped(self, message: PictureView.Dropped) -> None:
        if self._diff is not None:
            self._diff.drop_picture(message.number)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write a frame as the difference from the last; leave it out while the terminal does not read."""
        if self._diff is None or renderable is None:
            super()._display(screen, renderable)
        elif is_backed_up(self._driver):
            self._catch_up_later()
        elif isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, self._diff.wrap(renderable, self.size))
        else:
            self._diff.forget()
            super()._display(screen, renderable)

    def _catch_up_later(self) -> None:
        if not self._is_behind:
            self._is_behind = True
            self.set_timer(CATCH_UP_S, self._catch_up)

    def _catch_up(self) -> None:
        self._is_behind = False
        self.screen.refresh()

    def _handle_exception(self, error: Exception) -> None:
        """Let no dialog that was just being mounted when the app was ended spoil its end."""
        if self._exit:
            logger.warning("failed while the app was ended", exc_info=error)
        else:
            super()._handle_exception(error)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave, however it came to it, and remember where a person was."""
        for screen in self.screen_stack if not self._exit else ():
            keep = getattr(screen, "keep_place", None)  # the main screen's, which is not imported here
            if keep is not None:
                self._keep_place(keep)
        super().exit(result, return_code, message)

    def _keep_place(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except Exception:  # noqa: BLE001 - the border of the app: nothing keeps it from ending
            logger.exception("where the app was left is not kept")

    def _end_by_signal(self, number: int) -> None:
        self.exit(return_code=128 + number)


def run_app(home: Path) -> int:
    """Show the home until a person leaves, and return the exit code.

    Raises:
        StorageFailed: the home is not ours or cannot be written.
        CorruptData: the catalog or the store's index is damaged.
        InvalidInput: settings.toml cannot be used.
    """
    prepare_home(home, may_be_read_only=True)
    with ExitStack() as opened:
        settings = read_settings(home)
        left = read_sitting(home, settings.author)
        app = MlwfApp(home, partial(_open_home, home, opened), theme=settings.theme, left=left)
        app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code if app.return_code is not None else 1


def _open_home(home: Path, opened: ExitStack) -> Workspace:
    """Open the workspace, to be closed with `opened`; called in a thread after the first paint."""
    from mlwf_tui.workspace import open_workspace  # noqa: PLC0415 - see TYPE_CHECKING above

    workspace = opened.enter_context(open_workspace(home, may_be_read_only=True))
    gc.freeze()  # what was imported stays: without looking through it, a collection takes a third
    gc.set_threshold(GC_THRESHOLD)
    return workspace


def _read_local_clock() -> datetime:
    return datetime.now().astimezone()
