"""What every trainer must do: cheap promises always, a tiny real training where time is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import TASKS
from mlwf_tui.errors import Cancelled, InvalidInput, Paused
from mlwf_tui.params import build_params, describe_params
from mlwf_tui.plugins.trainers.torchvision import TorchvisionTrainer
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    EvaluateRequest,
    ExportRequest,
    ExportTimedTrainer,
    FitRequest,
    FitResult,
    ItemPrediction,
    PredictRequest,
    TimedTrainer,
    Trainer,
)
from tests.fakes.observers import KeepingObserver, PausingObserver, StoppingObserver
from tests.making import Box, make_item, make_yolo, write_image

SMALL = {"epochs": 2, "imgsz": 64, "batch": 4, "device": "cpu"}
CLASSES = ("cat", "dog")
BOXES: tuple[Box, ...] = (("cat", 4, 4, 30, 30), ("dog", 36, 10, 60, 40))


class Bench(NamedTuple):
    """A trainer with what it is tested with: eight images to learn from, and four to measure on."""

    trainer: Trainer
    task: str
    architecture: str
    make_data: Callable[[Path, Sequence[str]], Path]  # of keys SPLIT/NAME.jpg
    metrics: frozenset[str]
    main_metric: str  # told after each epoch

    @property
    def name(self) -> str:
        return self.trainer.name


def list_steps(observer: KeepingObserver) -> list[int]:
    """Return the steps that were told, once each: the last of an epoch is told again with its figures."""
    return list(dict.fromkeys(step for step, _, _ in observer.steps))


def make_boxes(folder: Path, keys: Sequence[str]) -> Path:
    return make_yolo(folder, dict.fromkeys(keys, BOXES), class_names=CLASSES)


def make_classes(folder: Path, keys: Sequence[str]) -> Path:
    """Write a folder for each class, whose images are bright on the left, or on the right."""
    for seed, key in enumerate(keys):
        split, _, name = key.partition("/")
        label = seed % 2
        write_image(folder / split / CLASSES[label] / name, seed, boxes=BOXES[label : label + 1])
    return folder


BENCHES = (
    Bench(
        UltralyticsTrainer(), "detect", "yolov10p", make_boxes,
        frozenset({"map", "map50", "precision", "recall"}), "metrics/mAP50",
    ),
    Bench(
        TorchvisionTrainer(), "classify", "shufflenet_v2_x0_5", make_classes,
        frozenset({"top1", "top5"}), "metrics/top1",
    ),
)  # fmt: skip


@pytest.fixture(params=BENCHES, ids=lambda bench: bench.name)
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.param
    return found


@pytest.fixture
def trainer(bench: Bench) -> Trainer:
    return bench.trainer


def make_data(bench: Bench, folder: Path) -> Path:
    keys = [f"{split}/{number}.jpg" for split, count in (("train", 8), ("val", 4)) for number in range(count)]
    return bench.make_data(folder, keys)


def make_request(bench: Bench, data: Path, folder: Path, *, seed: int = 0) -> FitRequest:
    return FitRequest(
        architecture=bench.architecture,
        data=data,
        class_names=CLASSES,
        folder=folder,
        params=build_params(bench.trainer.params_type, SMALL),
        extra={},
        seed=seed,
    )


def name_files(data: Path) -> dict[str, str]:
    found = (path.relative_to(data).as_posix() for path in data.rglob("*.jpg"))
    return {path: f"main/{path.rpartition('/')[2]}" for path in found}


def test_it_has_a_name_a_summary_and_a_data_format_for_each_task(trainer: Trainer) -> None:
    assert trainer.name
    assert trainer.summary
    assert trainer.data_formats
    assert set(trainer.data_formats) <= set(TASKS)
    for architecture in trainer.list_architectures():
        assert trainer.find_task(architecture) in trainer.data_formats


def test_every_parameter_is_described_and_has_a_default(trainer: Trainer) -> None:
    for spec in describe_params(trainer.params_type):
        assert spec.help, spec.name
    build_params(trainer.params_type, {})


def test_a_setting_that_nobody_knows_is_refused(trainer: Trainer) -> None:
    with pytest.raises(InvalidInput, match="no_such_setting"):
        trainer.check_settings(build_params(trainer.params_type, {}), {"no_such_setting": "1"})


def test_architectures_are_named_once(trainer: Trainer) -> None:
    names = trainer.list_architectures()

    assert names
    assert len(set(names)) == len(names)


def test_listing_architectures_imports_no_heavy_library(trainer: Trainer) -> None:
    kind = type(trainer)
    code = (
        f"import sys; from {kind.__module__} import {kind.__name__} as Trainer;"
        "Trainer().list_architectures(); Trainer().params_type;"
        "assert not {'torch', 'ultralytics', 'cv2', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


REACH_TORCH = """
import os, sys
from pathlib import Path
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import MlwfError
from mlwf_tui.params import build_params
from mlwf_tui.protocols.trainers import EvaluateRequest, ExportRequest, FitRequest, PredictRequest
from {module} import {name} as Trainer

