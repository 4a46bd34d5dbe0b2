"""The queue from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import sdk
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import RunState
from mlwf_tui.sdk import Home
from tests import jobs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with (
        jobs.open_job_home(tmp_path, monkeypatch, "slots = 1\n") as workspace,
        sdk.open_home(workspace.home) as opened,
    ):
        yield opened


def test_runs_are_queued_paused_resumed_and_waited_for(home: Home) -> None:
    home.jobs.pause_queue()
    call = {"operation": "act", "refs": ["cells"], "to": "out", "params": {"code": ""}, "seed": 0}
    first = home.jobs.submit("transform", call)
    check = {"scope": "all", "share": 1.0, "is_rebuilding": False, "repair_from": None}
    second = home.jobs.submit("verify", check, terms=Terms(wants=Wants(), after=(first.id,)))
    assert [run.id for run in home.jobs.queue().waiting] == [first.id, second.id]
    assert home.jobs.set_priority(second.id, 4).priority == 4
    assert home.jobs.pause(first.id).state is RunState.PAUSED
    home.jobs.resume_queue()
    assert home.jobs.get(second.id).waits_for == f"run {first.id} to finish"
    home.jobs.resume(first.id)
    seen: list[RunState] = []
    done = home.jobs.wait(second.id, lambda run: seen.append(run.state))
    assert done.state is seen[-1] is RunState.DONE
    assert done.result["problems"], "the item's blob is nowhere"
    assert {run.state for run in home.jobs.runs() if run.verb == "transform"} == {RunState.DONE}


def test_a_run_is_stopped_and_tried_once_more(home: Home) -> None:
    call = {"operation": "act", "refs": ["cells"], "to": "out", "params": {"code": jobs.FOREVER}, "seed": 0}
    run = home.jobs.submit("transform", call)
    assert home.jobs.stop(run.id, grace_s=30).state is RunState.STOPPED
    assert home.jobs.retry(run.id).state in (RunState.QUEUED, RunState.CLAIMED, RunState.RUNNING)
    assert home.jobs.stop(run.id).state is RunState.STOPPED
