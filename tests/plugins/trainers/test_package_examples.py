"""The examples of packages read pictures as the models that lie beside them do."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mlwf_tui.media.pictures import decode_upright
from mlwf_tui.plugins.trainers.torchvision import package_example as classifying
from mlwf_tui.plugins.trainers.ultralytics import package_example as detecting
from mlwf_tui.plugins.trainers.ultralytics.export import choose_sample
from mlwf_tui.workflow.using.package_files import write_document

EXAMPLES = pytest.mark.parametrize("example", [detecting, classifying], ids=["detect", "classify"])
DEEP = np.random.default_rng(0).integers(0, 65536, (12, 20), np.uint16)
COLORED = np.random.default_rng(1).integers(0, 256, (12, 20, 3), np.uint8)


def encode(pixels: Any, format: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def say_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@EXAMPLES
@pytest.mark.parametrize(
    "data",
    [
        encode(DEEP, "PNG"),
        encode(DEEP, "TIFF"),
        encode(COLORED, "TIFF", exif=say_orientation(6)),
        encode(np.dstack((COLORED, DEEP.astype(np.uint8))), "PNG", exif=say_orientation(7)),
        encode(DEEP, "PNG", exif=say_orientation(8)),
        encode(COLORED, "WEBP", lossless=True, exif=say_orientation(5)),
        *(encode(COLORED, "PNG", exif=say_orientation(turn)) for turn in range(1, 9)),
        encode(COLORED, "JPEG", exif=say_orientation(3)),
    ],
)
def test_an_example_reads_depths_and_turns_as_the_app_does(
    tmp_path: Path, example: ModuleType, data: bytes
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)

    read = example.read_picture(path)

    assert np.array_equal(read, np.asarray(decode_upright(data, 1 << 16).convert("RGB")))
    of_model = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert of_model is None or np.abs(read.astype(int) - of_model[:, :, ::-1]).max() <= 2


@EXAMPLES
@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_an_example_refuses_what_the_model_cannot_read(
    tmp_path: Path, example: ModuleType, kind: type[Any]
) -> None:
    path = tmp_path / "wide.tif"
    path.write_bytes(encode(DEEP.astype(kind), "TIFF"))

    with pytest.raises(example.UNREADABLE, match="32 bits"):
        example.read_picture(path)


@EXAMPLES
def test_an_example_refuses_what_claims_too_many_pixels(tmp_path: Path, example: ModuleType) -> None:
    whole = encode(np.zeros((1, 8), np.uint8), "BMP")
    path = tmp_path / "bomb.bmp"
    path.write_bytes(whole[:18] + (60_000).to_bytes(4, "little") * 2 + whole[26:])

    with pytest.raises(example.UNREADABLE):
        example.read_picture(path)


def write_package(folder: Path, example: ModuleType, **files: bytes) -> None:
    """Write a package of these files whose weights are `model.pt`."""
    assert example.__file__ is not None
    shutil.copyfile(example.__file__, folder / "example.py")
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    document = {"weights": "model.pt", "format": "pt", "postprocessing": {"confidence": 0.25}}
    write_document(folder, document)


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "example.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


class Acting:
    """What makes a file where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._place), "w")


@EXAMPLES
@pytest.mark.parametrize("words", [("--check",), ("sample.png",)])
def test_weights_that_were_changed_are_named_and_not_opened(
    tmp_path: Path, example: ModuleType, words: tuple[str, ...]
) -> None:
    write_package(tmp_path, example, model_pt=b"weights", sample_png=b"", expected_json=b"{}")
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Acting(tmp_path / "mark")))

    done = run_in(tmp_path, *words)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "model.pt is not the file that model.json tells of: its SHA-256 is another. It is not opened."
    ]
    assert not (tmp_path / "mark").exists()


@EXAMPLES
def test_what_a_check_rests_on_is_compared_with_it_alone(
    tmp_path: Path, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(tmp_path, example, model_pt=b"weights", sample_png=b"a", README_md=b"a card")
    monkeypatch.setattr(example, "HERE", tmp_path)
    spec = json.loads((tmp_path / "model.json").read_text("utf-8"))
    (tmp_path / "README.md").write_bytes(b"my notes")
    assert example.find_changed(spec, *example.CHECKED) == ""
    (tmp_path / "sample.png").unlink()
    assert example.find_changed(spec) == ""
    assert example.find_changed(spec, *example.CHECKED).startswith("sample.png cannot be read")


def test_weights_in_a_folder_are_those_that_were_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model_openvino_model"
    folder.mkdir()
    (folder / "model.xml").write_bytes(b"graph")
    (folder / "model.bin").write_bytes(b"numbers")
    write_document(tmp_path, {"weights": folder.name})
    monkeypatch.setattr(detecting, "HERE", tmp_path)
    spec = json.loads((tmp_path / "model.json").read_text("utf-8"))
    assert detecting.find_changed(spec) == ""
    (folder / "another.xml").write_bytes(b"graph")
    assert detecting.find_changed(spec).startswith("model_openvino_model/another.xml is not")
    (folder / "another.xml").unlink()
    (folder / "model.bin").write_bytes(b"other")
    assert detecting.find_changed(spec).startswith("model_openvino_model/model.bin is not")


def test_a_check_that_nothing_was_expected_of_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detecting, "HERE", tmp_path)
    (tmp_path / "expected.json").write_text('{"confidence": 0.25, "objects": []}', "utf-8")
    with pytest.raises(SystemExit, match="Nothing could be checked"):
        detecting.check({}, None)


def test_the_sample_is_the_picture_on_which_most_is_found() -> None:
    assert choose_sample([[], ["a"], ["b", "c"], ["d", "e"]]) == 2
    assert choose_sample([[], []]) == 0


def test_an_example_that_reads_png_itself_leaves_a_bomb_packed(tmp_path: Path) -> None:
    whole = encode(COLORED, "PNG")
    claims = whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:]

    assert detecting.read_png(claims) is None