class Reached(Exception):
    pass

class Watch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "torch":
            raise Reached(os.environ.get("OMP_WAIT_POLICY"))

sys.meta_path.insert(0, Watch)
trainer, here = Trainer(), Path(sys.argv[1])
common = dict(weights=here / "none.pt", folder=here, image_size_px=64)
use = PredictRequest(**common, confidence=0.5)
fit = dict(architecture=trainer.list_architectures()[0], data=here, class_names=(), folder=here, extra={{}})
of_data = dict(data=here, files={{}}, split=Split.VAL)
of_package = dict(format="torchscript", class_names=(), confidence=0.5, iou=0.5, max_objects=1, samples=())
calls = dict(
    fit=lambda: trainer.fit(FitRequest(**fit, params=build_params(Trainer.params_type, {{}}), seed=0), None),
    evaluate=lambda: trainer.evaluate(EvaluateRequest(**common, **of_data), None),
    predict=lambda: list(trainer.predict(use, [], None)),
    open=lambda: trainer.open_predictor(use).__enter__(),
    time=lambda: trainer.open_stopwatch(use).__enter__() if hasattr(trainer, "open_stopwatch") else None,
    export=lambda: trainer.export(ExportRequest(**common, **of_package), None),
)
for name, call in calls.items():
    for module in [m for m in sys.modules if m.startswith("mlwf_tui.plugins.trainers.") and "." in m[27:]]:
        del sys.modules[module]
    os.environ.pop("OMP_WAIT_POLICY", None)
    try:
        call()
    except Reached as reached:
        print(name, reached)
    except MlwfError:
        continue
