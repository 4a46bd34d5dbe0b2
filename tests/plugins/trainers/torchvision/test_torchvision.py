"""The trainer of classifiers: data, weights that run no code, resuming to the last bit, other forms."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from mlwf_tui.errors import InvalidInput, InvalidParameter, Paused
from mlwf_tui.params import build_params
from mlwf_tui.plugins.trainers.torchvision import TorchvisionTrainer
from mlwf_tui.plugins.trainers.torchvision.data import count_batches, decode, list_samples, order_epoch
from mlwf_tui.plugins.trainers.torchvision.weights import (
    FORMAT,
    keep_fit_state,
    read_fit_state,
    read_kept_state,
    read_saved,
    write_fit_state,
)
from mlwf_tui.protocols.trainers import STATE_NAME, ExportRequest, FitRequest, PredictRequest
from tests.fakes.observers import KeepingObserver, PausingObserver
from tests.making import make_image, write_image

CLASSES = ("dark", "left/right")
SMALL = {"epochs": 4, "imgsz": 32, "batch": 4, "device": "cpu"}


def make_data(folder: Path) -> Path:
    """Write images whose left is bright or not; the second class is no name of a folder."""
    from mlwf_tui.formats.class_folders import name_class_folder

    for split, count in (("train", 10), ("val", 4)):
        for number in range(count):
            name = CLASSES[number % 2]
            boxes = [("x", 0, 0, 30, 48)] if number % 2 else []
            write_image(folder / split / name_class_folder(name) / f"{number}.jpg", number, boxes=boxes)
    return folder


def make_request(data: Path, folder: Path, **fields: Any) -> FitRequest:
    request = FitRequest(
        architecture="shufflenet_v2_x0_5", data=data, class_names=CLASSES, folder=folder,
        params=build_params(TorchvisionTrainer.params_type, SMALL), extra={}, seed=5,
    )  # fmt: skip
    return replace(request, **fields)


def test_images_are_found_by_the_folder_of_their_class(tmp_path: Path) -> None:
    samples = list_samples(make_data(tmp_path), "train", CLASSES)
    assert [sample.label for sample in samples] == [0] * 5 + [1] * 5
    with pytest.raises(InvalidInput, match="test"):
        list_samples(tmp_path, "test", CLASSES)


def test_an_image_that_claims_more_pixels_than_there_can_be_is_no_image() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    assert decode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)) is None


@pytest.mark.parametrize(
    "changed",
    [{"image_size_px": 10**9}, {"image_size_px": None}, {"class_names": []}, {"architecture": 3}],
)
def test_a_classifier_that_says_what_cannot_be_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    whole = {
        "format": FORMAT, "architecture": "resnet18", "class_names": ["a", "b"], "image_size_px": 32,
        "weights": {"fc.bias": torch.zeros(2)},
    }  # fmt: skip
    path = tmp_path / "made.classifier"
    torch.save(whole, path)
    assert read_saved(path)["image_size_px"] == 32
    torch.save({**whole, **changed}, path)
    with pytest.raises(InvalidInput, match="is damaged"):
        read_saved(path)
    torch.save({"format": FORMAT}, path)
    with pytest.raises(InvalidInput, match="is damaged"):
        read_saved(path)


def test_an_epochs_order_follows_from_seed_and_epoch_alone() -> None:
    first = order_epoch(10, 3, seed=1, epoch=2)
    assert first == order_epoch(10, 3, seed=1, epoch=2)
    assert first != order_epoch(10, 3, seed=1, epoch=3)
    assert [len(batch) for batch in first] == [3, 3, 3]  # the tenth alone has no norm
    assert sum(map(len, order_epoch(9, 4, seed=0, epoch=0))) == 8
    for count, batch in ((1, 4), (4, 4), (5, 4), (6, 4), (10, 3)):
        assert count_batches(count, batch) == len(order_epoch(count, batch, seed=0, epoch=0))


def test_a_file_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "bad.classifier"
    torch.save({"format": "mlwf classifier 1", "weights": Bad()}, path)
    with pytest.raises(InvalidInput, match="safely"):
        read_saved(path)
    path.write_bytes(pickle.dumps({"format": "mlwf classifier 1"}))
    with pytest.raises(InvalidInput):
        read_saved(path)
    assert not (tmp_path / "ran").exists()


def test_of_two_states_the_newest_whole_one_counts(tmp_path: Path) -> None:
    assert read_fit_state(tmp_path) is None
    write_fit_state(tmp_path, {"epoch": 1})
    write_fit_state(tmp_path, {"epoch": 2})
    assert read_fit_state(tmp_path) == {"epoch": 2}
    whole = (tmp_path / "state.bin").read_bytes()
    (tmp_path / "state.bin").write_bytes(whole[:-3])
    assert read_fit_state(tmp_path) == {"epoch": 1}


def test_the_state_of_a_fit_that_has_ended_is_kept_and_still_says_where_it_ended(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="kept no state"):
        read_kept_state(tmp_path)
    write_fit_state(tmp_path, {"epoch": 1})
    write_fit_state(tmp_path, {"epoch": 2})
    keep_fit_state(tmp_path)
    keep_fit_state(tmp_path)
    assert read_kept_state(tmp_path) == read_fit_state(tmp_path) == {"epoch": 2}


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    trainer, data = TorchvisionTrainer(), make_data(tmp_path / "data")
    with pytest.raises(InvalidParameter, match="resnet"):
        trainer.fit(make_request(data, tmp_path / "a", architecture="resnet"), KeepingObserver())
    with pytest.raises(InvalidInput, match="two classes"):
        trainer.fit(make_request(data, tmp_path / "b", class_names=("dark",)), KeepingObserver())
    with pytest.raises(InvalidParameter, match="device"):
        request = make_request(data, tmp_path / "c")
        params = build_params(TorchvisionTrainer.params_type, {**SMALL, "device": "77"})
        trainer.fit(replace(request, params=params), KeepingObserver())


@pytest.mark.parametrize("device", ["foo", "0,1", "cpu,cpu"])
def test_what_is_no_one_device_is_refused_before(device: str) -> None:
    params = build_params(TorchvisionTrainer.params_type, {"device": device})
    with pytest.raises(InvalidParameter, match="names no device"):
        TorchvisionTrainer().check_settings(params, {})


def test_a_fit_that_its_patience_ends_says_so(tmp_path: Path) -> None:
    trainer, data = TorchvisionTrainer(), make_data(tmp_path / "data")

    def ask(**changed: Any) -> FitRequest:
        params = build_params(TorchvisionTrainer.params_type, {**SMALL, **changed})
        return make_request(data, tmp_path / "fit", params=params)

    whole = trainer.fit(ask(epochs=1), KeepingObserver())
    write_fit_state(tmp_path / "fit", {**read_kept_state(tmp_path / "fit"), "best_epoch": 0})
    observer = KeepingObserver()
    ended = trainer.fit(replace(ask(epochs=6, patience=1), is_resumed=True), observer)

    assert whole.notes == ()
    assert ended.notes == (
        "It stopped early after epoch 1 of 6: none since epoch 0 was better (patience=1).",
    )
    assert observer.steps[-1] == (3, 3, "epoch 1/6, stopped early")


@pytest.mark.slow
def test_a_fit_that_is_continued_is_one_of_as_many_epochs_to_the_last_bit(tmp_path: Path) -> None:
    trainer, data = TorchvisionTrainer(), make_data(tmp_path / "data")
    steady = {**SMALL, "lrf": 1.0, "warmup_epochs": 0}  # else the rate is that of the longer training

    def ask(folder: str, epochs: int, **fields: Any) -> FitRequest:
        params = build_params(TorchvisionTrainer.params_type, {**steady, "epochs": epochs})
        return make_request(data, tmp_path / folder, params=params, **fields)

    whole, observer = trainer.fit(ask("whole", 3), KeepingObserver()), KeepingObserver()
    first = trainer.fit(ask("first", 1), KeepingObserver())
    assert [path.name for path in first.checkpoints] == ["best.classifier", "last.classifier", STATE_NAME]
    more = {"continues": tmp_path / "first", "more_epochs": 2}
    with pytest.raises(Paused):  # in the last epoch
        trainer.fit(ask("longer", 1, **more), PausingObserver(looks_left=8, is_urgent=True))
    longer = trainer.fit(ask("longer", 1, **more, is_resumed=True), observer)

    assert longer.metrics == whole.metrics
    assert observer.steps[-1][:2] == (9, 9)
    last_top1 = [value for key, value, _ in observer.metrics if key == "metrics/top1"][-1]
    assert observer.steps[-1][2].endswith(f", top1 {last_top1:.3f}")
    for ours, theirs in zip(whole.checkpoints[:2], longer.checkpoints[:2], strict=True):
        before, after = read_saved(ours)["weights"], read_saved(theirs)["weights"]
        assert all(torch.equal(before[key], after[key]) for key in before)
    assert read_kept_state(tmp_path / "longer")["epoch"] == 3
    with pytest.raises(InvalidInput, match="kept no state"):
        trainer.fit(ask("no", 1, continues=tmp_path, more_epochs=1), KeepingObserver())


@pytest.mark.slow
def test_a_resumed_fit_comes_to_the_same_to_the_last_bit(tmp_path: Path) -> None:
    trainer, data = TorchvisionTrainer(), make_data(tmp_path / "data")
    calm, first, second = KeepingObserver(), PausingObserver(looks_left=8, is_urgent=True), KeepingObserver()
    undisturbed = trainer.fit(make_request(data, tmp_path / "calm"), calm)
    with pytest.raises(Paused):
        trainer.fit(make_request(data, tmp_path / "cut"), first)
    resumed = trainer.fit(make_request(data, tmp_path / "cut", is_resumed=True), second)

    assert resumed.metrics == undisturbed.metrics
    assert second.steps[0][0] > 1
    told = {(key, step): value for key, value, step in (*first.metrics, *second.metrics)}
    wanted = {(key, step): value for key, value, step in calm.metrics}
    assert {k: v for k, v in told.items() if k[0] != "batch/loss"} == {
        k: v for k, v in wanted.items() if k[0] != "batch/loss"
    }
    for ours, theirs in zip(undisturbed.checkpoints[:2], resumed.checkpoints[:2], strict=True):
        before, after = read_saved(ours)["weights"], read_saved(theirs)["weights"]
        assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "torchscript", "pt"])
def test_another_form_says_the_same(tmp_path: Path, format: str) -> None:
    trainer, data = TorchvisionTrainer(), make_data(tmp_path / "data")
    params = build_params(TorchvisionTrainer.params_type, {**SMALL, "epochs": 1})
    fitted = trainer.fit(make_request(data, tmp_path / "fit", params=params), KeepingObserver())
    trainer.check_weights(fitted.checkpoints[0])
    folder = tmp_path / "export"
    folder.mkdir()
    made = trainer.export(
        ExportRequest(
            weights=fitted.checkpoints[0], format=format, folder=folder, class_names=CLASSES,
            image_size_px=32, confidence=0.25, iou=0.7, max_objects=300,
            samples=(make_image(1), make_image(2, boxes=[("x", 0, 0, 30, 48)])),
        ),
        KeepingObserver(),
    )  # fmt: skip
    kept = {one.name: one.is_kept for one in made.agreement}
    assert kept == {"score": True, "example_score": True}
    assert {path.name for path in (folder / "package").iterdir()} == {
        made.weights, "model.json", "example.py", "sample.png", "expected.json",
    }  # fmt: skip
    request = PredictRequest(weights=fitted.checkpoints[0], image_size_px=32, confidence=0.0, folder=folder)
    with trainer.open_predictor(request) as predictor:
        good, bad = predictor.predict([make_image(1), b"no image"])
    assert {tag.name for tag in good.tags} == set(CLASSES)
    assert bad.problem
