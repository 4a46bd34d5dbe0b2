"""What holds the app's event loop longest, in processor time: in the app's tests, or while a person uses it.

    python -m benchmarks.loop_blocks [pytest arguments]      tests/tui where none are given
    python -m benchmarks.loop_blocks --app HOME              the app on a home, until it is left

A step is what the loop does between two looks at what is ready: no key is answered and nothing is drawn
meanwhile. The aim is 50 ms. What counts is the processor time of the loop's own thread, so that a busy
machine does not count; of it, `GC ms` went to looking for garbage. Steps of a test's own task (a file read,
an image made) are listed apart, since no person meets them. As in the app, what was imported before a test
is not looked through for garbage.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from asyncio import events
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from textual.message import Message
from textual.message_pump import MessagePump

if TYPE_CHECKING:  # it imports much that the app imports itself, perhaps on its loop
    import pytest

AIM_MS = 50.0
NOTED_MS = 15.0
LISTED = 40
FOLDER_VARIABLE = "MLWF_LOOP_BLOCKS"
_handled: ContextVar[str] = ContextVar("handled", default="")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a loop: what it was last busy with, and what it cost the loop's thread."""

    handled: str
    test: str
    is_of_test: bool
    cpu_ms: float
    gc_ms: float
    wall_ms: float


class Tally(msgspec.Struct):
    """What one process saw: how many steps, their processor time, and the long ones."""

    steps: int = 0
    cpu_s: float = 0.0
    noted: list[Step] = []


class LoopMeter:
    """Times each step of every event loop of this process, from `install` on."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.test = ""
        self.test_path = Path()
        self._gc_s = 0.0
        self._gc_began_s = 0.0

    def install(self) -> None:
        """Stand around asyncio's handles, Textual's dispatching and the garbage collector."""
        run, dispatch = events.Handle._run, MessagePump._dispatch_message

        def run_timed(handle: events.Handle) -> None:
            context = handle._context  # type: ignore[attr-defined]
            callback = handle._callback  # type: ignore[attr-defined]
            gc_s, began_s, began_cpu_s = self._gc_s, time.perf_counter(), time.thread_time()
            run(handle)
            cpu_s = time.thread_time() - began_cpu_s
            self.tally.steps += 1
            self.tally.cpu_s += cpu_s
            if cpu_s * 1e3 >= NOTED_MS:
                wall_s = time.perf_counter() - began_s
                self._note(callback, context.get(_handled, ""), cpu_s, self._gc_s - gc_s, wall_s)

        async def dispatch_named(pump: MessagePump, message: Message) -> None:
            _handled.set(_describe(pump, message))
            await dispatch(pump, message)

        events.Handle._run = run_timed  # type: ignore[method-assign, assignment]
        MessagePump._dispatch_message = dispatch_named  # type: ignore[method-assign, assignment]
        gc.callbacks.append(self._see_collection)

    def _see_collection(self, phase: str, _: object) -> None:
        if phase == "start":
            self._gc_began_s = time.thread_time()
        else:
            self._gc_s += time.thread_time() - self._gc_began_s

    def _note(self, callback: object, handled: str, cpu_s: float, gc_s: float, wall_s: float) -> None:
        task = getattr(callback, "__self__", None)
        is_of_test = isinstance(task, asyncio.Task) and self._is_of_test(task)
        if not handled or is_of_test:
            handled = _name(task.get_coro() if isinstance(task, asyncio.Task) else callback)
        step = Step(
            handled=handled, test=self.test, is_of_test=is_of_test,
            cpu_ms=cpu_s * 1e3, gc_ms=gc_s * 1e3, wall_ms=wall_s * 1e3,
        )  # fmt: skip
        self.tally.noted.append(step)

    def _is_of_test(self, task: asyncio.Task[Any]) -> bool:
        code = getattr(task.get_coro(), "cr_code", None)
        return code is not None and Path(code.co_filename) == self.test_path


def _name(callback: object) -> str:
    return getattr(getattr(callback, "func", callback), "__qualname__", repr(callback))


def _describe(pump: MessagePump, message: Message) -> str:
    """Return who handles what: the widget, the message, and the key or what is called back."""
    detail = getattr(message, "key", None) or getattr(message, "callback", None) or ""
    if callable(detail):
        detail = _name(detail)
    return f"{type(pump).__name__} {type(message).__name__} {detail}".rstrip()


_meter = LoopMeter()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to measure, in the one process or in each of several."""
    _meter.install()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which test begins, and keep earlier ones out of the search for garbage."""
    from mlwf_tui.tui.app import GC_THRESHOLD  # noqa: PLC0415 - tests decide what is imported first

    _meter.test, _meter.test_path = item.nodeid, item.path
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def pytest_sessionfinish() -> None:
    """Leave what was seen for the process that prints it."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    (folder / f"{os.getpid()}.json").write_bytes(msgspec.json.encode(_meter.tally))


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the longest steps, each with its ratio to the aim."""
    if arguments[:1] == ["--app"]:
        return _use_app(Path(arguments[1]))
    import pytest  # noqa: PLC0415 - see TYPE_CHECKING above

    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = folder
        code = pytest.main(["-p", "benchmarks.loop_blocks", *(arguments or ["tests/tui"])])
        tallies = [msgspec.json.decode(path.read_bytes(), type=Tally) for path in Path(folder).glob("*.json")]
    _print_tally(_add_up(tallies))
    return int(code)


def _use_app(home: Path) -> int:
    from mlwf_tui.tui.app import run_app  # noqa: PLC0415 - a start imports what it needs itself

    _meter.install()
    code = run_app(home)
    _print_tally(_meter.tally)
    return code


def _add_up(tallies: Sequence[Tally]) -> Tally:
    return Tally(
        steps=sum(tally.steps for tally in tallies),
        cpu_s=sum(tally.cpu_s for tally in tallies),
        noted=[step for tally in tallies for step in tally.noted],
    )


def _print_tally(tally: Tally) -> None:
    own = [step for step in tally.noted if not step.is_of_test]
    over = sum(step.cpu_ms > AIM_MS for step in own)
    longest_ms = max((step.cpu_ms for step in own), default=0.0)
    print(
        f"{tally.steps:,} steps took {tally.cpu_s:.0f} s of processor time;"
        f" {over:,} steps of the app took more than {AIM_MS:.0f} ms, and the longest"
        f" {longest_ms / AIM_MS:.1f} times that"
    )
    _print_steps("the app", own)
    _print_steps("the tests themselves", [step for step in tally.noted if step.is_of_test])


def _print_steps(title: str, steps: Sequence[Step]) -> None:
    if not steps:
        return
    print(f"\n{title:60}{'CPU ms':>8}{'ratio':>7}{'GC ms':>7}{'wall ms':>9}{'times':>7}  test")
    groups: dict[str, list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.cpu_ms, reverse=True):
        groups.setdefault(step.handled, []).append(step)
    for handled, group in list(groups.items())[:LISTED]:
        most = group[0]
        print(
            f"{handled[:59]:60}{most.cpu_ms:8.0f}{most.cpu_ms / AIM_MS:7.2f}{most.gc_ms:7.0f}"
            f"{most.wall_ms:9.0f}{len(group):7}  {most.test.removeprefix('tests/tui/')[:80]}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
