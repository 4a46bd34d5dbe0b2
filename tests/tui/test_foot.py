"""The line at the foot: how things stand, in few words."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.screens.foot import draw_standing
from mlwf_tui.workflow.describe import Coverage


@pytest.mark.parametrize(
    ("going", "words"),
    [
        ([], ""),
        ([RunState.QUEUED] * 3, "◌ 3 queued"),
        ([RunState.QUEUED, RunState.CLAIMED, RunState.STOPPING], "● 2 running  ◌ 1 queued"),
        ([RunState.PAUSED, RunState.RUNNING], "● 1 running  ‖ 1 paused"),
    ],
)
def test_runs_that_wait_are_not_counted_as_running(going: list[RunState], words: str) -> None:
    shown = draw_standing(progress=None, marked=(), going=going, errors=0, coverage=Coverage(), home=None)
    assert shown.plain == words
