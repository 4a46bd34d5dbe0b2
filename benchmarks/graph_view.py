"""Lineage graph of 10,000 nodes against its limits: layout, how long the app is held, a scroll step.

    python -m benchmarks.graph_view [NODES]

Prints one line a limit: what was measured, the limit, and their ratio; below 1.00 is within it. Times of
the layout and of scroll steps are of the process alone (CPU), the others are what a person waits (wall).
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from statistics import median, quantiles

from textual.app import App, ComposeResult

from mlwf_tui.tui.widgets.graph_layout import lay_out
from mlwf_tui.tui.widgets.lineage_view import LineageView
from tests.fakes.graphs import make_history

SIZE = (160, 45)
STEPS = 200


class ViewApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LineageView()


def measure_layout(count: int) -> float:
    graph = make_history(count)
    times = []
    for _ in range(3):
        start = time.process_time()
        lay_out(graph)
        times.append(time.process_time() - start)
    return min(times)


async def measure_view(count: int) -> tuple[float, float, list[float]]:
    """Return (seconds until shown, longest gap of the loop meanwhile, seconds of each scroll step)."""
    graph = make_history(count)
    async with ViewApp().run_test(size=SIZE) as pilot:
        view = pilot.app.query_one(LineageView)
        gaps: list[float] = []
        watcher = asyncio.create_task(watch_loop(gaps))
        start = time.perf_counter()
        view.show_graph(graph)
        while view.is_laying_out:
            await asyncio.sleep(0.001)
        shown_s = time.perf_counter() - start
        watcher.cancel()
        view.select(graph.nodes[count // 2].id)
        await pilot.pause()
        steps = []
        for step in range(STEPS):
            start = time.process_time()
            view.scroll_relative(2 * (step % 2), 1 - step % 2, animate=False, force=True, immediate=True)
            for row in range(view.size.height):
                view.render_line(row)
            steps.append(time.process_time() - start)
        return shown_s, max(gaps), steps


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
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    shown_s, gap_s, steps = asyncio.run(measure_view(count))
    report(f"layout of {count:,} nodes (CPU)", measure_layout(count) * 1e3, 1000, "ms")
    report("from show_graph to the picture", shown_s * 1e3, 1000, "ms")
    report("longest gap of the event loop meanwhile", gap_s * 1e3, 50, "ms")
    report(f"scroll step at {SIZE[0]}x{SIZE[1]} (CPU), median", median(steps) * 1e3, 16, "ms")
    report("scroll step (CPU), 95 of 100", quantiles(steps, n=20)[-1] * 1e3, 16, "ms")
    report("scroll step (CPU), the longest", max(steps) * 1e3, 16, "ms")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report("memory of the process at its peak", peak_mib, 150, "MiB")


if __name__ == "__main__":
    main()
