"""The queue from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui import sdk
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import NotFound
from mlwf_tui.logs.levels import Level
from mlwf_tui.sdk import Home, Terms, Wants
from mlwf_tui.workspace import open_workspace
from tests import jobs
from tests.tui.homes import add_model, fill_projects


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


def test_a_run_tells_its_log_and_what_it_took(home: Home) -> None:
    code = "print('first line')\nprint('WARNING second line')"
    call = {"operation": "act", "refs": ["cells"], "to": "out", "params": {"code": code}, "seed": 0}
    run = home.jobs.submit("transform", call)
    lines = list(home.jobs.iter_log(run.id, follow=True))
    texts = [line.text for line in lines]
    assert texts.index("first line") < texts.index("WARNING second line")
    assert Level.WARNING in {line.level for line in lines}
    assert home.jobs.get(run.id).state is RunState.DONE
    assert [line.text for line in home.jobs.iter_log(run.id, last=1)] == texts[-1:]
    usage = home.jobs.usage(run.id)
    assert usage is not None
    assert usage.readings >= 2


def test_a_training_tells_its_curves_and_how_it_stands(home: Home, tmp_path: Path) -> None:
    with open_workspace(home.path) as workspace:
        fill_projects(workspace, tmp_path / "source")
        add_model(workspace, "cells@2", "net")
    (curves,) = home.jobs.metrics("net", keys=["train/*"])
    assert [series.key for series in curves.series] == ["train/box_loss"]
    assert home.jobs.outlook("net").standing.summaries["train/box_loss"].count == len(curves.series[0])
    assert home.jobs.usage("net") is None
    with pytest.raises(NotFound):
        home.jobs.metrics("net", keys=["accuracy"])
    assert [model.name for model in home.models()] == ["net"]
    assert any(node.id.endswith(home.models()[0].id) for node in home.graph("net").nodes)


def test_the_machine_is_read_with_its_rates(home: Home) -> None:
    machine = home.machine()
    assert machine.host.cpu_percent is not None
    assert machine.host.memory_total_bytes > machine.host.memory_used_bytes > 0


def test_what_would_hurt_later_is_told(home: Home) -> None:
    assert "queue" in {check.name for check in home.doctor()}
