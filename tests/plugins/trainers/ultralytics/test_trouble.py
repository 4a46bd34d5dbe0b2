"""What goes wrong in a training ends with one sentence, and with what was learned before."""

from __future__ import annotations

import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput, InvalidParameter, StorageFailed
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import EvaluateRequest, FitRequest
from tests.fakes.observers import KeepingObserver
from tests.tasks import make_fit, write_data

pytestmark = pytest.mark.slow

TRAINER = UltralyticsTrainer()
LIMIT_BYTES = 1 << 20  # less than a checkpoint


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data("detect", tmp_path / "data")[0]


def make_request(data: Path, folder: Path, **params: Any) -> FitRequest:
    return make_fit("detect", data, folder, architecture="yolov10p", **params)


class FillingObserver(KeepingObserver):
    """Fills the disk, as far as this process can tell, once an epoch has been measured."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def metric(self, key: str, value: float, step: int) -> None:
        super().metric(key, value, step)
        if key == "epoch" and value == self.epoch:
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, resource.RLIM_INFINITY))


@pytest.fixture
def filling() -> Iterator[FillingObserver]:
    yield FillingObserver(epoch=2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_at_a_checkpoint_leaves_the_one_before(
    data: Path, tmp_path: Path, filling: FillingObserver
) -> None:
    request = make_request(data, tmp_path / "fit", epochs=3)

    with pytest.raises(StorageFailed, match="The disk refused"):
        TRAINER.fit(request, filling)

    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert TRAINER.can_resume(tmp_path / "fit")
    heard = KeepingObserver()
    resumed = TRAINER.fit(replace(request, is_resumed=True), heard)
    told = [(value, step) for key, value, step in heard.metrics if key == "metrics/mAP50"]
    assert [step for _, step in told] == [2, 3]
    assert heard.steps[-1][2].endswith(f", mAP50 {told[-1][0]:.3f}")
    assert not resumed.is_stopped


def test_a_loss_that_becomes_nan_ends_with_the_best_checkpoint_before(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, first_epoch=1)

    fitted = TRAINER.fit(make_request(data, tmp_path / "fit", epochs=4), KeepingObserver())

    assert fitted.is_stopped
    assert "The loss became NaN in epoch 2" in fitted.stop_reason
    assert fitted.checkpoints[0].name == "best.pt"
    assert set(fitted.metrics) == {"map", "map50", "precision", "recall"}
    assert len([note for note in fitted.notes if "done again" in note]) == 3


def test_a_loss_that_is_nan_from_the_first_batch_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, first_epoch=0)

    with pytest.raises(InvalidInput, match="NaN in the first epoch") as refused:
        TRAINER.fit(make_request(data, tmp_path / "fit"), KeepingObserver())
    assert "lr0" in refused.value.hint


@pytest.mark.parametrize("kind", ["CUDA out of memory", "the machine's"])
def test_a_batch_that_does_not_fit_is_halved_and_that_is_said(
    kind: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, kind, most_images=3)
    heard = KeepingObserver()

    fitted = TRAINER.fit(make_request(data, tmp_path / "fit", batch=8), heard)

    assert [note.partition(":")[0] for note in fitted.notes] == [
        "The batch was made 4 images instead of 8",
        "The batch was made 2 images instead of 4",
    ]
    assert heard.steps[-1][:2] == (6, 6)  # twelve images by two


def test_memory_that_does_not_hold_a_single_image_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, "the machine's", most_images=0)

    with pytest.raises(InvalidInput, match="does not hold a batch of 1 images"):
        TRAINER.fit(make_request(data, tmp_path / "fit", batch=2), KeepingObserver())


@pytest.mark.parametrize("task", ["detect", "classify"])
def test_images_that_cannot_be_read_at_all_are_one_sentence(task: str, tmp_path: Path) -> None:
    data, files = write_data(task, tmp_path / "data")
    for name in files:
        (data / name).write_bytes(b"no image")

    with pytest.raises(InvalidInput, match="None of the images"):
        TRAINER.fit(make_fit(task, data, tmp_path / "fit"), KeepingObserver())


def test_some_images_that_cannot_be_read_are_left_out(data: Path, tmp_path: Path) -> None:
    (data / "images" / "train" / "00.png").write_bytes(b"no image")

    assert TRAINER.fit(make_request(data, tmp_path / "fit"), KeepingObserver()).checkpoints


@pytest.mark.parametrize("task", ["detect", "segment", "classify"])
def test_images_that_cannot_be_used_are_told_by_their_items(task: str, tmp_path: Path) -> None:
    data, files = write_data(task, tmp_path / "data")
    paths = {key: data / path for path, key in files.items()}
    Image.fromarray(np.ones((40, 64), np.float32)).save(paths["main/00.png"], "TIFF")
    paths["main/01.png"].write_bytes(make_hollow_png())
    Image.new("RGB", (1, 64)).save(paths["main/02.png"])
    reasons = {
        "main/00.png": "The image cannot be decoded.",
        "main/02.png": "The image is 1×64 pixels; Ultralytics uses none with a side under 10.",
    }
    request = make_fit(task, data, tmp_path / "fit", files=files)
    with pytest.raises(InvalidInput, match=r"The image main/01\.png cannot be decoded"):
        TRAINER.fit(request, KeepingObserver())
    paths["main/01.png"].unlink()
    del files[paths["main/01.png"].relative_to(data).as_posix()]

    fitted = TRAINER.fit(replace(request, folder=tmp_path / "again"), KeepingObserver())
    ask = EvaluateRequest(
        weights=fitted.checkpoints[0], data=data, files=files, split=Split.TRAIN, image_size_px=64,
        folder=tmp_path / "evaluate", paths=tuple(files) if task != "classify" else (),
    )  # fmt: skip
    said = TRAINER.evaluate(ask, KeepingObserver()).predictions

    assert {problem.path: problem.reason for problem in fitted.problems} == reasons
    told = {one.key: one.problem for one in said if one.problem}
    assert told == (reasons if task == "detect" else {"main/00.png": reasons["main/00.png"]})
    assert len(said) == (11 if task == "classify" else 15)


def test_a_split_of_which_nothing_can_be_used_is_told_image_by_image(data: Path, tmp_path: Path) -> None:
    fitted = TRAINER.fit(make_request(data, tmp_path / "fit"), KeepingObserver())
    path = next((data / "images" / "val").iterdir()).relative_to(data).as_posix()
    (data / path).write_bytes(b"no image")
    ask = EvaluateRequest(
        weights=fitted.checkpoints[0], data=data, files={path: "main/a.png"}, split=Split.VAL,
        image_size_px=64, folder=tmp_path / "evaluate", paths=(path,),
    )  # fmt: skip

    (said,) = TRAINER.evaluate(ask, KeepingObserver()).predictions

    assert (said.key, said.problem) == ("main/a.png", "The image cannot be decoded.")


def test_one_class_alone_can_be_learned(tmp_path: Path) -> None:
    data, _ = write_data("detect", tmp_path / "data")
    for label in data.glob("labels/*/*.txt"):
        label.write_text("0" + label.read_text()[1:])

    assert TRAINER.fit(make_request(data, tmp_path / "fit", single_cls=True), KeepingObserver()).checkpoints


def make_hollow_png() -> bytes:
    """Return a PNG whose checksums are right and whose pixels cannot be unpacked."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", 64, 40, 8, 2, 0, 0, 0), b"IDAT": b"no pixels", b"IEND": b""}
    chunks = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def poison(monkeypatch: pytest.MonkeyPatch, *, first_epoch: int) -> None:
    """Let the library's images be no numbers from an epoch on."""
    from ultralytics.models.yolo.detect import DetectionTrainer

    prepare = DetectionTrainer.preprocess_batch

    def prepare_poisoned(trainer: Any, batch: Any) -> Any:
        found = prepare(trainer, batch)
        if trainer.epoch >= first_epoch:
            found["img"] = found["img"] * float("nan")
        return found

    monkeypatch.setattr(DetectionTrainer, "preprocess_batch", prepare_poisoned)


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch, kind: str, *, most_images: int) -> None:
    """Let the library find no memory for a batch of more images."""
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer

    prepare = DetectionTrainer.preprocess_batch

    def prepare_or_fail(trainer: Any, batch: Any) -> Any:
        if trainer.batch_size > most_images:
            raise torch.OutOfMemoryError(kind) if kind.startswith("CUDA") else MemoryError
        return prepare(trainer, batch)

    monkeypatch.setattr(DetectionTrainer, "preprocess_batch", prepare_or_fail)


def test_a_fit_that_its_patience_ends_says_so(tmp_path: Path) -> None:
    data = write_data("classify", tmp_path / "data")[0]
    never: dict[str, Any] = {"lr0": 1e-7, "warmup_epochs": 0, "patience": 1, "epochs": 6}
    observer = KeepingObserver()

    result = TRAINER.fit(make_fit("classify", data, tmp_path / "fit", **never), observer)

    assert result.notes == (
        "It stopped early after epoch 2 of 6: none since epoch 1 was better (patience=1).",
    )
    step, total, message = observer.steps[-1]
    assert (step == total, message.startswith("epoch 2/6, stopped early")) == (True, True)
    assert not result.is_stopped


def test_weights_of_which_all_layers_are_frozen_are_refused_in_a_sentence(data: Path, tmp_path: Path) -> None:
    made = TRAINER.fit(make_request(data, tmp_path / "first", epochs=1), KeepingObserver())
    request = make_request(data, tmp_path / "second", epochs=1, freeze=15)
    with pytest.raises(InvalidParameter, match="freeze=15 leaves nothing to train"):
        TRAINER.fit(replace(request, architecture=str(made.checkpoints[0])), KeepingObserver())
