"""Long work in the app's own process: its dialog says how it goes, and is there as long as the work is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from time import time

from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.progress import ProgressDialog
from mlwf_tui.workspace import Workspace
from tests.tui.driving import LIMIT_S, Driver, drive


def is_shown(app: Driver, title: str) -> bool:
    return isinstance(app.top, ProgressDialog) and f"─ {title} ─" in app.read_text()


def wait_for(moment: threading.Event) -> Callable[[ScreenObserver], None]:
    def work(observer: ScreenObserver) -> None:
        observer.progress(1, 2, "half of it")
        assert moment.wait(LIMIT_S)

    return work


async def test_work_that_follows_another_keeps_its_dialog(projects_home: Workspace) -> None:
    first_may_end, second_may_end, third_may_end = (threading.Event() for _ in range(3))
    async with drive(projects_home) as app:

        def begin_second(_: None) -> None:
            app.main.do_long("Second", wait_for(second_may_end), lambda _: begin_third())

        def begin_third() -> None:
            app.main.do_long("Third", wait_for(third_may_end), lambda _: None)

        app.main.do_long("First", wait_for(first_may_end), begin_second)
        await app.until(lambda: is_shown(app, "First"))
        for title, ended in (("Second", first_may_end), ("Third", second_may_end)):
            ended.set()
            await app.until(lambda title=title: is_shown(app, title), title)  # type: ignore[misc]
            await app.until_text("half of it")
        third_may_end.set()
        await app.until(lambda: app.top is app.main, "no dialog any more")


async def test_a_dialog_that_lies_below_another_goes_when_that_is_closed(projects_home: Workspace) -> None:
    may_end, has_ended = threading.Event(), threading.Event()
    async with drive(projects_home) as app:
        app.main.do_long("Work", wait_for(may_end), lambda _: has_ended.set())
        await app.until(lambda: is_shown(app, "Work"))
        app.app.push_screen(Confirm("Sure", "It lies above."))
        await app.until_text("It lies above.")
        may_end.set()
        await app.until(has_ended.is_set)
        assert isinstance(app.top, Confirm)
        await app.press("n")
        await app.until(lambda: app.top is app.main, "no dialog any more")


async def test_the_dialog_says_how_fast_it_goes_and_how_long_it_will_take(projects_home: Workspace) -> None:
    may_end = threading.Event()

    def work(observer: ScreenObserver) -> None:
        begun = time() - 5
        for second in range(6):  # as if it had gone on for five seconds
            observer._report(Progress(step=20 * second, total=1000, message="items", at=begun + second))
        assert may_end.wait(LIMIT_S)

    async with drive(projects_home) as app:
        app.main.do_long("Work", work, lambda _: None)
        said = re.compile(r" 100 of 1,000 · 20/s · 4\d ± 1 s left ")
        await app.until(lambda: said.search(app.read_text()) is not None, "the pace")
        await app.until_text("━  10% ")
        may_end.set()
        await app.until(lambda: app.top is app.main)


async def test_work_that_ends_takes_the_question_whether_to_stop_it_along(projects_home: Workspace) -> None:
    may_end = threading.Event()
    async with drive(projects_home) as app:
        app.main.do_long("Work", wait_for(may_end), lambda _: None)
        await app.until(lambda: is_shown(app, "Work"))
        await app.press("escape")
        await app.until_text("Stop “Work”?")
        may_end.set()
        await app.until(lambda: app.top is app.main, "neither question nor dialog")
