"""The examples of packages read pictures as the models that lie beside them do."""

from __future__ import annotations

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


def test_an_example_that_reads_png_itself_leaves_a_bomb_packed(tmp_path: Path) -> None:
    whole = encode(COLORED, "PNG")
    claims = whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:]

    assert detecting.read_png(claims) is None
