"""The library in a process that may not look up a host, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.errors import InvalidInput, InvalidParameter, PluginError, Untrusted
from mlwf_tui.params import build_params
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import FitRequest, PredictRequest
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_item, make_yolo

ROOT = Path(__file__).parents[4]
BOXES: tuple[Box, ...] = (("cat", 4, 4, 30, 30),)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keys = [f"{split}/{number}.jpg" for split in ("train", "val") for number in range(4)]
    return make_yolo(tmp_path_factory.mktemp("data"), dict.fromkeys(keys, BOXES), class_names=("cat", "кот"))


def run_offline(data: Path, work: Path, values: dict[str, Any], *, looks: int = -1) -> dict[str, Any]:
    program = Path(__file__).parent / "offline_run.py"
    done = subprocess.run(
        [sys.executable, str(program), str(data), str(work), json.dumps(values), str(looks)],
        capture_output=True, text=True, cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "\033" not in done.stderr
    assert "\r" not in done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def request_fit(data: Path, folder: Path, architecture: str = "yolov10p", **values: Any) -> FitRequest:
    extra = values.pop("extra", {})
    tiny = {"epochs": 1, "imgsz": 64, "device": "cpu"}
    return FitRequest(
        architecture=architecture,
        data=data,
        class_names=(),
        folder=folder,
        params=build_params(UltralyticsTrainer.params_type, {**tiny, **values}),
        extra=extra,
        seed=0,
    )


@pytest.mark.parametrize("architecture", ["yolov10p", "yolov10n"])
def test_nothing_that_a_trainer_does_looks_up_a_host(data: Path, tmp_path: Path, architecture: str) -> None:
    values = {"architecture": architecture, "params": {"epochs": 1, "imgsz": 64, "batch": 4}}

    document = run_offline(data, tmp_path, values)

    assert document["look_ups"] == []
    assert len(document["evaluated"]) == 4
    assert document["applied"] == ["main/0.png", "main/1.png", "main/2.png"]
    assert document["is_sorted"]


def test_pretrained_weights_without_a_network_are_one_clear_sentence(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr("socket.getaddrinfo", refuse)

    with pytest.raises(InvalidInput, match="yolov10n could not be downloaded"):
        UltralyticsTrainer().fit(request_fit(data, tmp_path, "yolov10n", pretrained=True), KeepingObserver())


def write_acting(path: Path, mark: Path) -> Path:
    """Write weights that make a file when they are opened in full."""
    import torch

    class Acting:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(mark), "w")

    torch.save({"model": torch.nn.Identity(), "note": Acting()}, path)
    return path


def test_weights_that_may_run_code_need_trust(data: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    weights = write_acting(tmp_path / "theirs.pt", mark)

    with pytest.raises(Untrusted, match="open, which no weights need") as caught:
        UltralyticsTrainer().fit(request_fit(data, tmp_path, str(weights)), KeepingObserver())
    assert "trust_weights=true" in caught.value.hint
    use = PredictRequest(weights=weights, image_size_px=64, confidence=0.5, folder=tmp_path)
    with pytest.raises(Untrusted):
        list(UltralyticsTrainer().predict(use, [make_item()], KeepingObserver()))
    assert not mark.exists()


def test_weights_that_are_none_are_refused_though_trusted(data: Path, tmp_path: Path) -> None:
    weights = tmp_path / "theirs.pt"
    weights.write_bytes(b"whatever")

    with pytest.raises(InvalidInput, match="no archive of torch"):
        UltralyticsTrainer().fit(
            request_fit(data, tmp_path, str(weights), trust_weights=True), KeepingObserver()
        )


def test_weights_of_another_task_are_refused(data: Path, tmp_path: Path) -> None:
    from ultralytics import YOLO

    YOLO("yolov8n-cls.yaml").save(tmp_path / "classes.pt")
    request = request_fit(data, tmp_path / "fit", str(tmp_path / "classes.pt"), trust_weights=True)

    with pytest.raises(InvalidInput, match="made to classify, not to detect"):
        UltralyticsTrainer().fit(request, KeepingObserver())


def test_weights_of_a_task_that_cannot_be_trained_here_are_refused(tmp_path: Path) -> None:
    from ultralytics import YOLO

    YOLO("yolo26n-sem.yaml").save(tmp_path / "classes.pt")
    use = PredictRequest(weights=tmp_path / "classes.pt", image_size_px=64, confidence=0.5, folder=tmp_path)

    with pytest.raises(InvalidInput, match="made to semantic"):
        list(UltralyticsTrainer().predict(use, [make_item()], KeepingObserver()))


def test_a_setting_that_the_library_lacks_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="warmup_epoch'"):
        UltralyticsTrainer().fit(request_fit(data, tmp_path, extra={"warmup_epoch": 1}), KeepingObserver())


def test_a_gpu_that_is_not_there_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="'17'"):
        UltralyticsTrainer().fit(request_fit(data, tmp_path, device="17"), KeepingObserver())


def test_a_value_that_the_library_refuses_is_one_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="could not train"):
        UltralyticsTrainer().fit(request_fit(data, tmp_path, extra={"optimizer": "Nope"}), KeepingObserver())
