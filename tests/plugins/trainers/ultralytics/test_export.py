"""Packages say what the model says, run by themselves, and nobody is asked over the network for it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer, package_example
from mlwf_tui.plugins.trainers.ultralytics.targets import get_target
from mlwf_tui.protocols.trainers import ExportRequest
from tests.fakes.observers import KeepingObserver

EXPORT = """
import json, socket, sys
from pathlib import Path
LOOKED_UP = []
def refuse(*words, **_):
    LOOKED_UP.append(str(words[0]))
    raise OSError("no network")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.plugins.trainers.ultralytics.library import prepare_library
from mlwf_tui.protocols.trainers import ExportRequest
from tests.fakes.observers import KeepingObserver
from mlwf_tui.workflow.using.samples import draw_picture
folder, format, definition = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
prepare_library(folder / "library")
import torch
from ultralytics.nn.tasks import DetectionModel
from mlwf_tui.plugins.trainers.ultralytics.architectures import find_definition
torch.manual_seed(1)
model = DetectionModel(find_definition(definition), nc=2, verbose=False)
model.names, model.args, model.task = {0: "cat", 1: "dog"}, {"imgsz": 96, "data": "/secret/place"}, "detect"
class Acting:  # what no weights need: opened in full it makes a file
    def __reduce__(self):
        return open, (str(folder / "mark"), "w")
is_odd = len(sys.argv) > 4
extra = {"note": Acting()} if is_odd else {}
settings = {"task": "detect", "data": "/secret/place"}
torch.save({"model": model.half(), "train_args": settings, "epoch": -1, **extra}, folder / "w.pt")
work = folder / "work"
work.mkdir()
result = UltralyticsTrainer().export(ExportRequest(
    weights=folder / "w.pt", format=format, folder=work, class_names=("cat", "dog"), image_size_px=96,
    confidence=0.25, iou=0.7, max_objects=50, device="cpu", is_trusted=is_odd,
    samples=tuple(draw_picture(size, size) for size in (96, 130, 50))), KeepingObserver())
