"""A resumed fit goes on from its own state, and from no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.errors import CorruptData, Paused
from mlwf_tui.params import build_params
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import FitRequest
from tests.fakes.observers import KeepingObserver, PausingObserver
from tests.making import make_yolo
from tests.plugins.trainers.hostile import Touching, write_sealed

pytestmark = pytest.mark.slow


def test_a_state_that_would_run_code_ends_the_resume_before_it_runs(tmp_path: Path) -> None:
    trainer = UltralyticsTrainer()
    request = make_request(trainer, tmp_path)
    with pytest.raises(Paused):
        trainer.fit(request, PausingObserver(looks_left=2, is_urgent=False))
    (state,) = (tmp_path / "fit").rglob("state-*.bin")
    kept = state.read_bytes()
    write_sealed(state, {"model": Touching(tmp_path / "touched")})

    with pytest.raises(CorruptData, match="may run code, and was not read") as refused:
        trainer.fit(replace(request, is_resumed=True), KeepingObserver())
    assert str(state) in refused.value.message
    assert not (tmp_path / "touched").exists()

    state.write_bytes(kept)
    assert trainer.fit(replace(request, is_resumed=True), KeepingObserver()).checkpoints


def make_request(trainer: UltralyticsTrainer, folder: Path) -> FitRequest:
    keys = [f"{split}/{number}.jpg" for split in ("train", "val") for number in range(4)]
    data = make_yolo(folder / "data", dict.fromkeys(keys, (("cat", 4, 4, 30, 30),)), class_names=("cat",))
    values = {"epochs": 2, "imgsz": 64, "batch": 4, "device": "cpu"}
    return FitRequest(
        architecture="yolov10p",
        data=data,
        class_names=("cat",),
        folder=folder / "fit",
        params=build_params(trainer.params_type, values),
        extra={},
        seed=0,
    )
