"""Verbs that are queued: each is done by a job, and records itself as the run that was queued."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.calls import CALLS, submit_call
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.making import make_voc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)]}, splits={"train": ["a"]})
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.mark.slow
def test_a_chain_of_all_queued_verbs_is_done_in_order(home: Workspace, tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    calls: dict[str, dict[str, Any]] = {
        "import": {"path": str(tmp_path / "voc"), "project": "seen", "dataset": "", "format": "auto"},
        "transform": {"operation": "flip", "refs": ["seen"], "to": "flipped", "params": {}, "seed": 3},
        "export": {"ref": "seen", "folder": str(tmp_path / "exported"), "format": "yolo"},
        "checkout": {"ref": "seen@1", "folder": folder, "force": False},
        "sync": {"folder": folder, "message": None, "policy": None},
        "verify": {"scope": "all", "share": 1.0, "is_rebuilding": False, "repair_from": None},
        "collect": {"is_dry_run": True, "grace_s": 0.0},
        "backup": {"folder": str(tmp_path / "backup")},
    }
    assert calls.keys() == CALLS.keys() - {"pipeline", "sweep", "compare"}  # which have tests of their own
    runs: dict[str, Run] = {}
    for verb, call in calls.items():
        after = tuple(run.id for run in list(runs.values())[-1:])
        runs[verb] = submit_call(home, verb, call, terms=Terms(wants=Wants(), after=after))
    for verb, run in runs.items():
        done = jobs.wait_for_end(home, run)
        assert done.state is RunState.DONE, (verb, done.error)
        assert done.result, verb
        assert [r.id for r in home.catalog.runs.list() if r.verb == verb] == [run.id]
        runs[verb] = done
    assert runs["import"].result["items_added"] == 1
    assert runs["transform"].params["operation"] == "flip"
    assert [end.kind for end in runs["transform"].outputs] == [ArtifactKind.VERSION]
    assert any((tmp_path / "exported").rglob("*.jpg"))
    assert Path(folder, "meta.json").exists()
    assert (tmp_path / "backup" / "catalog.sqlite").exists()
    assert runs["verify"].result["problems"], "the item of the first project has no bytes"


def test_a_queued_verb_that_fails_says_why_once(home: Workspace) -> None:
    run = submit_call(home, "export", {"ref": "cells", "folder": str(home.home / "in"), "format": "yolo"})
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "inside of the home" in failed.error
    assert b"could not be closed" not in (home.run_folder(run.id) / "log").read_bytes()


def test_a_verb_that_cannot_be_queued_is_refused(home: Workspace) -> None:
    with pytest.raises(InvalidInput, match="commit"):
        submit_call(home, "commit", {})
