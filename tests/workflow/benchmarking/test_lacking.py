"""What a comparison lacks is queued with it in one go, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidInput, Untrusted
from mlwf_tui.workflow.benchmarking.apart import NotMeasured, find_apart
from mlwf_tui.workflow.benchmarking.lacking import submit_compare, submit_missing
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import add_seer
from tests.making import make_yolo
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict

CELL = ("cell", 4, 4, 24, 24)


@pytest.fixture
def home(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A home in which one model is measured, and whose queue is paused."""
    fill_val(workspace, tmp_path / "val", images=3)
    add_report(workspace, add_model(workspace, "one"), predict(workspace))
    pause_queue(workspace)
    return workspace


def look(home: Workspace, *models: str) -> NotMeasured:
    apart = find_apart(home, models)
    assert apart is not None and apart.missing
    return apart


def list_queued(home: Workspace) -> list[Run]:
    return [run for run in home.catalog.runs.list()[::-1] if run.state is RunState.QUEUED]


def test_the_comparison_comes_after_its_benchmarks_which_follow_each_other(home: Workspace) -> None:
    add_model(home, "two")
    add_model(home, "three")

    run = submit_compare(home, look(home, "two", "three", "one"), split="val", is_trusted=True)

    second, third, comparison = list_queued(home)
    assert [of.params["model"] for of in (second, third)] == ["two", "three"]
    assert comparison == run
    call = {"models": ["two", "three", "one"], "on": None, "split": "val", "evaluator": "detect"}
    assert run.params == call
    assert run.call["models"] == [home.catalog.models.get(name).id for name in ("two", "three", "one")]
    afters = [of.terms.after for of in (second, third, comparison) if of.terms is not None]
    assert afters == [(), (second.id,), (second.id, third.id)]


def test_what_was_never_measured_is_measured_on_test_where_there_is_one(
    home: Workspace, tmp_path: Path
) -> None:
    boxes = {f"{split}/{split}.png": [CELL] for split in ("train", "val", "test")}
    data = make_yolo(tmp_path / "parted", boxes, class_names=CLASSES)
    import_folder(home, data, "parted", observer=KeepingObserver())
    commit(home, "parted", message="in three parts")
    for name in ("two", "three"):
        add_model(home, name)

    apart = find_apart(home, ("two", "three"), on="parted@1")

    assert apart is not None
    assert apart.commands[0] == "mlwf benchmark two parted@1 --split auto"
    runs = submit_missing(home, apart.missing, is_trusted=True)
    assert [run.params["split"] for run in runs] == ["test", "test"]
    nowhere = find_apart(home, ("two", "three"))
    assert nowhere is not None and nowhere.hint.endswith("mlwf benchmark three PROJECT@N --split auto")


def test_what_cannot_be_measured_leaves_nothing_queued(home: Workspace) -> None:
    add_model(home, "two")
    add_model(home, "cars", classes=["car"])
    apart = look(home, "two", "cars", "one")

    with pytest.raises(InvalidInput, match="no class in common"):
        submit_compare(home, apart, is_trusted=True)
    with pytest.raises(InvalidInput, match="no class in common"):
        submit_missing(home, apart.missing, is_trusted=True)

    assert list_queued(home) == []


def test_a_person_is_told_of_all_models_that_are_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        fill_val(home, tmp_path / "val", images=3)
        pause_queue(home)
        add_report(home, add_seer(home, "one", [CELL]), predict(home))
        for name in ("two", "three"):
            add_seer(home, name, [CELL], danger=True)
        apart = look(home, "two", "three", "one")

        with pytest.raises(Untrusted, match=r"^two: .*danger\. three: .*danger\.$"):
            submit_compare(home, apart)
        assert list_queued(home) == []
        submit_compare(home, apart, is_trusted=True)
        assert len(list_queued(home)) == 3