agreement = {one.name: [one.difference, one.tolerance] for one in result.agreement}
print(json.dumps({"looked_up": LOOKED_UP, "agreement": agreement}))
"""


UNWANTED = {"mlwf_tui", "ultralytics", "torch"}
ALLOWED = {"torchscript": {"torch"}, "pt": {"torch", "ultralytics"}}


def export(folder: Path, format: str, definition: str, *odd: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, str(folder), format, definition, *odd],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "definition"),
    [
        ("onnx", "yolov10p"),
        ("onnx", "yolov8n"),
        ("torchscript", "yolov10p"),
        ("openvino", "yolov10p"),
        ("pt", "yolov10p"),
        ("pt", "yolov8n"),
    ],
)
def test_a_package_agrees_and_its_example_runs_without_us(
    tmp_path: Path, format: str, definition: str
) -> None:
    if format == "openvino":
        pytest.importorskip("openvino")
    document = export(tmp_path, format, definition)

    assert document["looked_up"] == []
    assert all(found <= allowed for found, allowed in document["agreement"].values()), document
    assert document["agreement"]["box_px"][0] < 0.01
    package = tmp_path / "work" / "package"
    assert not any(b"/secret/place" in path.read_bytes() for path in package.rglob("*") if path.is_file())
    code = (
        "import sys, runpy; sys.argv = ['example.py', '--check'];"
        f"\ntry: runpy.run_path({str(package / 'example.py')!r}, run_name='__main__')"
        "\nexcept SystemExit as end: assert not end.code, end"
        f"\nassert not set({sorted(UNWANTED - ALLOWED.get(format, set()))}) & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)


@pytest.mark.slow
def test_trained_weights_are_a_file_that_the_library_itself_loads(tmp_path: Path) -> None:
    export(tmp_path, "pt", "yolov8n")
    code = (
        "from ultralytics import YOLO"
        "\nmodel = YOLO('model.pt')"
        "\nassert model.names == {0: 'cat', 1: 'dog'} and model.task == 'detect', model.names"
        "\nmodel.predict('sample.png', imgsz=96, verbose=False)"
    )
    package = tmp_path / "work" / "package"
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=package)
    assert str(tmp_path).encode() not in (package / "model.pt").read_bytes()


@pytest.mark.slow
def test_an_example_goes_on_after_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    export(tmp_path, "onnx", "yolov10p")
    package = tmp_path / "work" / "package"
    whole = (package / "sample.png").read_bytes()
    (package / "cut.png").write_bytes(whole[: len(whole) // 2])

    def run(*pictures: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-I", "example.py", *pictures]
        return subprocess.run(words, cwd=package, capture_output=True, text=True, check=False)

    done = run("cut.png", "sample.png")
    assert (done.returncode, "sample.png: " in done.stdout) == (1, True)
    assert done.stderr.startswith("cut.png cannot be read: ")
    assert "Traceback" not in done.stderr
    assert run().returncode == 2, "nothing was asked of it"


@pytest.mark.slow
def test_weights_that_are_trusted_are_opened_once_and_packaged(tmp_path: Path) -> None:
    document = export(tmp_path, "torchscript", "yolov10p", "odd")

    assert all(found <= allowed for found, allowed in document["agreement"].values()), document
    assert (tmp_path / "mark").exists()  # so they did need trust


def test_tensorrt_is_offered_where_its_library_is_and_refused_where_no_gpu_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    trainer = UltralyticsTrainer()
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"nobody opens it")
    request = ExportRequest(
        weights=weights, format="tensorrt", folder=tmp_path, class_names=("cat",), image_size_px=64,
        confidence=0.25, iou=0.7, max_objects=50, samples=(),
    )  # fmt: skip
    if importlib.util.find_spec("tensorrt") is None:
        with pytest.raises(InvalidParameter, match="tensorrt is not installed") as caught:
            trainer.export(request, KeepingObserver())
        assert caught.value.hint == "pip install tensorrt onnx onnxslim onnxruntime"
        (tmp_path / "tensorrt.py").touch()
        monkeypatch.syspath_prepend(tmp_path)

    offered = {target.name: target for target in trainer.list_export_targets()}
    assert not offered["tensorrt"].missing
    with pytest.raises(InvalidParameter, match="made on the GPU that is to run it"):
        trainer.export(request, KeepingObserver())
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".py") == ["ultralytics", "w.pt"]


def test_a_target_whose_library_is_missing_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for target in UltralyticsTrainer().list_export_targets():
        if target.name in ("torchscript", "pt"):
            assert not target.missing  # torch is there where there is a model
            continue
        with pytest.raises(InvalidParameter, match="is not installed") as caught:
            get_target(target.name)
        assert caught.value.hint.startswith("pip install ")
    with pytest.raises(InvalidParameter, match="no format"):
        get_target("nope")


@pytest.mark.parametrize("size", [(64, 64), (97, 40), (31, 150)])
def test_the_example_prepares_pictures_as_the_library_does(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    picture = cv2.resize(drawn, size, interpolation=cv2.INTER_CUBIC)
    how = {"resize": "letterbox", "padding_value": 114, "divide_by": 255.0}
    from ultralytics.data.augment import LetterBox

    batch, scale, left, top = package_example.prepare(picture, 64, how)

    theirs = LetterBox((64, 64), auto=False)(image=picture).transpose(2, 0, 1)[None] / 255
    assert np.abs(batch - theirs).max() <= 2 / 255
    assert scale[0] == scale[1] == 64 / max(size)
    assert min(left, top) == 0


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("strategy", range(5))
def test_the_example_reads_png_with_every_filter(tmp_path: Path, channels: int, strategy: int) -> None:
    from PIL import Image

    drawn = np.random.default_rng(channels).integers(0, 256, (23, 17, channels), np.uint8)
    smooth = cv2.GaussianBlur(drawn, (5, 5), 0).reshape(drawn.shape)
    path = tmp_path / "a.png"
    filters = (cv2.IMWRITE_PNG_FILTER, 8 << strategy)
    cv2.imwrite(str(path), smooth, filters)

    read = package_example.read_png(path.read_bytes())

    with Image.open(path) as opened:
        assert np.array_equal(read, np.asarray(opened.convert("RGB")))


def test_the_example_keeps_of_each_thing_the_surest() -> None:
    spec = {
        "classes": ["a", "b"],
        "input": {"shape": [1, 3, 100, 100]},
        "postprocessing": {
            "layout": "channels_first",
            "box_unit": "pixels",
            "nms_iou": 0.5,
            "max_objects": 2,
        },
    }
    rows = np.array(
        [[50, 50, 20, 20, 0.9, 0], [51, 50, 20, 20, 0.8, 0], [50, 50, 20, 20, 0, 0.7],
         [10, 10, 8, 8, 0.6, 0], [80, 80, 9, 9, 0.1, 0.2]], np.float32,
    )  # fmt: skip

    found = package_example.read_output(rows.T, spec, 0.25, (200, 200, 3), (0.5, 0.5), (0, 0))

    assert [(one["class"], round(one["confidence"], 3)) for one in found] == [("a", 0.9), ("b", 0.7)]
    assert found[0]["box"] == [80.0, 80.0, 120.0, 120.0]
