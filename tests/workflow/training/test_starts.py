"""What a training can start from, and what is refused before any process is started."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, RunState
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.plugins.trainers.ultralytics.architectures import find_definition
from mlwf_tui.workflow.run import start_run
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.train import check_training, read_params, submit_continued, submit_train
from mlwf_tui.workflow.training.starts import find_start, read_more_epochs, read_params_text
from mlwf_tui.workspace import Workspace
from tests.fakes.models import add_model


@pytest.fixture
def calm(imported: Workspace) -> Workspace:
    """A workspace in which nothing that is queued starts."""
    imported.catalog.queue.set_up(imported.place)
    imported.catalog.queue.set_paused(imported.place, is_paused=True, author="")
    return imported


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("yolov10n", "detect"), ("yolov8n-seg", "segment"), ("yolo26n-pose", "pose"), ("yolo11n-obb", "obb"),
        ("yolo12n-cls", "classify"), ("yolov5nu", None), ("yolov3", "detect"), ("rtdetr-l", "detect"),
    ],
)  # fmt: skip
def test_an_architecture_says_its_task(workspace: Workspace, name: str, task: str | None) -> None:
    if task is None:
        with pytest.raises(InvalidParameter, match=name):
            find_start(workspace, name)
        return
    start = find_start(workspace, name)
    assert (start.architecture, start.task, start.model) == (name, task, None)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("yolo11n.pt", "Check the path; or .* -p pretrained=true"),
        ("best.pt", r"^Check the path\.$"),
        ("yolo11nn", "yolo11n"),
        ("mobilenetv99", "mobilenet_v3"),
        ("zzz", r"yolov10n.*resnet18"),
    ],
)
def test_a_start_that_is_not_there_says_what_may_be_meant(
    workspace: Workspace, given: str, hint: str
) -> None:
    with pytest.raises(InvalidParameter, match="There is no architecture, file or model") as refused:
        find_start(workspace, given)
    assert re.search(hint, refused.value.hint)


def test_a_definition_of_ones_own_says_its_task(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("backbone:\n  - [-1, 1, Conv, [16, 3, 2]]\nhead:\n  - [[0], 1, Segment, [nc]]\n")
    assert find_start(workspace, str(path)).task == "segment"

    path.write_text("nothing: here\n")
    with pytest.raises(InvalidInput, match="does not define a model"):
        find_start(workspace, str(path))


def test_the_definition_of_an_architecture_is_the_architecture_where_no_such_file_is(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_start(workspace, "yolo11n-seg.yaml") == find_start(workspace, "yolo11n-seg")
    with pytest.raises(InvalidParameter, match=r"yolo99n\.yaml"):
        find_start(workspace, "yolo99n.yaml")
    Path("yolo11n-seg.yaml").write_text("head:\n  - [[0], 1, Detect, [nc]]\n")
    start = find_start(workspace, "yolo11n-seg.yaml")
    assert (start.architecture, start.task) == (str(tmp_path / "yolo11n-seg.yaml"), "detect")


def test_weights_that_are_none_are_refused_at_once(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "theirs.pt"
    path.write_bytes(b"no weights at all")
    with pytest.raises(InvalidInput, match="is not a PyTorch checkpoint"):
        find_start(workspace, str(path))

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")  # an empty dictionary
    with pytest.raises(InvalidInput, match="no model that Ultralytics could train on"):
        find_start(workspace, str(path))


def test_a_model_of_this_home_is_an_input_of_the_run(calm: Workspace) -> None:
    model = add_model(calm, "first")

    run = submit_train(calm, "cells", model="first", params={"epochs": "2"}, terms=Terms())

    kinds = {artifact.kind: artifact.id for artifact in get_run(calm, run.id).inputs}
    assert kinds[ArtifactKind.MODEL] == model.id
    assert (run.params["model"], run.params["task"], run.params["epochs"]) == ("first", "detect", 2)


def test_a_model_of_another_task_needs_other_data(calm: Workspace) -> None:
    add_model(calm, "outlines", task="segment")

    with pytest.raises(InvalidInput, match="no polygons or masks"):
        submit_train(calm, "cells", model="outlines", params={})


def test_a_file_of_parameters_is_kept_as_it_is_and_what_is_said_beside_goes_first(
    calm: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    text = "# tuned by hand\nepochs: 7\nbox: 5.5\n"
    path.write_text(text)

    run = submit_train(calm, "cells", model="yolov10p", params={"epochs": "9"}, params_file=path)

    assert (run.params["epochs"], run.params["box"]) == (9, 5.5)
    (kept,) = [found for found in get_run(calm, run.id).inputs if found.kind is ArtifactKind.RECIPE]
    assert kept.title == "mine.yaml"
    assert calm.catalog.recipes.get(kept.id).text == text
    assert [found["name"] for found in show(calm, run.id).facts["inputs"]] == ["cells@1", "mine.yaml"]


_BOMB = "a: &a [1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcd", "bcde", strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "a: [",
        "1: 2",
        "just words",
        "a: 2001-99-99",
        "a: 2001-01-01",
        "a: " + "[" * 5000,
        "a: !!binary aGVsbG8=",
        "a: {b: 1}",
        _BOMB,
    ],
)
def test_a_file_that_holds_no_parameters_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"mine\.yaml"):
        read_params_text(text, "mine.yaml")


def test_a_format_to_keep_the_model_in_must_be_one_that_can_be_written(calm: Workspace) -> None:
    with pytest.raises(InvalidParameter, match="no format 'onyx'") as caught:
        submit_train(calm, "cells", model="yolov10n", params={"export": "onyx"})
    assert "onnx" in caught.value.hint


def test_an_unknown_parameter_of_a_file_is_refused(calm: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("epoch: 3\n")

    with pytest.raises(InvalidParameter, match="'epoch'"):
        submit_train(calm, "cells", model="yolov10p", params={}, params_file=tmp_path / "mine.yaml")
    with pytest.raises(InvalidParameter, match="cannot be read"):
        submit_train(calm, "cells", model="yolov10p", params={}, params_file=tmp_path / "none.yaml")


def test_how_many_more_epochs_must_be_said(workspace: Workspace) -> None:
    assert read_more_epochs({"epochs": "+20", "patience": "3"}, {}) == 20
    assert read_more_epochs({"epochs": "+2", "optimizer": "SGD"}, {"optimizer": "SGD"}) == 2
    for words in ({}, {"epochs": "20"}, {"epochs": "+0"}, {"epochs": "+many"}):
        with pytest.raises(InvalidParameter, match="how many more epochs"):
            read_more_epochs(words, {})
    with pytest.raises(InvalidParameter, match="optimizer cannot change"):
        read_more_epochs({"epochs": "+2", "optimizer": "SGD"}, {})


def test_only_a_training_that_kept_its_state_can_be_continued(calm: Workspace) -> None:
    model = add_model(calm, "first")
    waiting = submit_train(calm, "cells", model="yolov10p", params={})

    tracked = start_run(calm, "train")
    calm.catalog.runs.finish(tracked.id, RunState.LOST, result={})

    for run, hint in (
        (waiting, f"mlwf watch {waiting.id} shows when it has."),
        (stop_run(calm, submit_train(calm, "cells", model="yolov10p", params={}).id), "mlwf resume"),
        (tracked, "A program of its own did it: start that again."),
    ):
        with pytest.raises(InvalidInput, match="no training that has left a model") as refused:
            submit_continued(calm, run.id, params={"epochs": "+2"})
        assert hint in refused.value.hint
    with pytest.raises(InvalidInput, match="kept nothing to go on from") as refused:
        submit_continued(calm, model.run_id, params={"epochs": "+2"})
    assert "--model first" in refused.value.hint


def test_a_file_without_an_end_is_read_no_further_than_parameters_go() -> None:
    with pytest.raises(InvalidParameter, match="too large"):
        read_params(Path("/dev/zero"), {})


@pytest.mark.parametrize(("freeze", "is_refused"), [(13, False), (14, False), (15, True), (200, True)])
def test_to_freeze_all_layers_is_refused_before_it_is_queued(
    calm: Workspace, tmp_path: Path, freeze: int, is_refused: bool
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(Path(find_definition("yolov10p")).read_text("utf-8"), "utf-8")
    add_model(calm, "ready")  # a yolov10p
    before = calm.catalog.runs.list()
    for model in ("yolov10p", str(own), "ready"):
        if not is_refused:
            check_training(calm, model, {"freeze": freeze})
            continue
        with pytest.raises(InvalidParameter, match=f"freeze={freeze} .* the model has 15 layers") as refused:
            submit_train(calm, "cells", model=model, params={"freeze": freeze})
        assert "at most 14" in refused.value.hint
    assert calm.catalog.runs.list() == before
    assert calm.catalog.projects.get("cells").latest_version is None
