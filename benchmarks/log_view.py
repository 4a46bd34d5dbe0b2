"""A log of 1,000,000 lines and 100 MB against its limits: opening, memory, following, searching, paging.

    python -m benchmarks.log_view [LINES] [FOLDER]

With 11,400,000 lines it is 1 GB; FOLDER is where it is written for the time. Prints one line a limit: what
was measured, the limit, and their ratio; below 1.00 is within it. Beside them the same lines in Textual's
own Log, as far as 200,000 of them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import psutil
from textual.app import App, ComposeResult
from textual.widgets import Log

from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.query import Query
from mlwf_tui.tui.widgets.log_view import LogView

SIZE = (160, 45)
PEER_LINES = 200_000


class LogApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LogView()


class PeerApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Log()


def write_log(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            file.write(f"2026-11-23 12:00:00 INFO trainer: epoch {number // 1000} batch {number:>9,} ")
            file.write(f"box 1.{number % 997:03d} cls 0.{number % 991:03d} dfl 0.9\n")
            if number == count // 2:
                file.write("2026-11-23 12:00:00 WARNING loader: the needle in the hay\n")


async def measure_view(path: Path, count: int) -> None:
    process = psutil.Process()
    async with LogApp().run_test(size=SIZE) as pilot:
        view = pilot.app.query_one(LogView)
        before = process.memory_info().rss
        gaps: list[float] = []
        watcher = asyncio.create_task(watch_loop(gaps))
        start = time.perf_counter()
        view.open_log(path)
        view.render_line(SIZE[1] - 1)
        report("opened, the end on the screen", (time.perf_counter() - start) * 1e3, 1000, "ms")
        while not view.is_complete:
            await asyncio.sleep(0.001)
        report("every line known", (time.perf_counter() - start) * 1e3, 1000, "ms")
        report("longest gap of the event loop meanwhile", max(gaps) * 1e3, 50, "ms")
        report("memory", (process.memory_info().rss - before) / 1e6, 20, "MB")
        gigabytes = path.stat().st_size / 1e9
        for what, search in (
            ("search for a text", partial(view.search, "needle")),
            ("search for an expression", partial(view.search, r"loader: \w+ needle")),
            ("filter by level", partial(view.filter, Query(level=Level.WARNING))),
        ):
            gaps.clear()
            start, before_s = time.perf_counter(), measure_cpu_s()
            assert await search() == 1
            report(what, (time.perf_counter() - start) / gigabytes, 20, "s/GB")
            report("  CPU of it, app and search together", measure_cpu_s() - before_s, 20, "s")
            report("  longest gap of the event loop meanwhile", max(gaps) * 1e3, 50, "ms")
        await view.filter(Query())
        report("memory with a search and its matches", (process.memory_info().rss - before) / 1e6, 20, "MB")
        watcher.cancel()
        steps = []
        for step in range(100):
            start = time.perf_counter()
            view.scroll_to(y=step * 9973 % count, animate=False, force=True, immediate=True)
            for row in range(view.size.height):
                view.render_line(row)
            steps.append(time.perf_counter() - start)
        report("jump to any line, median", median(steps) * 1e3, 20, "ms")
        start = time.perf_counter()
        with path.open("a") as file:
            file.writelines(f"one more line {number}\n" for number in range(1000))
        view.poll()
        report("1,000 new lines taken in", (time.perf_counter() - start) * 1e3, 16, "ms")


def measure_cpu_s() -> float:
    """Return the CPU time of this process and of the searches below it, those that have ended too."""
    times = psutil.Process().cpu_times()
    alive = sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children())
    return float(times.user + times.system + times.children_user + times.children_system + alive)


async def measure_peer(path: Path) -> tuple[float, float]:
    process = psutil.Process()
    async with PeerApp().run_test(size=SIZE) as pilot:
        before = process.memory_info().rss
        start = time.perf_counter()
        with path.open() as file:
            pilot.app.query_one(Log).write_lines(
                line.rstrip() for _, line in zip(range(PEER_LINES), file, strict=False)
            )
        return (time.perf_counter() - start) * 1e3, (process.memory_info().rss - before) / 1e6


async def watch_loop(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now


def report(what: str, value: float, limit: float, unit: str) -> None:
    print(f"{what:<44} {value:9.1f} {unit}   limit {limit:7.0f} {unit}   ratio {value / limit:5.2f}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    parent = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        path = Path(folder) / "log"
        write_log(path, count)
        print(f"{count:,} lines, {path.stat().st_size / 1e6:.0f} MB")
        asyncio.run(measure_view(path, count))
        time_ms, memory_mb = asyncio.run(measure_peer(path))
        print(f"Textual's Log, {PEER_LINES:,} of the lines: {time_ms:.0f} ms held, {memory_mb:.0f} MB")


if __name__ == "__main__":
    main()
