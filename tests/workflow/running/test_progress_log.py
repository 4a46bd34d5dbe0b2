"""What a run's log says of its progress: some lines, never many, and all goes on to the event file."""

from __future__ import annotations

import logging

import pytest

from mlwf_tui.workflow.running.progress_log import ProgressLog
from tests.fakes.observers import KeepingObserver


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mlwf_tui.workflow.running.progress_log")


def work(steps: int, total: int | None, *, step_s: float = 0.5) -> KeepingObserver:
    clock, observer = Clock(), KeepingObserver()
    log = ProgressLog("import", observer, clock=clock)
    for step in range(1, steps + 1):
        clock.now_s += step_s
        log.progress(step, total, f"item {step}")
    return observer


def test_a_line_says_how_far_how_fast_and_how_long_still(caplog: pytest.LogCaptureFixture) -> None:
    observer = work(45, 2000)
    assert caplog.messages == [
        "import: 20 of 2,000 (1%), 2/s, 16 min left: item 20",
        "import: 40 of 2,000 (2%), 2/s, 16 min left: item 40",
    ]
    assert len(observer.steps) == 45


def test_without_an_end_it_says_what_is_known(caplog: pytest.LogCaptureFixture) -> None:
    work(20, None)
    assert caplog.messages == ["import: 20, 2/s: item 20"]


def test_work_of_a_moment_writes_nothing_and_that_of_a_day_few_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work(19, 100)
    assert not caplog.messages
    work(86_400, None, step_s=1.0)
    assert 100 < len(caplog.messages) < 150


def test_metrics_and_wishes_go_through() -> None:
    observer = KeepingObserver()
    log = ProgressLog("train", observer)
    log.metric("loss", 0.5, 3)
    log.check_cancelled()
    assert observer.metrics == [("loss", 0.5, 3)]
