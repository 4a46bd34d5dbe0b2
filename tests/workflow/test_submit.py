"""What train, benchmark and apply refuse before any process is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workflow.run import start_run
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace
from tests.fakes.models import add_model
from tests.fakes.observers import KeepingObserver
from tests.making import write_image


@pytest.mark.parametrize(
    ("model", "params", "error"),
    [
        ("yolov99z", {}, "yolov99z"),
        ("nowhere.pt", {}, "nowhere"),
        ("yolov10p", {"epochs": "many"}, "epochs"),
        ("yolov10p", {"epochs": "0"}, "epochs"),
        ("yolov10p", {"nosuch": "1"}, "nosuch"),
        ("yolov10p", {"data": "coco8.yaml"}, "data"),
        ("yolov10p", {"project": "/tmp/x"}, "project"),
    ],
)
def test_a_train_with_wrong_words_is_refused_and_leaves_no_run(
    imported: Workspace, model: str, params: dict[str, str], error: str
) -> None:
    before = list_runs(imported)
    with pytest.raises(InvalidParameter, match=error):
        submit_train(imported, "cells", model=model, params=params)
    assert list_runs(imported) == before


def test_a_train_needs_objects_and_both_splits(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    write_image(tmp_path / "bare" / "x.jpg")
    import_folder(imported, tmp_path / "bare", "bare", observer=observer)
    with pytest.raises(InvalidInput, match="no annotated objects"):
        submit_train(imported, "bare", params={})
    transform(imported, "filter", ["cells"], to="train-only", params={"splits": "train"}, observer=observer)
    with pytest.raises(InvalidInput, match="val split") as caught:
        submit_train(imported, "train-only", params={})
    assert "mlwf transform split" in caught.value.hint


def test_a_name_that_is_taken_is_a_conflict(imported: Workspace) -> None:
    add_model(imported, "taken")
    with pytest.raises(Conflict, match="taken"):
        submit_train(imported, "cells", model="yolov10p", params={}, name="taken")


def test_what_a_training_commits_comes_before_it(imported: Workspace) -> None:
    pause_queue(imported)
    run = submit_train(imported, "cells", model="yolov10p", params={}, name="small")
    newest, commit = imported.catalog.runs.list(limit=2)
    assert (newest.id, commit.verb) == (run.id, "commit")
    assert [made.title for made in commit.outputs] == [read.title for read in newest.inputs] == ["cells@1"]


def test_a_program_that_calls_itself_train_keeps_no_training_from_being_queued(imported: Workspace) -> None:
    pause_queue(imported)
    start_run(imported, "train", arguments=["./train.py"])

    run = submit_train(imported, "cells", model="yolov10p", params={})

    assert run.params["name"] == "yolov10p-cells-1"


def test_a_model_of_another_task_is_refused(imported: Workspace) -> None:
    add_model(imported, "sorter", task="classify")
    with pytest.raises(InvalidInput, match="no images with a tag that is the name of a class"):
        submit_benchmark(imported, "sorter", "cells")
    add_model(imported, "counter", task="count")
    with pytest.raises(InvalidInput, match="task count cannot be measured"):
        submit_benchmark(imported, "counter", "cells")
    add_model(imported, "boxer")
    with pytest.raises(InvalidParameter, match="does not measure models for the task detect"):
        submit_benchmark(imported, "boxer", "cells", params={"evaluator": "pose"})
    with pytest.raises(InvalidParameter, match="no evaluator 'guess'"):
        submit_benchmark(imported, "boxer", "cells", params={"evaluator": "guess"})
    add_model(imported, "painter", task="semantic")
    with pytest.raises(InvalidInput, match="semantic"):
        submit_apply(imported, "painter", "cells", to="out", params={})


def test_a_benchmark_needs_a_common_class_and_a_split_with_objects(imported: Workspace) -> None:
    add_model(imported, "cars", class_names=("car",))
    add_model(imported, "cells-1")
    with pytest.raises(InvalidInput, match="no class in common"):
        submit_benchmark(imported, "cars", "cells")
    with pytest.raises(InvalidInput, match="no annotated objects"):
        submit_benchmark(imported, "cells-1", "cells", split="test")
    with pytest.raises(InvalidInput, match="none split"):
        submit_benchmark(imported, "cells-1", "cells", split="none")
    with pytest.raises(InvalidParameter, match="nosuch"):
        submit_benchmark(imported, "cells-1", "cells", split="nosuch")
    with pytest.raises(NotFound):
        submit_benchmark(imported, "nobody", "cells")


def test_an_apply_checks_its_target_and_parameters(imported: Workspace) -> None:
    add_model(imported, "cells-1")
    with pytest.raises(InvalidParameter):
        submit_apply(imported, "cells-1", "cells", to="../out", params={})
    with pytest.raises(InvalidParameter, match="confidence"):
        submit_apply(imported, "cells-1", "cells", to="out", params={"confidence": "2"})
