"""What verbs and views ask of their screen: work in threads, dialogs, words to the person, the clipboard."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

from textual.app import App
from textual.screen import Screen

from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.clipboard import copy_text
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.work import LongWork, Work

T = TypeVar("T")
_SLOW_AFTER_S = 0.5
"""What takes longer is said to go on, so that nobody presses the key again."""
DIALOG_LIMIT_S = 5.0  # after which a person who has typed nothing yet goes on with something else


class Fail(Protocol):
    """Tells what did not work; what is not shown is kept all the same."""

    def __call__(self, error: MlwfError, *, is_shown: bool = True) -> None: ...


class Asking:
    """Does it, and tells every error by `fail`; see the contract `Host` of the verbs."""

    def __init__(
        self,
        app: App[Any],
        work: Work,
        long_work: LongWork,
        teller: Teller,
        fail: Fail,
        on_wait: Callable[[], None],
        on_answered: Callable[[], object],
        *,
        copy_file: Path,
    ) -> None:
        self._app = app
        self._copy_file = copy_file
        self._work = work
        self._long = long_work
        self._teller = teller
        self._fail = fail
        self._on_wait = on_wait
        self._on_answered = on_answered  # what a dialog was awaited for is answered, by a dialog or without
        self._slow: list[str] = []
        self._is_awaiting = False
        self._awaited = 0
        self._awaited_until = 0.0

    @property
    def is_dialog_awaited(self) -> bool:
        """Whether a dialog was asked for that is still being read for."""
        return self._awaited > 0 and monotonic() < self._awaited_until

    @contextmanager
    def awaiting_dialog(self, is_awaited: bool = True) -> Iterator[None]:
        """Take what is asked within, and by the answers to that, as the way to a dialog."""
        before, self._is_awaiting = self._is_awaiting, is_awaited
        try:
            yield
        finally:
            self._is_awaiting = before

    def await_dialog(self) -> Callable[[], AbstractContextManager[None]]:
        """Let keys wait from now on; what is returned is to be called once, for what shows the dialog."""
        self._awaited += 1
        self._awaited_until = monotonic() + DIALOG_LIMIT_S
        return self._answering

    @property
    def waited_for(self) -> str:
        """What was asked last and has not been answered for a while, empty where nothing is."""
        return self._slow[-1] if self._slow else ""

    def ask(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[MlwfError], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        """Do `work` in a thread and hand its result to `done`."""
        answered = self._wait_for(what)
        fail = self._make_fail(failed)
        answering = self.await_dialog() if self._is_awaiting else nullcontext

        def do_done(result: T) -> None:
            answered()
            with answering():
                done(result)

        def do_fail(error: MlwfError) -> None:
            answered()
            with answering():
                fail(error)

        self._work.start(what, work, do_done, fail=do_fail, is_patient=is_patient)

    def do_long(
        self,
        title: str,
        work: Callable[[ScreenObserver], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[MlwfError], None] | None = None,
    ) -> None:
        """Do long `work` in a thread, with its progress shown and a way to cancel it."""
        if not self._long.start(title, work, done, fail=self._make_fail(failed)):
            self._teller.refuse("Something like it goes on already: p shows it.")

    def put(
        self,
        dialog: Screen[T | None],
        then: Callable[[T], None],
        *,
        closed: Callable[[], None] | None = None,
    ) -> None:
        """Show a dialog and hand on what it returns; `closed` is called where there was no answer."""

        def answered(answer: T | None) -> None:
            if answer is not None:
                then(answer)
            elif closed is not None:
                closed()

        self._app.push_screen(dialog, answered)

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard and say which way it went."""
        send = partial(self._app.call_from_thread, self._app.copy_to_clipboard)
        self.ask("copying", lambda: copy_text(text, os.environ, send, self._copy_file), self._teller.say)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self.awaiting_dialog():
                yield
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._on_answered()

    def _wait_for(self, what: str) -> Callable[[], None]:
        """Say after a while that it goes on, until what is returned is called."""
        is_slow = False

        def tell() -> None:
            nonlocal is_slow
            is_slow = True
            self._slow.append(what)
            self._on_wait()

        def answered() -> None:
            timer.stop()
            if is_slow:
                self._slow.remove(what)
                self._on_wait()

        timer = self._app.set_timer(_SLOW_AFTER_S, tell, name=what)
        return answered

    def _make_fail(self, failed: Callable[[MlwfError], None] | None) -> Callable[[MlwfError], None]:
        def fail(error: MlwfError) -> None:
            is_answered = failed is not None and not isinstance(error, Cancelled)
            self._fail(error, is_shown=not is_answered)
            if failed is not None and is_answered:
                failed(error)

        return fail
