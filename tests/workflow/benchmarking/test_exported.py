"""A model is written once for another runtime, anew where it is damaged; what cannot be is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.plugins.trainers.torchvision import TorchvisionTrainer
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import Trainer
from mlwf_tui.workflow.benchmarking.exported import check_runtime, get_exported
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import SeeingTrainer, add_seer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


def write(home: Workspace, name: str, scratch: Path) -> Path:
    model = home.catalog.models.get(name)
    scratch.mkdir()
    weights = scratch / "best.json"
    home.store.write_file(model.checkpoints[0].blob, weights)
    return get_exported(
        home, SeeingTrainer(), model, weights, scratch, "onnxruntime", KeepingObserver(), is_trusted=False
    )


def test_the_file_is_made_once_and_again_only_where_it_is_damaged(home: Workspace, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    add_seer(home, "eye", [("spot", 4, 3, 20, 20)], trace=str(trace))
    first = write(home, "eye", tmp_path / "a")
    whole = first.read_bytes()
    assert first.is_relative_to(home.home / "cache")
    assert write(home, "eye", tmp_path / "b") == first
    assert trace.read_text() == "onnx\n"

    first.write_bytes(whole[:-1])

    assert write(home, "eye", tmp_path / "c").read_bytes() == whole
    assert trace.read_text() == "onnx\nonnx\n"


def test_a_file_that_says_something_else_is_not_timed(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "liar", [("spot", 4, 3, 20, 20)], differs=0.5)
    with pytest.raises(InvalidInput, match="does not say what liar says"):
        write(home, "liar", tmp_path / "a")


@pytest.mark.parametrize("trainer", [UltralyticsTrainer(), TorchvisionTrainer()], ids=lambda one: one.name)
def test_a_runtime_that_is_not_installed_is_refused_with_what_to_install(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_runtime(trainer, "pytorch")
    check_runtime(trainer, "onnxruntime")
    find = importlib.util.find_spec

    def find_but_onnx(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name.startswith("onnx") else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_but_onnx)
    with pytest.raises(InvalidParameter, match=r"measured with onnxruntime\. .* not installed") as caught:
        check_runtime(trainer, "onnxruntime")
    assert caught.value.hint.startswith("pip install onnx ")
    check_runtime(trainer, "pytorch")
