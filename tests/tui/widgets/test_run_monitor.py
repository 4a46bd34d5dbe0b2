"""The monitor's head: all it has to say in a window that has the rows, a few rows in one that has not."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.mark import Mark, MarkKind
from mlwf_tui.entities.run import MetricPoint, Progress, Run, RunState
from mlwf_tui.entities.usage import Spread, Usage
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from tests.tui.homes import read_clock

MARKS = (
    Mark(MarkKind.RISING, "val/box_loss has risen for 12 epochs.", "It learns its data by heart: stop it."),
    Mark(MarkKind.PLATEAU, "metrics/mAP50-95(B) stands still since epoch 4.", "More epochs bring nothing."),
)
USAGE = Usage(
    readings=9, measured_s=18.0, cores=Spread(1.5, 2.0), cpu_percent=Spread(80.0, 90.0),
    memory_peak_bytes=2 << 30, cpu_energy_wh=3.0, cpu_energy_s=18.0,
)  # fmt: skip


class MonitorApp(App[None]):
    def compose(self) -> ComposeResult:
        yield RunMonitor()


@pytest.mark.parametrize(("size", "rows", "mark_count"), [((80, 24), 4, 1), ((160, 40), 5, 2)])
async def test_a_low_window_gives_each_note_one_row(
    size: tuple[int, int], rows: int, mark_count: int, tmp_path: Path
) -> None:
    now = read_clock()
    run = Run(
        id=RunId("a" * 12), verb="train", state=RunState.RUNNING, params={}, seed=0, created_at=now,
        started_at=now, author="a",
    )  # fmt: skip
    app = MonitorApp()
    async with app.run_test(size=size) as pilot:
        monitor = app.query_one(RunMonitor)
        monitor.show_run(run, "train one", tmp_path / "log", now)
        monitor.show_usage(USAGE)
        monitor.show_update(run, Progress(step=1, total=4, message="epoch 1/4"), (), now, marks=MARKS)
        await pilot.pause()
        head = monitor.query_one("#run-head")
        assert head.size.height == rows
        text = "\n".join(head.render_line(y).text for y in range(head.size.height))
        assert "epoch 1/4" in text
        assert "cores 1.5 on average" in text
        assert [mark.message in text for mark in MARKS] == [True, mark_count == 2]


async def test_the_least_window_has_a_row_for_state_progress_and_mark_and_three_for_the_log(
    tmp_path: Path,
) -> None:
    now, app, run = read_clock(), MonitorApp(), make_run(RunState.RUNNING, {})
    (tmp_path / "log").write_text("epoch 1\n")
    async with app.run_test(size=(60, 12)) as pilot:
        monitor = app.query_one(RunMonitor)
        monitor.show_run(run, "train a-model-with-a-long-name-1", tmp_path / "log", now)
        monitor.show_usage(USAGE)
        progress = Progress(step=1, total=4, message="epoch 1/4, box 1.51, cls 1.45, dfl 1.14, mAP50 0.607")
        point = MetricPoint(key="metrics/mAP50", value=0.5, step=1, at=1.0)
        monitor.show_update(run, progress, [point], now, marks=MARKS)
        await pilot.pause()
        head = monitor.query_one("#run-head")
        rows = [head.render_line(y).text.strip() for y in range(head.size.height)]
        assert len(rows) == 3, rows
        assert "25%" in rows[1]
        assert "epoch 1/4, box 1.51" in rows[1]
        assert MARKS[0].message in rows[2]
        assert (monitor.metrics.size.height, monitor.log_view.size.height) == (6, 3)
        monitor.log_view.focus()
        await pilot.pause()
        assert (monitor.metrics.size.height, monitor.log_view.size.height) == (3, 6), "what is read has room"


def make_run(state: RunState, environment: dict[str, str]) -> Run:
    now = read_clock()
    return Run(
        id=RunId("a" * 12), verb="train", state=state, params={}, seed=0, created_at=now, started_at=now,
        finished_at=now if state.is_finished else None, author="a", environment=environment, result={"n": 3},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "environment", "words"),
    [
        (RunState.RUNNING, {"program": "python a.py"}, "Its program writes to a terminal of its own"),
        (RunState.DONE, {"program": "python a.py"}, "Its program writes to a terminal of its own"),
        (RunState.RUNNING, {}, "It is done by a command or in the app: there is no log."),
        (RunState.DONE, {}, "It was done at once"),
    ],
)
async def test_what_no_job_does_has_no_log_and_the_plots_have_its_room(
    state: RunState, environment: dict[str, str], words: str, tmp_path: Path
) -> None:
    app = MonitorApp()
    async with app.run_test(size=(100, 40)) as pilot:
        monitor, run = app.query_one(RunMonitor), make_run(state, environment)
        monitor.show_run(run, "train one", tmp_path / "log", read_clock())
        await pilot.pause()
        result = monitor.query_one("#run-result")
        text = "\n".join(result.render_line(y).text for y in range(result.size.height))
        assert words in text
        assert not monitor.log_view.display
        monitor.show_update(run, None, [MetricPoint(key="loss", value=1.0, step=1, at=1.0)], read_clock())
        await pilot.pause()
        assert monitor.metrics.size.height > 30
