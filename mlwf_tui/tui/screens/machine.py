"""The screen of the machine over the main one, and the history that is kept for it while it is closed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from mlwf_tui.entities.machine import Machine
from mlwf_tui.entities.mark import Mark
from mlwf_tui.tui.keys import KEYS_BY_ID
from mlwf_tui.tui.screens.live import MACHINE_INTERVAL_S
from mlwf_tui.tui.screens.outline import make_run_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.machine_view import MachineView
from mlwf_tui.tui.widgets.status_bar import StatusBar
from mlwf_tui.workflow.running.machine_marks import mark_machine

KEPT = 600  # readings: twenty minutes
HINTS = (("close", "esc", "back"), ("move_down", "j", "down"), ("move_up", "k", "up"))


class MachineScreen(Screen[None]):
    """Shows the machine, drawn anew with each reading; Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"escape,q,{KEYS_BY_ID['machine'].keys}", "close", "back", show=False, id="machine.close"),
    ]
    DEFAULT_CSS = """
    MachineScreen { layout: vertical; background: $background; }
    MachineScreen MachineView {
        height: 1fr; border: round $primary; border-title-color: $primary; border-subtitle-color: $text-muted;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.view = MachineView(id="machine")
        self._status = StatusBar(id="status")

    def compose(self) -> ComposeResult:
        self.view.border_title = "Machine"
        self.view.border_subtitle = f"a column is {MACHINE_INTERVAL_S:g} s"
        yield self.view
        yield self._status

    def on_mount(self) -> None:
        self._status.show_hints(HINTS)
        self.view.focus()

    def action_close(self) -> None:
        self.dismiss(None)

    @on(StatusBar.Chosen)
    def _on_hint_chosen(self, event: StatusBar.Chosen) -> None:
        match event.action:
            case "close":
                self.dismiss(None)
            case "move_down":
                self.view.action_move(1)
            case "move_up":
                self.view.action_move(-1)


class Host(Protocol):
    """What the machine's feed needs of the main screen."""

    @property
    def app(self) -> App[object]:
        """The app that the screen is of."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""


class MachineFeed:
    """Keeps what is read of the machine, shows it where the screen is open, and tells its marks."""

    def __init__(self, host: Host, tell_marks: Callable[[Sequence[Mark]], None]) -> None:
        self._host = host
        self._tell_marks = tell_marks
        self._screen: MachineScreen | None = None
        self.history: deque[Machine] = deque(maxlen=KEPT)
        self.by_key: Mapping[str, Callable[[], object]] = {"machine": self.show}

    def take(self, machine: Machine) -> None:
        """Take the next reading in."""
        self.history.append(machine)
        self._tell_marks(mark_machine(self.history))
        self._draw()

    def show(self) -> None:
        """Open the screen."""
        self._screen = MachineScreen()
        self._host.app.push_screen(self._screen, self._forget)
        self._host.app.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if self._screen is not None and self.history:
            marks = mark_machine(self.history)
            self._screen.view.show(tuple(self.history), marks, self._name_runs())

    def _name_runs(self) -> Mapping[str, str]:
        runs = self._host.snapshot.active_runs
        return {run.id: make_run_entry(run, run.created_at).title for run in runs}

    def _forget(self, _: None) -> None:
        self._screen = None
