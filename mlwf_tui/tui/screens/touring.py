"""The tour: waits until what a step says is done, and goes on; it can be left and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

from textual.screen import Screen
from textual.timer import Timer

from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.tui.keys import name_key
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.tour_steps import STEPS, Scene, explain
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.tour_card import TourCard
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
LOOK_S = 0.1
OWN, SAMPLE = "own", "sample"


class Host(Protocol):
    """What the tour needs of its screen."""

    workspace: Workspace

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""

    def do_long(self, title: str, work: Callable[[ScreenObserver], T], done: Callable[[T], None]) -> None:
        """Do long `work` in a thread, with its progress shown and a way to cancel it."""

    def reload(self, *, select: str = "") -> None:
        """Read the home again, and put the selection on the entry with this key."""

    def describe_scene(self) -> Scene:
        """Return what the app shows now."""


class Tour:
    """Leads through the steps; `step` comes next: 0 before the first, past the last at the end."""

    def __init__(self, host: Host, card: TourCard, teller: Teller, make_timer: Callable[..., Timer]) -> None:
        self._host = host
        self._card = card
        self._teller = teller
        self._timer = make_timer(LOOK_S, self._look, pause=True)
        self._began = Scene()  # what was shown as the step began
        self._drawn = ""
        self.step = 0
        self.is_on = False
        self.by_key: Mapping[str, Callable[[], object]] = {"tour": self.toggle, "tour_skip": self.skip}

    def take_up(self, left: Sitting) -> None:
        """Go on with the tour where a sitting ended in the midst of it."""
        self.step = left.tour_step
        if left.is_touring and 1 <= self.step <= len(STEPS):
            self._begin_step(self.step)

    def toggle(self) -> None:
        """Begin, leave, or go on with the step that comes next."""
        if self.is_on:
            self._stop()
            self._teller.hint(f"{self._name('tour')} goes on with step {self.step} of the tour.")
        elif 1 <= self.step <= len(STEPS):
            self._begin_step(self.step)
        else:
            self._ask()

    def skip(self) -> None:
        """Leave out a step."""
        if self.is_on:
            self._go_on()
        else:
            self._teller.refuse(f"No tour goes on: {self._name('tour')} begins it.")

    def _ask(self) -> None:
        none_yet = "" if self._host.snapshot.projects else "There is no project in it yet."
        choices = (
            Choice(id=SAMPLE, label="on a sample", key="s", note="60 drawn digits, imported as project tour"),
            Choice(
                id=OWN,
                label="on my own home",
                key="o",
                reason=none_yet,
                note="nothing is changed that you do not change",
            ),
        )
        self._host.put(ContextMenu("Take the tour", choices), self._begin_on)

    def _begin_on(self, choice: str) -> None:
        if choice == OWN:
            self._begin_step(1)
            return
        from mlwf_tui.workflow.demo import make_sample  # noqa: PLC0415 - what it imports few ever need

        work = partial(make_sample, self._host.workspace, seed=0)
        self._host.do_long("Draw a sample", lambda observer: work(announce=observer), self._begin_on_sample)

    def _begin_on_sample(self, _: str) -> None:
        self._host.reload()
        self._begin_step(1)

    def _begin_step(self, number: int) -> None:
        self.step = number
        self._began = self._host.describe_scene()
        self.is_on = True
        self._draw(self._began)
        self._timer.resume()

    def _stop(self) -> None:
        self.is_on = False
        self._timer.pause()
        self._card.hide()

    def _look(self) -> None:
        """Go on where the step is done; else say what is missing for it by now."""
        scene = self._host.describe_scene()
        if STEPS[self.step - 1].is_done(self._began, scene):
            self._go_on()
        else:
            self._draw(scene)

    def _go_on(self) -> None:
        if self.step < len(STEPS):
            self._begin_step(self.step + 1)
            return
        self.step += 1
        self._stop()
        keys = f"{self._name('quit')} leaves the app, and what runs goes on"
        self._teller.hint(f"That was the tour. {keys}; {self._name('tour')} begins it again.")

    def _draw(self, scene: Scene) -> None:
        text = explain(self.step, scene, self._keymap)
        title = f"Tour {self.step} of {len(STEPS)}: {STEPS[self.step - 1].title}"
        if (drawn := f"{title} {text}") != self._drawn or not self._card.display:
            self._drawn = drawn
            self._card.show(title, text, f"{self._name('tour_skip')} skip · {self._name('tour')} leave")

    def _name(self, id: str) -> str:
        return name_key(id, self._keymap)

    @property
    def _keymap(self) -> Mapping[str, str]:
        return self._host.workspace.settings.keys
