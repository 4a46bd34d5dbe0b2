"""Work in threads for a screen: short questions, long verbs with progress, and what went wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from textual.app import App

from mlwf_tui.entities.pace import Pace
from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.graphics import Graphics, find_graphics
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.widgets.progress import ProgressDialog

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Task:
    """A long verb that goes on in this process."""

    title: str
    observer: ScreenObserver
    progress: Progress = field(default_factory=lambda: Progress(step=0, total=None, message="starting…"))
    pace: Pace = field(default_factory=Pace)


def wrap_fault(what: str, error: Exception) -> MlwfError:
    """Return an unforeseen error as one that can be shown, and keep its traceback in the log."""
    logger.error("%s failed", what, exc_info=error)
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    return MlwfError(
        f"The {what} failed: {reason}.", hint="This is a fault of mlwf itself; please report it."
    )


class Work:
    """Runs functions in threads of the app and hands results and errors back on its loop.

    Nothing raised by the work reaches the loop: `fail` gets every error, and Cancelled as well.
    """

    def __init__(self, app: App[Any], fail: Callable[[MlwfError], None]) -> None:
        self._app = app
        self.fail = fail

    @property
    def has_graphics(self) -> bool:
        """Whether pictures are worth making in more pixels than cells have."""
        return find_graphics(self._app) is not Graphics.BLOCKS

    def start(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        fail: Callable[[MlwfError], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        """Begin; a patient one is waited for when the app ends, the other is left behind.

        Leaving behind is for work that has already had its effect, and only waits to see it.
        """
        do = partial(self._do, what, work, done, fail or self.fail)
        if is_patient:
            # Without a description Textual writes the repr of all that the work was given: 0.1 s for a graph.
            self._app.run_worker(
                do, thread=True, exit_on_error=False, group="work", name=what, description=what
            )
        else:
            threading.Thread(target=do, name=what, daemon=True).start()

    def _do(
        self, what: str, work: Callable[[], T], done: Callable[[T], None], fail: Callable[[MlwfError], None]
    ) -> None:
        try:
            result = work()
        except MlwfError as error:
            self._hand_over(fail, error)
        except Exception as error:  # noqa: BLE001 - the border of the app: whatever a verb does, the app goes on
            self._hand_over(fail, wrap_fault(what, error))
        else:
            self._hand_over(done, result)

    def _hand_over(self, receive: Callable[[T], None], value: T) -> None:
        if self._app.is_running:
            self._app.call_from_thread(receive, value)


class LongWork:
    """The one long verb of this process, and the dialog that shows it and can cancel it."""

    def __init__(self, app: App[Any], work: Work, on_change: Callable[[], None]) -> None:
        self._app = app
        self._work = work
        self._on_change = on_change
        self._dialog: ProgressDialog | None = None
        self.task: Task | None = None

    def start(
        self,
        title: str,
        work: Callable[[ScreenObserver], T],
        done: Callable[[T], None],
        *,
        fail: Callable[[MlwfError], None],
    ) -> bool:
        """Begin and show it, unless another one goes on; return whether it was begun."""
        if self.task is not None:
            return False
        observer = ScreenObserver(lambda progress: self._app.call_from_thread(self._report, progress))
        self.task = Task(title, observer)

        def finish(result: T) -> None:
            self._end()
            done(result)

        def give_up(error: MlwfError) -> None:
            self._end()
            fail(error)

        self._work.start(title, lambda: work(observer), finish, fail=give_up)
        return self.show()

    def show(self) -> bool:
        """Show the dialog; False where nothing goes on."""
        if self.task is None:
            return False
        dialog = self._dialog = ProgressDialog(self.task.title, self.cancel, self.task.progress)
        self._app.push_screen(dialog, lambda _: self._forget(dialog))
        self._on_change()
        return True

    def cancel(self) -> None:
        """Ask the verb to stop, if one goes on."""
        if self.task is not None:
            self.task.observer.cancel()

    def _report(self, progress: Progress) -> None:
        if self.task is None:
            return
        self.task.progress = progress
        self.task.pace.add(progress)
        if self._dialog is not None:
            now_s = time.time()
            self._dialog.show(progress, self.task.pace.measure(now_s), self.task.pace.estimate(now_s))
        self._on_change()

    def _end(self) -> None:
        self.task = None
        if self._dialog is not None:
            self._dialog.close()
        self._on_change()

    def _forget(self, dialog: ProgressDialog) -> None:
        """Forget the dialog that was closed, which another work's may have followed meanwhile."""
        if self._dialog is dialog:
            self._dialog = None