"""


def test_threads_are_told_to_sleep_while_they_wait_before_torch_is_loaded(
    trainer: Trainer, tmp_path: Path
) -> None:
    kind = type(trainer)
    program = REACH_TORCH.format(module=kind.__module__, name=kind.__name__)

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    reached = dict(line.split() for line in done.stdout.splitlines())
    assert {"predict", "open"} <= set(reached)
    assert set(reached.values()) == {"PASSIVE"}


def test_data_without_training_items_is_refused(bench: Bench, tmp_path: Path) -> None:
    data = bench.make_data(tmp_path / "data", ["val/a.jpg"])

    with pytest.raises(InvalidInput, match="train"):
        bench.trainer.fit(make_request(bench, data, tmp_path / "fit"), KeepingObserver())


@pytest.mark.slow
def test_missing_weights_are_refused(bench: Bench, tmp_path: Path) -> None:
    trainer, data = bench.trainer, make_data(bench, tmp_path / "data")
    missing = tmp_path / "none.pt"
    measure = EvaluateRequest(
        weights=missing, data=data, files=name_files(data), split=Split.VAL, folder=tmp_path, image_size_px=64
    )

    with pytest.raises(InvalidInput, match="do not exist"):
        trainer.evaluate(measure, KeepingObserver())
    use = PredictRequest(weights=missing, image_size_px=64, confidence=0.5, folder=tmp_path)
    with pytest.raises(InvalidInput, match="do not exist"):
        list(trainer.predict(use, [make_item()], KeepingObserver()))


class Trained(NamedTuple):
    """A trainer, its data, and what two epochs on eight images gave."""

    bench: Bench
    data: Path
    result: FitResult
    observer: KeepingObserver


@pytest.fixture(scope="module", params=BENCHES, ids=lambda bench: bench.name)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    bench: Bench = request.param
    data = make_data(bench, tmp_path_factory.mktemp("data"))
    observer = KeepingObserver()
    result = bench.trainer.fit(make_request(bench, data, tmp_path_factory.mktemp("fit")), observer)
    return Trained(bench, data, result, observer)


@pytest.mark.slow
def test_fit_leaves_checkpoints_and_metrics(trained: Trained) -> None:
    result = trained.result

    assert result.checkpoints
    assert all(path.stat().st_size > 0 for path in result.checkpoints)
    assert result.task == trained.bench.task
    assert result.image_size_px == 64
    assert trained.bench.metrics <= set(result.metrics)
    assert {"python", "device"} <= set(result.environment)
    assert not result.is_stopped


@pytest.mark.slow
def test_fit_tells_the_observer_every_batch_and_epoch(trained: Trained) -> None:
    observer = trained.observer

    assert list_steps(observer) == [1, 2, 3, 4]
    assert {total for _, total, _ in observer.steps} == {4}
    epochs = [step for key, _, step in observer.metrics if key == trained.bench.main_metric]
    assert epochs == [1, 2]


@pytest.mark.slow
def test_evaluate_predicts_every_image_of_the_split(trained: Trained, tmp_path: Path) -> None:
    bench, data, result, _ = trained

    evaluated = bench.trainer.evaluate(
        EvaluateRequest(
            weights=result.checkpoints[0],
            data=data,
            files=name_files(data),
            split=Split.VAL,
            folder=tmp_path,
            image_size_px=64,
        ),
        KeepingObserver(),
    )

    assert sorted(p.key for p in evaluated.predictions) == [f"main/{number}.jpg" for number in range(4)]
    for prediction in evaluated.predictions:
        check_tags(prediction, is_expected=bench.task == "classify")
        for found in prediction.objects:
            assert found.class_name in CLASSES
            assert found.confidence is not None
            assert 0.001 <= found.confidence <= 1
            assert -1 <= found.geometry.bounds.left < found.geometry.bounds.right <= 65
    assert {"preprocess_ms", "inference_ms", "postprocess_ms", "images_per_second"} <= set(evaluated.speed)


def check_tags(prediction: ItemPrediction, *, is_expected: bool) -> None:
    """Raise unless tags are classes with a confidence, the surest first; none where not expected."""
    sure = [tag.value for tag in prediction.tags if isinstance(tag.value, float)]
    assert len(sure) == len(prediction.tags)
    assert bool(sure) == is_expected
    assert sure == sorted(sure, reverse=True)
    assert all(0 <= value <= 1 for value in sure)
    assert {tag.name for tag in prediction.tags} <= set(CLASSES)


@pytest.mark.slow
def test_predict_keeps_the_order_and_the_confidence(trained: Trained, tmp_path: Path) -> None:
    trainer, result = trained.bench.trainer, trained.result
    items = [make_item(f"{number}.jpg", BOXES, seed=number) for number in range(20)]
    use = PredictRequest(weights=result.checkpoints[0], image_size_px=64, confidence=0.002, folder=tmp_path)

    predictions = list(trainer.predict(use, items, KeepingObserver()))

    assert [p.key for p in predictions] == [source.item.key for source in items]
    confidences = [o.confidence for p in predictions for o in p.objects]
    assert all(confidence is not None and confidence >= 0.002 for confidence in confidences)
    for prediction in predictions:
        check_tags(prediction, is_expected=trained.bench.task == "classify")


@pytest.mark.slow
def test_a_stopwatch_tells_how_long_each_part_of_a_batch_takes(trained: Trained, tmp_path: Path) -> None:
    trainer = trained.bench.trainer
    assert isinstance(trainer, TimedTrainer)
    weights = trained.result.checkpoints[0]
    use = PredictRequest(weights=weights, image_size_px=64, confidence=0.5, folder=tmp_path, device="cpu")
    images = [make_item(f"{number}.jpg", BOXES, seed=number).read_image() for number in range(3)]

    with trainer.open_stopwatch(use) as stopwatch:
        taken = [stopwatch.time(images[:1]), stopwatch.time([*images, b"no image"])]
        assert (stopwatch.device, stopwatch.gpu_index, stopwatch.precision) == ("CPU", None, "float32")
        assert stopwatch.runtime.startswith("PyTorch ")
        assert stopwatch.read_gpu_peak() is None

    for one in taken:
        assert min(one.preprocess_ms, one.inference_ms, one.postprocess_ms) > 0


@pytest.mark.slow
def test_a_stopwatch_of_another_runtime_takes_any_number_of_images(trained: Trained, tmp_path: Path) -> None:
    trainer, weights = trained.bench.trainer, trained.result.checkpoints[0]
    assert isinstance(trainer, ExportTimedTrainer)
    images = [make_item(f"{number}.jpg", BOXES, seed=number).read_image() for number in range(3)]
    ask = ExportRequest(
        weights=weights, format="onnx", folder=tmp_path, class_names=CLASSES, image_size_px=64,
        confidence=0.5, iou=0.5, max_objects=9, samples=tuple(images), has_any_batch=True,
    )  # fmt: skip
    made = trainer.export(ask, KeepingObserver())
    assert all(one.is_kept for one in made.agreement)
    use = PredictRequest(weights=weights, image_size_px=64, confidence=0.5, folder=tmp_path, device="cpu")

    with trainer.open_exported_stopwatch(use, tmp_path / "package" / made.weights) as stopwatch:
        taken = [stopwatch.time(images[:1]), stopwatch.time(images)]
        assert (stopwatch.device, stopwatch.gpu_index, stopwatch.precision) == ("CPU", None, "float32")
        assert stopwatch.runtime.startswith("ONNX Runtime ")

    for one in taken:
        assert min(one.preprocess_ms, one.inference_ms, one.postprocess_ms) > 0


@pytest.mark.slow
def test_predict_names_an_image_that_cannot_be_decoded(trained: Trained, tmp_path: Path) -> None:
    trainer, result = trained.bench.trainer, trained.result
    broken = SourceItem(make_item("broken.jpg").item, lambda: b"no image")
    use = PredictRequest(weights=result.checkpoints[0], image_size_px=64, confidence=0.5, folder=tmp_path)

    said = list(trainer.predict(use, [make_item("a.jpg"), broken, make_item("b.jpg")], KeepingObserver()))

    assert [prediction.key for prediction in said] == ["main/a.jpg", "main/broken.jpg", "main/b.jpg"]
    assert [prediction.problem for prediction in said] == ["", "The image cannot be decoded.", ""]
    (alone,) = trainer.predict(use, [broken], KeepingObserver())
    assert alone.problem


@pytest.mark.slow
def test_predict_stops_when_asked(trained: Trained, tmp_path: Path) -> None:
    trainer, result = trained.bench.trainer, trained.result
    use = PredictRequest(weights=result.checkpoints[0], image_size_px=64, confidence=0.5, folder=tmp_path)

    with pytest.raises(Cancelled):
        list(trainer.predict(use, [make_item()], StoppingObserver()))


@pytest.mark.slow
def test_a_stop_leaves_good_checkpoints(bench: Bench, tmp_path: Path) -> None:
    data = make_data(bench, tmp_path / "data")
    observer = StoppingObserver(looks_left=2)  # one look before the first batch

    result = bench.trainer.fit(make_request(bench, data, tmp_path / "fit"), observer)

    assert result.is_stopped
    assert result.checkpoints[0].stat().st_size > 0
    assert len(list_steps(observer)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("is_urgent", [False, True])
def test_a_pause_leaves_a_checkpoint_that_a_second_fit_goes_on_from(
    bench: Bench, tmp_path: Path, is_urgent: bool
) -> None:
    trainer, data, folder = bench.trainer, make_data(bench, tmp_path / "data"), tmp_path / "fit"
    assert not trainer.can_resume(folder)
    first, second = PausingObserver(looks_left=5 if is_urgent else 2, is_urgent=is_urgent), KeepingObserver()

    with pytest.raises(Paused):  # in the second epoch, or, patiently, at the end of the first
        trainer.fit(make_request(bench, data, folder), first)
    assert trainer.can_resume(folder)
    result = trainer.fit(replace(make_request(bench, data, folder), is_resumed=True), second)

    assert not result.is_stopped
    assert result.checkpoints[0].stat().st_size > 0
    assert [step for key, _, step in first.metrics if key == bench.main_metric] == [1]
    assert [step for key, _, step in second.metrics if key == bench.main_metric] == [2]
    assert list_steps(second) == [3, 4]
    assert {total for _, total, _ in second.steps} == {4}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_metrics(trained: Trained, tmp_path: Path) -> None:
    bench, data, result, observer = trained
    again = KeepingObserver()

    second = bench.trainer.fit(make_request(bench, data, tmp_path / "fit"), again)

    assert second.metrics == result.metrics
    losses = [(value, step) for key, value, step in observer.metrics if key.startswith("train/")]
    assert losses == [(value, step) for key, value, step in again.metrics if key.startswith("train/")]


@pytest.mark.slow
def test_fit_writes_only_into_its_folder_and_beside_the_data(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    data = make_data(bench, tmp_path / "data")
    bench.trainer.fit(make_request(bench, data, tmp_path / "fit"), KeepingObserver())

    assert not list(elsewhere.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "elsewhere", "fit"]
